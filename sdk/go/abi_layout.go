//go:build wasip1

package sdk

import (
	"structs"
	"unsafe"
)

// Memory layouts of the contract's types. Discriminants are one byte in memory; they are written as 32 bits where the
// next three bytes are padding. Sizes in bytes stand behind the names.

type loweredPair struct { // 16
	_           structs.HostLayout
	name, value lowered
}

type loweredSpan struct { // 16
	_                                structs.HostLayout
	line, column, endLine, endColumn uint32
}

type loweredFileAt struct { // 36
	_            structs.HostLayout
	source, path lowered
	hasSpan      uint32
	span         loweredSpan
}

type loweredLocation struct { // 40
	_   structs.HostLayout
	tag uint32
	// file is the widest case; object and config lie over its beginning.
	file loweredFileAt
}

const (
	locationNone uint32 = iota
	locationFile
	locationObject
	locationConfig
)

type loweredRelated struct { // 48
	_    structs.HostLayout
	at   loweredLocation
	text lowered
}

type loweredDiagnostic struct { // 88
	_             structs.HostLayout
	severity      uint32
	code, message lowered
	at            loweredLocation
	related       lowered
	hasHelp       uint32
	help          lowered
	extra         lowered
}

type loweredObjectRef struct { // 40
	_                                     structs.HostLayout
	group, version, kind, namespace, name lowered
}

type loweredMapping struct { // 52
	_      structs.HostLayout
	output loweredSpan
	origin loweredFileAt
}

type loweredDocument struct { // 68
	_          structs.HostLayout
	format     uint32
	content    lowered
	hasOrigin  uint32
	origin     loweredFileAt
	lines      lowered
	attributes lowered
}

type loweredFailure struct { // 20
	_   structs.HostLayout
	tag uint32
	// first is the list of diagnostics, the text, or the code; second is the message of the open case.
	first, second lowered
}

const (
	failureInvalid uint32 = iota
	failureUnsupported
	failureInternal
	failureOther
)

// loweredResult is result<T, refusal> for any T of the contract: the payload starts at 8 in every one of them, because
// a refusal can hold a u64.
type loweredResult struct { // 32
	_       structs.HostLayout
	isError uint8
	_       [7]uint8
	payload [3]uint64
}

type loweredNode struct { // 24
	_          structs.HostLayout
	kind       uint8
	_          [7]uint8
	size       uint64
	executable uint8
	_          [7]uint8
}

type loweredPage struct { // 12: a listing or matches
	_     structs.HostLayout
	items lowered
	more  uint8
	_     [3]uint8
}

type loweredEntry struct { // 12
	_    structs.HostLayout
	name lowered
	kind uint8
	_    [3]uint8
}

type loweredRefusal struct { // 24
	_   structs.HostLayout
	tag uint8
	_   [7]uint8
	// first is the text or the code, and lies over the limit; second is the message of the open case.
	first, second lowered
}

type loweredOption struct { // 12: option<string>, or option<handle> in its first 8
	_      structs.HostLayout
	isSome uint8
	_      [3]uint8
	value  lowered
}

type loweredInstant struct { // 16
	_           structs.HostLayout
	seconds     int64
	nanoseconds uint32
	_           uint32
}

// as reads the payload of a result that is no error.
func as[T any](r *loweredResult) T { return *(*T)(unsafe.Pointer(&r.payload)) }

// refusal is the error of a result, nil if it is none.
func (r *loweredResult) refusal() error {
	if r.isError == 0 {
		return nil
	}
	raw := as[loweredRefusal](r)
	refusal := &Refusal{Reason: RefusalReason(raw.tag)}
	switch refusal.Reason {
	case Denied, Unavailable:
		refusal.Message = raw.first.text()
	case TooLarge:
		refusal.Limit = *(*uint64)(unsafe.Pointer(&raw.first))
	case ReasonOther:
		refusal.Code, refusal.Message = raw.first.text(), raw.second.text()
	}
	return refusal
}

// The sizes that the contract's layouts have; a mistake above does not compile.
var (
	_ [16]byte = [unsafe.Sizeof(loweredPair{})]byte{}
	_ [36]byte = [unsafe.Sizeof(loweredFileAt{})]byte{}
	_ [40]byte = [unsafe.Sizeof(loweredLocation{})]byte{}
	_ [48]byte = [unsafe.Sizeof(loweredRelated{})]byte{}
	_ [88]byte = [unsafe.Sizeof(loweredDiagnostic{})]byte{}
	_ [40]byte = [unsafe.Sizeof(loweredObjectRef{})]byte{}
	_ [52]byte = [unsafe.Sizeof(loweredMapping{})]byte{}
	_ [68]byte = [unsafe.Sizeof(loweredDocument{})]byte{}
	_ [20]byte = [unsafe.Sizeof(loweredFailure{})]byte{}
	_ [32]byte = [unsafe.Sizeof(loweredResult{})]byte{}
	_ [24]byte = [unsafe.Sizeof(loweredNode{})]byte{}
	_ [12]byte = [unsafe.Sizeof(loweredPage{})]byte{}
	_ [12]byte = [unsafe.Sizeof(loweredEntry{})]byte{}
	_ [24]byte = [unsafe.Sizeof(loweredRefusal{})]byte{}
	_ [12]byte = [unsafe.Sizeof(loweredOption{})]byte{}
	_ [16]byte = [unsafe.Sizeof(loweredInstant{})]byte{}
	_ [52]byte = [unsafe.Sizeof(loweredLocator{})]byte{}
	_ [20]byte = [unsafe.Sizeof(loweredClusterPage{})]byte{}
)
