//go:build wasip1

package sdk

import (
	"structs"
	"unsafe"

	"windlass.dev/sdk/internal/bridge"
)

var renderAnswer struct { // result<_, failure>
	_       structs.HostLayout
	isError uint32
	failure loweredFailure
}

func init() { bridge.Render = exportRender }

// exportRender runs one call of the export `render`. Borrowed handles must be gone when it returns, or the call traps.
func exportRender(request, sink int32, render func(request, sink any) error) unsafe.Pointer {
	r, s := hostRequest{request}, hostSink{sink}
	failure := AsFailure(render(&Request{r}, &Sink{s}))
	r.drop()
	s.drop()
	enter(0)
	defer leave()
	renderAnswer.isError = 0
	if failure != nil {
		renderAnswer.isError, renderAnswer.failure = 1, lowerFailure(failure)
	}
	return unsafe.Pointer(&renderAnswer)
}
