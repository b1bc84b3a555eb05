//go:build wasip1

package renderer

import (
	"runtime"
	"runtime/debug"
	"unsafe"

	"windlass.dev/sdk"
	"windlass.dev/sdk/internal/bridge"
)

// Main does nothing in a component: the host calls the export.
func Main() {}

//go:wasmexport windlass:plugin/render@0.1.0#render
func exportRender(request, sink int32) unsafe.Pointer {
	return bridge.Render(request, sink, func(r, s any) error { return call(r.(*sdk.Request), s.(*sdk.Sink)) })
}

// collectAbove is the heap, in bytes, below which a snapshotted instance never collects garbage: it serves one call and is
// thrown away, and a collection takes longer than the call. It leaves half of the host's usual 512 MiB for what the
// collector can't bound.
const collectAbove = 256 << 20

// exportWarm is run by the build before it takes the snapshot; it stands in no released world.
//
//go:wasmexport warm
func exportWarm() {
	debug.SetGCPercent(collectWhileWarm)
	if registered.Warm != nil {
		registered.Warm()
	}
	runtime.GC()
	debug.SetGCPercent(-1)
	compact()
	debug.SetMemoryLimit(collectAbove)
}
