package main

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	goyaml "sigs.k8s.io/yaml/goyaml.v3"

	"windlass.dev/sdk"
)

// place is where a file of a chart lies: at a path of the tree, or inside the archive at that path.
type place struct {
	source string
	path   string
	// archived is true for what is inside of an archive, inner its name there. Archives may hold archives; inner is then
	// the way through all of them.
	archived bool
	inner    string
}

func (p place) join(name string) place {
	if p.archived {
		p.inner = path.Join(p.inner, name)
		return p
	}
	p.path = path.Join(p.path, name)
	return p
}

// open is the inside of the archive at p.
func (p place) open() place {
	p.archived = true
	return p
}

// file is the place as a location; lines are known outside of archives only.
func (p place) file(line, column uint32) sdk.FileAt {
	at := sdk.At(p.path, line, column)
	if p.archived {
		at.Span = nil
	}
	at.Source = p.source
	return at
}

// inside says where in the archive, as the beginning of a message.
func (p place) inside(line, column uint32) string {
	switch {
	case !p.archived || p.inner == "":
		return ""
	case line == 0:
		return fmt.Sprintf("in `%s` of the archive: ", p.inner)
	}
	return fmt.Sprintf("in `%s`, line %d, column %d, of the archive: ", p.inner, line, column)
}

func (p place) diagnose(code, message string) sdk.Diagnostic {
	return p.diagnoseAt(code, message, 0, 0)
}

func (p place) diagnoseAt(code, message string, line, column uint32) sdk.Diagnostic {
	return sdk.Diagnostic{Code: code, Message: p.inside(line, column) + message, At: p.file(line, column)}
}

// yamlFailure is the diagnostic for a file that a YAML parser refuses.
func yamlFailure(code string, at place, content []byte, err error, parse func([]byte) error) sdk.Diagnostic {
	_, reason, isSyntax := sdk.CutYAML(err.Error())
	if !isSyntax {
		return at.diagnose(code, plainType(err.Error()))
	}
	line, column := sdk.LocateYAML(content, parse)
	return at.diagnoseAt(code, reason, line, column)
}

var unmarshalForm = regexp.MustCompile(`json: cannot unmarshal (\S+) into Go (?:value|struct field \S*?\.(\S+)) of type (\S+)`)

// plainType says in YAML's words what encoding/json says in Go's.
func plainType(text string) string {
	m := unmarshalForm.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	found := strings.NewReplacer("array", "list", "object", "map").Replace(m[1])
	switch {
	case m[2] != "":
		return fmt.Sprintf("`%s` holds a %s, where Helm needs a %s", m[2], found, m[3])
	case strings.HasPrefix(m[3], "map[") || strings.Contains(m[3], "."):
		return fmt.Sprintf("there is a %s, where keys and values are needed", found)
	}
	return fmt.Sprintf("there is a %s, where Helm needs a %s", found, m[3])
}

// diagnose points at the top chart's Chart.yaml.
func (l *loadedChart) diagnose(code, message string) sdk.Diagnostic {
	return l.at.inArchive(l).join("Chart.yaml").diagnose(code, message)
}

// inArchive is where the chart's own files lie.
func (p place) inArchive(l *loadedChart) place {
	if file := l.raw("Chart.yaml"); file != nil {
		at := l.places[file]
		if at.archived {
			return p.open()
		}
	}
	return p
}

// raw finds one of the top chart's own files.
func (l *loadedChart) raw(name string) *common.File { return findFile(l.chart.Raw, name) }

func findFile(files []*common.File, name string) *common.File {
	for _, file := range files {
		if file.Name == name {
			return file
		}
	}
	return nil
}

// diagnoseKey points at a key of the top chart's Chart.yaml, or as near as there is.
func (l *loadedChart) diagnoseKey(code, message string, keys ...any) sdk.Diagnostic {
	file := l.raw("Chart.yaml")
	if file == nil {
		return l.diagnose(code, message)
	}
	line, column, _ := locateKey(file.Data, keys)
	return l.places[file].diagnoseAt(code, message, line, column)
}

// locateKey finds the value at a path of keys (string) and indexes (int) in YAML; found counts how many of the keys
// there are, and line and column are the place of the last of them, 0 if none.
func locateKey(content []byte, keys []any) (line, column uint32, found int) {
	var document goyaml.Node
	if goyaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 {
		return 0, 0, 0
	}
	node := document.Content[0]
	for _, key := range keys {
		at, child := step(node, key)
		if child == nil {
			break
		}
		line, column, node = uint32(at.Line), uint32(at.Column), child
		found++
	}
	return line, column, found
}

// step goes down by one key: at is where it stands (the key itself, or the item), child what it holds.
func step(node *goyaml.Node, key any) (at, child *goyaml.Node) {
	if node.Kind == goyaml.AliasNode {
		node = node.Alias
	}
	switch key := key.(type) {
	case int:
		if node.Kind == goyaml.SequenceNode && key < len(node.Content) {
			return node.Content[key], node.Content[key]
		}
	case string:
		for i := 0; node.Kind == goyaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return node.Content[i], node.Content[i+1]
			}
		}
	}
	return nil, nil
}
