//go:build wasip1

package sdk

import "unsafe"

//go:wasmimport windlass:plugin/files@0.1.0 [resource-drop]tree
func treeDrop(handle int32)

//go:wasmimport windlass:plugin/files@0.1.0 [method]tree.label
func treeLabel(handle int32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/files@0.1.0 [method]tree.stat
func treeStat(handle int32, path, pathLen uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/files@0.1.0 [method]tree.canonical
func treeCanonical(handle int32, path, pathLen uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/files@0.1.0 [method]tree.read
func treeRead(handle int32, path, pathLen uint32, offset uint64, max uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/files@0.1.0 [method]tree.list
func treeList(handle int32, path, pathLen, after, afterLen, max uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/files@0.1.0 [method]tree.glob
func treeGlob(handle int32, base, baseLen, pattern, patternLen, after, afterLen, max uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/files@0.1.0 [method]tree.digest
func treeDigest(handle int32, path, pathLen uint32, answer unsafe.Pointer)

// Return areas are global: one call is made at a time.
var (
	textAnswer   lowered
	resultAnswer loweredResult
	optionAnswer loweredOption
)

// hostTree is a handle of the host.
type hostTree struct{ handle int32 }

func newHostTree(handle int32) *Tree { return &Tree{hostTree{handle}} }

func (t hostTree) drop() {
	enter(0)
	defer leave()
	treeDrop(t.handle)
}

func (t hostTree) label() string {
	enter(0)
	defer leave()
	treeLabel(t.handle, unsafe.Pointer(&textAnswer))
	return textAnswer.text()
}

func (t hostTree) stat(path string) (Node, error) {
	enter(0)
	defer leave()
	p := lowerString(path)
	treeStat(t.handle, p.data, p.length, unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return Node{}, err
	}
	node := as[loweredNode](&resultAnswer)
	return Node{Kind: Kind(node.kind), Size: node.size, Executable: node.executable != 0}, nil
}

func (t hostTree) canonical(path string) (string, error) {
	enter(0)
	defer leave()
	p := lowerString(path)
	treeCanonical(t.handle, p.data, p.length, unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return "", err
	}
	return as[lowered](&resultAnswer).text(), nil
}

func (t hostTree) read(path string, offset uint64, max uint32) ([]byte, error) {
	enter(int(max) + 64)
	defer leave()
	p := lowerString(path)
	treeRead(t.handle, p.data, p.length, offset, max, unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return nil, err
	}
	return as[lowered](&resultAnswer).bytes(), nil
}

func (t hostTree) list(path, after string, max uint32) ([]Entry, bool, error) {
	enter(0)
	defer leave()
	p, a := lowerString(path), lowerString(after)
	treeList(t.handle, p.data, p.length, a.data, a.length, max, unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return nil, false, err
	}
	page := as[loweredPage](&resultAnswer)
	raw := view[loweredEntry](page.items)
	entries := make([]Entry, len(raw))
	for i, e := range raw {
		entries[i] = Entry{Name: e.name.text(), Kind: Kind(e.kind)}
	}
	return entries, page.more != 0, nil
}

func (t hostTree) glob(base, pattern, after string, max uint32) ([]string, bool, error) {
	enter(0)
	defer leave()
	b, p, a := lowerString(base), lowerString(pattern), lowerString(after)
	treeGlob(t.handle, b.data, b.length, p.data, p.length, a.data, a.length, max, unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return nil, false, err
	}
	page := as[loweredPage](&resultAnswer)
	return page.items.texts(), page.more != 0, nil
}

func (t hostTree) digest(path string) (string, error) {
	enter(0)
	defer leave()
	p := lowerString(path)
	treeDigest(t.handle, p.data, p.length, unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return "", err
	}
	return as[lowered](&resultAnswer).text(), nil
}
