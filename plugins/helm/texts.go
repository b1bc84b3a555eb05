package main

import (
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// templateTexts is everything that may be run as a template: the templates, and, because of `tpl`, all text in the
// values and in the charts' files.
type templateTexts struct {
	templates []*templateFile
	values    common.Values
	chart     *chart.Chart
}

var tplUse = wordsOf("tpl")

// all holds a condition against every text.
func (t templateTexts) all(holds func(string) bool) bool {
	runsText := false
	for _, template := range t.templates {
		text := string(template.source)
		if !holds(text) {
			return false
		}
		runsText = runsText || tplUse.MatchString(text)
	}
	return !runsText || (everyValue(map[string]any(t.values), holds) && everyFile(t.chart, holds))
}

func everyFile(c *chart.Chart, holds func(string) bool) bool {
	for _, file := range c.Files {
		if !holds(string(file.Data)) {
			return false
		}
	}
	for _, sub := range c.Dependencies() {
		if !everyFile(sub, holds) {
			return false
		}
	}
	return true
}

func everyValue(value any, holds func(string) bool) bool {
	switch value := value.(type) {
	case string:
		return holds(value)
	case common.Values:
		return everyValue(map[string]any(value), holds)
	case map[string]any:
		for key, child := range value {
			// The key that Helm itself gives to the capabilities is no use of them.
			if (key != "Capabilities" && !holds(key)) || !everyValue(child, holds) {
				return false
			}
		}
	case []any:
		for _, child := range value {
			if !everyValue(child, holds) {
				return false
			}
		}
	}
	return true
}
