package main

import (
	"strconv"

	yaml2 "go.yaml.in/yaml/v2"
	yaml "go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/resource"
)

// maxPlainKey keeps keys well below the 1,024 bytes at which a YAML parser no longer takes them for keys.
const maxPlainKey = 128

// asYAML writes a resource in kustomize's own form. Its own way there leads through YAML text, JSON text and a second YAML
// parser, which is a fifth of a build's time: what is so plain that none of them can change it goes to the printer at
// once, to one of our own where it holds nothing but words. Everything else takes kustomize's way.
func asYAML(r *resource.Resource) ([]byte, error) {
	if content, ok := printWords(r.YNode()); ok {
		return content, nil
	}
	if value, ok := plain(r.YNode()); ok {
		return yaml2.Marshal(value)
	}
	return r.AsYAML()
}

// plain is a node as a value, unless kustomize's way could make anything else of it: no anchors, aliases, merges, explicit
// tags, floats, block scalars, odd spellings of numbers, nor text beyond printable ASCII.
func plain(node *yaml.Node) (value any, ok bool) {
	if node.Anchor != "" || node.Style&yaml.TaggedStyle != 0 {
		return nil, false
	}
	switch node.Kind {
	case yaml.MappingNode:
		return plainMap(node)
	case yaml.SequenceNode:
		return plainList(node)
	case yaml.ScalarNode:
		return plainScalar(node)
	}
	return nil, false
}

func plainMap(node *yaml.Node) (any, bool) {
	if node.ShortTag() != "!!map" {
		return nil, false
	}
	out := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, isPlain := plain(node.Content[i])
		name, isText := key.(string)
		_, isDouble := out[name]
		if !isPlain || !isText || isDouble || name == "<<" || len(name) > maxPlainKey {
			return nil, false
		}
		value, ok := plain(node.Content[i+1])
		if !ok {
			return nil, false
		}
		out[name] = value
	}
	return out, true
}

func plainList(node *yaml.Node) (any, bool) {
	if node.ShortTag() != "!!seq" {
		return nil, false
	}
	out := make([]any, len(node.Content))
	for i, item := range node.Content {
		value, ok := plain(item)
		if !ok {
			return nil, false
		}
		out[i] = value
	}
	return out, true
}

func plainScalar(node *yaml.Node) (any, bool) {
	tag := node.ShortTag()
	if tag == "!!str" {
		return node.Value, node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && isPrintable(node.Value)
	}
	// Quotes win over a tag that isn't written out.
	if node.Style != 0 {
		return nil, false
	}
	switch tag {
	case "!!int":
		number, err := strconv.Atoi(node.Value)
		return number, err == nil && strconv.Itoa(number) == node.Value
	case "!!bool":
		return node.Value == "true", node.Value == "true" || node.Value == "false"
	case "!!null":
		return nil, node.Value == "null"
	}
	return nil, false
}

func isPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
