//go:build !wasip1

package sdk

import (
	"fmt"
	"regexp"
	"strings"
)

// compileGlob translates a pattern of the contract: "*" and "?" stay within a segment, "**" as a whole segment crosses
// segments.
func compileGlob(pattern string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(pattern); {
		rest := pattern[i:]
		atSegment := i == 0 || pattern[i-1] == '/'
		switch {
		case atSegment && strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:[^/]+/)*")
			i += 3
		case atSegment && rest == "**":
			b.WriteString(".*")
			i += 2
		case rest[0] == '*':
			b.WriteString("[^/]*")
			i++
		case rest[0] == '?':
			b.WriteString("[^/]")
			i++
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 2 {
				return nil, fmt.Errorf("unclosed class in pattern %q", pattern)
			}
			class := strings.ReplaceAll(rest[1:end], `\`, `\\`)
			if class[0] == '!' {
				class = "^" + class[1:]
			}
			b.WriteString("[" + class + "]")
			i += end + 1
		default:
			b.WriteString(quoteByte(rest[0]))
			i++
		}
	}
	b.WriteString("$")
	return regexp.Compile(b.String())
}

// quoteByte keeps the bytes of a multi-byte rune as they are: regexp wants valid UTF-8.
func quoteByte(c byte) string {
	if c >= 0x80 {
		return string([]byte{c})
	}
	return regexp.QuoteMeta(string(rune(c)))
}
