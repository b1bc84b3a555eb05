package main

import (
	"bytes"
	"fmt"
	"path"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/ignore"

	"windlass.dev/sdk"
)

// maxFolderDepth ends the walk of a chart whose links lead back into it; Helm walks until the path is too long.
const maxFolderDepth = 64

var byteOrderMark = []byte{0xEF, 0xBB, 0xBF}

// folderWalk reads every file of a chart's folder that .helmignore doesn't exclude, in Helm's order.
type folderWalk struct {
	tree  *sdk.Tree
	root  string
	rules *ignore.Rules
	files []*archive.BufferedFile
	bytes int64
}

func readFolder(tree *sdk.Tree, root string) ([]*archive.BufferedFile, error) {
	rules, err := ignoreRules(tree, path.Join(root, ignore.HelmIgnore))
	if err != nil {
		return nil, err
	}
	walk := &folderWalk{tree: tree, root: root, rules: rules}
	if err := walk.folder("", 0); err != nil {
		return nil, err
	}
	return walk.files, nil
}

func ignoreRules(tree *sdk.Tree, file string) (*ignore.Rules, error) {
	rules := ignore.Empty()
	node, err := tree.Stat(file)
	if err != nil {
		return nil, refused("bad-chart", place{path: file}, "the file can't be read", err)
	}
	if node.Kind == sdk.File {
		content, err := tree.ReadFile(file)
		if err != nil {
			return nil, refused("bad-chart", place{path: file}, "the file can't be read", err)
		}
		if rules, err = ignore.Parse(bytes.NewReader(content)); err != nil {
			return nil, sdk.Invalid(ignoreFailure(file, content, err))
		}
	}
	rules.AddDefaults()
	return rules, nil
}

// ignoreFailure points at the first line that Helm refuses.
func ignoreFailure(file string, content []byte, err error) sdk.Diagnostic {
	d := sdk.Diagnostic{Code: "bad-helmignore", Message: err.Error(), At: sdk.At(file, 0, 0)}
	for i, line := range bytes.Split(content, []byte("\n")) {
		if _, bad := ignore.Parse(bytes.NewReader(line)); bad != nil {
			d.At = sdk.At(file, uint32(i)+1, 1)
			break
		}
	}
	return d
}

func (w *folderWalk) folder(relative string, depth int) error {
	at := place{path: path.Join(w.root, relative)}
	if depth > maxFolderDepth {
		return sdk.Invalid(at.diagnose("bad-chart", fmt.Sprintf("the chart's folders are nested more than %d deep; a symbolic link may lead back into the chart", maxFolderDepth)))
	}
	entries, err := w.tree.List(at.path)
	if err != nil {
		return refused("bad-chart", at, "the folder can't be listed", err)
	}
	for _, entry := range entries {
		if err := w.entry(path.Join(relative, entry.Name), entry.Kind, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *folderWalk) entry(relative string, kind sdk.Kind, depth int) error {
	at := place{path: path.Join(w.root, relative)}
	if kind == sdk.Symlink {
		node, err := w.tree.Stat(at.path)
		if err != nil {
			return refused("bad-chart", at, "the link can't be followed", err)
		}
		kind = node.Kind
	}
	if w.rules.Ignore(relative, sdk.FileInfo(relative, sdk.Node{Kind: kind})) {
		return nil
	}
	switch kind {
	case sdk.Directory:
		return w.folder(relative, depth+1)
	case sdk.File:
		return w.file(relative, at)
	case sdk.Symlink:
		d := at.diagnose("bad-link", "the symbolic link dangles, leads in circles or out of the tree, so it can't be part of the chart")
		d.Help = "remove the link, or name it in .helmignore"
		return sdk.Invalid(d)
	case sdk.Submodule:
		return sdk.Invalid(at.diagnose("submodule", "a git submodule's content is not in this tree"))
	}
	return sdk.Invalid(at.diagnose("bad-name", "the file's name is not UTF-8"))
}

func (w *folderWalk) file(relative string, at place) error {
	content, err := w.tree.ReadFile(at.path)
	if err != nil {
		return refused("bad-chart", at, "the file can't be read", err)
	}
	if w.bytes += int64(len(content)); w.bytes > archive.MaxDecompressedChartSize {
		return sdk.Invalid(at.diagnose("chart-too-large", fmt.Sprintf("the chart's files hold more than %d bytes", archive.MaxDecompressedChartSize)))
	}
	w.files = append(w.files, &archive.BufferedFile{Name: relative, Data: bytes.TrimPrefix(content, byteOrderMark)})
	return nil
}
