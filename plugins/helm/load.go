package main

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"sigs.k8s.io/yaml"

	"windlass.dev/sdk"
)

// loadedChart is a chart and where its files come from.
type loadedChart struct {
	chart *chart.Chart
	at    place
	// places finds a file's origin by its identity: aliases of a dependency share their files.
	places map[*common.File]place
}

// load reads the chart at a folder or an archive of the tree.
func load(tree *sdk.Tree, at string) (*loadedChart, error) {
	node, err := tree.Stat(at)
	if err != nil {
		return nil, refused("bad-chart", place{path: at}, "the chart can't be read", err)
	}
	l := &loadedChart{at: place{path: at}, places: map[*common.File]place{}}
	switch node.Kind {
	case sdk.Directory:
		files, err := readFolder(tree, at)
		if err != nil {
			return nil, err
		}
		l.chart, err = l.fromFiles(files, l.at)
		return l, err
	case sdk.File:
		content, err := tree.ReadFile(at)
		if err != nil {
			return nil, refused("bad-chart", l.at, "the chart can't be read", err)
		}
		l.chart, err = l.fromArchive(content, l.at)
		return l, err
	}
	return nil, sdk.Invalid(sdk.Diagnostic{Code: "no-chart", Message: fmt.Sprintf("there is no chart at `%s`: it is %s", at, describe(node.Kind)), At: sdk.At(at, 0, 0)})
}

func describe(kind sdk.Kind) string {
	switch kind {
	case sdk.Missing:
		return "missing"
	case sdk.Symlink:
		return "a symbolic link that dangles or leads out of the tree"
	case sdk.Submodule:
		return "a git submodule, whose content is not in this tree"
	}
	return "no folder and no archive"
}

// fromFiles is Helm's LoadFiles, one chart at a time, so that every file's origin is known, an error names the subchart
// it is in, and subcharts come in the order of their names (Helm's own is that of a map).
func (l *loadedChart) fromFiles(files []*archive.BufferedFile, at place) (*chart.Chart, error) {
	own, subcharts := split(files)
	loaded, err := loader.LoadFiles(own)
	if err != nil {
		return nil, sdk.Invalid(loadFailure(err, own, at))
	}
	for _, list := range [][]*common.File{loaded.Raw, loaded.Templates, loaded.Files} {
		for _, file := range list {
			l.places[file] = at.join(file.Name)
		}
	}
	for _, name := range sortedKeys(subcharts) {
		child, err := l.subchart(name, subcharts[name], at.join("charts/"+name))
		if err != nil {
			return nil, err
		}
		loaded.AddDependency(child)
	}
	return loaded, nil
}

func (l *loadedChart) subchart(name string, files []*archive.BufferedFile, at place) (*chart.Chart, error) {
	if len(files) == 0 {
		d := at.diagnose("not-a-chart", fmt.Sprintf("`charts/%s` is no chart: Helm takes everything in charts/ for one", name))
		d.Help = "move it away, or begin its name with `_`"
		return nil, sdk.Invalid(d)
	}
	if path.Ext(name) == ".tgz" {
		if files[0].Name != "" {
			return nil, sdk.Invalid(at.diagnose("bad-archive", fmt.Sprintf("`charts/%s` is a folder, but its name is that of an archive", name)))
		}
		return l.fromArchive(files[0].Data, at)
	}
	return l.fromFiles(files, at)
}

// split separates a chart's own files from those of its subcharts, whose names become relative to the subchart. Names
// in charts/ that begin with `_` or `.` are no charts; a plain file that is no archive comes without files.
func split(files []*archive.BufferedFile) (own []*archive.BufferedFile, subcharts map[string][]*archive.BufferedFile) {
	subcharts = map[string][]*archive.BufferedFile{}
	for _, file := range files {
		below, ok := strings.CutPrefix(file.Name, "charts/")
		if !ok || path.Ext(file.Name) == ".prov" {
			own = append(own, file)
			continue
		}
		name, rest, nested := strings.Cut(below, "/")
		if strings.IndexAny(name, "_.") == 0 {
			continue
		}
		if !nested && path.Ext(name) != ".tgz" {
			subcharts[name] = nil
			continue
		}
		subcharts[name] = append(subcharts[name], &archive.BufferedFile{Name: rest, ModTime: file.ModTime, Data: file.Data})
	}
	return own, subcharts
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

var gzipMagic = []byte{0x1f, 0x8b}

func (l *loadedChart) fromArchive(content []byte, at place) (*chart.Chart, error) {
	if !bytes.HasPrefix(content, gzipMagic) {
		d := at.diagnose("bad-archive", "the file is no chart archive: it is not compressed with gzip")
		if bytes.HasPrefix(content, []byte("version https://git-lfs")) {
			d.Message, d.Help = "the file is a Git LFS pointer, not the archive itself", "commit the archive to git without LFS"
		}
		return nil, sdk.Invalid(d)
	}
	files, err := archive.LoadArchiveFiles(bytes.NewReader(content))
	if err != nil {
		d := at.diagnose("bad-archive", "the chart archive is damaged or was not made by `helm package`: "+err.Error())
		d.Help = "make it again with `helm package` or `helm dependency build`"
		return nil, sdk.Invalid(d)
	}
	return l.fromFiles(files, at.open())
}

// loadFailure explains why one chart's own files were refused.
func loadFailure(err error, files []*archive.BufferedFile, at place) sdk.Diagnostic {
	text := err.Error()
	if text == "Chart.yaml file is missing" {
		d := at.diagnose("no-chart", "there is no Chart.yaml, so this is no chart")
		return d
	}
	if name, ok := strings.CutPrefix(text, "cannot load "); ok {
		name, _, _ = strings.Cut(name, ":")
		for _, file := range files {
			if file.Name == name {
				return yamlFailure("bad-chart", at.join(name), file.Data, err, parseAs(name))
			}
		}
	}
	return at.join("Chart.yaml").diagnose("bad-chart", strings.TrimPrefix(text, "validation: "))
}

// parseAs is how Helm reads the file of that name.
func parseAs(name string) func([]byte) error {
	switch name {
	case "values.yaml":
		return parseValues
	case "Chart.lock", "requirements.lock":
		return func(b []byte) error { return yaml.Unmarshal(b, new(chart.Lock)) }
	}
	return func(b []byte) error { return yaml.Unmarshal(b, new(chart.Metadata)) }
}

func parseValues(content []byte) error {
	_, err := loader.LoadValues(bytes.NewReader(content))
	return err
}

// refused explains why the host did not answer.
func refused(code string, at place, message string, err error) error {
	var refusal *sdk.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	return sdk.Invalid(at.diagnose(code, message+": "+refusal.Error()))
}
