//go:build wasip1

package sdk

import (
	"structs"
	"sync"
	"unsafe"
)

// This file is the memory side of the canonical ABI glue. The rules behind it, each seen to break when left out:
//
//   - cabi_realloc runs while the host lowers an answer, and calling any import there traps. An allocation can start a
//     collection, which can yield to a goroutine that calls one. So the answer goes into an arena made before the call.
//   - Answers lie in the arena and in global return areas until they are copied out. So one mutex is held from the
//     lowering of the arguments until then, around every import, drops included.
//   - What the host reads must not move or be freed meanwhile: it is kept in a global, which puts it on the heap, and
//     Go's heap does not move.

// arenaBytes holds the largest answer of ordinary calls: the config and a chunk of a file (1 MiB each) and some
// room for alignment. It is kept for the life of the instance.
const arenaBytes = 1<<20 + 4096

// maxBodyBytes is the contract's bound on the body of one object.
const maxBodyBytes = 4 << 20

// lowered is a string or a list as the host sees it.
type lowered struct {
	_      structs.HostLayout
	data   uint32
	length uint32
}

var (
	host      sync.Mutex
	arena     = make([]byte, arenaBytes)
	arenaUsed uintptr
	// overflow keeps answers that were larger than announced; they are allocated while the host lowers, which is safe
	// as long as no other goroutine is inside crypto/rand, the one import that the mutex doesn't cover.
	overflow [][]byte
	// held keeps what the host is about to read.
	held []any
)

// enter takes the host for one call whose answer has up to n bytes.
func enter(n int) {
	host.Lock()
	overflow, arenaUsed = nil, 0
	clear(held)
	held = held[:0]
	if len(arena) < n {
		arena = make([]byte, n)
	}
}

func leave() { host.Unlock() }

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(uintptr(align))
	}
	p := allocate(uintptr(align), uintptr(size))
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(p), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return p
}

func allocate(align, size uintptr) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(unsafe.SliceData(arena)))
	offset := roundUp(base+arenaUsed, align) - base
	if offset+size <= uintptr(len(arena)) {
		arenaUsed = offset + size
		return unsafe.Pointer(&arena[offset])
	}
	buffer := make([]byte, size+align)
	overflow = append(overflow, buffer)
	base = uintptr(unsafe.Pointer(unsafe.SliceData(buffer)))
	return unsafe.Pointer(&buffer[roundUp(base, align)-base])
}

func roundUp(n, to uintptr) uintptr { return (n + to - 1) / to * to }

// lowerString and lowerList may be used between enter and leave only.
func lowerString(s string) lowered {
	if s == "" {
		return lowered{}
	}
	held = append(held, s)
	return lowered{data: uint32(uintptr(unsafe.Pointer(unsafe.StringData(s)))), length: uint32(len(s))}
}

func lowerList[T any](s []T) lowered {
	if len(s) == 0 {
		return lowered{}
	}
	held = append(held, s)
	return lowered{data: uint32(uintptr(unsafe.Pointer(unsafe.SliceData(s)))), length: uint32(len(s))}
}

func lowerStrings(list []string) lowered {
	out := make([]lowered, len(list))
	for i, s := range list {
		out[i] = lowerString(s)
	}
	return lowerList(out)
}

// view is a list where the host put it; copy what is to be kept beyond leave.
func view[T any](l lowered) []T {
	if l.length == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(uintptr(l.data))), l.length)
}

func (l lowered) text() string  { return string(view[byte](l)) }
func (l lowered) bytes() []byte { return append([]byte(nil), view[byte](l)...) }

func (l lowered) texts() []string {
	raw := view[lowered](l)
	out := make([]string, len(raw))
	for i, r := range raw {
		out[i] = r.text()
	}
	return out
}
