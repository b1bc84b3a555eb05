package sdk

import (
	"io/fs"
	"time"
)

// Rehearsal is a made-up call that needs no host. A plugin's Warm runs it when the component is built: what packages set
// up at their first use then lies in the snapshot, and no call pays for it.
//
// What it renders stays in the plugin's memory at most as text that everybody may read; no call sees another one's. It
// can't ask for the time, which the snapshot would freeze: a rehearsal that tries fails the build. What it draws of
// Entropy comes from a seed of the build, the same for everybody: keep none of it.
type Rehearsal struct {
	// Files is the app's tree, for example a folder of the plugin as an embed.FS.
	Files fs.FS
	// Path is the app's place in it.
	Path string
	// Config is JSON, defaults filled in.
	Config string
}

// Run calls render and discards what it emits.
//
// Errors: render's own, and findings that would fail a call.
func (r Rehearsal) Run(render func(*Request, *Sink) error) error {
	sink := &rehearsedSink{}
	if err := render(&Request{rehearsedRequest{r}}, &Sink{sink}); err != nil {
		return err
	}
	if len(sink.errors) > 0 {
		return Invalid(sink.errors...)
	}
	return nil
}

type rehearsedRequest struct{ of Rehearsal }

func (r rehearsedRequest) tree() *Tree                 { return &Tree{rehearsedTree{r.of.Files}} }
func (r rehearsedRequest) path() string                { return r.of.Path }
func (r rehearsedRequest) config() string              { return r.of.Config }
func (r rehearsedRequest) app() App                    { return App{"rehearsal", "rehearsal", "rehearsal"} }
func (r rehearsedRequest) now() time.Time              { panic("a rehearsal has no time") }
func (r rehearsedRequest) kubeVersion() string         { return "v1.30.0" }
func (r rehearsedRequest) hasAPI(string) bool          { return true }
func (r rehearsedRequest) apis() []string              { return []string{"v1", "apps/v1"} }
func (r rehearsedRequest) input() (*ObjectSet, bool)   { return nil, false }
func (r rehearsedRequest) source(string) (*Tree, bool) { return nil, false }

type rehearsedSink struct {
	documents uint32
	errors    []Diagnostic
}

func (s *rehearsedSink) emit(Document) uint32 {
	s.documents++
	return s.documents - 1
}

func (s *rehearsedSink) report(diagnostic Diagnostic) {
	if diagnostic.Severity == Error {
		s.errors = append(s.errors, diagnostic)
	}
}

// rehearsedTree is a tree without links.
type rehearsedTree struct{ files fs.FS }

func (t rehearsedTree) label() string { return "" }
func (t rehearsedTree) drop()         {}

// name is the path as package fs wants it.
func (t rehearsedTree) name(path string) string {
	if path == "" {
		return "."
	}
	return path
}

func (t rehearsedTree) stat(path string) (Node, error) {
	info, err := fs.Stat(t.files, t.name(path))
	switch {
	case err != nil:
		return Node{}, nil // there is nothing, which is an answer
	case info.IsDir():
		return Node{Kind: Directory}, nil
	}
	return Node{Kind: File, Size: uint64(info.Size())}, nil
}

func (t rehearsedTree) canonical(path string) (string, error) {
	if node, _ := t.stat(path); node.Kind == Missing {
		return "", &Refusal{Reason: NotFound}
	}
	return path, nil
}

func (t rehearsedTree) read(path string, offset uint64, max uint32) ([]byte, error) {
	content, err := fs.ReadFile(t.files, t.name(path))
	if err != nil {
		return nil, &Refusal{Reason: NotFound}
	}
	start := min(offset, uint64(len(content)))
	return content[start:min(start+uint64(max), uint64(len(content)))], nil
}

func (t rehearsedTree) list(path, _ string, _ uint32) ([]Entry, bool, error) {
	found, err := fs.ReadDir(t.files, t.name(path))
	if err != nil {
		return nil, false, &Refusal{Reason: NotFound}
	}
	entries := make([]Entry, len(found))
	for i, f := range found {
		entries[i] = Entry{Name: f.Name(), Kind: File}
		if f.IsDir() {
			entries[i].Kind = Directory
		}
	}
	return entries, false, nil
}

func (t rehearsedTree) glob(string, string, string, uint32) ([]string, bool, error) {
	return nil, false, &Refusal{Reason: Unavailable, Message: "a rehearsal has no globs"}
}

func (t rehearsedTree) digest(string) (string, error) {
	return "", &Refusal{Reason: Unavailable, Message: "a rehearsal has no digests"}
}
