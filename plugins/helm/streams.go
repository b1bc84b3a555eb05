package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	mathrand "math/rand"
	"reflect"
	"strings"
	"text/template"

	"helm.sh/helm/v4/pkg/chart/common"

	"windlass.dev/sdk"
)

// streams names the stream that each call of a random function draws from. A name is made of
//
//   - the frame: the file that is rendered, and the sites by which the template at hand was included from there;
//   - the site: see siteLabel;
//   - the rounds of the ranges around it: a map's key, an item that is a text or a number, or an item's `name`, `id` or
//     `key`; the number of the round for all others;
//   - the function, with its numbers: `randAlphaNum 16` and `randAlphaNum 24` have nothing in common;
//   - how often that very name was drawn from before.
//
// So an added call, document, file or item rotates no other value. What `tpl` runs has no sites of its own: its calls are
// counted, function by function.
type streams struct {
	*sites
	current *bodyFrame
	// shared counts what shared sites draw, which belongs to no frame.
	shared map[string]int
	values generated
}

// bodyFrame is one execution of a body.
type bodyFrame struct {
	// label names it among all frames of a render; file is the file that is rendered.
	label, file string
	body        body
	site        site
	rounds      map[int]string
	numbers     map[int]int
	counts      map[string]int
}

func newStreams(found *sites) *streams {
	return &streams{sites: found, current: newFrame("", "", body{}), shared: map[string]int{}}
}

func newFrame(label, file string, b body) *bodyFrame {
	return &bodyFrame{label: label, file: file, body: b, rounds: map[int]string{}, numbers: map[int]int{}, counts: map[string]int{}}
}

// functions are those that markers call.
func (s *streams) functions() template.FuncMap {
	return template.FuncMap{enterFunction: s.enter, atFunction: s.at, startFunction: s.start, eachFunction: s.each}
}

// enter begins a body. A file that is run on the data of a chart is the same wherever that happens, so that
// `include "…/secret.yaml" . | sha256sum` is the sum of what the file renders to.
func (s *streams) enter(id int, data any) *bodyFrame {
	b := s.bodies[id]
	if template, ok := topTemplate(data); b.isFile && ok {
		// Charts under an alias share their files: the folder of the templates tells them apart.
		label := fmt.Sprintf("file %v %s", template["BasePath"], b.name)
		s.current = newFrame(label, fmt.Sprint(template["Name"]), b)
		return s.current
	}
	caller := s.current
	name := caller.siteName() + "\x00" + b.name
	label := digest("frame", caller.label, name, fmt.Sprint(caller.counts[name]))
	caller.counts[name]++
	s.current = newFrame(label, caller.file, b)
	return s.current
}

// topTemplate is `.Template` of the data that Helm hands to a chart's files: the file that is rendered.
func topTemplate(data any) (common.Values, bool) {
	top, _ := data.(map[string]any)
	if values, ok := data.(common.Values); ok {
		top = values
	}
	template, ok := top["Template"].(common.Values)
	return template, ok
}

// at goes on at a site of a frame, whatever was included meanwhile.
func (s *streams) at(frame *bodyFrame, id int) string {
	frame.site = s.sites.sites[id]
	s.current = frame
	return ""
}

// start is before the first round of a range.
func (s *streams) start(frame *bodyFrame, loop int) string {
	frame.numbers[loop] = 0
	return ""
}

// each is the beginning of a round, of `key` if the range has two variables.
func (s *streams) each(frame *bodyFrame, loop int, round ...any) string {
	item := round[len(round)-1]
	if key, ok := round[0].(string); ok && len(round) == 2 {
		frame.rounds[loop] = "key " + key
	} else if name := itemName(item); name != "" {
		frame.rounds[loop] = "item " + name
	} else {
		frame.rounds[loop] = fmt.Sprintf("round %d", frame.numbers[loop])
	}
	frame.numbers[loop]++
	return ""
}

// identities are the keys by which items of lists are told apart, as in Kubernetes.
var identities = []string{"name", "id", "key"}

func itemName(item any) string {
	switch item := item.(type) {
	case string, bool, int, int64, float64:
		return fmt.Sprint(item)
	case map[string]any:
		for _, key := range identities {
			if name, ok := item[key].(string); ok && name != "" {
				return key + " " + name
			}
		}
	}
	return ""
}

// siteName is the site with the rounds of its ranges.
func (f *bodyFrame) siteName() string {
	parts := []string{f.site.label}
	for _, loop := range f.site.loops {
		parts = append(parts, f.rounds[loop])
	}
	return strings.Join(parts, "\x00")
}

// fork turns to the stream of a call.
func (s *streams) fork(function string, arguments []reflect.Value) {
	frame := s.current
	name := strings.Join([]string{frame.siteName(), function, distinction(function, arguments)}, "\x00")
	origin, counts := frame.label, frame.counts
	if frame.site.shared {
		origin, counts = "shared "+frame.body.name, s.shared
		name = origin + "\x00" + name
	}
	label := digest("call", origin, name, fmt.Sprint(counts[name]))
	counts[name]++
	var entropy sdk.Entropy
	entropy.Fork(label)
	if function == "randInt" || function == "shuffle" {
		mathrand.Seed(int64(entropy.Uint64())) // sprig uses the global generator
	}
}

// distinction is what of the arguments enters the name: the numbers of rand*, so that a longer password doesn't begin
// with the shorter one; and what is hashed or encrypted, so that no two texts share a salt or an initial vector.
func distinction(function string, arguments []reflect.Value) string {
	switch {
	case strings.HasPrefix(function, "rand"), function == "bcrypt", function == "htpasswd", function == "encryptAES":
		var texts []string
		for _, argument := range arguments {
			texts = append(texts, fmt.Sprint(argument.Interface()))
		}
		return digest(texts...)
	}
	return ""
}

// digest joins texts without ambiguity. Labels are bounded, and frames nest a thousand deep.
func digest(texts ...string) string {
	sum := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(sum, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
