package sdk

import (
	"bytes"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// Position is a place that a tool's error text names. Column is 0 when it names none.
type Position struct {
	Path         string
	Line, Column uint32
}

var positionForm = regexp.MustCompile(`^([^\s:][^:\n]*):(\d+)(?::(\d+))?(?::\s*|$)`)

// CutPosition splits a text of the form "file:line:column: rest" or "file:line: rest".
func CutPosition(text string) (at Position, rest string, ok bool) {
	m := positionForm.FindStringSubmatch(text)
	if m == nil {
		return Position{}, text, false
	}
	line, err := strconv.ParseUint(m[2], 10, 32)
	if err != nil {
		return Position{}, text, false
	}
	column, _ := strconv.ParseUint(m[3], 10, 32)
	return Position{m[1], uint32(line), uint32(column)}, text[len(m[0]):], true
}

// A file's name may stand before it: "cannot load values.yaml: …: yaml: line 3: …".
var yamlForm = regexp.MustCompile(`(?:^|[^.\w])yaml: (?:line (\d+): )?`)

// CutYAML finds the text of a go-yaml error, "yaml: line 3: did not find …", in a longer one. The line is 0 when the
// text names none. Mind that go-yaml often names the line where the surrounding block began: see [LocateYAML].
func CutYAML(text string) (line uint32, rest string, ok bool) {
	m := yamlForm.FindStringSubmatchIndex(text)
	if m == nil {
		return 0, text, false
	}
	if m[2] >= 0 {
		n, err := strconv.ParseUint(text[m[2]:m[3]], 10, 32)
		if err == nil {
			line = uint32(n)
		}
	}
	rest = strings.TrimPrefix(strings.TrimSpace(text[m[1]:]), "unmarshal errors:")
	return line, strings.TrimSpace(rest), true
}

// LocateYAML finds where content breaks, given the parser that refuses it. The parser stops at the first bad token,
// so everything that holds this token is refused in the same words, and nothing shorter is: the end of the shortest
// such beginning is the place. It takes some twenty parses of a part of the content.
//
// Line and column are 0 if the parser accepts the content.
func LocateYAML(content []byte, parse func([]byte) error) (line, column uint32) {
	whole := parse(content)
	if whole == nil {
		return 0, 0
	}
	if strings.Contains(whole.Error(), "end of stream") {
		// What is missing is missing at the end; where it began is the better place, and the parser names it.
		line, _, _ = CutYAML(whole.Error())
		return line, firstColumn(content, line)
	}
	end := sort.Search(len(content), func(n int) bool {
		err := parse(content[:n])
		return err != nil && err.Error() == whole.Error()
	})
	before := content[:min(max(end-1, 0), len(content))]
	line = uint32(bytes.Count(before, []byte("\n"))) + 1
	column = uint32(len(before)-bytes.LastIndexByte(before, '\n')-1) + 1
	if end > 0 && content[min(end, len(content))-1] == '\n' {
		return line, firstColumn(content, line)
	}
	return line, column
}

// firstColumn is the column of the first character of a line that is no blank.
func firstColumn(content []byte, line uint32) uint32 {
	for n := uint32(1); ; n++ {
		text, rest, more := bytes.Cut(content, []byte("\n"))
		if n == line {
			return uint32(len(text)-len(bytes.TrimLeft(text, " \t"))) + 1
		}
		if !more {
			return 0
		}
		content = rest
	}
}
