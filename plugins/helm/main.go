//go:debug randseednop=0

// Command helm is the Windlass renderer for Helm charts: upstream Helm's packages, without a cluster, a network or a
// file system of their own. The order of the steps is that of `helm template`.
//
// math/rand can be seeded (randseednop=0), because its state is frozen by the component's snapshot; see functions.go.
package main

import (
	// Templates name time zones, and a component has no files to look them up in.
	_ "time/tzdata"

	"windlass.dev/sdk/renderer"
)

func init() {
	renderer.Register(renderer.Plugin{Render: render, Warm: warm})
}

func main() { renderer.Main() }
