//go:build !wasip1

package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// NewObjectSet is a set of objects given as JSON. It panics on text that is no JSON object: it is meant for tests.
func NewObjectSet(bodies []string) *ObjectSet {
	set := make(jsonObjects, len(bodies))
	for i, body := range bodies {
		decoder := json.NewDecoder(strings.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&set[i]); err != nil {
			panic(fmt.Sprintf("object %d is no JSON object: %v", i, err))
		}
	}
	return &ObjectSet{set}
}

type jsonObjects []map[string]any

func (s jsonObjects) drop()    {}
func (s jsonObjects) len() int { return len(s) }

func (s jsonObjects) head(index int) ObjectRef {
	text := func(pointer string) string {
		value, _ := lookup(s[index], pointer)
		found, _ := value.(string)
		return found
	}
	group, version, grouped := strings.Cut(text("/apiVersion"), "/")
	if !grouped {
		group, version = "", group
	}
	return ObjectRef{group, version, text("/kind"), text("/metadata/namespace"), text("/metadata/name")}
}

func (s jsonObjects) heads(start, max uint32) []ObjectRef {
	var out []ObjectRef
	for i := int(start); i < len(s) && len(out) < int(max); i++ {
		out = append(out, s.head(i))
	}
	return out
}

func (s jsonObjects) selectKind(group, kind string) []uint32 {
	var out []uint32
	for i := range s {
		head := s.head(i)
		if (group == "" || group == head.Group) && (kind == "" || kind == head.Kind) {
			out = append(out, uint32(i))
		}
	}
	return out
}

func (s jsonObjects) bodies(start, maxBytes uint32) []string {
	var out []string
	for i, size := int(start), 0; i < len(s); i++ {
		body := s.body(uint32(i))
		if size += len(body); size > int(maxBytes) && len(out) > 0 {
			break
		}
		out = append(out, body)
	}
	return out
}

func (s jsonObjects) body(index uint32) string { return canonicalJSON(s[index]) }

func (s jsonObjects) field(index uint32, pointer string) (string, bool) {
	value, ok := lookup(s[index], pointer)
	if !ok {
		return "", false
	}
	return canonicalJSON(value), true
}

func canonicalJSON(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// lookup follows a JSON pointer.
func lookup(value any, pointer string) (any, bool) {
	if pointer == "" {
		return value, true
	}
	if pointer[0] != '/' {
		return nil, false
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch container := value.(type) {
		case map[string]any:
			child, ok := container[token]
			if !ok {
				return nil, false
			}
			value = child
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(container) {
				return nil, false
			}
			value = container[i]
		default:
			return nil, false
		}
	}
	return value, true
}
