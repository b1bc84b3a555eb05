package main

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resource"
)

// same compares the short way with kustomize's own, and tells whether the short way was taken.
func same(t *testing.T, r *resource.Resource) (short bool) {
	t.Helper()
	got, err := asYAML(r)
	want, wantErr := r.AsYAML()
	if (err == nil) != (wantErr == nil) || string(got) != string(want) {
		t.Errorf("got  %s %v\nwant %s %v", got, err, want, wantErr)
	}
	_, short = plain(r.YNode())
	return short
}

func resources(t *testing.T, content string) []*resource.Resource {
	t.Helper()
	all, err := provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes([]byte(content))
	if err != nil {
		return nil // some cases are broken by intent
	}
	return all
}

func TestResourcesAreWrittenAsKustomizeWritesThem(t *testing.T) {
	files, err := filepath.Glob("../../tests/cases/kustomize/*/*/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	short := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range resources(t, string(content)) {
			if same(t, r) {
				short++
			}
		}
	}
	if short < 20 {
		t.Errorf("the short way was taken for %d resources only", short)
	}
}

// scalars are texts that YAML, JSON and the three parsers on kustomize's way see differently.
var scalars = []string{
	"a", "", "~", "null", "Null", "true", "True", "yes", "on", "y", "1", "01", "0o7", "0x1f", "+1", "-1", "-0", "1_0", "1.0", "1e3", ".5",
	".inf", "NaN", "1:30", "190:20:30", "2001-01-01", "9223372036854775807", "9223372036854775808", "18446744073709551616", "<<", "=", "#a",
	"--flag", "---", "--1", "-a", "a:b", "a:", "/", "/path:80", "100m", "128Mi", "1e5", "1E5x", "1e", "10.0.0.1", "1.2", "1.2.", "1..2", "1.a",
	"0123", "123456789012345678", "1234567890123456789", "yEs", "a=b", "a@b", "v1.2+3", "a-", "1-2", "1:2", "1_2", "1+2", "80",
	"a: b", "a #b", " a", "a ", "- a", "[a]", "{a: b}", "'", `"`, `\`, "!a", "&a", "*a", "@a", "%a", "|", ">", "?", ":", "a\tb", "a\nb", "a\n",
	"\n", "<&>", "é", "\u2028", "\u00a0", "😀", strings.Repeat("a ", 80), strings.Repeat("k", 200),
}

// node makes a random tree; every scalar has a tag and a style, which may contradict its text.
func node(random *rand.Rand, depth int) *yaml.Node {
	switch kind := random.Intn(6); {
	case depth > 0 && kind < 2:
		m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.Style(random.Intn(2)) * yaml.FlowStyle}
		for i := range random.Intn(4) {
			m.Content = append(m.Content, key(random, i), node(random, depth-1))
		}
		return m
	case depth > 0 && kind == 2:
		s := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.Style(random.Intn(2)) * yaml.FlowStyle}
		for range random.Intn(4) {
			s.Content = append(s.Content, node(random, depth-1))
		}
		return s
	}
	styles := []yaml.Style{0, 0, 0, yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle, yaml.TaggedStyle}
	tags := []string{"", "", "!!str", "!!str", "!!int", "!!bool", "!!null", "!!float"}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: scalars[random.Intn(len(scalars))], Style: styles[random.Intn(len(styles))], Tag: tags[random.Intn(len(tags))]}
}

// words are texts as manifests have them.
var words = []string{
	"a", "web-1", "apps/v1", "nginx:1.27", "1", "80", "100m", "128Mi", "10.0.0.1", "true", "no", "on", "", "--flag=a", "/healthz", "RollingUpdate",
	"a1", "a2", "a10", "a02", "a-b", "a_b", "a.b", "aB", "Ab", "c1", "c01", "c10x", "k:v",
}

// wordNode makes a random tree of words, as parsers leave it.
func wordNode(random *rand.Rand, depth int) *yaml.Node {
	word := func() *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: words[random.Intn(len(words))], Style: yaml.DoubleQuotedStyle}
	}
	switch kind := random.Intn(8); {
	case depth > 0 && kind < 4:
		m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for range random.Intn(6) {
			m.Content = append(m.Content, word(), wordNode(random, depth-1))
		}
		return m
	case depth > 0 && kind < 6:
		s := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for range random.Intn(4) {
			s.Content = append(s.Content, wordNode(random, depth-1))
		}
		return s
	case kind == 6:
		others := []yaml.Node{{Tag: "!!int", Value: "8080"}, {Tag: "!!int", Value: "-1"}, {Tag: "!!bool", Value: "true"}, {Tag: "!!null", Value: "null"}}
		other := others[random.Intn(len(others))]
		other.Kind = yaml.ScalarNode
		return &other
	}
	return word()
}

func TestWordsAreWrittenAsKustomizeWritesThem(t *testing.T) {
	const rounds = 5_000
	random, taken := rand.New(rand.NewSource(7)), 0
	for range rounds {
		r := resources(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")[0]
		for i := range random.Intn(3) {
			key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: fmt.Sprintf("x%d", i)}
			r.YNode().Content = append(r.YNode().Content, key, wordNode(random, 4))
		}
		same(t, r)
		if _, ok := printWords(r.YNode()); ok {
			taken++
		}
		if t.Failed() {
			return
		}
	}
	if taken < rounds/2 {
		t.Errorf("words were printed in %d of %d rounds only", taken, rounds)
	}
}

func key(random *rand.Rand, index int) *yaml.Node {
	if random.Intn(2) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: fmt.Sprintf("k%d", 20-index)}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: scalars[random.Intn(len(scalars))]}
}

func TestAnyNodeIsWrittenAsKustomizeWritesIt(t *testing.T) {
	const rounds = 3_000
	random, short := rand.New(rand.NewSource(4)), 0
	for range rounds {
		r := resources(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")[0]
		r.YNode().Content = append(r.YNode().Content, key(random, 0), node(random, 3))
		if same(t, r) {
			short++
		}
		if t.Failed() {
			return
		}
	}
	if short < rounds/20 {
		t.Errorf("the short way was taken in %d of %d rounds only", short, rounds)
	}
}
