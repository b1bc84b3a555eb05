// Command kustomize is the Windlass renderer for kustomizations: upstream's own packages, unmodified, on the host's
// tree, without network and without executing anything.
package main

import (
	"windlass.dev/sdk/renderer"
)

func init() {
	renderer.Register(renderer.Plugin{Render: render, Warm: warm})
}

func main() { renderer.Main() }
