package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"

	"windlass.dev/sdk"
)

// userValues are the values that the config gives, merged in Helm's order: files, inline values, set-json, set,
// set-string, set-file; what comes later wins.
type userValues struct {
	merged map[string]any
	// files are kept to find the line that a refused value comes from.
	files []valuesFile
}

type valuesFile struct {
	at      place
	content []byte
}

func readValues(c config, request *sdk.Request, tree *sdk.Tree) (*userValues, error) {
	user := &userValues{merged: map[string]any{}}
	r := resolver{request: request, tree: tree, base: appFolder(request.Path())}
	for i, reference := range c.ValueFiles {
		if err := user.addFile(r, reference, sdk.ConfigAt(fmt.Sprintf("/valueFiles/%d", i)), c.IgnoreMissingValueFiles); err != nil {
			return nil, err
		}
	}
	if len(c.Values) > 0 {
		inline := map[string]any{}
		// Through the same reader as files, so that numbers are what they are in a file.
		if err := yaml.Unmarshal(c.Values, &inline); err != nil {
			return nil, sdk.Invalid(sdk.Diagnostic{Code: "bad-values", Message: plainType(err.Error()), At: sdk.ConfigAt("/values")})
		}
		user.merged = loader.MergeMaps(user.merged, inline)
	}
	return user, user.addSettings(c, r)
}

func (u *userValues) addFile(r resolver, reference string, from sdk.ConfigAt, mayMiss bool) error {
	at, content, err := r.read(reference, from)
	if missing := isMissing(err); missing && mayMiss {
		return nil
	}
	if err != nil {
		return err
	}
	values, err := loader.LoadValues(bytes.NewReader(content))
	if err != nil {
		d := yamlFailure("bad-values", at, content, err, parseValues)
		d.Related = []sdk.Related{{At: from, Text: "named here"}}
		return sdk.Invalid(d)
	}
	u.files = append(u.files, valuesFile{at, content})
	u.merged = loader.MergeMaps(u.merged, values)
	return nil
}

// addSettings adds the forms of --set-json, --set, --set-string, --set-file and --set-literal.
func (u *userValues) addSettings(c config, r resolver) error {
	forms := []struct {
		key      string
		settings []string
		add      func(setting string, from sdk.ConfigAt) error
	}{
		{"setJson", c.SetJSON, func(s string, _ sdk.ConfigAt) error { return u.addJSON(s) }},
		{"set", c.Set, func(s string, _ sdk.ConfigAt) error { return strvals.ParseInto(s, u.merged) }},
		{"setString", c.SetString, func(s string, _ sdk.ConfigAt) error { return strvals.ParseIntoString(s, u.merged) }},
		{"setFile", c.SetFile, func(s string, from sdk.ConfigAt) error {
			return strvals.ParseIntoFile(s, u.merged, func(file []rune) (any, error) {
				_, content, err := r.read(string(file), from)
				return string(content), err
			})
		}},
		{"setLiteral", c.SetLiteral, func(s string, _ sdk.ConfigAt) error { return strvals.ParseLiteralInto(s, u.merged) }},
	}
	for _, form := range forms {
		for i, setting := range form.settings {
			from := sdk.ConfigAt(fmt.Sprintf("/%s/%d", form.key, i))
			if err := form.add(setting, from); err != nil {
				return settingFailure(setting, from, err)
			}
		}
	}
	return nil
}

func (u *userValues) addJSON(setting string) error {
	trimmed := strings.TrimSpace(setting)
	if !strings.HasPrefix(trimmed, "{") {
		return strvals.ParseJSON(setting, u.merged)
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(trimmed), &values); err != nil {
		return err
	}
	u.merged = loader.MergeMaps(u.merged, values)
	return nil
}

func settingFailure(setting string, from sdk.ConfigAt, err error) error {
	if invalid, ok := sdk.AsFailure(err).(*sdk.InvalidError); ok {
		return invalid
	}
	return sdk.Invalid(sdk.Diagnostic{
		Code:    "bad-setting",
		Message: fmt.Sprintf("`%s` can't be read as a setting: %v", setting, err),
		At:      from,
		Help:    "the form is `key=value` or `a.b[0].c=value`; write a literal comma as `\\,`",
	})
}

// resolver finds the files that a config names.
type resolver struct {
	request *sdk.Request
	tree    *sdk.Tree
	base    string
}

// appFolder is what relative references start from: the app's folder, or the one that holds its archive.
func appFolder(app string) string {
	if path.Ext(app) == ".tgz" {
		return strings.TrimPrefix(path.Dir("/"+app), "/")
	}
	return app
}

// read finds a file by `path` from the app, `/path` from the tree's root, or `$NAME/path` in another source.
func (r resolver) read(reference string, from sdk.ConfigAt) (place, []byte, error) {
	tree, at := r.tree, place{}
	start, rest := "/"+r.base, reference
	switch {
	case strings.HasPrefix(reference, "$"):
		name, below, _ := strings.Cut(reference[1:], "/")
		other, ok := r.request.Source(name)
		if !ok {
			return at, nil, sdk.Invalid(sdk.Diagnostic{Code: "no-source", Message: fmt.Sprintf("the app has no source named `%s`", name), At: from})
		}
		defer other.Close()
		tree, at.source, start, rest = other, name, "/", below
	case strings.HasPrefix(reference, "/"):
		start = "/"
	}
	if climbs(rest) > depth(start) {
		return at, nil, sdk.Invalid(sdk.Diagnostic{Code: "outside-tree", Message: fmt.Sprintf("`%s` leads out of the repository", reference), At: from})
	}
	at.path = strings.TrimPrefix(path.Join(start, rest), "/")
	content, err := tree.ReadFile(at.path)
	if err != nil {
		return at, nil, fileFailure(at, from, err)
	}
	return at, content, nil
}

// depth counts the folders above which lies the root.
func depth(absolute string) int {
	if absolute == "/" {
		return 0
	}
	return strings.Count(absolute, "/")
}

// climbs counts by how many folders a relative path goes up.
func climbs(relative string) int {
	cleaned := path.Clean(relative)
	n := 0
	for cleaned == ".." || strings.HasPrefix(cleaned, "../") {
		n++
		cleaned = strings.TrimPrefix(strings.TrimPrefix(cleaned, ".."), "/")
	}
	return n
}

const codeMissingFile = "missing-values-file"

func fileFailure(at place, from sdk.ConfigAt, err error) error {
	refusal, ok := err.(*sdk.Refusal)
	if !ok {
		return err
	}
	d := sdk.Diagnostic{
		Code:    "bad-values-file",
		Message: fmt.Sprintf("the file `%s` can't be read: %v", at.file(0, 0), refusal),
		At:      from,
		Related: []sdk.Related{{At: at.file(0, 0), Text: "looked for here"}},
	}
	if refusal.Reason == sdk.NotFound {
		d.Code, d.Message = codeMissingFile, fmt.Sprintf("there is no file `%s`", at.file(0, 0))
		d.Help = "paths start at the app's folder; `/` starts at the repository's root, and `$NAME/` at another source"
	}
	return sdk.Invalid(d)
}

func isMissing(err error) bool {
	invalid, ok := err.(*sdk.InvalidError)
	return ok && invalid.Diagnostics[0].Code == codeMissingFile
}
