//go:build wasip1

package sdk

import "unsafe"

//go:wasmimport windlass:plugin/objects@0.1.0 [resource-drop]object-set
func objectsDrop(handle int32)

//go:wasmimport windlass:plugin/objects@0.1.0 [method]object-set.len
func objectsLen(handle int32) uint32

//go:wasmimport windlass:plugin/objects@0.1.0 [method]object-set.heads
func objectsHeads(handle int32, start, max uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/objects@0.1.0 [method]object-set.select
func objectsSelect(handle int32, group, groupLen, kind, kindLen uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/objects@0.1.0 [method]object-set.bodies
func objectsBodies(handle int32, start, maxBytes uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/objects@0.1.0 [method]object-set.body
func objectsBody(handle int32, index uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/objects@0.1.0 [method]object-set.field
func objectsField(handle int32, index, pointer, pointerLen uint32, answer unsafe.Pointer)

// hostObjects is a handle of the host.
type hostObjects struct{ handle int32 }

func (s hostObjects) drop() {
	enter(0)
	defer leave()
	objectsDrop(s.handle)
}

func (s hostObjects) len() int {
	enter(0)
	defer leave()
	return int(objectsLen(s.handle))
}

func (s hostObjects) heads(start, max uint32) []ObjectRef {
	enter(0)
	defer leave()
	objectsHeads(s.handle, start, max, unsafe.Pointer(&textAnswer))
	raw := view[loweredObjectRef](textAnswer)
	out := make([]ObjectRef, len(raw))
	for i, r := range raw {
		out[i] = ObjectRef{r.group.text(), r.version.text(), r.kind.text(), r.namespace.text(), r.name.text()}
	}
	return out
}

func (s hostObjects) selectKind(group, kind string) []uint32 {
	indexBytes := 4 * s.len()
	enter(indexBytes + 64)
	defer leave()
	g, k := lowerString(group), lowerString(kind)
	objectsSelect(s.handle, g.data, g.length, k.data, k.length, unsafe.Pointer(&textAnswer))
	return append([]uint32(nil), view[uint32](textAnswer)...)
}

func (s hostObjects) bodies(start, maxBytes uint32) []string {
	// A single body may be larger than maxBytes; the room above what is asked for holds the list itself.
	enter(int(max(maxBytes, maxBodyBytes)) + 64)
	defer leave()
	objectsBodies(s.handle, start, maxBytes, unsafe.Pointer(&textAnswer))
	return textAnswer.texts()
}

func (s hostObjects) body(index uint32) string {
	enter(maxBodyBytes + 64)
	defer leave()
	objectsBody(s.handle, index, unsafe.Pointer(&textAnswer))
	return textAnswer.text()
}

func (s hostObjects) field(index uint32, pointer string) (string, bool) {
	enter(maxBodyBytes + 64)
	defer leave()
	p := lowerString(pointer)
	objectsField(s.handle, index, p.data, p.length, unsafe.Pointer(&optionAnswer))
	if optionAnswer.isSome == 0 {
		return "", false
	}
	return optionAnswer.value.text(), true
}
