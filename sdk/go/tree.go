package sdk

import (
	"bytes"
	"io/fs"
)

// Kind says what is at a path.
type Kind uint8

// The kinds. A Symlink in an answer of [Tree.Stat] dangles or leaves the tree; Other is a name that is not UTF-8.
const (
	Missing Kind = iota
	File
	Directory
	Symlink
	Submodule
	Other
)

// String is the word in the contract.
func (k Kind) String() string {
	if names := [...]string{"missing", "file", "directory", "symlink", "submodule", "other"}; int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Node is what is at a path. Size is in bytes, 0 unless it is a file.
type Node struct {
	Kind       Kind
	Size       uint64
	Executable bool
}

// Entry is a name in a folder. It has no size: a listing must not change when a file in it does.
type Entry struct {
	Name string
	Kind Kind
}

// Tree is a read-only tree of files. Paths are relative to its root, separated by "/", without empty, "." or ".."
// segments; "" is the root. Every question is recorded by the host.
type Tree struct{ backend treeBackend }

// treeBackend is the contract's resource, one page at a time.
type treeBackend interface {
	label() string
	stat(path string) (Node, error)
	canonical(path string) (string, error)
	read(path string, offset uint64, max uint32) ([]byte, error)
	list(path, after string, max uint32) ([]Entry, bool, error)
	glob(base, pattern, after string, max uint32) ([]string, bool, error)
	digest(path string) (string, error)
	drop()
}

const (
	// chunkBytes is what ReadFile asks for at once: most files come in one call, and the buffer is small enough to keep.
	chunkBytes = 1 << 20
	// maxReadBytes is the contract's bound on one read.
	maxReadBytes = 8 << 20
	// pageEntries is how many names are asked for at once; the host may give fewer and says that there are more.
	pageEntries = 4096
)

// Close gives the tree back to the host. A tree that is not closed lives as long as the call.
func (t *Tree) Close() { t.backend.drop() }

// Label is "" for the app's own tree, else the name of the source.
func (t *Tree) Label() string { return t.backend.label() }

// Stat says what is at a path, symbolic links followed. A path with nothing at it is an answer: kind Missing.
//
// Errors: a *Refusal, for example for an invalid path.
func (t *Tree) Stat(path string) (Node, error) { return t.backend.stat(path) }

// Canonical is the path with every symbolic link resolved.
//
// Errors: a *Refusal when there is nothing, or a link dangles or leaves the tree.
func (t *Tree) Canonical(path string) (string, error) { return t.backend.canonical(path) }

// Read returns at most max bytes from offset, fewer only at the end of the file. max is capped at 8 MiB.
//
// Errors: a *Refusal.
func (t *Tree) Read(path string, offset uint64, max uint32) ([]byte, error) {
	return t.backend.read(path, offset, min(max, maxReadBytes))
}

// ReadFile returns a whole file.
//
// Errors: a *Refusal.
func (t *Tree) ReadFile(path string) ([]byte, error) {
	first, err := t.backend.read(path, 0, chunkBytes)
	if err != nil || len(first) < chunkBytes {
		return first, err
	}
	whole := bytes.NewBuffer(first)
	for {
		chunk, err := t.backend.read(path, uint64(whole.Len()), chunkBytes)
		if err != nil {
			return nil, err
		}
		whole.Write(chunk)
		if len(chunk) < chunkBytes {
			return whole.Bytes(), nil
		}
	}
}

// List returns the entries of a folder, sorted by the bytes of their names, links not followed.
//
// Errors: a *Refusal.
func (t *Tree) List(path string) ([]Entry, error) {
	var all []Entry
	for after, more := "", true; more; {
		page, next, err := t.backend.list(path, after, pageEntries)
		if err != nil {
			return nil, err
		}
		if all, more = append(all, page...), next; more {
			if len(page) == 0 {
				return nil, &Refusal{Reason: ReasonOther, Code: "empty-page", Message: "the host announced more entries and gave none"}
			}
			after = page[len(page)-1].Name
		}
	}
	return all, nil
}

// Glob returns the files under base that match the pattern, relative to base and sorted. "*" and "?" stay within a
// segment, "[]" is a class, "**" crosses segments. The answer is recorded, not the folders visited.
//
// Errors: a *Refusal.
func (t *Tree) Glob(base, pattern string) ([]string, error) {
	var all []string
	for after, more := "", true; more; {
		page, next, err := t.backend.glob(base, pattern, after, pageEntries)
		if err != nil {
			return nil, err
		}
		if all, more = append(all, page...), next; more {
			if len(page) == 0 {
				return nil, &Refusal{Reason: ReasonOther, Code: "empty-page", Message: "the host announced more matches and gave none"}
			}
			after = page[len(page)-1]
		}
	}
	return all, nil
}

// Digest identifies the content of a file, or of everything below a folder.
//
// Errors: a *Refusal.
func (t *Tree) Digest(path string) (string, error) { return t.backend.digest(path) }

// FS is the tree as an fs.FS, which also has ReadFile, ReadDir and Stat. Symbolic links are followed.
func (t *Tree) FS() fs.FS { return treeFS{t} }
