package main

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"windlass.dev/sdk"
)

// The values of the attribute role.
const (
	roleCRD  = "crd"
	roleHook = "hook"
	roleTest = "test"
)

// notesName ends the names of the templates that are for people.
const notesName = "NOTES.txt"

// emit gives out CRDs, manifests and hooks, in the order of `helm template`.
func emit(loaded *loadedChart, templates []*templateFile, files map[string]string, c config, drawn generated, sink *sdk.Sink) error {
	for name := range files {
		if strings.HasSuffix(name, notesName) {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return sdk.Invalid(manifestFailure(err, files, templates))
	}
	var documents []sdk.Document
	if c.IncludeCRDs {
		documents = crdDocuments(loaded)
	}
	for _, manifest := range manifests {
		documents = append(documents, templateDocument(templates, manifest.Name, manifest.Content))
	}
	if len(documents) > 0 {
		// Helm trims what it prints before the hooks, as a whole.
		last := &documents[len(documents)-1]
		last.Content = bytes.TrimRightFunc(last.Content, unicode.IsSpace)
	}
	for _, hook := range hooks {
		if document, ok := hookDocument(templates, hook, c.SkipTests); ok {
			documents = append(documents, document)
		}
	}
	drawn.mark(documents)
	for _, document := range documents {
		sink.Emit(document)
	}
	return nil
}

// crdDocuments are the files in crds/ as they are, a chart's before those of its subcharts.
func crdDocuments(loaded *loadedChart) []sdk.Document {
	var documents []sdk.Document
	var walk func(c *chart.Chart)
	walk = func(c *chart.Chart) {
		for _, file := range c.Files {
			if !strings.HasPrefix(file.Name, "crds/") || !isManifest(file.Name) {
				continue
			}
			at := loaded.places[file]
			origin := at.file(0, 0)
			document := sdk.Document{
				Content: file.Data,
				Origin:  &origin,
				Attributes: []sdk.Pair{
					{Name: sdk.AttributeSourceComment, Value: path.Join(c.ChartFullPath(), file.Name)},
					{Name: sdk.AttributeRole, Value: roleCRD},
				},
			}
			document.Lines = verbatim(at, file.Data, string(file.Data))
			documents = append(documents, document)
		}
		for _, sub := range c.Dependencies() {
			walk(sub)
		}
	}
	walk(loaded.chart)
	return documents
}

func isManifest(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

func templateDocument(templates []*templateFile, name, content string) sdk.Document {
	document := sdk.Document{
		Content:    []byte(content),
		Attributes: []sdk.Pair{{Name: sdk.AttributeSourceComment, Value: name}},
	}
	if template := findTemplate(templates, name); template != nil {
		origin := template.at.file(0, 0)
		document.Origin = &origin
		if !bytes.Contains(template.source, []byte("{{")) {
			document.Lines = verbatim(template.at, template.source, content)
		}
	}
	return document
}

// verbatim maps the lines of a content that stands in the source as it is; nil if it doesn't, or twice.
func verbatim(at place, source []byte, content string) []sdk.Mapping {
	if at.archived || content == "" || bytes.Count(source, []byte(content)) != 1 {
		return nil
	}
	before := source[:bytes.Index(source, []byte(content))]
	first := uint32(bytes.Count(before, []byte("\n"))) + 1
	lines := uint32(strings.Count(strings.TrimSuffix(content, "\n"), "\n")) + 1
	origin := at.file(0, 0)
	origin.Span = &sdk.Span{Line: first, Column: 1, EndLine: first + lines, EndColumn: 1}
	return []sdk.Mapping{{Output: sdk.Span{Line: 1, Column: 1, EndLine: lines + 1, EndColumn: 1}, Origin: origin}}
}

func hookDocument(templates []*templateFile, hook *release.Hook, skipTests bool) (sdk.Document, bool) {
	document := templateDocument(templates, hook.Path, hook.Manifest)
	role := roleHook
	var events, policies []string
	for _, event := range hook.Events {
		if event == release.HookTest {
			role = roleTest
		}
		events = append(events, event.String())
	}
	for _, policy := range hook.DeletePolicies {
		policies = append(policies, string(policy))
	}
	document.Attributes = append(document.Attributes,
		sdk.Pair{Name: sdk.AttributeRole, Value: role},
		sdk.Pair{Name: sdk.AttributeHookEvents, Value: strings.Join(events, ",")},
		sdk.Pair{Name: sdk.AttributeHookWeight, Value: strconv.Itoa(hook.Weight)})
	if len(policies) > 0 {
		document.Attributes = append(document.Attributes, sdk.Pair{Name: sdk.AttributeHookDeletePolicies, Value: strings.Join(policies, ",")})
	}
	return document, role != roleTest || !skipTests
}

// manifestFailure explains a template that renders to broken YAML: where in the output, and where that comes from.
func manifestFailure(err error, files map[string]string, templates []*templateFile) sdk.Diagnostic {
	name, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "YAML parse error on "), ": ")
	template := findTemplate(templates, name)
	if template == nil {
		return sdk.Diagnostic{Code: "bad-manifest", Message: err.Error()}
	}
	for _, content := range splitDocuments(files[name]) {
		bad := parseHead([]byte(content))
		if bad == nil {
			continue
		}
		_, reason, isSyntax := sdk.CutYAML(bad.Error())
		if !isSyntax {
			return template.at.diagnose("bad-manifest", "the template renders to what is no Kubernetes object: "+plainType(bad.Error()))
		}
		line, _ := sdk.LocateYAML([]byte(content), parseHead)
		return brokenYAML(template, content, reason, line)
	}
	return template.at.diagnose("bad-manifest", err.Error())
}

func brokenYAML(template *templateFile, content, reason string, line uint32) sdk.Diagnostic {
	text := lineOf(content, line)
	at, column := sourceLine(string(template.source), text)
	d := template.at.diagnoseAt("bad-manifest", "the template renders to broken YAML: "+reason, at, column)
	d.Help = fmt.Sprintf("line %d of the rendered document is `%s`", line, strings.TrimSpace(text))
	d.Extra = []sdk.Pair{{Name: "rendered", Value: excerpt(content, line)}}
	return d
}

func lineOf(content string, line uint32) string {
	for text := range strings.Lines(content) {
		if line--; line == 0 {
			return strings.TrimRight(text, "\n")
		}
	}
	return ""
}

// sourceLine finds the line of a template that a rendered line comes from: the only one that is equal, or the only one
// with the same key. 0 if there is none, or more than one.
func sourceLine(source, rendered string) (line, column uint32) {
	same := func(text string) bool { return strings.TrimSpace(text) == strings.TrimSpace(rendered) }
	if line, column = onlyLine(source, same); line > 0 {
		return line, column
	}
	key, _, ok := strings.Cut(rendered, ":")
	if key = strings.TrimSpace(key); !ok || key == "" {
		return 0, 0
	}
	return onlyLine(source, func(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), key+":") })
}

func onlyLine(source string, wanted func(string) bool) (line, column uint32) {
	n := uint32(0)
	for text := range strings.Lines(source) {
		n++
		if !wanted(text) {
			continue
		}
		if line > 0 {
			return 0, 0
		}
		line, column = n, uint32(len(text)-len(strings.TrimLeft(text, " \t")))+1
	}
	return line, column
}

// excerptLines is how many lines are shown before and after the broken one.
const excerptLines = 3

func excerpt(content string, around uint32) string {
	var b strings.Builder
	n := uint32(0)
	for text := range strings.Lines(content) {
		n++
		if n+excerptLines >= around && n <= around+excerptLines {
			fmt.Fprintf(&b, "%4d | %s\n", n, strings.TrimRight(text, "\n"))
		}
	}
	return b.String()
}
