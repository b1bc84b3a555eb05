package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"windlass.dev/sdk"
	"windlass.dev/sdk/renderer"
)

// chartFiles makes a tree with a chart at `app`; names are relative to the chart.
func chartFiles(t *testing.T, files map[string]string) sdk.Facts {
	t.Helper()
	dir := t.TempDir()
	if _, ok := files["Chart.yaml"]; !ok {
		write(t, dir, "app/Chart.yaml", "apiVersion: v2\nname: demo\nversion: 1.0.0\n")
	}
	for name, content := range files {
		if target, ok := strings.CutPrefix(content, "->"); ok {
			if err := os.Symlink(target, filepath.Join(dir, "app", name)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, dir, filepath.Join("app", name), content)
	}
	return sdk.Facts{Tree: openDir(t, dir), Path: "app", Now: time.Unix(1750000000, 0).UTC(), APIs: []string{"v1", "apps/v1"}}
}

// findings are the diagnostics of a render that must fail.
func findings(t *testing.T, facts sdk.Facts) []sdk.Diagnostic {
	t.Helper()
	output, err := renderer.Run(facts)
	var invalid *sdk.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v, %v", output, err)
	}
	return invalid.Diagnostics
}

func rendered(t *testing.T, facts sdk.Facts) *sdk.Output {
	t.Helper()
	output, err := renderer.Run(facts)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// asked renders with a request of the test's own, and returns the facts that the chart asked for.
func asked(t *testing.T, facts sdk.Facts) []string {
	t.Helper()
	request := sdk.NewRequest(facts)
	sink, _ := sdk.NewSink()
	if err := render(request, sink); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(sdk.Asked(request), func(fact string) bool {
		return fact == "app" || fact == "config" || fact == "path"
	})
}

func TestAChartAsksForWhatItUsesOnly(t *testing.T) {
	for template, want := range map[string][]string{
		`a: {{ .Release.Name }}`:                                          {},
		`a: {{ .Capabilities.APIVersions.Has "apps/v1" }}`:                {"has-api apps/v1"},
		`a: {{ if false }}{{ .Capabilities.APIVersions.Has "x" }}{{end}}`: {},
		`a: {{ .Capabilities.KubeVersion.Minor }}`:                        {"kube-version"},
		`a: {{ .Capabilities.APIVersions | toJson }}`:                     {"apis", "kube-version"},
		`a: {{ toJson .Capabilities }}`:                                   {"apis", "kube-version"},
		`a: {{ now | date "2006" }}`:                                      {"now"},
		`a: {{ date "2006" (toDate "2006" "1999") }}`:                     {},
		`a: {{ date "2006" nil }}`:                                        {"now"},
		`a: {{ (genCA "x" 1).Cert | len }}`:                               {"now"},
		`a: {{ tpl .Values.t . }}`:                                        {"apis", "kube-version"},
	} {
		facts := chartFiles(t, map[string]string{"templates/a.yaml": template})
		if strings.Contains(template, ".Values.t") {
			facts.Config = `{"values":{"t":"{{ .Capabilities.APIVersions }}"}}`
		}
		if got := asked(t, facts); !slices.Equal(got, want) {
			t.Errorf("%s: asked %v, want %v", template, got, want)
		}
	}
}

func TestDocumentsSayWhereTheyComeFrom(t *testing.T) {
	facts := chartFiles(t, map[string]string{
		"Chart.yaml":                     "apiVersion: v2\nname: demo\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.0.0, alias: other}]\n",
		"crds/crd.yaml":                  "kind: CustomResourceDefinition\n",
		"templates/static.yaml":          "# first\n---\nkind: A\nmetadata: {name: a}\n---\nkind: B\n",
		"templates/dynamic.yaml":         "kind: {{ .Release.Name }}\n",
		"templates/hook.yaml":            "kind: Job\nmetadata:\n  name: h\n  annotations:\n    helm.sh/hook: pre-install,post-upgrade\n    helm.sh/hook-weight: \"-3\"\n    helm.sh/hook-delete-policy: hook-succeeded, before-hook-creation\n",
		"templates/test.yaml":            "kind: Pod\nmetadata: {annotations: {helm.sh/hook: test}}\n",
		"charts/folder/Chart.yaml":       "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
		"charts/folder/templates/c.yaml": "kind: C\nx: {{ .Chart.Name }}\n",
	})
	output := rendered(t, facts)
	byComment := map[string]sdk.Document{}
	for _, d := range output.Documents {
		byComment[d.Attribute(sdk.AttributeSourceComment)+" "+strings.SplitN(string(d.Content), "\n", 2)[0]] = d
	}
	for comment, want := range map[string]struct {
		origin     string
		line       uint32
		attributes []string
	}{
		"demo/crds/crd.yaml kind: CustomResourceDefinition": {"app/crds/crd.yaml", 1, []string{"crd"}},
		"demo/templates/static.yaml kind: B":                {"app/templates/static.yaml", 6, nil},
		"demo/templates/dynamic.yaml kind: app":             {"app/templates/dynamic.yaml", 0, nil},
		"demo/templates/hook.yaml kind: Job":                {"app/templates/hook.yaml", 1, []string{"hook", "pre-install,post-upgrade", "-3", "hook-succeeded,before-hook-creation"}},
		"demo/templates/test.yaml kind: Pod":                {"app/templates/test.yaml", 1, []string{"test", "test", "0"}},
		"demo/charts/other/templates/c.yaml kind: C":        {"app/charts/folder/templates/c.yaml", 0, nil},
	} {
		d, ok := byComment[comment]
		if !ok {
			t.Errorf("%s is missing", comment)
			continue
		}
		var attributes []string
		for _, a := range d.Attributes[1:] {
			attributes = append(attributes, a.Value)
		}
		line := uint32(0)
		if len(d.Lines) > 0 {
			line = d.Lines[0].Origin.Span.Line
		}
		if d.Origin.Path != want.origin || line != want.line || !slices.Equal(attributes, want.attributes) {
			t.Errorf("%s: %v, line %d, %v", comment, d.Origin, line, attributes)
		}
	}
}

func TestEveryCallDrawsFromItsOwnStream(t *testing.T) {
	numbers := func(files map[string]string) map[string]string {
		sdk.SeedEntropy("test")
		out := map[string]string{}
		for _, d := range rendered(t, chartFiles(t, files)).Documents {
			out[d.Origin.Path] = string(d.Content)
		}
		return out
	}
	one := `n: [{{ randInt 0 1000000 }}, {{ randInt 0 1000000 }}]`
	before := numbers(map[string]string{"templates/a.yaml": one, "templates/b.yaml": one})
	again := numbers(map[string]string{"templates/a.yaml": one, "templates/b.yaml": one})
	if !reflect.DeepEqual(before, again) {
		t.Errorf("the same chart gave %v, then %v", before, again)
	}
	if before["app/templates/a.yaml"] == before["app/templates/b.yaml"] || strings.Count(before["app/templates/a.yaml"], "[0, 0]") > 0 {
		t.Errorf("two files share a stream: %v", before)
	}
	added := numbers(map[string]string{
		"templates/0.yaml": one, "templates/a.yaml": `x: {{ shuffle "abcdefgh" }}{{ "\n" }}` + one, "templates/b.yaml": one,
	})
	if added["app/templates/b.yaml"] != before["app/templates/b.yaml"] || !strings.HasSuffix(added["app/templates/a.yaml"], before["app/templates/a.yaml"]) {
		t.Errorf("an added call changed others: %v, then %v", before, added)
	}
}

func TestTheMarkerTakesAnyData(t *testing.T) {
	one := "n: {{ randInt 0 1000000 }}"
	files := map[string]string{
		"templates/a.yaml": `a: {{ include "demo/templates/b.yaml" (dict "x" 1) | quote }}` + "\n" + `c: {{ include "demo/templates/b.yaml" nil | quote }}`,
		"templates/b.yaml": one,
	}
	sdk.SeedEntropy("test")
	before := rendered(t, chartFiles(t, files)).Documents
	files["templates/0.yaml"] = one
	sdk.SeedEntropy("test")
	after := rendered(t, chartFiles(t, files)).Documents
	for _, d := range before {
		if !slices.ContainsFunc(after, func(other sdk.Document) bool { return string(other.Content) == string(d.Content) }) {
			t.Errorf("%q changed", d.Content)
		}
	}
}

func TestTextInFilesMayBeATemplate(t *testing.T) {
	facts := chartFiles(t, map[string]string{
		"templates/a.yaml": `a: {{ tpl (.Files.Get "text") . }}`, "text": "{{ .Capabilities.APIVersions | toJson }}",
	})
	if got := rendered(t, facts).Documents[0]; string(got.Content) != `a: ["v1","apps/v1"]` {
		t.Errorf("got %s", got.Content)
	}
}

func TestTheMarkerMovesNoColumn(t *testing.T) {
	for _, random := range []string{"", "{{/* randInt */}}"} {
		facts := chartFiles(t, map[string]string{"templates/a.yaml": `k: {{ fail "no" }}` + random})
		if got := findings(t, facts)[0]; got.At.(sdk.FileAt).String() != "app/templates/a.yaml:1:7" {
			t.Errorf("%q: %v", random, got)
		}
	}
}

func TestBrokenInputsSayWhere(t *testing.T) {
	lfs := "version https://git-lfs.github.com/spec/v1\n"
	for name, c := range map[string]struct {
		files  map[string]string
		config string
		want   string
	}{
		"no chart":          {map[string]string{"Chart.yaml": ""}, "", "app/Chart.yaml: error[bad-chart]: chart.metadata.name is required"},
		"damaged archive":   {map[string]string{"charts/a.tgz": "\x1f\x8bnot gzip at all"}, "", "app/charts/a.tgz: error[bad-archive]: the chart archive is damaged"},
		"lfs pointer":       {map[string]string{"charts/a.tgz": lfs}, "", "app/charts/a.tgz: error[bad-archive]: the file is a Git LFS pointer"},
		"file in charts":    {map[string]string{"charts/README.md": "x"}, "", "app/charts/README.md: error[not-a-chart]"},
		"dangling link":     {map[string]string{"templates/x.yaml": "a: b", "out": "->../../outside"}, "", "app/out: error[bad-link]"},
		"link to itself":    {map[string]string{"loop": "->."}, "", "error[bad-link]: the symbolic link"},
		"bad ignore":        {map[string]string{".helmignore": "ok\na/**/b\n"}, "", "app/.helmignore:2:1: error[bad-helmignore]"},
		"bad setting":       {nil, `{"set":["a=1","a[x]=2"]}`, "config /set/1: error[bad-setting]"},
		"missing file":      {nil, `{"valueFiles":["v.yaml"]}`, "config /valueFiles/0: error[missing-values-file]: there is no file `app/v.yaml`"},
		"missing set-file":  {nil, `{"setFile":["a=gone.txt"]}`, "config /setFile/0: error[missing-values-file]"},
		"outside":           {nil, `{"valueFiles":["../../v.yaml"]}`, "config /valueFiles/0: error[outside-tree]"},
		"no source":         {nil, `{"valueFiles":["$env/v.yaml"]}`, "config /valueFiles/0: error[no-source]: the app has no source named `env`"},
		"list as values":    {map[string]string{"v.yaml": "- a\n"}, `{"valueFiles":["v.yaml"]}`, "app/v.yaml: error[bad-values]: there is a list, where keys and values are needed"},
		"bad values file":   {map[string]string{"v.yaml": "a: b\nc: \"open\n"}, `{"valueFiles":["v.yaml"]}`, "app/v.yaml:"},
		"bad release name":  {nil, `{"releaseName":"Up"}`, "config /releaseName: error[bad-release-name]"},
		"unknown function":  {map[string]string{"templates/a.yaml": "\n\n  {{ env \"HOME\" }}"}, "", "app/templates/a.yaml:3:3: error[template-syntax]: function \"env\" not defined"},
		"unknown template":  {map[string]string{"templates/a.yaml": "a: {{ include \"no.such\" . }}"}, "", "app/templates/a.yaml:1:7: error[template-error]: there is no template named `no.such`"},
		"endless include":   {map[string]string{"templates/_a.tpl": "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}", "templates/b.yaml": "{{ include \"a\" . }}"}, "", "app/templates/b.yaml:1:4: error[template-recursion]: the template `a` includes itself"},
		"schema not JSON":   {map[string]string{"values.schema.json": "{"}, "", "app/values.schema.json: error[bad-schema]"},
		"schema of network": {map[string]string{"values.schema.json": `{"$ref":"http://127.0.0.1:1/s.json"}`}, "", "app/values.schema.json: error[bad-schema]"},
		"not an object":     {map[string]string{"templates/a.yaml": "just text"}, "", "app/templates/a.yaml: error[bad-manifest]"},
		"api version":       {map[string]string{"Chart.yaml": "apiVersion: v3\nname: a\nversion: 1.0.0\n"}, "", "app/Chart.yaml:1:1: error[unsupported-chart]"},
		"in an include":     {map[string]string{"templates/_h.tpl": "{{ define \"h\" }}\n{{ .Values.a.b }}\n{{ end }}", "templates/a.yaml": "a: {{ include \"h\" . }}"}, "", "app/templates/_h.tpl:2:"},
		"in a tpl":          {map[string]string{"templates/a.yaml": "a: 1\nb: {{ tpl \"{{ .Values.a.b }}\" . }}"}, "", "app/templates/a.yaml:2:7: error[template-error]"},
	} {
		t.Run(name, func(t *testing.T) {
			facts := chartFiles(t, c.files)
			facts.Config = c.config
			got := findings(t, facts)
			if !strings.Contains(got[0].String(), c.want) {
				t.Errorf("got  %s\nwant %s", got[0], c.want)
			}
		})
	}
}

func TestWarningsBecomeFindings(t *testing.T) {
	output := rendered(t, chartFiles(t, map[string]string{
		"Chart.yaml":          "apiVersion: v2\nname: demo\nversion: 1.0.0\ndeprecated: true\n",
		"templates/hook.yaml": "kind: Job\nmetadata: {annotations: {helm.sh/hook: crd-install}}\n",
	}))
	var codes []string
	for _, d := range output.Diagnostics {
		if d.Severity != sdk.Warning {
			t.Errorf("not a warning: %v", d)
		}
		codes = append(codes, d.Code)
	}
	if !slices.Equal(codes, []string{"deprecated-chart", "unknown-hook"}) {
		t.Errorf("got %v", output.Diagnostics)
	}
}

func TestAnArchiveIsAChart(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "src/demo/Chart.yaml", "apiVersion: v2\nname: demo\nversion: 1.0.0\n")
	write(t, dir, "src/demo/templates/a.yaml", "kind: {{ .Values.kind }}\nname: {{ .Release.Name }}\n")
	write(t, dir, "src/demo/values.yaml", "kind: Fine\n")
	write(t, dir, "charts/demo.tgz", string(packed(t, filepath.Join(dir, "src/demo"))))
	write(t, dir, "charts/v.yaml", "kind: Beside\n")
	facts := sdk.Facts{Tree: openDir(t, dir), Path: "charts/demo.tgz", Config: `{"valueFiles":["v.yaml"]}`}
	document := rendered(t, facts).Documents[0]
	if string(document.Content) != "kind: Beside\nname: demo" || document.Origin.String() != "charts/demo.tgz" {
		t.Errorf("%q from %v", document.Content, document.Origin)
	}
	facts.Config = "{}"
	write(t, dir, "src/demo/templates/a.yaml", "ok: 1\nkind: {{ fail \"no\" }}\n")
	write(t, dir, "charts/demo.tgz", string(packed(t, filepath.Join(dir, "src/demo"))))
	if d := findings(t, facts)[0]; d.String() != "charts/demo.tgz: error[template-failed]: in `templates/a.yaml`, line 2, column 10, of the archive: no" {
		t.Errorf("got %v", d)
	}
}

func TestTheVersionIsThatOfTheModule(t *testing.T) {
	content, err := os.ReadFile("go.mod")
	if err != nil || !strings.Contains(string(content), "helm.sh/helm/v4 "+helmVersion+"\n") {
		t.Errorf("helmVersion %s is not that of go.mod (%v)", helmVersion, err)
	}
	plugin, err := os.ReadFile("plugin.yaml")
	if err != nil || !strings.Contains(string(plugin), "\nversion: "+strings.TrimPrefix(helmVersion, "v")+"\n") {
		t.Errorf("helmVersion %s is not that of plugin.yaml (%v)", helmVersion, err)
	}
}
