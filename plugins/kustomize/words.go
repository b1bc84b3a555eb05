package main

import (
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// printer writes resources that consist of nothing but words, numbers, truth values and nulls, as most do: what a general
// printer would find out about each text and each place is known of those beforehand.
type printer struct{ out []byte }

// entry is a key with its value.
type entry struct {
	name  string
	value *yaml.Node
}

// printWords is a resource in kustomize's own form. It gives up at anything that plain wouldn't take, and at any text that
// is more than a word.
func printWords(node *yaml.Node) (content []byte, ok bool) {
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
		return nil, false
	}
	p := printer{make([]byte, 0, 1<<10)}
	ok = p.mapping(node, 0)
	return p.out, ok
}

// mapping writes its first line where the cursor is, and the others at the indent.
func (p *printer) mapping(node *yaml.Node, indent int) bool {
	entries, ok := entriesOf(node)
	if !ok {
		return false
	}
	for i, e := range entries {
		if i > 0 {
			p.indent(indent)
		}
		if !p.word(e.name) {
			return false
		}
		p.out = append(p.out, ':')
		if !p.below(e.value, indent) {
			return false
		}
	}
	return true
}

// below writes the value of a key. A list in a map is not indented.
func (p *printer) below(node *yaml.Node, indent int) bool {
	if len(node.Content) == 0 {
		p.out = append(p.out, ' ')
		return p.leaf(node)
	}
	p.out = append(p.out, '\n')
	if node.Kind == yaml.MappingNode {
		indent += 2
	}
	p.indent(indent)
	return p.branch(node, indent)
}

func (p *printer) sequence(node *yaml.Node, indent int) bool {
	if node.Anchor != "" || node.Style&yaml.TaggedStyle != 0 || node.ShortTag() != "!!seq" {
		return false
	}
	for i, item := range node.Content {
		if i > 0 {
			p.indent(indent)
		}
		p.out = append(p.out, "- "...)
		if ok := len(item.Content) == 0 && p.leaf(item) || len(item.Content) > 0 && p.branch(item, indent+2); !ok {
			return false
		}
	}
	return true
}

// branch writes a map or a list that isn't empty.
func (p *printer) branch(node *yaml.Node, indent int) bool {
	switch node.Kind {
	case yaml.MappingNode:
		return p.mapping(node, indent)
	case yaml.SequenceNode:
		return p.sequence(node, indent)
	}
	return false
}

// leaf writes what stands on one line.
func (p *printer) leaf(node *yaml.Node) bool {
	value, ok := plain(node)
	if !ok {
		return false
	}
	switch value := value.(type) {
	case string:
		ok = p.word(value)
	case int:
		p.out = strconv.AppendInt(p.out, int64(value), 10)
	case bool:
		p.out = strconv.AppendBool(p.out, value)
	case nil:
		p.out = append(p.out, "null"...)
	case map[string]any:
		p.out = append(p.out, "{}"...)
	case []any:
		p.out = append(p.out, "[]"...)
	}
	p.out = append(p.out, '\n')
	return ok
}

// word writes a text, in quotes if it would be read as something else without them.
func (p *printer) word(text string) bool {
	switch formOf(text) {
	case bare:
		p.out = append(p.out, text...)
	case quoted:
		p.out = append(append(append(p.out, '"'), text...), '"')
	default:
		return false
	}
	return true
}

func (p *printer) indent(by int) {
	for range by {
		p.out = append(p.out, ' ')
	}
}

// form is how a text is written.
type form int

const (
	// unknown texts are left to the general printer.
	unknown form = iota
	bare
	quoted
)

// maxDigits keeps a number's text one that every parser takes for a number.
const maxDigits = 18

// formOf knows the texts whose form doesn't depend on where they stand.
func formOf(text string) form {
	start := strings.TrimPrefix(text, "--")
	switch {
	case text == "" || isReserved(text):
		return quoted
	case start == "" || !isWord(start):
		return unknown
	case isLetter(start[0]) || text[0] == '/':
		return bare
	case len(start) != len(text) || start[0] < '1' || start[0] > '9':
		return unknown
	}
	return formOfNumeral(text)
}

// formOfNumeral is of what begins with a digit other than zero: a number itself is quoted, one with a unit isn't, nor is what
// has two points. What could be a date, a number of base sixty or one with an exponent is left alone.
func formOfNumeral(text string) form {
	points, units := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
		case c == '.':
			points++
		case isLetter(c):
			units = units || c != 'e' && c != 'E'
		default:
			return unknown
		}
	}
	switch {
	case units && points == 0 || !hasLetter(text) && points > 1:
		return bare
	case points == 0 && !hasLetter(text) && len(text) <= maxDigits:
		return quoted
	}
	return unknown
}

// isReserved texts are truth values or null to a parser.
func isReserved(text string) bool {
	switch text {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE",
		"n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE", "null", "Null", "NULL":
		return true
	}
	return false
}

// isWord is true for what has no character that means something to YAML in the middle or at the end of a text.
func isWord(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case isLetter(c), c >= '0' && c <= '9', c == '.', c == '/', c == '-', c == '_', c == '=', c == '+', c == '@':
		case c == ':' && i+1 < len(text):
		default:
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func hasLetter(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return isLetter(byte(r)) })
}

// entriesOf are those of a map, in the general printer's order.
func entriesOf(node *yaml.Node) (entries []entry, ok bool) {
	if node.Anchor != "" || node.Style&yaml.TaggedStyle != 0 || node.ShortTag() != "!!map" {
		return nil, false
	}
	entries = make([]entry, 0, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, isPlain := plain(node.Content[i])
		name, isText := key.(string)
		if !isPlain || !isText || len(name) > maxPlainKey {
			return nil, false
		}
		entries = append(entries, entry{name, node.Content[i+1]})
	}
	// The printer's order isn't transitive (`a2`, `a12`, `a1b`), so what is equal need not stand side by side in it.
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(entries); i++ {
		if entries[i].name == entries[i-1].name {
			return nil, false
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return compareKeys(a.name, b.name) })
	return entries, true
}

// compareKeys is the order of the general printer: by the first character that differs, letters last; where both begin a
// number there, by the number.
func compareKeys(a, b string) int {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	if at == len(a) || at == len(b) {
		return len(a) - len(b)
	}
	switch isFirst, isSecond := isLetter(a[at]), isLetter(b[at]); {
	case isFirst && isSecond:
		return int(a[at]) - int(b[at])
	case isFirst:
		return 1
	case isSecond:
		return -1
	}
	// Zeros within a number are no leading ones.
	var start int64
	if a[at] == '0' || b[at] == '0' {
		before := strings.TrimRight(a[:at], "0")
		if before != "" && isDigit(before[len(before)-1]) {
			start = 1
		}
	}
	first, firstLength := number(a[at:], start)
	second, secondLength := number(b[at:], start)
	switch {
	case first != second:
		return sign(first < second)
	case firstLength != secondLength:
		return firstLength - secondLength
	}
	return int(a[at]) - int(b[at])
}

func sign(isBefore bool) int {
	if isBefore {
		return -1
	}
	return 1
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number is the value of the digits at the start, behind those already read, and how many there are.
func number(text string, start int64) (value int64, length int) {
	value = start
	for length < len(text) && isDigit(text[length]) {
		value = value*10 + int64(text[length]-'0')
		length++
	}
	return value, length
}
