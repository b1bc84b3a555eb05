package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"windlass.dev/sdk"
)

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func openDir(t *testing.T, dir string) *sdk.Tree {
	t.Helper()
	tree, err := sdk.OpenDir(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// packed is a chart's folder as `helm package` archives it: everything below a folder with the chart's name.
func packed(t *testing.T, folder string) []byte {
	t.Helper()
	var content bytes.Buffer
	compressed := gzip.NewWriter(&content)
	archive := tar.NewWriter(compressed)
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(filepath.Dir(folder), name)
		if err != nil {
			return err
		}
		file, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: filepath.ToSlash(relative), Mode: 0o644, Size: int64(len(file))}); err != nil {
			return err
		}
		_, err = archive.Write(file)
		return err
	})
	for _, close := range []func() error{archive.Close, compressed.Close} {
		if err == nil {
			err = close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

func TestWarmRendersWithoutTheHost(t *testing.T) {
	warm()
}
