//go:build !wasip1

package sdk

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"unicode/utf8"
)

// OpenDir is a local folder as a tree, with the rules of the host: links are followed inside the folder only.
//
// Errors: the folder can't be read, or is none.
func OpenDir(dir, label string) (*Tree, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", dir)
	}
	return &Tree{dirTree{dir, label}}, nil
}

type dirTree struct{ root, name string }

// found is a path without links, and what is there.
type found struct {
	path string
	info fs.FileInfo
}

// maxLinks is how many links one path may pass before it counts as a loop, as in Linux.
const maxLinks = 40

func (t dirTree) onDisk(p string) string { return filepath.Join(t.root, filepath.FromSlash(p)) }

// resolve follows every link segment by segment. leaves is true when the failure is a link that dangles or leads out.
func (t dirTree) resolve(p string) (at found, leaves bool, err error) {
	if p != "" && (!fs.ValidPath(p) || p == "." || strings.ContainsRune(p, 0)) {
		return found{}, false, &Refusal{Reason: InvalidPath}
	}
	root, err := os.Stat(t.root)
	if err != nil {
		return found{}, false, asRefusal(err)
	}
	at, links := found{"", root}, 0
	for todo := segments(p); len(todo) > 0; {
		segment := todo[0]
		todo = todo[1:]
		if segment == ".." {
			if at.path == "" {
				return found{}, true, &Refusal{Reason: Denied, Message: fmt.Sprintf("%q leaves the tree", p)}
			}
			at.path = parent(at.path)
			continue
		}
		next := path.Join(at.path, segment)
		info, err := os.Lstat(t.onDisk(next))
		if err != nil {
			return found{}, links > 0, asRefusal(err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = found{next, info}
			continue
		}
		if links++; links > maxLinks {
			return found{}, true, &Refusal{Reason: Denied, Message: fmt.Sprintf("%q passes more than %d symbolic links", p, maxLinks)}
		}
		target, err := os.Readlink(t.onDisk(next))
		if err != nil {
			return found{}, true, asRefusal(err)
		}
		if path.IsAbs(target) {
			return found{}, true, &Refusal{Reason: Denied, Message: fmt.Sprintf("%q leaves the tree", p)}
		}
		todo = append(segments(target), todo...)
	}
	if at.info, err = os.Lstat(t.onDisk(at.path)); err != nil {
		return found{}, false, asRefusal(err)
	}
	return at, false, nil
}

func segments(p string) []string {
	var out []string
	for s := range strings.SplitSeq(p, "/") {
		if s != "" && s != "." {
			out = append(out, s)
		}
	}
	return out
}

func parent(p string) string {
	if d := path.Dir(p); d != "." {
		return d
	}
	return ""
}

func asRefusal(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return &Refusal{Reason: NotFound}
	case errors.Is(err, fs.ErrPermission):
		return &Refusal{Reason: Denied, Message: err.Error()}
	}
	return &Refusal{Reason: Unavailable, Message: err.Error()}
}

func kindOf(mode fs.FileMode) Kind {
	switch {
	case mode.IsDir():
		return Directory
	case mode.IsRegular():
		return File
	case mode&fs.ModeSymlink != 0:
		return Symlink
	}
	return Other
}

func (t dirTree) drop()         {}
func (t dirTree) label() string { return t.name }

func (t dirTree) stat(p string) (Node, error) {
	at, leaves, err := t.resolve(p)
	var refusal *Refusal
	switch {
	case leaves:
		return Node{Kind: Symlink}, nil
	case errors.As(err, &refusal) && refusal.Reason == NotFound:
		return Node{}, nil
	case err != nil:
		return Node{}, err
	}
	node := Node{Kind: kindOf(at.info.Mode())}
	if node.Kind == File {
		node.Size, node.Executable = uint64(at.info.Size()), at.info.Mode()&0o100 != 0
	}
	return node, nil
}

func (t dirTree) canonical(p string) (string, error) {
	at, _, err := t.resolve(p)
	return at.path, err
}

func (t dirTree) read(p string, offset uint64, max uint32) ([]byte, error) {
	at, _, err := t.resolve(p)
	if err != nil {
		return nil, err
	}
	if !at.info.Mode().IsRegular() {
		return nil, &Refusal{Reason: WrongKind}
	}
	file, err := os.Open(t.onDisk(at.path))
	if err != nil {
		return nil, asRefusal(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.NewSectionReader(file, int64(offset), int64(max)))
	if err != nil {
		return nil, asRefusal(err)
	}
	return content, nil
}

func (t dirTree) list(p, after string, max uint32) ([]Entry, bool, error) {
	at, _, err := t.resolve(p)
	if err != nil {
		return nil, false, err
	}
	if !at.info.IsDir() {
		return nil, false, &Refusal{Reason: WrongKind}
	}
	all, err := os.ReadDir(t.onDisk(at.path))
	if err != nil {
		return nil, false, asRefusal(err)
	}
	var entries []Entry
	for _, e := range all {
		entry := Entry{Name: e.Name(), Kind: kindOf(e.Type())}
		if !utf8.ValidString(entry.Name) {
			entry = Entry{Name: escapeName(entry.Name), Kind: Other}
		}
		if entry.Name > after {
			entries = append(entries, entry)
		}
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
	if len(entries) > int(max) {
		return entries[:max], true, nil
	}
	return entries, false, nil
}

// escapeName writes the bytes of a name that are not UTF-8 as \xNN.
func escapeName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[i])
		} else {
			b.WriteString(name[i : i+size])
		}
		i += size
	}
	return b.String()
}

func (t dirTree) glob(base, pattern, after string, max uint32) ([]string, bool, error) {
	at, _, err := t.resolve(base)
	if err != nil {
		return nil, false, err
	}
	match, err := compileGlob(pattern)
	if err != nil {
		return nil, false, &Refusal{Reason: Denied, Message: err.Error()}
	}
	var matches []string
	err = filepath.WalkDir(t.onDisk(at.path), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(t.onDisk(at.path), name)
		if relative = filepath.ToSlash(relative); err == nil && relative > after && match.MatchString(relative) {
			matches = append(matches, relative)
		}
		return err
	})
	if err != nil {
		return nil, false, asRefusal(err)
	}
	sort.Strings(matches)
	if len(matches) > int(max) {
		return matches[:max], true, nil
	}
	return matches, false, nil
}

// digest is made from names, kinds and contents; it is not the host's, but equal exactly when the content is.
func (t dirTree) digest(p string) (string, error) {
	at, _, err := t.resolve(p)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	err = filepath.WalkDir(t.onDisk(at.path), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(t.onDisk(at.path), name)
		if err != nil {
			return err
		}
		content, err := digestedContent(name, entry)
		fmt.Fprintf(sum, "%q %d %d\n", filepath.ToSlash(relative), kindOf(entry.Type()), len(content))
		sum.Write(content)
		return err
	})
	if err != nil {
		return "", asRefusal(err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func digestedContent(name string, entry fs.DirEntry) ([]byte, error) {
	switch {
	case entry.Type().IsRegular():
		return os.ReadFile(name)
	case entry.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(name)
		return []byte(target), err
	}
	return nil, nil
}
