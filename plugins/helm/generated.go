package main

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"

	goyaml "sigs.k8s.io/yaml/goyaml.v3"

	"windlass.dev/sdk"
)

// attributeGenerated holds JSON pointers to fields with generated values, one a line; it is empty if there are some and
// their fields are not known.
const attributeGenerated = "windlass.dev/generated"

// maxMarked is how many values are looked for. Looking takes time by values times text; a chart that draws more has the
// others without a mark.
const maxMarked = 256

// minFindable is the length from which on a text is taken for the value that was drawn: shorter ones, a port or a digit,
// stand in many places by chance.
const minFindable = 8

// generated is what random functions returned: previews say which fields hold it, because another installation has others.
type generated struct {
	values []drawnValue
}

// drawnValue is one of them, and the file that was rendered when it was drawn.
type drawnValue struct {
	file  string
	texts []string
}

// note keeps what a call returned: a text, a number, or a certificate with its key; nothing of the time, which stands in
// many forms.
func (g *generated) note(file string, results []reflect.Value) {
	if len(g.values) == maxMarked {
		return
	}
	value := drawnValue{file: file}
	if len(results) > 0 {
		value.texts = findableIn(results[0])
	}
	g.values = append(g.values, value)
}

func findableIn(result reflect.Value) []string {
	var texts []string
	switch result.Kind() {
	case reflect.String:
		texts = findable(result.String())
	case reflect.Struct:
		for i := range result.NumField() {
			texts = append(texts, findableIn(result.Field(i))...)
		}
	}
	return texts
}

// findable is a value as a document may hold it: as it is, line by line, or in base64.
func findable(text string) []string {
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	texts := append(strings.Split(text, "\n"), encoded)
	return slices.DeleteFunc(texts, func(text string) bool {
		return len(text) < minFindable || strings.HasPrefix(text, "-----")
	})
}

// mark gives documents the attribute that names the fields with generated values, as JSON pointers, one a line. A value
// that stands nowhere as it is (its hash, or a part) makes every document of its file hold something generated, in a field
// that is not known.
func (g *generated) mark(documents []sdk.Document) {
	if len(g.values) == 0 {
		return
	}
	fields, found := make([][]string, len(documents)), make([]bool, len(g.values))
	for i, document := range documents {
		fields[i] = g.fieldsOf(document.Content, found)
	}
	elsewhere := map[string]bool{}
	for i, value := range g.values {
		if !found[i] {
			elsewhere[value.file] = true
		}
	}
	for i := range documents {
		document := &documents[i]
		if len(fields[i]) > 0 || elsewhere[document.Attribute(sdk.AttributeSourceComment)] {
			attribute := sdk.Pair{Name: attributeGenerated, Value: strings.Join(fields[i], "\n")}
			document.Attributes = append(document.Attributes, attribute)
		}
	}
}

// fieldsOf are pointers to the scalars that hold a generated value. It ticks off the values that it finds.
func (g *generated) fieldsOf(content []byte, found []bool) []string {
	var root goyaml.Node
	if !g.mayBeIn(content) || goyaml.Unmarshal(content, &root) != nil {
		return nil
	}
	var fields []string
	walkScalars(&root, "", func(pointer, text string) {
		holds := false
		for i, value := range g.values {
			if value.isIn(text) {
				holds, found[i] = true, true
			}
		}
		if holds {
			fields = append(fields, pointer)
		}
	})
	return fields
}

func (g *generated) mayBeIn(content []byte) bool {
	text := string(content)
	return slices.ContainsFunc(g.values, func(v drawnValue) bool { return v.isIn(text) })
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// walkScalars visits the scalars below a node. Aliases are left out: what they stand for is visited where it stands.
func walkScalars(node *goyaml.Node, pointer string, visit func(pointer, text string)) {
	switch node.Kind {
	case goyaml.ScalarNode:
		visit(pointer, node.Value)
	case goyaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := pointerEscapes.Replace(node.Content[i].Value)
			walkScalars(node.Content[i+1], pointer+"/"+key, visit)
		}
	case goyaml.SequenceNode:
		for i, item := range node.Content {
			walkScalars(item, fmt.Sprintf("%s/%d", pointer, i), visit)
		}
	case goyaml.DocumentNode:
		for _, child := range node.Content {
			walkScalars(child, pointer, visit)
		}
	}
}

func (v drawnValue) isIn(text string) bool {
	return slices.ContainsFunc(v.texts, func(value string) bool { return strings.Contains(text, value) })
}
