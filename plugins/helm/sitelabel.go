package main

import (
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
)

// runFunctions run templates, or are noted with the file that calls them.
var runFunctions = []string{"include", "tpl", "now"}

// matters are the functions that draw, and those that run templates.
func matters(command *parse.CommandNode) bool {
	name, ok := command.Args[0].(*parse.IdentifierNode)
	return ok && (slices.Contains(randomFunctions, name.Ident) || slices.Contains(runFunctions, name.Ident))
}

// sharedData are the fields of the top that all templates see.
var sharedData = []string{"Values", "Release", "Chart", "Capabilities", "Template", "Subcharts"}

// sharedSet is a `set` on what all templates see.
func sharedSet(command *parse.CommandNode) bool {
	name, ok := command.Args[0].(*parse.IdentifierNode)
	if !ok || name.Ident != "set" || len(command.Args) < 2 {
		return false
	}
	switch target := command.Args[1].(type) {
	case *parse.FieldNode:
		return slices.Contains(sharedData, target.Ident[0])
	case *parse.VariableNode:
		return len(target.Ident) > 1 && target.Ident[0] == "$" && slices.Contains(sharedData, target.Ident[1])
	}
	return false
}

// calls is whether a pipeline holds such a command, at any depth. An identifier alone is a command too.
func calls(node parse.Node, wanted func(*parse.CommandNode) bool) bool {
	switch n := node.(type) {
	case *parse.PipeNode:
		return n != nil && slices.ContainsFunc(n.Cmds, func(c *parse.CommandNode) bool { return calls(c, wanted) })
	case *parse.CommandNode:
		return wanted(n) || slices.ContainsFunc(n.Args, func(argument parse.Node) bool { return calls(argument, wanted) })
	case *parse.IdentifierNode:
		return wanted(&parse.CommandNode{Args: []parse.Node{n}})
	case *parse.ChainNode:
		return calls(n.Node, wanted)
	}
	return false
}

var (
	separatorForm = regexp.MustCompile(`(?m)^---`)
	kindForm      = regexp.MustCompile(`(?m)^kind:.*$`)
	nameForm      = regexp.MustCompile(`(?m)^metadata:[ \t]*\{.*$|^metadata:.*\n(?:[ \t{#].*\n)*?[ \t]+name:.*$`)
	blanks        = regexp.MustCompile(`\s+`)
)

// siteLabel names an action the way a person would: the object it stands in, by its lines `kind` and `name`; the keys
// above it, by their indentation; and the text before it on its line. What is added or taken away elsewhere in the body
// changes none of these.
func (m *marking) siteLabel(start, open int, pipe *parse.PipeNode) string {
	lineStart := max(start, strings.LastIndexByte(m.source[:open], '\n')+1)
	parts := []string{m.objectLabel(open)}
	parts = append(parts, keysAbove(m.source[start:lineStart], indentation(m.source[lineStart:open]))...)
	parts = append(parts, actionLabel(m.source[lineStart:open], m.source[open:], pipe))
	return strings.Join(parts, "\n")
}

// document is a stretch of a source up to the next `---` or `define`, with its kind and name as the template writes them.
type document struct {
	start int
	label string
}

// documents cuts a source, once for all of its sites.
func documents(source string, defines [][]int) []document {
	starts := []int{0}
	for _, found := range append(separatorForm.FindAllStringIndex(source, -1), defines...) {
		starts = append(starts, found[0])
	}
	slices.Sort(starts)
	all := make([]document, len(starts))
	for i, start := range starts {
		end := len(source)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		name := nameForm.FindString(source[start:end])
		name = name[strings.LastIndexByte(name, '\n')+1:]
		all[i] = document{start, plain(kindForm.FindString(source[start:end])) + " " + plain(name)}
	}
	return all
}

func (m *marking) objectLabel(at int) string {
	label := ""
	for _, document := range m.documents {
		if document.start <= at {
			label = document.label
		}
	}
	return label
}

// keysAbove are the lines that a line indented so far belongs to, innermost first, up to the document's beginning.
func keysAbove(before string, indent int) []string {
	var keys []string
	for indent > 0 && before != "" {
		before = strings.TrimSuffix(before, "\n")
		cut := strings.LastIndexByte(before, '\n') + 1
		line := before[cut:]
		before = before[:cut]
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "---") {
			break
		}
		if text == "" || text[0] == '#' || strings.HasPrefix(text, "{{") || indentation(line) >= indent {
			continue
		}
		indent = indentation(line)
		keys = append(keys, plain(text))
	}
	return keys
}

// actionLabel is the text before an action on its line; if that has no word, the variable that it sets; else all that
// stands before it, or the action itself.
func actionLabel(before, from string, pipe *parse.PipeNode) string {
	if text, ok := lastWords(before); ok {
		return plain(text)
	}
	if pipe != nil && len(pipe.Decl) > 0 && pipe.Decl[0].Ident[0] != "$_" {
		return pipe.Decl[0].Ident[0] + " ="
	}
	if text := plain(before); text != "" {
		return text
	}
	if end := rightDelimiter(from, 0); end > 0 {
		from = from[:end]
	}
	return plain(strings.Trim(from, "{}-"))
}

var (
	actionForm = regexp.MustCompile(`\{\{.*?\}\}`)
	wordForm   = regexp.MustCompile(`\w`)
)

// lastWords is the end of a line's beginning, from the last text with a word in it that stands outside of actions. So an
// action that is added before it on the same line counts for nothing.
func lastWords(before string) (string, bool) {
	end := len(before)
	for _, action := range slices.Backward(actionForm.FindAllStringIndex(before, -1)) {
		if wordForm.MatchString(before[action[1]:end]) {
			return before[action[1]:], true
		}
		end = action[0]
	}
	return before, wordForm.MatchString(before[:end])
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// plain makes nothing of the number of blanks.
func plain(text string) string { return blanks.ReplaceAllString(strings.TrimSpace(text), " ") }
