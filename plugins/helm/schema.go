package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"

	"windlass.dev/sdk"
)

// schemaCheck walks the charts the way Helm's ValidateAgainstSchema does, but keeps what it finds apart.
type schemaCheck struct {
	loaded   *loadedChart
	user     *userValues
	config   config
	findings []sdk.Diagnostic
}

// checkSchemas gives one diagnostic a finding.
func checkSchemas(loaded *loadedChart, user *userValues, c config, top common.Values) error {
	values, err := top.Table("Values")
	if err != nil {
		return err
	}
	check := &schemaCheck{loaded: loaded, user: user, config: c}
	check.chart(loaded.chart, values, nil)
	if len(check.findings) > 0 {
		return sdk.Invalid(check.findings...)
	}
	return nil
}

// chart checks a chart's values, which lie at the path `keys` of the top chart's, and those of its subcharts.
func (s *schemaCheck) chart(c *chart.Chart, values map[string]any, keys []any) {
	if c.Schema != nil {
		if err := util.ValidateAgainstSingleSchema(values, c.Schema); err != nil {
			s.refusals(c, err, keys)
		}
	}
	for _, sub := range c.Dependencies() {
		raw, ok := values[sub.Name()]
		if !ok || raw == nil {
			continue
		}
		below := append(append([]any{}, keys...), sub.Name())
		table, ok := raw.(map[string]any)
		if !ok {
			s.finding(c, below, fmt.Sprintf("the values of the subchart `%s` are no map", sub.Name()))
			continue
		}
		s.chart(sub, table, below)
	}
}

// refusals turns a validator's text into findings: "- at '/a/b': got number, want string", details indented.
func (s *schemaCheck) refusals(c *chart.Chart, err error, keys []any) {
	if _, ok := err.(util.JSONSchemaValidationError); !ok {
		s.badSchema(c, err)
		return
	}
	for _, f := range splitFindings(err.Error()) {
		s.finding(c, append(append([]any{}, keys...), pointerKeys(f.pointer)...), f.message)
	}
}

var findingForm = regexp.MustCompile(`^(\s*)- at '([^']*)': (.*)$`)

type schemaFinding struct{ pointer, message string }

// splitFindings joins the details of a finding (`anyOf` and the like) to its message.
func splitFindings(text string) []schemaFinding {
	var out []schemaFinding
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		m := findingForm.FindStringSubmatch(line)
		switch {
		case m != nil && m[1] == "":
			out = append(out, schemaFinding{m[2], m[3]})
		case len(out) > 0 && strings.TrimSpace(line) != "":
			out[len(out)-1].message += "; " + strings.TrimPrefix(strings.TrimSpace(line), "- ")
		}
	}
	if len(out) == 0 {
		out = append(out, schemaFinding{"", strings.TrimSpace(text)})
	}
	return out
}

// pointerKeys splits a JSON pointer; numbers may be indexes or keys, and are tried as indexes first.
func pointerKeys(pointer string) []any {
	var keys []any
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		if index, err := strconv.Atoi(token); err == nil && index >= 0 {
			keys = append(keys, index)
		} else {
			keys = append(keys, token)
		}
	}
	return keys
}

func (s *schemaCheck) badSchema(c *chart.Chart, err error) {
	d := sdk.Diagnostic{Code: "bad-schema", Message: "the schema can't be used: " + err.Error()}
	if file := findFile(c.Raw, "values.schema.json"); file != nil {
		d = s.loaded.places[file].diagnose(d.Code, d.Message)
	}
	if strings.Contains(err.Error(), "HTTP request") || strings.Contains(err.Error(), "http") {
		d.Help = "a renderer has no network: put the schema that `$ref` names into this file, or set `skipSchemaValidation`"
	}
	s.findings = append(s.findings, d)
}

func (s *schemaCheck) finding(c *chart.Chart, keys []any, message string) {
	at, inside := s.origin(keys)
	d := sdk.Diagnostic{Code: "values-against-schema", Message: inside + "`" + dotted(keys) + "`: " + message, At: at}
	if len(keys) == 0 {
		d.Message = inside + "the values: " + message
	}
	if file := findFile(c.Raw, "values.schema.json"); file != nil {
		d.Related = []sdk.Related{{At: s.loaded.places[file].file(0, 0), Text: "required by this schema of the chart `" + c.Name() + "`"}}
	}
	s.findings = append(s.findings, d)
}

// dotted writes keys as one writes them in a template.
func dotted(keys []any) string {
	var b strings.Builder
	for i, key := range keys {
		switch key := key.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", key)
		default:
			if i > 0 {
				b.WriteString(".")
			}
			fmt.Fprint(&b, key)
		}
	}
	return b.String()
}

// origin finds where the value at a path of keys was last given: a setting, inline values, a values file, the chart's
// own values.yaml. A value that is given nowhere (a missing one) is looked for by its parent.
func (s *schemaCheck) origin(keys []any) (at sdk.Location, inside string) {
	for wanted := len(keys); wanted > 0; wanted-- {
		if at := s.setting(keys[:wanted]); at != nil {
			return at, ""
		}
		if pointer, ok := s.inline(keys[:wanted]); ok {
			return pointer, ""
		}
		for i := len(s.user.files) - 1; i >= 0; i-- {
			if line, column, found := locateKey(s.user.files[i].content, keys[:wanted]); found == wanted {
				return s.user.files[i].at.file(line, column), ""
			}
		}
		if file := s.loaded.raw("values.yaml"); file != nil {
			if line, column, found := locateKey(file.Data, keys[:wanted]); found == wanted {
				origin := s.loaded.places[file]
				return origin.file(line, column), origin.inside(line, column)
			}
		}
	}
	if file := s.loaded.raw("values.yaml"); file != nil {
		origin := s.loaded.places[file]
		return origin.file(0, 0), origin.inside(0, 0)
	}
	return sdk.ConfigAt("/values"), ""
}

// setting finds a --set form that names exactly this value.
func (s *schemaCheck) setting(keys []any) sdk.Location {
	wanted := dotted(keys) + "="
	for _, form := range []struct {
		key      string
		settings []string
	}{{"setLiteral", s.config.SetLiteral}, {"setFile", s.config.SetFile}, {"setString", s.config.SetString}, {"set", s.config.Set}, {"setJson", s.config.SetJSON}} {
		for i, setting := range form.settings {
			if strings.HasPrefix(setting, wanted) || strings.Contains(setting, ","+wanted) {
				return sdk.ConfigAt(fmt.Sprintf("/%s/%d", form.key, i))
			}
		}
	}
	return nil
}

// inline finds the value in the config's own values.
func (s *schemaCheck) inline(keys []any) (sdk.ConfigAt, bool) {
	var value any
	if len(s.config.Values) == 0 || json.Unmarshal(s.config.Values, &value) != nil {
		return "", false
	}
	pointer := "/values"
	for _, key := range keys {
		var ok bool
		switch container := value.(type) {
		case map[string]any:
			value, ok = container[fmt.Sprint(key)]
		case []any:
			if i, isIndex := key.(int); isIndex && i < len(container) {
				value, ok = container[i], true
			}
		}
		if !ok {
			return "", false
		}
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(fmt.Sprint(key))
	}
	return sdk.ConfigAt(pointer), true
}
