package sdk

import (
	"fmt"
	"io/fs"
)

// RefusalReason says why the host did not answer.
type RefusalReason uint8

// The reasons of the contract. ReasonOther is the open case.
const (
	NotFound RefusalReason = iota
	WrongKind
	InvalidPath
	Denied
	TooLarge
	Unavailable
	ReasonOther
)

// Refusal is the error of everything that the host may refuse. It is part of the trace: the same input is refused
// again.
type Refusal struct {
	Reason RefusalReason
	// Message says more for Denied, Unavailable and ReasonOther.
	Message string
	// Code is set for ReasonOther.
	Code string
	// Limit in bytes is set for TooLarge.
	Limit uint64
}

// Error says the reason in words.
func (r *Refusal) Error() string {
	switch r.Reason {
	case NotFound:
		return "not found"
	case WrongKind:
		return "wrong kind: a folder where a file is needed, or the reverse"
	case InvalidPath:
		return "invalid path"
	case Denied:
		return "denied: " + r.Message
	case TooLarge:
		return fmt.Sprintf("larger than %d bytes", r.Limit)
	case Unavailable:
		return "unavailable: " + r.Message
	}
	return r.Code + ": " + r.Message
}

// Is lets errors.Is find fs.ErrNotExist, fs.ErrPermission and fs.ErrInvalid.
func (r *Refusal) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return r.Reason == NotFound
	case fs.ErrPermission:
		return r.Reason == Denied
	case fs.ErrInvalid:
		return r.Reason == InvalidPath
	}
	return false
}
