package sdk

import (
	"fmt"
	"strings"
)

// Span is a range in a text. Lines and columns are 1-based, columns count UTF-8 bytes, the end is exclusive, and 0
// means unknown.
type Span struct{ Line, Column, EndLine, EndColumn uint32 }

// FileAt is a place in a file. Source is the label of the tree, "" for the app's own; Path is relative to the tree's
// root; a nil Span stands for the whole file.
type FileAt struct {
	Source string
	Path   string
	Span   *Span
}

// ObjectAt is a place in an object: its index in the set handed in or as returned by [Sink.Emit], and a JSON pointer
// (RFC 6901).
type ObjectAt struct {
	Index   uint32
	Pointer string
}

// ConfigAt is a place in the plugin's config, as a JSON pointer.
type ConfigAt string

// Location is where a finding points: a [FileAt], an [ObjectAt], a [ConfigAt], or nil for nowhere in particular.
type Location interface{ location() }

func (FileAt) location()   {}
func (ObjectAt) location() {}
func (ConfigAt) location() {}

// String gives the form that editors understand, "path:line:column", as far as it is known.
func (f FileAt) String() string {
	var b strings.Builder
	if f.Source != "" {
		b.WriteString("$" + f.Source + "/")
	}
	b.WriteString(f.Path)
	if f.Span != nil && f.Span.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Span.Line)
		if f.Span.Column > 0 {
			fmt.Fprintf(&b, ":%d", f.Span.Column)
		}
	}
	return b.String()
}

// At is the place of a line and column in a file of the app's own tree; a line of 0 means the whole file.
func At(path string, line, column uint32) FileAt {
	if line == 0 {
		return FileAt{Path: path}
	}
	return FileAt{Path: path, Span: &Span{Line: line, Column: column}}
}
