package main

import (
	"cmp"
	"path"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"windlass.dev/sdk"
)

// kustomize can write origins into its output, but only as annotations that patches and replacements then see. So the
// origin is found afterwards: the one file that was listed as a resource and holds an object of that kind, whose name
// the output's name contains (kustomizations add prefixes, suffixes and hashes). The longest name wins; where two files
// are equally good, the kustomization is named instead.

// head is an object as it stands in a file.
type head struct {
	kind, name string
	at         sdk.FileAt
}

// origin is the place that a resource of the output comes from.
func (in *inputs) origin(kind, name, app string) sdk.FileAt {
	best, length, ties := sdk.At(in.rootFile(app), 0, 0), 0, 0
	for _, h := range in.heads() {
		if h.kind != kind || !strings.Contains(name, h.name) || len(h.name) < length {
			continue
		}
		if len(h.name) > length {
			best, length, ties = h.at, len(h.name), 0
		}
		if h.at.String() != best.String() {
			ties++
		}
	}
	if ties > 0 {
		return sdk.At(in.rootFile(app), 0, 0)
	}
	return best
}

// heads are the objects in all files that are resources, and the generators; read once.
func (in *inputs) heads() []head {
	if in.known != nil {
		return in.known
	}
	in.known = []head{}
	done := map[string]bool{}
	for _, k := range in.kustomizations {
		if done[k.path] {
			continue
		}
		done[k.path] = true
		for _, key := range []string{"resources", "bases"} {
			if _, list := k.field(key); list != nil {
				for _, item := range list.Content {
					file := k.resolve(item.Value)
					if content, ok := in.files[file]; ok && !done[file] {
						done[file] = true
						in.known = append(in.known, headsOf(file, string(content))...)
					}
				}
			}
		}
		in.known = append(in.known, k.generated("configMapGenerator", "ConfigMap")...)
		in.known = append(in.known, k.generated("secretGenerator", "Secret")...)
	}
	return in.known
}

// headsOf finds the objects of a file without parsing all of it: a wrong guess costs a place, not a byte of output.
func headsOf(file, content string) []head {
	var out []head
	line := 1
	for content != "" {
		document, rest := cutDocument(content)
		if kind, name := identity(document); kind != "" && name != "" {
			blank := len(document) - len(strings.TrimLeft(document, " \t\r\n"))
			first := line + strings.Count(document[:blank], "\n")
			out = append(out, head{kind, name, sdk.At(file, uint32(first), 1)})
		}
		line += strings.Count(content[:len(content)-len(rest)], "\n")
		content = rest
	}
	return out
}

// cutDocument splits at the first line that begins with `---`, which is part of neither side.
func cutDocument(content string) (document, rest string) {
	const mark = "---"
	end := 0
	if !strings.HasPrefix(content, mark) {
		at := strings.Index(content, "\n"+mark)
		if at < 0 {
			return content, ""
		}
		end = at + 1
	}
	_, rest, _ = strings.Cut(content[end:], "\n")
	return content[:end], rest
}

// identity is the kind and the name of a document: `kind` at its first level, `name` at the first level of `metadata`.
func identity(document string) (kind, name string) {
	if strings.HasPrefix(strings.TrimSpace(document), "{") {
		return flowIdentity(document)
	}
	inMetadata, indent := false, 0
	for line := range strings.Lines(document) {
		text := strings.TrimLeft(line, " ")
		depth := len(line) - len(text)
		if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if depth == 0 {
			inMetadata, indent = false, 0
		}
		switch rest, isMetadata := strings.CutPrefix(text, "metadata:"); {
		case depth == 0 && isMetadata && strings.HasPrefix(strings.TrimSpace(rest), "{"):
			_, name = flowIdentity("{" + strings.TrimSpace(line) + "}")
		case depth == 0 && isMetadata:
			inMetadata = true
		case depth == 0:
			kind = cmp.Or(value(text, "kind:"), kind)
		case inMetadata:
			indent = cmp.Or(indent, depth)
			if depth == indent {
				name = cmp.Or(value(text, "name:"), name)
			}
		}
	}
	return kind, name
}

// value is the plain or quoted text after a key, "" if the line has another key.
func value(line, key string) string {
	rest, ok := strings.CutPrefix(line, key)
	rest = strings.TrimLeft(rest, " \t")
	if !ok || rest == "" {
		return ""
	}
	if quote := rest[0]; quote == '"' || quote == '\'' {
		text, _, isWhole := strings.Cut(rest[1:], rest[:1])
		if !isWhole {
			return ""
		}
		return text
	}
	if strings.ContainsRune("{[&*|>", rune(rest[0])) {
		return ""
	}
	if end := strings.IndexAny(rest, " \t\r\n\f#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// flowIdentity reads JSON and flow style.
func flowIdentity(document string) (kind, name string) {
	var object struct {
		Kind     string `yaml:"kind"`
		Metadata struct {
			Name string `yaml:"name"`
		} `yaml:"metadata"`
	}
	if yaml.Unmarshal([]byte(document), &object) != nil {
		return "", ""
	}
	return object.Kind, object.Metadata.Name
}

// generated are the objects that a generator makes. A generator that changes those of a base has the same name as
// theirs, which makes a tie between the two places.
func (k *kustomization) generated(key, kind string) []head {
	var out []head
	_, list := k.field(key)
	if list == nil {
		return nil
	}
	for _, item := range list.Content {
		behavior := child(item, "behavior")
		if len(behavior) > 0 && behavior[0].Value != "create" {
			continue
		}
		for _, name := range child(item, "name") {
			out = append(out, head{kind, name.Value, k.at(item)})
		}
	}
	return out
}

// mentions finds the text in a kustomization that names a path of the tree.
func (in *inputs) mentions(target string) (at sdk.FileAt, ok bool) {
	for _, k := range in.kustomizations {
		k.scalars(func(node *yaml.Node) {
			reference := node.Value
			if _, file, isPair := strings.Cut(reference, "="); isPair {
				reference = file // a generator's key=file
			}
			if !ok && reference != "" && path.Clean(k.resolve(reference)) == target {
				at, ok = k.at(node), true
			}
		})
	}
	return at, ok
}

// quotes finds a text in a kustomization that is exactly this.
func (in *inputs) quotes(text string) (at sdk.FileAt, ok bool) {
	for i := len(in.kustomizations) - 1; i >= 0 && !ok; i-- {
		k := in.kustomizations[i]
		k.scalars(func(node *yaml.Node) {
			if !ok && node.Value == text {
				at, ok = k.at(node), true
			}
		})
	}
	return at, ok
}
