package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
)

// site is an action that may draw random values, or run a template that does: what a value's stream is named by.
type site struct {
	// label says where in its body the action stands, see siteLabel.
	label string
	// loops are the ranges around it, outermost first.
	loops []int
	// shared is true where the value is kept for all callers: `set .Values "password" (randAlphaNum 16)`. Who happens to
	// call first must not matter then.
	shared bool
}

// body is a file, or what stands between `define` and `end`.
type body struct {
	name   string
	isFile bool
}

// sites is all that was found in the templates of a chart. A number in a marker is an index here.
type sites struct {
	sites  []site
	bodies []body
	loops  int
}

// insertion is a marker to put into a source: it never has a line feed.
type insertion struct {
	offset int
	text   string
}

// The functions that markers call, and the variable that holds the frame of the body around them. They print nothing.
const (
	markerVariable = "$windlassFrame"
	enterFunction  = "windlassEnter"
	atFunction     = "windlassAt"
	startFunction  = "windlassStart"
	eachFunction   = "windlassEach"
)

// blankBytes are what Go's templates trim.
const blankBytes = " \t\r\n"

// marking puts markers into one source.
type marking struct {
	*sites
	source     string
	defines    [][]int
	documents  []document
	insertions []insertion
}

// mark finds the sites of a file, and says what to insert for them. A source that Go can't parse stays as it is: Helm
// tells why.
func (s *sites) mark(name, source string) []insertion {
	defines := defineForm.FindAllStringIndex(source, -1)
	m := &marking{sites: s, source: source, defines: defines, documents: documents(source, defines)}
	trees := map[string]*parse.Tree{}
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(source, "", "", trees); err != nil {
		return nil
	}
	for _, defined := range sortedKeys(trees) {
		m.body(trees[defined], defined, defined == name)
	}
	slices.SortStableFunc(m.insertions, func(a, b insertion) int { return cmp.Compare(a.offset, b.offset) })
	return m.insertions
}

func (m *marking) body(tree *parse.Tree, name string, isFile bool) {
	start := 0
	if !isFile {
		end, ok := m.defineEnd(tree, name)
		if !ok {
			return
		}
		start = end + len("}}")
	}
	id, before := len(m.bodies), len(m.insertions)
	m.bodies = append(m.bodies, body{name, isFile})
	// Ahead of the body's own markers: those at the same place keep the order in which they are found.
	enter := fmt.Sprintf("%s := %s %d .", markerVariable, enterFunction, id)
	if isFile {
		m.insertions = append(m.insertions, insertion{0, "{{" + enter + "}}"})
	} else {
		m.after(start-len("}}"), enter)
	}
	if !m.list(tree.Root, bodyScope{start: start}) {
		m.insertions, m.bodies = m.insertions[:before], m.bodies[:id]
	}
}

var defineForm = regexp.MustCompile("\\{\\{-?\\s*(?:define|block)\\s+(?:\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`)")

// defineEnd is where the `}}` of a body's `define` begins. A tree doesn't know, so it is the one right before its first
// node, with nothing but blanks between.
func (m *marking) defineEnd(tree *parse.Tree, name string) (int, bool) {
	if tree.Root == nil || len(tree.Root.Nodes) == 0 {
		return 0, false
	}
	first := int(tree.Root.Position())
	for _, found := range slices.Backward(m.defines) {
		if found[1] > first {
			continue
		}
		end := rightDelimiter(m.source, found[1])
		if end < 0 || end+len("}}") > first {
			continue
		}
		return end, strings.Contains(m.source[found[0]:found[1]], name) && strings.TrimSpace(m.source[end+2:first]) == ""
	}
	return 0, false
}

// bodyScope is where in a body a list of nodes stands.
type bodyScope struct {
	start int
	loops []int
}

// list marks the actions of a list, and reports whether there was one.
func (m *marking) list(list *parse.ListNode, scope bodyScope) bool {
	found := false
	if list == nil {
		return false
	}
	for _, node := range list.Nodes {
		found = m.node(node, scope) || found
	}
	return found
}

func (m *marking) node(node parse.Node, scope bodyScope) bool {
	switch n := node.(type) {
	case *parse.ActionNode:
		return m.action(n.Pipe, int(n.Pos), scope)
	case *parse.TemplateNode:
		m.site(int(n.Pos), n.Pipe, scope)
		return true
	case *parse.IfNode:
		return m.branch(&n.BranchNode, scope)
	case *parse.WithNode:
		return m.branch(&n.BranchNode, scope)
	case *parse.RangeNode:
		return m.loop(n, scope)
	}
	return false
}

func (m *marking) branch(n *parse.BranchNode, scope bodyScope) bool {
	found := m.action(n.Pipe, int(n.Pipe.Pos), scope)
	found = m.list(n.List, scope) || found
	return m.list(n.ElseList, scope) || found
}

func (m *marking) loop(n *parse.RangeNode, scope bodyScope) bool {
	found := m.action(n.Pipe, int(n.Pipe.Pos), scope)
	found = m.rounds(n, scope) || found
	return m.list(n.ElseList, scope) || found
}

// rounds marks what is inside of a range, and its rounds if there is something.
func (m *marking) rounds(n *parse.RangeNode, scope bodyScope) bool {
	end := rightDelimiter(m.source, int(n.Pipe.Pos))
	if end < 0 {
		return false
	}
	id, before, key := m.loops, len(m.insertions), ""
	m.loops++
	if len(n.Pipe.Decl) == 2 {
		key = n.Pipe.Decl[0].Ident[0] + " "
	}
	m.before(int(n.Pipe.Pos), fmt.Sprintf("%s %s %d", startFunction, markerVariable, id))
	m.after(end, fmt.Sprintf("%s %s %d %s.", eachFunction, markerVariable, id, key))
	inside := bodyScope{scope.start, append(slices.Clone(scope.loops), id)}
	if !m.list(n.List, inside) {
		m.insertions = m.insertions[:before]
		return false
	}
	return true
}

// action marks a pipeline that draws, or runs templates.
func (m *marking) action(pipe *parse.PipeNode, at int, scope bodyScope) bool {
	if !calls(pipe, matters) {
		return false
	}
	m.site(at, pipe, scope)
	return true
}

func (m *marking) site(at int, pipe *parse.PipeNode, scope bodyScope) {
	open := strings.LastIndex(m.source[:at], "{{")
	if open < 0 {
		return
	}
	found := site{label: m.siteLabel(scope.start, open, pipe), loops: scope.loops, shared: calls(pipe, sharedSet)}
	if m.before(at, fmt.Sprintf("%s %s %d", atFunction, markerVariable, len(m.sites.sites))) {
		m.sites.sites = append(m.sites.sites, found)
	}
}

// before inserts a marker before the action around a position. An `else if` stays without: it goes on under its `if`.
func (m *marking) before(at int, marker string) bool {
	open := strings.LastIndex(m.source[:at], "{{")
	action := m.source[open+2:]
	if strings.HasPrefix(strings.TrimLeft(strings.TrimPrefix(action, "-"), blankBytes), "else") {
		return false
	}
	// `{{-3}}` is a number.
	if len(action) > 1 && action[0] == '-' && strings.IndexByte(blankBytes, action[1]) >= 0 {
		m.insertions = append(m.insertions, insertion{open + 3, " " + marker + "}}{{"})
	} else {
		m.insertions = append(m.insertions, insertion{open, "{{" + marker + "}}"})
	}
	return true
}

// after inserts a marker after the action whose `}}` is at a position.
func (m *marking) after(end int, marker string) {
	if end > 1 && m.source[end-1] == '-' && strings.IndexByte(blankBytes, m.source[end-2]) >= 0 {
		m.insertions = append(m.insertions, insertion{end - 1, "}}{{" + marker + " "})
	} else {
		m.insertions = append(m.insertions, insertion{end + 2, "{{" + marker + "}}"})
	}
}

// rightDelimiter is where the next `}}` outside of a string begins; negative if there is none.
func rightDelimiter(source string, from int) int {
	for i := from; i+1 < len(source); i++ {
		switch c := source[i]; c {
		case '"', '\'', '`':
			for i++; i < len(source) && source[i] != c; i++ {
				if c != '`' && source[i] == '\\' {
					i++
				}
			}
		case '}':
			if source[i+1] == '}' {
				return i
			}
		}
	}
	return -1
}

// apply puts the insertions into a source.
func apply(source string, insertions []insertion) string {
	var b strings.Builder
	from := 0
	for _, i := range insertions {
		b.WriteString(source[from:i.offset])
		b.WriteString(i.text)
		from = i.offset
	}
	b.WriteString(source[from:])
	return b.String()
}

// sourceColumn takes the insertions of a line out of a column, both 1-based.
func sourceColumn(source string, insertions []insertion, line, column uint32) uint32 {
	start := 0
	for range line - 1 {
		start += strings.IndexByte(source[start:], '\n') + 1
	}
	at := start + int(column) - 1
	for _, i := range insertions {
		if i.offset < start {
			continue
		}
		if i.offset >= at {
			break
		}
		at = max(at-len(i.text), i.offset)
	}
	return uint32(at-start) + 1
}
