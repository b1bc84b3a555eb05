package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"windlass.dev/sdk"
)

// Helm reduces the errors of text/template to text, in one of these forms:
//
//	parse error at (chart/templates/x.yaml:12): unexpected "}" in operand
//	execution error at (chart/templates/x.yaml:3:5): the message of `fail` or `required`
//	chart/templates/x.yaml:3:5                      a frame, outermost first, for everything else
//	  executing "name" at <include "y" .>:
//	    error calling include:
//	template: chart/templates/x.yaml:3:5: executing "name" at <include "y" .>: error calling include: template: …
//	                                                Go's own chain on one line, where Helm can't take it apart
var (
	errorForm      = regexp.MustCompile(`(?s)^(parse|execution) error (?:at|in) \(([^)]*)\): (.*)$`)
	locationForm   = regexp.MustCompile(`^(\S[^:]*):(\d+)(?::(\d+))?$`)
	chainForm      = regexp.MustCompile(`(?s)^(\S[^:]*:\d+(?::\d+)?): (?:executing "(?:[^"]*)" at <(.*?)>: )?(.*)$`)
	executingForm  = regexp.MustCompile(`^\s*executing "(.*)" at <(.*)>:$`)
	noTemplateForm = regexp.MustCompile(`(?s)^.*(?:template: )?no template "([^"]+)" associated with template "[^"]*"$`)
	recursionForm  = regexp.MustCompile(`rendering template has a nested reference name: (\S+): unable to execute template`)
)

// frame is one level of a template's stack.
type frame struct {
	name         string
	line, column uint32
	executing    string
	message      string
}

// templateFailure explains why the templates can't be rendered.
func templateFailure(text string, templates []*templateFile) sdk.Diagnostic {
	t := translator{templates}
	switch {
	case errorForm.MatchString(text):
		m := errorForm.FindStringSubmatch(text)
		at, ok := parseLocation(m[2])
		if m[1] == "parse" {
			return t.locate("template-syntax", at, ok, m[3])
		}
		return t.locate("template-failed", at, ok, m[3])
	}
	frames := parseFrames(text)
	if strings.HasPrefix(text, "template: ") {
		frames = parseChain(text)
	}
	if len(frames) == 0 {
		return sdk.Diagnostic{Code: "template-error", Message: strings.TrimPrefix(text, "template: ")}
	}
	return t.stack(frames)
}

func parseLocation(text string) (frame, bool) {
	m := locationForm.FindStringSubmatch(text)
	if m == nil {
		return frame{name: text}, false
	}
	line, _ := strconv.ParseUint(m[2], 10, 32)
	f := frame{name: m[1], line: uint32(line)}
	if column, err := strconv.ParseUint(m[3], 10, 32); err == nil {
		f.column = uint32(column) + 1 // Go counts the columns of templates from 0
	}
	return f, true
}

func parseFrames(text string) []frame {
	var frames []frame
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if f, ok := parseLocation(line); ok {
			frames = append(frames, f)
			continue
		}
		if len(frames) == 0 {
			return nil
		}
		last := &frames[len(frames)-1]
		if m := executingForm.FindStringSubmatch(line); m != nil && last.executing == "" {
			last.executing = m[2]
			continue
		}
		last.message = strings.TrimSpace(last.message + "\n" + strings.TrimSpace(line))
	}
	return frames
}

// parseChain takes Go's own text apart; nil if it has another form.
func parseChain(text string) []frame {
	var frames []frame
	for _, link := range strings.Split(strings.TrimPrefix(text, "template: "), ": template: ") {
		m := chainForm.FindStringSubmatch(link)
		if m == nil {
			return nil
		}
		f, _ := parseLocation(m[1])
		f.executing, f.message = m[2], m[3]
		frames = append(frames, f)
	}
	return frames
}

// translator finds the files behind Helm's names of templates.
type translator struct {
	templates []*templateFile
}

// place is where a frame lies; ok is false for text run by `tpl`, which is in no file.
func (t translator) place(f frame) (at place, line, column uint32, ok bool) {
	template := findTemplate(t.templates, f.name)
	if template == nil {
		return place{}, 0, 0, false
	}
	if f.line > 0 && f.column > 0 {
		f.column = sourceColumn(string(template.source), template.insertions, f.line, f.column)
	}
	return template.at, f.line, f.column, true
}

func (t translator) locate(code string, f frame, hasLine bool, message string) sdk.Diagnostic {
	at, line, column, ok := t.place(f)
	if !ok {
		if hasLine {
			message = fmt.Sprintf("in `%s`, line %d: %s", f.name, f.line, message)
		}
		return advised(sdk.Diagnostic{Code: code, Message: message})
	}
	if column == 0 {
		column = firstColumn(findTemplate(t.templates, f.name), line)
	}
	return advised(at.diagnoseAt(code, message, line, column))
}

func firstColumn(template *templateFile, line uint32) uint32 {
	text := lineOf(string(template.source), line)
	return uint32(len(text)-len(strings.TrimLeft(text, " \t"))) + 1
}

// stack points at the innermost frame that lies in a file; the others are related places.
func (t translator) stack(frames []frame) sdk.Diagnostic {
	if m := recursionForm.FindStringSubmatch(frames[len(frames)-1].message); m != nil {
		return t.recursion(frames, m[1])
	}
	innermost := len(frames) - 1
	for i := innermost; i >= 0; i-- {
		if _, _, _, ok := t.place(frames[i]); ok {
			innermost = i
			break
		}
	}
	message := frames[len(frames)-1].message
	if executing := frames[len(frames)-1].executing; executing != "" {
		message = fmt.Sprintf("at `%s`: %s", executing, message)
	}
	d := t.locate("template-error", frames[innermost], true, message)
	for i := innermost - 1; i >= 0; i-- {
		if at, line, column, ok := t.place(frames[i]); ok {
			d.Related = append(d.Related, sdk.Related{At: at.file(line, column), Text: at.inside(line, column) + "called by `" + frames[i].executing + "`"})
		}
	}
	return d
}

// recursion names the template that includes itself, once.
func (t translator) recursion(frames []frame, name string) sdk.Diagnostic {
	d := t.locate("template-recursion", frames[0], true, fmt.Sprintf("the template `%s` includes itself more than 1000 times", name))
	for _, f := range frames[1:] {
		if at, line, column, ok := t.place(f); ok {
			d.Related = append(d.Related, sdk.Related{At: at.file(line, column), Text: "included again here"})
			break
		}
	}
	return d
}

// advised adds what to do about the mistakes that are made most.
func advised(d sdk.Diagnostic) sdk.Diagnostic {
	switch {
	case strings.Contains(d.Message, "nil pointer evaluating"):
		d.Help = "a value on the way is not set: give it, or guard it with `with`, `dig` or `default`"
	case strings.Contains(d.Message, "can't evaluate field"):
		d.Help = "the value is not a map with that key: look at what `.` is here, and use `$` for the top"
	case noTemplateForm.MatchString(d.Message):
		d.Message = noTemplateForm.ReplaceAllString(d.Message, "there is no template named `$1`")
		d.Help = "the name is defined nowhere: a library chart may be missing in charts/, or disabled"
	case d.Message == "unexpected EOF":
		d.Help = "an `if`, `range`, `with`, `define` or `block` has no `end`"
	case strings.Contains(d.Message, "function \"") && strings.Contains(d.Message, "not defined"):
		d.Help = "Helm has no such template function; `env` and `expandenv` are left out on purpose"
	}
	return d
}
