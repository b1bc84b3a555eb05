package main

import (
	"path"

	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// templateFile is a template under the name that Helm gives it.
type templateFile struct {
	// name is "chart/charts/sub/templates/x.yaml", with the names of the charts, not of their folders.
	name   string
	file   *common.File
	source []byte
	at     place
	// insertions are what file.Data has beyond source.
	insertions []insertion
}

// templates lists the templates of the chart and of the subcharts that are enabled.
func (l *loadedChart) templates() []*templateFile {
	var all []*templateFile
	var walk func(c *chart.Chart)
	walk = func(c *chart.Chart) {
		for _, file := range c.Templates {
			all = append(all, &templateFile{
				name: path.Join(c.ChartFullPath(), file.Name), file: file, source: file.Data, at: l.places[file],
			})
		}
		for _, sub := range c.Dependencies() {
			walk(sub)
		}
	}
	walk(l.chart)
	return all
}

func findTemplate(templates []*templateFile, name string) *templateFile {
	for _, template := range templates {
		if template.name == name {
			return template
		}
	}
	return nil
}

// randomUse finds what draws, and the time, which previews name as well.
var randomUse = wordsOf(append([]string{"now"}, randomFunctions...)...)

// markTemplates puts markers into the templates that tell the functions of functions.go where a call stands: a template
// function isn't told by Go. Markers print nothing, and move columns only, which sourceColumn takes back. Charts that draw
// no random values stay as they are.
func markTemplates(texts templateTexts) *sites {
	found := &sites{}
	if texts.all(func(text string) bool { return !randomUse.MatchString(text) }) {
		return found
	}
	done := map[*common.File][]insertion{}
	for _, template := range texts.templates {
		insertions, ok := done[template.file]
		if !ok {
			insertions = found.mark(template.file.Name, string(template.source))
			done[template.file] = insertions
			template.file.Data = []byte(apply(string(template.source), insertions))
		}
		template.insertions = insertions
	}
	return found
}
