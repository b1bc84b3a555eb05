package main

import (
	"regexp"
	"slices"
	"strings"
)

// words finds names in a text, as whole words. Most texts hold none of them in any form, which a plain search tells many
// times faster than the expression.
type words struct {
	names []string
	form  *regexp.Regexp
}

func wordsOf(names ...string) words {
	return words{names, regexp.MustCompile(`\b(?:` + strings.Join(names, "|") + `)\b`)}
}

// MatchString is whether any of the words is in the text.
func (w words) MatchString(text string) bool {
	in := func(name string) bool { return strings.Contains(text, name) }
	return slices.ContainsFunc(w.names, in) && w.form.MatchString(text)
}
