package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/sprig/v3"

	"windlass.dev/sdk"
)

// drawn renders templates and gives every line `key: value` of the output, by its key.
func drawn(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	sdk.SeedEntropy("test")
	values := map[string]string{}
	for _, document := range rendered(t, chartFiles(t, files)).Documents {
		for line := range strings.Lines(string(document.Content)) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
				values[key] = value
			}
		}
	}
	return values
}

// stable checks that every value of before is in after as well, and that none is there twice.
func stable(t *testing.T, before, after map[string]string) {
	t.Helper()
	seen := map[string]string{}
	for key, value := range after {
		if other, ok := seen[value]; ok {
			t.Errorf("%s and %s are both %s", key, other, value)
		}
		seen[value] = key
	}
	for key, value := range before {
		if after[key] != value {
			t.Errorf("%s was %s and is %s", key, value, after[key])
		}
	}
	if len(before) < 2 {
		t.Errorf("too little to compare: %v", before)
	}
}

const number = `{{ randInt 0 1000000000 }}`

func TestAnAddedCallRotatesNoOther(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"line":         {"a: N\nb: N", "z: N\na: N\ny: N\nb: N"},
		"same line":    {"a: N\nb: N", "z: N{{ \"\\n\" }}a: N\nb: N"},
		"document":     {"metadata:\n  name: one\nx: {a: N}\n---\nmetadata:\n  name: two\nx: {b: N}", "metadata:\n  name: zero\nx: {z: N}\n---\nmetadata:\n  name: one\nx: {a: N}\n---\nmetadata:\n  name: two\nx: {b: N}"},
		"flow":         {"metadata: {name: one}\na: N\n---\nmetadata: {name: two}\nb: N", "metadata: {name: zero}\nz: N\n---\nmetadata: {name: one}\na: N\n---\nmetadata: {name: two}\nb: N"},
		"parent":       {"p:\n  a: N\nq:\n  b: N", "o:\n  a0: N\n  x: N\np:\n  a: N\nq:\n  b: N"},
		"variables":    {"{{- $a := N0 }}{{ $b := N0 }}\na: {{ $a }}\nb: {{ $b }}", "{{- $z := N0 }}{{- $a := N0 }}{{ $b := N0 }}\na: {{ $a }}\nb: {{ $b }}"},
		"pipeline":     {"a: N\nb: N", "a: {{ randInt 0 1000000000 | quote | trimAll \"\\\"\" }}\nb: N"},
		"condition":    {"a: N\nb: N", "{{ if true }}\na: N\n{{ else if N1 }}{{ end }}\nb: N"},
		"range list":   {"{{ range list \"p\" \"q\" }}\n{{ . }}: N\n{{ end }}", "{{ range list \"o\" \"p\" \"x\" \"q\" }}\n{{ . }}: N\n{{ end }}"},
		"range map":    {"{{ range $k, $v := dict \"p\" 1 \"q\" 1 }}\n{{ $k }}: N\n{{ end }}", "{{ range $k, $v := dict \"o\" 1 \"p\" 2 \"q\" 1 }}\n{{ $k }}: N\n{{ end }}"},
		"range items":  {"{{ range list (dict \"name\" \"p\") (dict \"name\" \"q\") -}}\n{{ .name }}: N\n{{ end }}", "{{ range list (dict \"name\" \"o\") (dict \"name\" \"p\") (dict \"name\" \"q\") -}}\n{{ .name }}: N\n{{ end }}"},
		"nested range": {"{{- range $i := list \"p\" \"q\" }}{{ range $j := list \"r\" \"s\" }}\n{{ $i }}{{ $j }}: N\n{{- end }}{{ end }}", "{{- range $i := list \"o\" \"p\" \"q\" }}{{ range $j := list \"a\" \"r\" \"s\" }}\n{{ $i }}{{ $j }}: N\n{{- end }}{{ end }}"},
		"include":      {"{{ define \"n\" }}N{{ end }}\na: {{ include \"n\" . }}\nb: {{ include \"n\" . }}", "{{ define \"n\" }}N{{ end }}\nz: {{ include \"n\" . }}\na: {{ include \"n\" . }}\nb: {{ template \"n\" . }}"},
		"recursion":    {"{{- define \"n\" -}}\nk{{ . }}: N\n{{- if gt . 0 }}\n{{ include \"n\" (sub . 1 | int) }}\nl{{ . }}: N\n{{- end }}{{ end -}}\n{{ include \"n\" 2 }}", "{{- define \"n\" -}}\nk{{ . }}: N\n{{- if gt . 0 }}\n{{ include \"n\" (sub . 1 | int) }}\nl{{ . }}: N\n{{- end }}{{ end -}}\nz: N\n{{ include \"n\" 2 }}"},
		"kept":         {"{{ define \"n\" }}{{ if not .Values.k }}{{ $_ := set .Values \"k\" N0 }}{{ end }}{{ .Values.k }}{{ end }}\na: {{ include \"n\" . }}\nb: N", "{{ define \"n\" }}{{ if not .Values.k }}{{ $_ := set .Values \"k\" N0 }}{{ end }}{{ .Values.k }}{{ end }}\n{{ $x := include \"n\" . }}\na: {{ include \"n\" . }}\nb: N"},
		"define":       {"{{ define \"n\" }}N{{ end }}\na: {{ include \"n\" . }}\nb: N", "{{ define \"m\" }}kind: N{{ end }}{{ define \"n\" }}N{{ end }}\na: {{ include \"n\" . }}\nb: N"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer("N0", "(randInt 0 1000000000)", "N1", "eq 0 (randInt 0 1000000000)", "N", number)
			before := drawn(t, map[string]string{"templates/a.yaml": text.Replace(c.before)})
			after := drawn(t, map[string]string{"templates/0.yaml": "zz: " + number, "templates/a.yaml": text.Replace(c.after)})
			stable(t, before, after)
		})
	}
}

func TestAnIncludedFileIsTheFile(t *testing.T) {
	files := map[string]string{
		"templates/secret.yaml": "p: " + number,
		"templates/user.yaml":   "p: {{ range list 1 2 }}" + number + "{{ end }}",
		"templates/a.yaml":      `a: {{ include "demo/templates/secret.yaml" . | trimPrefix "p: " }}`,
	}
	sdk.SeedEntropy("test")
	texts := map[string]string{}
	for _, d := range rendered(t, chartFiles(t, files)).Documents {
		texts[d.Origin.Path] = strings.TrimSpace(strings.TrimLeft(string(d.Content), "ap: "))
	}
	if texts["app/templates/a.yaml"] != texts["app/templates/secret.yaml"] {
		t.Errorf("got %v", texts)
	}
}

func TestChartsUnderAnAliasHaveTheirOwnValues(t *testing.T) {
	dependencies := "dependencies:\n- {name: sub, version: 1.0.0, alias: one}\n- {name: sub, version: 1.0.0, alias: two}\n"
	sdk.SeedEntropy("test")
	documents := rendered(t, chartFiles(t, map[string]string{
		"Chart.yaml":                     "apiVersion: v2\nname: demo\nversion: 1.0.0\n" + dependencies,
		"charts/sub/Chart.yaml":          "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
		"charts/sub/templates/list.yaml": "n: " + number,
	})).Documents
	if len(documents) != 2 || string(documents[0].Content) == string(documents[1].Content) {
		t.Errorf("got %v", documents)
	}
}

func TestMarkersChangeNoByte(t *testing.T) {
	for _, source := range []string{
		"a:\n  {{- include \"x\" . -}}\n  b",
		"{{ define \"y\" -}}\n  {{- include \"x\" . }}\n{{ end -}}\n  k: {{ include \"y\" . }}",
		"  \n {{- range $i, $e := list 1 2 -}} \n {{ include \"x\" $e }} \n {{- else -}} e {{ end }}",
		"{{ range list 1 2 }}{{- if include \"x\" . }} a {{ else if include \"x\" . }} b {{- end }}{{ end }}",
		"{{ with include \"x\" . }}{{ . }}{{ end }}{{ block \"z\" . }} {{ template \"x\" . }} {{ end }}",
		"{{ \"}} {{ include\" }}{{ `{{ \"` }}{{/* {{ include \"x\" . }} */}}{{ '}' }}{{-3 -}} {{ include \"x\" . }}",
		"{{- /* c */ -}}\n{{ $x := include \"x\" .\n}}{{ if true -}}\n{{ $x }}{{ end }}\n",
		"{{ range $i := list 1 2 3 }}{{ if eq $i 2 }}{{ continue }}{{ end }}{{ include \"x\" . }}{{ break }}{{ end }}",
	} {
		render := func(comment string) string {
			documents := rendered(t, chartFiles(t, map[string]string{
				"templates/a.yaml": "text: {{ include \"demo/templates/_s.tpl\" . | quote }}",
				"templates/_s.tpl": source,
				"templates/_x.tpl": comment + "{{ define \"x\" }} [{{ . | kindOf }}]\n{{ end }}",
			})).Documents
			return string(documents[0].Content)
		}
		if plain, marked := render(""), render("{{/* randInt */}}"); plain != marked {
			t.Errorf("%q: %q, with markers %q", source, plain, marked)
		}
	}
}

func TestMarkersMoveNoColumn(t *testing.T) {
	source := "{{ $a := randInt 0 1 }}{{- $b := randInt 0 1 -}}{{ fail \"here\" }}\n"
	for line := range 3 {
		text := strings.Repeat("x: {{ randInt 0 1 }}\n", line) + source
		found := findings(t, chartFiles(t, map[string]string{"templates/a.yaml": text}))[0]
		want := fmt.Sprintf("app/templates/a.yaml:%d:%d", line+1, strings.Index(source, "fail")+1)
		if found.At.(sdk.FileAt).String() != want {
			t.Errorf("%v, not at %s", found, want)
		}
	}
}

func TestGeneratedFieldsAreNamed(t *testing.T) {
	documents := rendered(t, chartFiles(t, map[string]string{
		"templates/a.yaml": "metadata: {name: a}\ndata:\n  {{- $p := randAlphaNum 20 }}\n  plain: {{ $p }}\n  encoded: {{ b64enc $p }}\n  json: '{\"p\": \"{{ $p }}\"}'\n  other: x\n  a/b: [x, \"{{ $p }}\"]\n",
		"templates/b.yaml": "hash: {{ randAlphaNum 20 | sha256sum }}\n",
		"templates/c.yaml": "port: {{ randInt 1 9 }}\n---\nat: {{ now }}\n",
		"templates/d.yaml": "nothing: x\n",
	})).Documents
	var marks []string
	for _, d := range documents {
		mark := "none"
		if i := slices.IndexFunc(d.Attributes, func(a sdk.Pair) bool { return a.Name == attributeGenerated }); i >= 0 {
			mark = strings.ReplaceAll(d.Attributes[i].Value, "\n", " ")
		}
		marks = append(marks, d.Attribute(sdk.AttributeSourceComment)[15:]+"="+mark)
	}
	slices.Sort(marks)
	want := []string{"a.yaml=/data/plain /data/encoded /data/json /data/a~1b/1", "b.yaml=", "c.yaml=", "c.yaml=", "d.yaml=none"}
	if !slices.Equal(marks, want) {
		t.Errorf("got %q", marks)
	}
}

// Every function that a chart may call stands in a golden chart, which is compared with the native command.
func TestGoldenChartsCallEveryFunction(t *testing.T) {
	var text strings.Builder
	err := filepath.WalkDir("../../tests/cases/helm", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(name, "/templates/") || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		text.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	leftOut := []string{"env", "expandenv"} // by Helm
	for _, name := range sortedKeys(sprig.TxtFuncMap()) {
		called := regexp.MustCompile(`[^-\w."` + "`" + `]` + name + `\b[^"]`).MatchString(text.String())
		if !called && !slices.Contains(leftOut, name) {
			t.Errorf("no golden chart calls `%s`", name)
		}
	}
}
