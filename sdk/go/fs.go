package sdk

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"time"
)

// treeFS shows a tree as package io/fs wants it.
type treeFS struct{ tree *Tree }

var (
	_ fs.ReadFileFS = treeFS{}
	_ fs.ReadDirFS  = treeFS{}
	_ fs.StatFS     = treeFS{}
)

// treePath turns "." into the contract's "".
func treePath(operation, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: operation, Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return "", nil
	}
	return name, nil
}

func (f treeFS) Stat(name string) (fs.FileInfo, error) {
	p, err := treePath("stat", name)
	if err != nil {
		return nil, err
	}
	node, err := f.tree.Stat(p)
	if err == nil && node.Kind == Missing {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return FileInfo(name, node), nil
}

func (f treeFS) ReadFile(name string) ([]byte, error) {
	p, err := treePath("read", name)
	if err != nil {
		return nil, err
	}
	content, err := f.tree.ReadFile(p)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return content, nil
}

func (f treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	p, err := treePath("readdir", name)
	if err != nil {
		return nil, err
	}
	entries, err := f.tree.List(p)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	out := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		out[i] = dirEntry{f, path.Join(name, e.Name), e}
	}
	return out, nil
}

func (f treeFS) Open(name string) (fs.File, error) {
	info, err := f.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &openDir{fs: f, name: name, info: info}, nil
	}
	content, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{Reader: bytes.NewReader(content), info: info}, nil
}

// FileInfo describes a node the way package io/fs wants it; trees keep no times and no owners.
func FileInfo(name string, node Node) fs.FileInfo { return nodeInfo{path.Base(name), node} }

type nodeInfo struct {
	name string
	node Node
}

func (i nodeInfo) Name() string       { return i.name }
func (i nodeInfo) Size() int64        { return int64(i.node.Size) }
func (i nodeInfo) ModTime() time.Time { return time.Time{} }
func (i nodeInfo) IsDir() bool        { return i.node.Kind == Directory }
func (i nodeInfo) Sys() any           { return i.node }

func (i nodeInfo) Mode() fs.FileMode {
	if i.node.Kind == File && i.node.Executable {
		return 0o755
	}
	return typeBits(i.node.Kind) | 0o644
}

func typeBits(kind Kind) fs.FileMode {
	switch kind {
	case Directory:
		return fs.ModeDir | 0o111
	case Symlink:
		return fs.ModeSymlink
	case File:
		return 0
	}
	return fs.ModeIrregular
}

type dirEntry struct {
	fs    treeFS
	path  string
	entry Entry
}

func (d dirEntry) Name() string               { return d.entry.Name }
func (d dirEntry) IsDir() bool                { return d.entry.Kind == Directory }
func (d dirEntry) Type() fs.FileMode          { return typeBits(d.entry.Kind).Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.fs.Stat(d.path) }

type openFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	fs     treeFS
	name   string
	info   fs.FileInfo
	listed bool
	rest   []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: &Refusal{Reason: WrongKind}}
}

// ReadDir follows the rules of fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.listed {
		all, err := d.fs.ReadDir(d.name)
		if err != nil {
			return nil, err
		}
		d.listed, d.rest = true, all
	}
	count := len(d.rest)
	if n > 0 {
		if count == 0 {
			return nil, io.EOF
		}
		count = min(n, count)
	}
	page := d.rest[:count]
	d.rest = d.rest[count:]
	return page, nil
}
