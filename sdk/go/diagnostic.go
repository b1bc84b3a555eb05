package sdk

import (
	"errors"
	"fmt"
	"strings"
)

// Severity says how bad a finding is.
type Severity uint8

// The severities. An Error keeps a render from passing.
const (
	Error Severity = iota
	Warning
	Info
)

// String is the word in the contract.
func (s Severity) String() string {
	if names := [...]string{"error", "warning", "info"}; int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("severity %d", uint8(s))
}

// Pair is an entry of an open, ordered set of names and values.
type Pair struct{ Name, Value string }

// Related is another place that explains a finding, with a word on it.
type Related struct {
	At   Location
	Text string
}

// Diagnostic is a finding.
type Diagnostic struct {
	// Severity defaults to Error.
	Severity Severity
	// Code is stable, kebab-case and unique in the plugin.
	Code string
	// Message is one sentence: what is wrong.
	Message string
	// At is where, as close as is known.
	At Location
	// Related are further places: frames of a stack, a first definition.
	Related []Related
	// Help says what to do; "" if there is nothing to add.
	Help string
	// Extra is growth room; names of the host start with "windlass.dev/".
	Extra []Pair
}

// String is a line for logs and tests: place, severity, code, message, help.
func (d Diagnostic) String() string {
	var b strings.Builder
	switch at := d.At.(type) {
	case FileAt:
		fmt.Fprintf(&b, "%s: ", at)
	case ConfigAt:
		fmt.Fprintf(&b, "config %s: ", string(at))
	case ObjectAt:
		fmt.Fprintf(&b, "document %d %s: ", at.Index, at.Pointer)
	}
	fmt.Fprintf(&b, "%s[%s]: %s", d.Severity, d.Code, d.Message)
	if d.Help != "" {
		fmt.Fprintf(&b, " (%s)", d.Help)
	}
	return b.String()
}

// InvalidError says that the input is at fault; it holds at least one finding.
type InvalidError struct{ Diagnostics []Diagnostic }

// Error joins the findings, one a line.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Invalid is the error for a broken input.
func Invalid(diagnostics ...Diagnostic) error { return &InvalidError{Diagnostics: diagnostics} }

// UnsupportedError says that the plugin can't do what is asked.
type UnsupportedError struct{ Message string }

// Error is the message.
func (e *UnsupportedError) Error() string { return e.Message }

// Unsupported is the error for something that the plugin can't do; the format is that of fmt.Sprintf.
func Unsupported(format string, args ...any) error {
	return &UnsupportedError{Message: fmt.Sprintf(format, args...)}
}

// InternalError says that the plugin is at fault. Any error without another meaning becomes one, and so does a panic.
type InternalError struct{ Message string }

// Error is the message.
func (e *InternalError) Error() string { return e.Message }

// OtherError is the open case of a failure.
type OtherError struct {
	// Code is kebab-case.
	Code string
	// Message is one sentence.
	Message string
}

// Error is the message after the code.
func (e *OtherError) Error() string { return e.Code + ": " + e.Message }

// AsFailure finds which failure of the contract err stands for: an *InvalidError, *UnsupportedError, *OtherError or
// *InternalError. A nil error gives nil.
func AsFailure(err error) error {
	var invalid *InvalidError
	var unsupported *UnsupportedError
	var other *OtherError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return invalid
	case errors.As(err, &unsupported):
		return unsupported
	case errors.As(err, &other):
		return other
	}
	return &InternalError{Message: err.Error()}
}
