package main

import (
	"slices"
	"testing"
)

func TestHeadsAreFoundInAnyFile(t *testing.T) {
	cases := []struct {
		content string
		want    []string
	}{
		{"", nil},
		{"---\n", nil},
		{"kind: A\nmetadata: {name: a}", []string{"A/a:1"}},
		{"---\nkind: A\nmetadata:\n  name: a\n--- # next\n\n# b\nkind: \"B b\"\nmetadata:\n  labels: {name: x}\n  name: 'b'\n---", []string{"A/a:2", "B b/b:7"}},
		{"kind: A # of kind A\nmetadata:\n  name: a#b\n", []string{"A/a:1"}},
		{"kind: it's\nmetadata:\n  name:\ta\"b\r\n", []string{"it's/a\"b:1"}},
		{"kind: \"A\nmetadata: {name: a}\n", nil},
		{"kind: [A]\nmetadata: {name: a}\n", nil},
		{"kind: A\ndata: |\n  ---\n  kind: B\n  metadata: {name: b}\nmetadata: {name: a}\n", []string{"A/a:1"}},
		{"{kind: A, metadata: {name: a}}\n----\n{\"kind\": \"B\", \"metadata\": {\"name\": \"b\"}}\n", []string{"A/a:1", "B/b:3"}},
	}
	for _, c := range cases {
		var got []string
		for _, h := range headsOf("f", c.content) {
			got = append(got, h.kind+"/"+h.name+h.at.String()[1:len(h.at.String())-2])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.content, got, c.want)
		}
	}
}
