// Package renderer makes a Go program a plugin of the world `renderer`: it holds the export and what runs around it.
// On other systems than wasip1 it runs the same plugin on a local folder.
package renderer

import (
	"fmt"
	"runtime/debug"
	"strings"

	"windlass.dev/sdk"
)

// Plugin is what a renderer registers.
type Plugin struct {
	// Render reads through the request and emits into the sink. Its error is mapped by [sdk.AsFailure].
	Render func(request *sdk.Request, sink *sdk.Sink) error
	// Warm, if set, is run once when the component is built; what it leaves in memory is there when every call starts.
	// It must not call the host.
	Warm func()
}

var registered Plugin

// Register sets the program's plugin. Call it from an init function: in a component, main is never run.
func Register(plugin Plugin) { registered = plugin }

// maxStackLines keeps the frames of a panic that a reader can use.
const maxStackLines = 24

// call runs the registered plugin; a panic becomes an error with its stack.
func call(request *sdk.Request, sink *sdk.Sink) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &sdk.InternalError{Message: fmt.Sprintf("panic: %v\n%s", cause, panicStack(string(debug.Stack())))}
		}
	}()
	if registered.Render == nil {
		return &sdk.InternalError{Message: "the plugin registered no Render function (call renderer.Register in an init function)"}
	}
	return registered.Render(request, sink)
}

// panicStack is the stack from where the panic was raised: what lies above it in the text is recovery, not cause.
func panicStack(stack string) string {
	lines := strings.Split(strings.TrimSpace(stack), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "panic(") && i+2 <= len(lines) {
			lines = lines[i+2:]
			break
		}
	}
	if len(lines) > maxStackLines {
		lines = append(lines[:maxStackLines:maxStackLines], "...")
	}
	return strings.Join(lines, "\n")
}
