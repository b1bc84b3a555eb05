package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windlass.dev/sdk"
)

// folder makes files (text) and links ("->target") in a folder of its own.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "->"); ok {
			err = os.Symlink(target, at)
		} else {
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func treeOf(t *testing.T, files map[string]string) *treeFS {
	t.Helper()
	tree, err := sdk.OpenDir(folder(t, files), "")
	if err != nil {
		t.Fatal(err)
	}
	return newTreeFS(tree, newInputs())
}

func TestDocumentsSayWhereTheyComeFrom(t *testing.T) {
	root := folder(t, map[string]string{
		"base/kustomization.yaml": "resources: [all.yaml, web.yaml, json.json]\nconfigMapGenerator:\n  - {name: made, literals: [a=b]}\n",
		"base/all.yaml":           "# comment\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  labels:\n    name: not-this\n  name: first\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {a: b}, name: second}\n",
		"base/web.yaml":           "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n",
		"base/json.json":          `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "json"}}`,
		"app/kustomization.yaml":  "resources: [../base, cache.yaml]\nnamePrefix: p-\npatches:\n  - path: web.yaml\n",
		"app/web.yaml":            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations: {a: b}\n",
		"app/cache.yaml":          "\n\napiVersion: v1\nkind: Service\nmetadata:\n  name: web-cache\n",
	})
	output, got := build(t, root, "app", `{"reorder":"none"}`)
	if got.failed != "" {
		t.Fatal(got.failed)
	}
	var origins []string
	for _, d := range output.Documents {
		origins = append(origins, d.Origin.String())
	}
	want := []string{
		"base/all.yaml:1:1", "base/all.yaml:9:1", "base/web.yaml:1:1", "base/json.json:1:1", "base/kustomization.yaml:3:5", "app/cache.yaml:3:1",
	}
	if !slices.Equal(origins, want) {
		t.Errorf("got  %v\nwant %v", origins, want)
	}
}

func TestDeprecatedFieldsAreNoted(t *testing.T) {
	root := folder(t, map[string]string{
		"app/kustomization.yaml": "commonLabels: {a: b}\nresources: [a.yaml]\n",
		"app/a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	})
	output, _ := build(t, root, "app", "{}")
	if len(output.Diagnostics) != 1 || output.Diagnostics[0].At.(sdk.FileAt).String() != "app/kustomization.yaml:1:1" || output.Diagnostics[0].Severity != sdk.Info {
		t.Errorf("got %v", output.Diagnostics)
	}
}

func TestPathsStayInTheTree(t *testing.T) {
	files := treeOf(t, map[string]string{
		"a/f.txt": "x", "b": "->a", "deep/c": "->../a/f.txt", "out": "->../../etc/passwd", "loop": "->loop",
	})
	for from, want := range map[string]string{
		"/tree/a/f.txt": "/tree/a f.txt", "/tree/b/f.txt": "/tree/a f.txt", "/tree/deep/c": "/tree/a f.txt",
		"/tree/b": "/tree/a ", "/tree": "/tree ", "/tree/a/../b/.": "/tree/a ",
	} {
		dir, name, err := files.CleanedAbs(from)
		if got := dir.String() + " " + name; got != want || err != nil {
			t.Errorf("%s: %q %v", from, got, err)
		}
	}
	for _, from := range []string{"/tree/out", "/tree/loop", "/tree/none", "/tree/../etc/passwd", "/etc/passwd", "/"} {
		if dir, name, err := files.CleanedAbs(from); err == nil {
			t.Errorf("%s led to %s %s", from, dir, name)
		}
		if content, err := files.ReadFile(from); err == nil {
			t.Errorf("%s was read: %s", from, content)
		}
		if files.Exists(from) || files.IsDir(from) {
			t.Errorf("%s exists", from)
		}
	}
	if _, _, err := files.CleanedAbs("/tree/none"); !strings.Contains(err.Error(), "evalsymlink failure on '/tree/none' : lstat /tree/none: no such file or directory") {
		t.Errorf("got %v", err)
	}
}

func TestTheTreeIsAFileSystem(t *testing.T) {
	files := treeOf(t, map[string]string{"a/f.yaml": "1", "a/.hidden.yaml": "2", "a/d/g.yaml": "3", "b/f.yaml": "4", "l": "->a"})
	for pattern, want := range map[string][]string{
		"/tree/*/f.yaml": {"/tree/a/f.yaml", "/tree/b/f.yaml", "/tree/l/f.yaml"},
		"/tree/a/*.yaml": {"/tree/a/f.yaml"},
		"/tree/a/.h*":    {"/tree/a/.hidden.yaml"},
		"/tree/none/*":   nil,
		"/tree/a/d":      {"/tree/a/d"},
		"/etc/*":         nil,
	} {
		if got, err := files.Glob(pattern); !slices.Equal(got, want) || err != nil {
			t.Errorf("%s: %v %v", pattern, got, err)
		}
	}
	if _, err := files.Glob("/tree/[a"); err == nil {
		t.Error("a bad pattern was accepted")
	}
	var walked []string
	err := files.Walk("/tree", func(name string, info fs.FileInfo, err error) error {
		walked = append(walked, name)
		if name == "/tree/a/d" {
			return filepath.SkipDir
		}
		return err
	})
	if want := []string{"/tree", "/tree/a", "/tree/a/.hidden.yaml", "/tree/a/d", "/tree/a/f.yaml", "/tree/b", "/tree/b/f.yaml", "/tree/l"}; err != nil || !slices.Equal(walked, want) {
		t.Errorf("walked %v %v", walked, err)
	}
	file, err := files.Open("/tree/l/f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := file.Stat(); err != nil || info.Size() != 1 || info.Name() != "f.yaml" {
		t.Errorf("%v %v", info, err)
	}
	for _, err := range []error{files.Mkdir("/tree/x"), files.MkdirAll("/tree/x"), files.RemoveAll("/tree/a"), files.WriteFile("/tree/x", nil)} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("the tree was changed: %v", err)
		}
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	root := folder(t, map[string]string{"app/kustomization.yaml": "resources: []\n"})
	for config, want := range map[string]string{
		`{"reorder":"odd"}`:        "config /reorder: error[bad-config]",
		`{"loadRestrictor":"odd"}`: "config /loadRestrictor: error[bad-config]",
		`{"unknown":1}`:            "error[bad-config]",
	} {
		if _, got := build(t, root, "app", config); !strings.Contains(got.failed, want) {
			t.Errorf("%s: %s", config, got.failed)
		}
	}
}

func TestFindingsSayWhere(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no folder":         {map[string]string{"x": "y"}, "missing-file"},
		"empty":             {map[string]string{"app/other.yaml": "a: b"}, "app: error[no-kustomization]"},
		"above the tree":    {map[string]string{"app/kustomization.yaml": "resources:\n  - ../../../x\n"}, "app/kustomization.yaml:2:5: error[outside-tree]"},
		"syntax":            {map[string]string{"app/kustomization.yaml": "resources: [a\nnamePrefix: x\n"}, "app/kustomization.yaml:"},
		"inline patch":      {map[string]string{"app/kustomization.yaml": "patches:\n  - patch: |-\n      apiVersion: v1\n      kind: Pod\n      metadata: {name: gone}\n"}, "app/kustomization.yaml:2:12: error[patch-without-target]"},
		"generator file":    {map[string]string{"app/kustomization.yaml": "configMapGenerator:\n  - name: a\n    files: [k=gone.txt]\n"}, "app/kustomization.yaml:3:13: error[missing-file]: there is no file or folder `app/gone.txt`"},
		"remote schema":     {map[string]string{"app/kustomization.yaml": "openapi: {path: 'https://127.0.0.1:1/x.json'}\n"}, "app/kustomization.yaml:1:17: error[needs-network]"},
		"remote short form": {map[string]string{"app/kustomization.yaml": "resources: [github.com/org/repo]\n"}, "app/kustomization.yaml:1:13: error[needs-network]"},
		"scp form":          {map[string]string{"app/kustomization.yaml": "resources: ['git@127.0.0.1:org/repo.git']\n"}, "error[needs-network]"},
		"remote patch":      {map[string]string{"app/kustomization.yaml": "patches: [{path: 'http://127.0.0.1:1/p.yaml'}]\n"}, "error[needs-network]"},
		"dangling link":     {map[string]string{"app/kustomization.yaml": "resources: [l.yaml]\n", "app/l.yaml": "->none.yaml"}, "app/kustomization.yaml:1:13: error[missing-file]"},
		"leaving link":      {map[string]string{"app/kustomization.yaml": "resources: [l.yaml]\n", "app/l.yaml": "->../../../etc/hosts"}, "app/l.yaml: error[bad-link]"},
		"duplicate":         {map[string]string{"app/kustomization.yaml": "resources: [a.yaml, b.yaml]\n", "app/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "app/b.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"}, "app/kustomization.yaml:1:21: error[build-failed]"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := build(t, folder(t, c.files), "app", "{}"); !strings.Contains(got.failed, c.want) {
				t.Errorf("got  %s\nwant %s", got.failed, c.want)
			}
		})
	}
}

func TestWarmBuildsWithoutTheHost(t *testing.T) {
	warm()
}
