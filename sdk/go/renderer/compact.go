//go:build wasip1

package renderer

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"unsafe"
)

// collectWhileWarm keeps the heap small while it is made, in percent: what a snapshot holds is mapped at every call.
const collectWhileWarm = 25

// fillAtMost bounds what one loop of compact may allocate, in bytes, should the allocator place objects in another way
// than it is expected to: then a part of the snapshot stays as it is.
const fillAtMost = 64 << 20

// compact makes the heap of a snapshot one that a call only adds to. Collected, it is full of holes, and a call would put
// a few objects into each of a thousand pages, every one of which the host then has to copy. So the holes are filled with
// garbage, in pages and then in the spans of each size; what a call allocates lies side by side behind them, in fresh pages
// that are shared with nobody. Garbage is zeros, which take no room in a component.
func compact() {
	debug.FreeOSMemory()
	edge := fillPages()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	for _, class := range stats.BySize {
		if size := int(class.Size); size > 0 {
			fillSpans(size, edge, func() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(make([]byte, size))) })
			// Beyond 512 bytes an object with pointers has a header of eight.
			pointers := size / 8
			if size > 512 {
				pointers--
			}
			fillSpans(size, edge, func() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(make([]*byte, pointers))) })
		}
	}
}

// fillPages takes free pages until the heap has to grow, which is where the edge is.
func fillPages() (edge uintptr) {
	const page = 8 << 10
	whole := heap.mapped()
	for filled := 0; filled < fillAtMost; filled += page {
		last := keep(unsafe.Pointer(unsafe.SliceData(make([]byte, page))))
		if heap.mapped() > whole {
			return last
		}
	}
	return 0
}

// fillSpans takes the free slots of one size: those before the edge, and then those of two whole spans behind it, of which
// the first tells how many there are in one.
func fillSpans(size int, edge uintptr, allocate func() unsafe.Pointer) {
	filled := 0
	next := func() uintptr {
		filled += size
		return keep(allocate())
	}
	for next() < edge && filled < fillAtMost {
	}
	slots := 0
	for used := heap.used(); heap.used() == used && filled < fillAtMost; slots++ {
		next()
	}
	for range slots - 1 {
		next()
	}
}

// kept lets objects escape to the heap.
var kept unsafe.Pointer

func keep(object unsafe.Pointer) uintptr {
	kept = object
	return uintptr(object)
}

// heapSizes are asked for without allocating.
type heapSizes []metrics.Sample

var heap = heapSizes{
	{Name: "/memory/classes/heap/objects:bytes"},
	{Name: "/memory/classes/heap/unused:bytes"},
	{Name: "/memory/classes/heap/free:bytes"},
	{Name: "/memory/classes/heap/released:bytes"},
}

func (h heapSizes) sum() (total uint64) {
	metrics.Read(h)
	for _, sample := range h {
		total += sample.Value.Uint64()
	}
	return total
}

// mapped is what the heap has of the memory, used is what its spans take of that.
func (h heapSizes) mapped() uint64 { return h.sum() }
func (h heapSizes) used() uint64   { return h[:2].sum() }
