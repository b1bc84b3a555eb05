package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"windlass.dev/sdk"
)

// mount is where the tree appears. It is not the root, so that `..` above the tree fails as it does natively instead of
// staying where it is.
const mount = "/tree"

func mounted(p string) string { return path.Join(mount, p) }

// errOutside is the answer to a path that leads out of the tree.
var errOutside = errors.New("the path leads out of the repository")

// treeFS is the host's tree as kustomize wants to see it: read-only, and lazy, so that only what is asked for is read
// and recorded. Every answer is kept: kustomize asks for the same path again and again, and each question goes to another
// process and back.
type treeFS struct {
	tree   *sdk.Tree
	inputs *inputs
	nodes  map[string]sdk.Node
	// resolved holds paths with their links resolved; contents, files that were read before kustomize asked for them.
	resolved map[string]resolution
	contents map[string][]byte
}

type resolution struct {
	path string
	err  error
}

var _ filesys.FileSystem = &treeFS{}

func newTreeFS(tree *sdk.Tree, inputs *inputs) *treeFS {
	return &treeFS{
		tree:     tree,
		inputs:   inputs,
		nodes:    map[string]sdk.Node{},
		resolved: map[string]resolution{},
		contents: map[string][]byte{},
	}
}

// relative is the path from the tree's root.
func relative(p string) (string, error) {
	absolute := path.Clean("/" + filepath.ToSlash(p))
	if absolute == mount {
		return "", nil
	}
	below, ok := strings.CutPrefix(absolute, mount+"/")
	if !ok {
		return "", errOutside
	}
	return below, nil
}

func (t *treeFS) stat(p string) (sdk.Node, error) {
	at, err := relative(p)
	if err != nil {
		return sdk.Node{}, err
	}
	if node, ok := t.nodes[at]; ok {
		return node, nil
	}
	node, err := t.tree.Stat(at)
	if err == nil {
		t.nodes[at] = node
	}
	return node, err
}

func (t *treeFS) canonical(at string) (string, error) {
	known, ok := t.resolved[at]
	if !ok {
		known.path, known.err = t.tree.Canonical(at)
		t.resolved[at] = known
	}
	return known.path, known.err
}

// look says what is at a canonical path. What is called like a manifest is read instead of asked about: kustomize resolves
// a file's path to read it.
func (t *treeFS) look(at string) (sdk.Node, error) {
	if _, known := t.nodes[at]; !known && isYAML(at) {
		if content, err := t.tree.ReadFile(at); err == nil {
			t.contents[at] = content
			t.nodes[at] = sdk.Node{Kind: sdk.File, Size: uint64(len(content))}
		}
	}
	return t.stat(mounted(at))
}

func (t *treeFS) content(at string) ([]byte, error) {
	if content, ok := t.contents[at]; ok {
		return content, nil
	}
	return t.tree.ReadFile(at)
}

// IsDir follows links.
func (t *treeFS) IsDir(p string) bool {
	node, err := t.stat(p)
	return err == nil && node.Kind == sdk.Directory
}

// Exists is true for files and folders; a link that leads nowhere doesn't exist.
func (t *treeFS) Exists(p string) bool {
	node, err := t.stat(p)
	return err == nil && (node.Kind == sdk.File || node.Kind == sdk.Directory)
}

// ReadFile also looks into kustomizations, and refuses what they want beyond the tree before kustomize tries.
func (t *treeFS) ReadFile(p string) ([]byte, error) {
	at, err := relative(p)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: p, Err: err}
	}
	node, err := t.stat(p)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: p, Err: err}
	case node.Kind == sdk.Directory:
		return nil, &fs.PathError{Op: "read", Path: p, Err: errors.New("is a directory")}
	case node.Kind != sdk.File:
		return nil, &fs.PathError{Op: "open", Path: p, Err: os.ErrNotExist}
	}
	content, err := t.content(at)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: p, Err: err}
	}
	return content, t.inputs.read(at, content, t)
}

// CleanedAbs resolves links before it splits off the file, as the native one does: otherwise a link would bypass the
// restriction to the kustomization's folder, and a linked base would look for `../x` in the wrong place.
func (t *treeFS) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	at, err := relative(p)
	if err == nil {
		at, err = t.canonical(at)
	}
	if err != nil {
		return "", "", fmt.Errorf("evalsymlink failure on '%s' : %w", p, missing(p, err))
	}
	node, err := t.look(at)
	if err != nil {
		return "", "", fmt.Errorf("evalsymlink failure on '%s' : %w", p, err)
	}
	switch node.Kind {
	case sdk.Directory:
		return filesys.ConfirmedDir(mounted(at)), "", nil
	case sdk.File:
		return filesys.ConfirmedDir(path.Dir(mounted(at))), path.Base(at), nil
	}
	return "", "", fmt.Errorf("evalsymlink failure on '%s' : it is a %s", p, node.Kind)
}

// missing says what the native command says of a path that isn't there.
func missing(p string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "lstat", Path: p, Err: errors.New("no such file or directory")}
	}
	return &fs.PathError{Op: "lstat", Path: p, Err: err}
}

// ReadDir lists the names in a folder.
func (t *treeFS) ReadDir(p string) ([]string, error) {
	at, err := relative(p)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: p, Err: err}
	}
	entries, err := t.tree.List(at)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: p, Err: err}
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
		// A link's own kind is not that of what it leads to.
		if e.Kind == sdk.Directory {
			t.nodes[path.Join(at, e.Name)] = sdk.Node{Kind: e.Kind}
		}
	}
	return names, nil
}

// Open reads the whole file.
func (t *treeFS) Open(p string) (filesys.File, error) {
	content, err := t.ReadFile(p)
	if err != nil {
		return nil, err
	}
	node, err := t.stat(p)
	return &openFile{Reader: bytes.NewReader(content), info: sdk.FileInfo(p, node)}, err
}

type openFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *openFile) Close() error               { return nil }
func (f *openFile) Stat() (os.FileInfo, error) { return f.info, nil }
func (f *openFile) Write([]byte) (int, error)  { return 0, errReadOnly }

// Walk visits everything below p, in the order of names; links are not followed.
func (t *treeFS) Walk(p string, visit filepath.WalkFunc) error {
	node, err := t.stat(p)
	if err == nil && node.Kind == sdk.Missing {
		err = &fs.PathError{Op: "lstat", Path: p, Err: os.ErrNotExist}
	}
	if err != nil {
		return visit(p, nil, err)
	}
	err = t.walk(p, node, visit)
	if errors.Is(err, filepath.SkipDir) || errors.Is(err, filepath.SkipAll) {
		return nil
	}
	return err
}

func (t *treeFS) walk(p string, node sdk.Node, visit filepath.WalkFunc) error {
	info := sdk.FileInfo(p, node)
	if err := visit(p, info, nil); err != nil || node.Kind != sdk.Directory {
		return err
	}
	at, err := relative(p)
	if err != nil {
		return err
	}
	entries, err := t.tree.List(at)
	if err != nil {
		return visit(p, info, err)
	}
	for _, e := range entries {
		child := path.Join(p, e.Name)
		below := sdk.Node{Kind: e.Kind}
		if e.Kind == sdk.File {
			if below, err = t.stat(child); err != nil {
				return err
			}
		}
		err := t.walk(child, below, visit)
		if errors.Is(err, filepath.SkipDir) {
			if e.Kind == sdk.Directory {
				continue
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Glob goes down segment by segment, so that only the folders that can match are listed. Hidden names are left out
// unless the pattern asks for them, as in the native one.
func (t *treeFS) Glob(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	current := []string{""}
	for segment := range strings.SplitSeq(strings.Trim(path.Clean(pattern), "/"), "/") {
		var next []string
		for _, folder := range current {
			names, err := t.matches(folder+"/", segment)
			if err != nil {
				return nil, err
			}
			next = append(next, names...)
		}
		current = next
	}
	if filesys.IsHiddenFilePath(pattern) {
		return current, nil
	}
	return filesys.RemoveHiddenFiles(current), nil
}

func (t *treeFS) matches(folder, segment string) ([]string, error) {
	if !strings.ContainsAny(segment, `*?[\`) {
		p := path.Join(folder, segment)
		// Above the mount there are only its own names.
		if strings.HasPrefix(mount+"/", p+"/") || t.Exists(p) {
			return []string{p}, nil
		}
		return nil, nil
	}
	if !t.IsDir(folder) {
		return nil, nil
	}
	names, err := t.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		if ok, err := path.Match(segment, name); err != nil || !ok {
			continue
		}
		out = append(out, path.Join(folder, name))
	}
	return out, nil
}

var errReadOnly = errors.New("the tree is read-only")

// Create always fails.
func (t *treeFS) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir always fails.
func (t *treeFS) Mkdir(string) error { return errReadOnly }

// MkdirAll always fails.
func (t *treeFS) MkdirAll(string) error { return errReadOnly }

// RemoveAll always fails.
func (t *treeFS) RemoveAll(string) error { return errReadOnly }

// WriteFile always fails.
func (t *treeFS) WriteFile(string, []byte) error { return errReadOnly }
