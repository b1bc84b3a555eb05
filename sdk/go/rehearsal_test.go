package sdk

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
)

func TestARehearsalIsACallWithoutAHost(t *testing.T) {
	rehearsal := Rehearsal{
		Files:  fstest.MapFS{"a/b/c.yaml": {Data: []byte("x: 1\n")}, "a/d.yaml": {Data: []byte("y: 2\n")}},
		Path:   "a",
		Config: "{}",
	}
	err := rehearsal.Run(func(request *Request, sink *Sink) error {
		tree := request.Tree()
		entries, err := tree.List(request.Path())
		if want := []Entry{{"b", Directory}, {"d.yaml", File}}; err != nil || !slices.Equal(entries, want) {
			t.Errorf("listed %v %v", entries, err)
		}
		content, err := tree.ReadFile("a/b/c.yaml")
		if string(content) != "x: 1\n" || err != nil {
			t.Errorf("read %q %v", content, err)
		}
		for path, kind := range map[string]Kind{"": Directory, "a/b": Directory, "a/d.yaml": File, "a/x": Missing} {
			if node, err := tree.Stat(path); node.Kind != kind || err != nil {
				t.Errorf("%q is %v %v", path, node, err)
			}
		}
		if _, err := tree.Canonical("a/x"); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a missing path has a canonical form")
		}
		sink.Emit(Document{Content: content})
		sink.Report(Diagnostic{Severity: Warning, Code: "w"})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAFailedRehearsalIsTold(t *testing.T) {
	report := func(_ *Request, sink *Sink) error { sink.Report(Diagnostic{Code: "e"}); return nil }
	if err := (Rehearsal{}).Run(report); err == nil {
		t.Error("a finding of severity error was swallowed")
	}
	defer func() {
		if recover() == nil {
			t.Error("a rehearsal has the time")
		}
	}()
	_ = Rehearsal{}.Run(func(request *Request, _ *Sink) error { request.Now(); return nil })
}
