package sdk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
)

// folder makes files (text), folders (a name that ends with "/") and links ("->target") and opens them as a tree.
func folder(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(content) > 2 && content[:2] == "->" {
			err = os.Symlink(content[2:], at)
		} else {
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tree, err := OpenDir(root, "here")
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestLinksAreFollowedInsideTheTreeOnly(t *testing.T) {
	tree := folder(t, map[string]string{
		"a/f.txt": "hello", "in": "->a", "file": "->in/f.txt", "up": "->a/../a/f.txt",
		"out": "->../outside", "abs": "->/etc/passwd", "dangling": "->nothing", "loop": "->loop",
	})
	for path, want := range map[string]Kind{
		"": Directory, "a": Directory, "in": Directory, "file": File, "up": File, "in/f.txt": File,
		"out": Symlink, "abs": Symlink, "dangling": Symlink, "loop": Symlink,
		"none": Missing, "a/f.txt/below": Missing,
	} {
		node, err := tree.Stat(path)
		if err != nil || node.Kind != want {
			t.Errorf("%q: %v %v, want %v", path, node.Kind, err, want)
		}
	}
	if at, err := tree.Canonical("file"); at != "a/f.txt" || err != nil {
		t.Errorf("canonical: %q %v", at, err)
	}
	for _, path := range []string{"out", "abs", "loop"} {
		if _, err := tree.ReadFile(path); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%q was read: %v", path, err)
		}
	}
	for _, path := range []string{"../x", "/a", "a//f.txt", "a/./f.txt", "a/", "."} {
		if _, err := tree.Stat(path); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q was accepted: %v", path, err)
		}
	}
}

func TestLargeFilesAreReadInChunks(t *testing.T) {
	for _, size := range []int{0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3 * chunkBytes} {
		content := bytes.Repeat([]byte{'x', 'y', 'z'}, size/3+1)[:size]
		tree := folder(t, map[string]string{"big": string(content)})
		read, err := tree.ReadFile("big")
		if err != nil || !bytes.Equal(read, content) {
			t.Errorf("size %d: read %d bytes, %v", size, len(read), err)
		}
	}
}

// smallPages is a backend whose pages hold two names, whatever is asked for.
type smallPages struct{ treeBackend }

func (s smallPages) list(path, after string, _ uint32) ([]Entry, bool, error) {
	return s.treeBackend.list(path, after, 2)
}

func (s smallPages) glob(base, pattern, after string, _ uint32) ([]string, bool, error) {
	return s.treeBackend.glob(base, pattern, after, 2)
}

// emptyPages breaks the contract: it announces more and gives nothing.
type emptyPages struct{ treeBackend }

func (emptyPages) list(string, string, uint32) ([]Entry, bool, error)          { return nil, true, nil }
func (emptyPages) glob(string, string, string, uint32) ([]string, bool, error) { return nil, true, nil }

func TestListingsArePaged(t *testing.T) {
	tree := folder(t, map[string]string{"d/a": "", "d/b": "", "d/c": "", "d/e/f": "", "d/l": "->a"})
	paged := &Tree{smallPages{tree.backend}}
	entries, err := paged.List("d")
	want := []Entry{{"a", File}, {"b", File}, {"c", File}, {"e", Directory}, {"l", Symlink}}
	if err != nil || !slices.Equal(entries, want) {
		t.Errorf("got %v %v", entries, err)
	}
	matches, err := paged.Glob("d", "**")
	if err != nil || !slices.Equal(matches, []string{"a", "b", "c", "e/f"}) {
		t.Errorf("got %v %v", matches, err)
	}
	broken := &Tree{emptyPages{tree.backend}}
	if _, err := broken.List("d"); err == nil {
		t.Error("an empty page that announces more must not loop")
	}
	if _, err := broken.Glob("d", "*"); err == nil {
		t.Error("an empty page that announces more must not loop")
	}
}

func TestGlobForms(t *testing.T) {
	tree := folder(t, map[string]string{"a.yaml": "", "b.json": "", "d/a.yaml": "", "d/e/a.yaml": "", "d/e/[x].yaml": "", "d/ä.yaml": ""})
	for pattern, want := range map[string][]string{
		"*.yaml":       {"a.yaml"},
		"**/*.yaml":    {"a.yaml", "d/a.yaml", "d/e/[x].yaml", "d/e/a.yaml", "d/ä.yaml"},
		"d/?.yaml":     {"d/a.yaml", "d/ä.yaml"},
		"[ab].*":       {"a.yaml", "b.json"},
		"[!a].*":       {"b.json"},
		"d/**/a.yaml":  {"d/a.yaml", "d/e/a.yaml"},
		"d/e/[[]x*":    {"d/e/[x].yaml"},
		"nothing/*":    nil,
		"d/e/*.{a,b}":  nil,
		"d/**":         {"d/a.yaml", "d/e/[x].yaml", "d/e/a.yaml", "d/ä.yaml"},
		"*/e/a.y[a]ml": {"d/e/a.yaml"},
	} {
		got, err := tree.Glob("", pattern)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v %v, want %v", pattern, got, err, want)
		}
	}
	if _, err := tree.Glob("", "[a"); err == nil {
		t.Error("an unclosed class was accepted")
	}
}

func TestDigestFollowsContent(t *testing.T) {
	digest := func(files map[string]string) string {
		d, err := folder(t, files).Digest("d")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	one := digest(map[string]string{"d/a": "1", "other": "x"})
	if digest(map[string]string{"d/a": "1", "other": "y"}) != one {
		t.Error("the digest of a folder depends on what lies outside")
	}
	if digest(map[string]string{"d/a": "2"}) == one || digest(map[string]string{"d/b": "1"}) == one {
		t.Error("the digest of a folder does not depend on its content")
	}
}

func TestTreeIsAnFS(t *testing.T) {
	tree := folder(t, map[string]string{"a.txt": "1", "d/b.txt": "22", "d/e/c.txt": ""})
	if err := fstest.TestFS(tree.FS(), "a.txt", "d/b.txt", "d/e/c.txt"); err != nil {
		t.Error(err)
	}
}
