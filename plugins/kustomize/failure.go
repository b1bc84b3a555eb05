package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"windlass.dev/sdk"
)

// kustomize's errors are chains of text whose words change between versions, and some hold pointers. What they are about
// is looked up in the inputs instead: a file that can't be parsed, a path that isn't there, a field that doesn't exist.
// The text is only searched for names, and shown.

var (
	noFileForm       = regexp.MustCompile(`(?:lstat|open) ` + mount + `/?([^\s:']*): (?:no such file or directory|file does not exist)`)
	outsideForm      = regexp.MustCompile(`'?([^\s':]+)'?\s*: (?:lstat [^:]+: )?` + regexp.QuoteMeta(errOutside.Error()))
	linkForm         = regexp.MustCompile(`lstat ` + mount + `/([^\s:']*): (denied: .*)$`)
	noRootForm       = regexp.MustCompile(`unable to find one of .* in directory '` + mount + `/?([^']*)'`)
	unknownFieldForm = regexp.MustCompile(`unknown field "([^"]+)"`)
	restrictionForm  = regexp.MustCompile(`security; file '([^']+)' is not in or below '([^']+)'`)
	pluginForm       = regexp.MustCompile(`(?i)external plugins disabled|plugins? (?:are|is)? ?disabled|enable-alpha-plugins|must specify --enable|couldn't execute function|is not executable`)
	externalForm     = regexp.MustCompile(`external plugin '([^']+)'`)
	pointerForm      = regexp.MustCompile(`\(?0x[0-9a-f]{6,}\)?`)
	notAFolderForm   = regexp.MustCompile(`(?s)^(?:accumulation err=')?accumulating resources from '[^']*': (.*)': must build at directory: .*$`)
	recursionForm    = regexp.MustCompile(`^(?:accumulating (?:resources|components): |recursed accumulation of path '[^']*': )`)
	noTargetForm     = regexp.MustCompile(`no matches for Id ([^.\s/]+)\.\S*?/([^\s/]+)\.\[?[^.\s]*`)
)

// explain turns a build's error into findings.
func explain(err error, files *treeFS, app string) error {
	in := files.inputs
	if len(in.refused) > 0 {
		return sdk.Invalid(in.refused...)
	}
	if broken := in.brokenFiles(); len(broken) > 0 {
		return sdk.Invalid(broken...)
	}
	text := clean(err.Error())
	for _, recognise := range []func(string) (sdk.Diagnostic, bool){
		in.unknownField, in.noKustomization, in.outside, in.noFile, in.badLink, in.restricted, in.noTarget, in.needsPlugin,
	} {
		if d, ok := recognise(err.Error()); ok {
			return sdk.Invalid(d)
		}
	}
	d := sdk.Diagnostic{Code: "build-failed", Message: text, At: sdk.At(in.rootFile(app), 0, 0)}
	if at, ok := in.named(err.Error()); ok {
		d.At = at
	}
	return sdk.Invalid(d)
}

// notAFile ends what kustomize says of a resource that is a folder; what follows is why the folder failed.
const notAFile = "must resolve to a file': "

// clean reduces a chain to its last link, which is the reason, and takes the mount and pointers out of it. kustomize
// tries every resource as a file, then as a folder, and tells of both.
func clean(text string) string {
	if at := strings.LastIndex(text, notAFile); at >= 0 {
		text = text[at+len(notAFile):]
	}
	for recursionForm.MatchString(text) {
		text = recursionForm.ReplaceAllString(text, "")
	}
	if m := notAFolderForm.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	text = strings.ReplaceAll(text, mount+"/", "")
	return strings.TrimSpace(pointerForm.ReplaceAllString(text, ""))
}

// brokenFiles are the files that were read as YAML and are none.
func (in *inputs) brokenFiles() []sdk.Diagnostic {
	var names []string
	for name := range in.files {
		names = append(names, name)
	}
	sort.Strings(names)
	var out []sdk.Diagnostic
	for _, name := range names {
		if !isYAML(name) {
			continue
		}
		content := in.files[name]
		if err := parseAll(content); err != nil {
			_, reason, _ := sdk.CutYAML(err.Error())
			line, column := sdk.LocateYAML(content, parseAll)
			out = append(out, sdk.Diagnostic{Code: "bad-yaml", Message: reason, At: sdk.At(name, line, column)})
		}
	}
	return out
}

// isYAML leaves out what only generators read: their files may hold anything.
func isYAML(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", "":
		return path.Ext(name) != "" || path.Base(name) == "Kustomization"
	}
	return false
}

func parseAll(content []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (in *inputs) unknownField(text string) (sdk.Diagnostic, bool) {
	m := unknownFieldForm.FindStringSubmatch(text)
	if m == nil {
		return sdk.Diagnostic{}, false
	}
	d := sdk.Diagnostic{Code: "unknown-field", Message: fmt.Sprintf("a kustomization has no field `%s`", m[1])}
	name := m[1][strings.LastIndexByte(m[1], '.')+1:]
	if at, ok := in.quotes(name); ok {
		d.At = at
	}
	return d, true
}

func (in *inputs) noKustomization(text string) (sdk.Diagnostic, bool) {
	m := noRootForm.FindStringSubmatch(text)
	if m == nil {
		return sdk.Diagnostic{}, false
	}
	d := sdk.Diagnostic{
		Code:    "no-kustomization",
		Message: fmt.Sprintf("the folder `%s` has no kustomization.yaml, kustomization.yml or Kustomization", m[1]),
		At:      sdk.At(m[1], 0, 0),
	}
	if at, ok := in.mentions(m[1]); ok {
		d.At = at
	}
	return d, true
}

func (in *inputs) noFile(text string) (sdk.Diagnostic, bool) {
	all := noFileForm.FindAllStringSubmatch(text, -1)
	for _, m := range all {
		if at, ok := in.mentions(m[1]); ok {
			return sdk.Diagnostic{Code: "missing-file", Message: fmt.Sprintf("there is no file or folder `%s`", m[1]), At: at}, true
		}
	}
	if len(all) == 0 {
		return sdk.Diagnostic{}, false
	}
	missing := all[0][1]
	d := sdk.Diagnostic{Code: "missing-file", Message: fmt.Sprintf("there is no file or folder `%s`", missing), At: sdk.At(missing, 0, 0)}
	if at, ok := in.named(text); ok {
		d.At = at
	}
	return d, true
}

func (in *inputs) outside(text string) (sdk.Diagnostic, bool) {
	if !strings.Contains(text, errOutside.Error()) {
		return sdk.Diagnostic{}, false
	}
	d := sdk.Diagnostic{Code: "outside-tree", Message: errOutside.Error()}
	if m := outsideForm.FindStringSubmatch(text); m != nil {
		d.Message = fmt.Sprintf("`%s`: %s", m[1], errOutside)
	}
	if at, ok := in.named(text); ok {
		d.At = at
	}
	return d, true
}

func (in *inputs) badLink(text string) (sdk.Diagnostic, bool) {
	m := linkForm.FindStringSubmatch(strings.SplitN(text, "\n", 2)[0])
	if m == nil {
		return sdk.Diagnostic{}, false
	}
	d := sdk.Diagnostic{Code: "bad-link", Message: fmt.Sprintf("`%s` can't be followed: %s", m[1], m[2]), At: sdk.At(m[1], 0, 0)}
	if at, ok := in.mentions(m[1]); ok {
		d.Related = []sdk.Related{{At: at, Text: "named here"}}
	}
	return d, true
}

func (in *inputs) restricted(text string) (sdk.Diagnostic, bool) {
	m := restrictionForm.FindStringSubmatch(text)
	if m == nil {
		return sdk.Diagnostic{}, false
	}
	file := strings.TrimPrefix(m[1], mount+"/")
	d := sdk.Diagnostic{
		Code:    "outside-root",
		Message: fmt.Sprintf("the file `%s` lies outside of the kustomization's folder", file),
		Help:    "make its folder a base with a kustomization of its own, or set `loadRestrictor` to `none`",
	}
	if at, ok := in.mentions(file); ok {
		d.At = at
	} else if at, ok := in.named(text); ok {
		d.At = at
	}
	return d, true
}

func (in *inputs) needsPlugin(text string) (sdk.Diagnostic, bool) {
	if !pluginForm.MatchString(text) {
		return sdk.Diagnostic{}, false
	}
	d := sdk.Diagnostic{
		Code:    "needs-program",
		Message: "the kustomization runs a program, a container or a chart, which no renderer may: " + clean(text),
		Help:    "use kustomize's built-in generators and transformers, or a plugin of Windlass as a further step",
	}
	if m := externalForm.FindStringSubmatch(text); m != nil {
		d.At = in.holding(m[1])
	} else if at, ok := in.named(text); ok {
		d.At = at
	}
	return d, true
}

// holding is the file that was read with an object of a kind, the first by name.
func (in *inputs) holding(kind string) sdk.Location {
	var names []string
	for name, content := range in.files {
		if slices.ContainsFunc(headsOf(name, string(content)), func(h head) bool { return h.kind == kind }) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return sdk.At(slices.Min(names), 1, 1)
}

// noTarget points at a patch that matches nothing.
func (in *inputs) noTarget(text string) (sdk.Diagnostic, bool) {
	m := noTargetForm.FindStringSubmatch(text)
	if m == nil {
		return sdk.Diagnostic{}, false
	}
	d := sdk.Diagnostic{
		Code:    "patch-without-target",
		Message: fmt.Sprintf("no resource matches the patch of %s `%s`", m[1], m[2]),
		At:      sdk.At(in.rootFile(""), 0, 0),
		Help:    "a patch names the resource as it is before prefixes and suffixes of its own kustomization are added",
	}
	wanted := func(h head) bool { return h.kind == m[1] && h.name == m[2] }
	for _, k := range in.kustomizations {
		for _, node := range k.patches() {
			file := k.resolve(node.Value)
			if content, ok := in.files[file]; ok && slices.ContainsFunc(headsOf(file, string(content)), wanted) {
				d.At = sdk.At(file, 1, 1)
				d.Related = []sdk.Related{{At: k.at(node), Text: "named here"}}
			} else if slices.ContainsFunc(headsOf("", node.Value), wanted) {
				d.At = k.at(node)
			}
		}
	}
	return d, true
}

// named finds the place of the text in a kustomization that an error puts in quotes, the last and innermost one. Quotes
// are nested without being escaped, so the texts are looked for in the error, and not the other way.
func (in *inputs) named(text string) (at sdk.FileAt, ok bool) {
	best := -1
	for _, k := range in.kustomizations {
		k.scalars(func(node *yaml.Node) {
			if len(node.Value) < 2 {
				return
			}
			for _, form := range []string{"'" + node.Value + "'", `"` + node.Value + `"`, "'" + mounted(k.resolve(node.Value)) + "'"} {
				if found := strings.LastIndex(text, form); found > best {
					best, at, ok = found, k.at(node), true
				}
			}
		})
	}
	return at, ok
}
