//go:build wasip1

package sdk

import (
	"structs"
	"time"
	"unsafe"
)

//go:wasmimport windlass:plugin/rendering@0.1.0 [resource-drop]request
func requestDrop(handle int32)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.tree
func requestTree(handle int32) int32

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.path
func requestPath(handle int32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.config
func requestConfig(handle int32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.app
func requestApp(handle int32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.now
func requestNow(handle int32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.kube-version
func requestKubeVersion(handle int32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.has-api
func requestHasAPI(handle int32, name, nameLen uint32) uint32

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.apis
func requestAPIs(handle int32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.input
func requestInput(handle int32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]request.source
func requestSource(handle int32, name, nameLen uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/rendering@0.1.0 [resource-drop]sink
func sinkDrop(handle int32)

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]sink.emit
func sinkEmit(arguments unsafe.Pointer) uint32

//go:wasmimport windlass:plugin/rendering@0.1.0 [method]sink.report
func sinkReport(arguments unsafe.Pointer)

// emitArguments and reportArguments are passed behind a pointer: they flatten to more than 16 values.
var (
	emitArguments struct {
		_        structs.HostLayout
		self     int32
		document loweredDocument
	}
	reportArguments struct {
		_          structs.HostLayout
		self       int32
		diagnostic loweredDiagnostic
	}
	appAnswer     [3]lowered
	instantAnswer loweredInstant
)

// hostRequest is borrowed for the call; the export gives it back.
type hostRequest struct{ handle int32 }

func (r hostRequest) drop() {
	enter(0)
	defer leave()
	requestDrop(r.handle)
}

// getText calls a getter that answers with a string.
func (r hostRequest) getText(getter func(int32, unsafe.Pointer)) string {
	enter(0)
	defer leave()
	getter(r.handle, unsafe.Pointer(&textAnswer))
	return textAnswer.text()
}

func (r hostRequest) path() string        { return r.getText(requestPath) }
func (r hostRequest) config() string      { return r.getText(requestConfig) }
func (r hostRequest) kubeVersion() string { return r.getText(requestKubeVersion) }

func (r hostRequest) tree() *Tree {
	enter(0)
	defer leave()
	return newHostTree(requestTree(r.handle))
}

func (r hostRequest) app() App {
	enter(0)
	defer leave()
	requestApp(r.handle, unsafe.Pointer(&appAnswer))
	return App{appAnswer[0].text(), appAnswer[1].text(), appAnswer[2].text()}
}

func (r hostRequest) now() time.Time {
	enter(0)
	defer leave()
	requestNow(r.handle, unsafe.Pointer(&instantAnswer))
	return time.Unix(instantAnswer.seconds, int64(instantAnswer.nanoseconds)).UTC()
}

func (r hostRequest) hasAPI(name string) bool {
	enter(0)
	defer leave()
	n := lowerString(name)
	return requestHasAPI(r.handle, n.data, n.length) != 0
}

func (r hostRequest) apis() []string {
	enter(0)
	defer leave()
	requestAPIs(r.handle, unsafe.Pointer(&textAnswer))
	return textAnswer.texts()
}

func (r hostRequest) input() (*ObjectSet, bool) {
	enter(0)
	defer leave()
	requestInput(r.handle, unsafe.Pointer(&optionAnswer))
	if optionAnswer.isSome == 0 {
		return nil, false
	}
	return &ObjectSet{hostObjects{int32(optionAnswer.value.data)}}, true
}

func (r hostRequest) source(name string) (*Tree, bool) {
	enter(0)
	defer leave()
	n := lowerString(name)
	requestSource(r.handle, n.data, n.length, unsafe.Pointer(&optionAnswer))
	if optionAnswer.isSome == 0 {
		return nil, false
	}
	return newHostTree(int32(optionAnswer.value.data)), true
}

// hostSink is borrowed for the call; the export gives it back.
type hostSink struct{ handle int32 }

func (s hostSink) drop() {
	enter(0)
	defer leave()
	sinkDrop(s.handle)
}

func (s hostSink) emit(d Document) uint32 {
	enter(0)
	defer leave()
	emitArguments.self, emitArguments.document = s.handle, lowerDocument(d)
	return sinkEmit(unsafe.Pointer(&emitArguments))
}

func (s hostSink) report(d Diagnostic) {
	enter(0)
	defer leave()
	reportArguments.self, reportArguments.diagnostic = s.handle, lowerDiagnostic(d)
	sinkReport(unsafe.Pointer(&reportArguments))
}
