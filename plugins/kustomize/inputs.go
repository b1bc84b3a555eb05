package main

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"

	"windlass.dev/sdk"
)

// inputs remembers what a build has read, to explain its errors and to find where its output comes from.
type inputs struct {
	// kustomizations are in the order of reading, the root first.
	kustomizations []*kustomization
	files          map[string][]byte
	refused        []sdk.Diagnostic
	// known is filled by heads.
	known []head
	// schemaFresh says that no build has parsed a schema before; schemaWanted, that a kustomization brings its own.
	schemaFresh, schemaWanted bool
}

// kustomization is one kustomization file.
type kustomization struct {
	path    string
	content []byte
	// root is its top-level mapping; nil if the file is no YAML mapping.
	root *yaml.Node
}

func newInputs() *inputs { return &inputs{files: map[string][]byte{}} }

// errSchema ends a build that has to begin anew, see runKustomize.
var errSchema = errors.New("the kustomization brings its own schema")

// errRefused ends a build whose kustomization wants something that a renderer doesn't have; `refused` says what.
var errRefused = errors.New("the kustomization needs what a renderer doesn't have")

// read is told of every file. It fails for a kustomization that wants something beyond the tree.
func (in *inputs) read(at string, content []byte, files *treeFS) error {
	in.files[at] = content
	if !slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(at)) {
		return nil
	}
	k := &kustomization{path: at, content: content}
	var document yaml.Node
	if yaml.Unmarshal(content, &document) == nil && len(document.Content) > 0 && document.Content[0].Kind == yaml.MappingNode {
		k.root = document.Content[0]
	}
	in.kustomizations = append(in.kustomizations, k)
	if at, _ := k.field("openapi"); at != nil && !in.schemaFresh {
		in.schemaWanted = true
		return errSchema
	}
	refused := k.beyond(files)
	in.refused = append(in.refused, refused...)
	if len(refused) > 0 {
		return errRefused
	}
	return nil
}

// field is the value of a top-level key.
func (k *kustomization) field(name string) (key, value *yaml.Node) {
	if k.root == nil {
		return nil, nil
	}
	for i := 0; i+1 < len(k.root.Content); i += 2 {
		if k.root.Content[i].Value == name {
			return k.root.Content[i], k.root.Content[i+1]
		}
	}
	return nil, nil
}

// at is the place of a node in the file.
func (k *kustomization) at(node *yaml.Node) sdk.FileAt {
	if node == nil {
		return sdk.At(k.path, 0, 0)
	}
	return sdk.At(k.path, uint32(node.Line), uint32(node.Column))
}

// resolve is what a relative path in this kustomization names.
func (k *kustomization) resolve(reference string) string {
	return path.Join(path.Dir(k.path), reference)
}

// scalars visits every text in the file.
func (k *kustomization) scalars(visit func(node *yaml.Node)) {
	var walk func(node *yaml.Node)
	walk = func(node *yaml.Node) {
		if node.Kind == yaml.ScalarNode {
			visit(node)
		}
		for _, child := range node.Content {
			walk(child)
		}
	}
	if k.root != nil {
		walk(k.root)
	}
}

// remoteForm is what kustomize takes for a git repository or a file to download.
var remoteForm = regexp.MustCompile(`(?i)^(?:git::|https?://|ssh://|file://|git@|[^/\s]+@[^/:\s]+:|(?:www\.)?github\.com[:/])`)

// The keys whose items are paths, and those whose items may name a file under `path`.
var (
	pathLists  = []string{"resources", "bases", "components", "crds", "configurations", "generators", "transformers", "validators", "patchesStrategicMerge"}
	pathFields = []string{"patches", "patchesJson6902", "replacements"}
	chartKeys  = []string{"helmCharts", "helmChartInflationGenerator"}
)

// beyond finds what the kustomization wants from the network or from a program.
func (k *kustomization) beyond(files *treeFS) []sdk.Diagnostic {
	var out []sdk.Diagnostic
	for _, key := range chartKeys {
		if at, _ := k.field(key); at != nil {
			out = append(out, sdk.Diagnostic{
				Code:    "needs-charts",
				Message: fmt.Sprintf("`%s` needs Helm, which kustomize can't run inside of a renderer", key),
				At:      k.at(at),
				Help:    "render the chart with the plugin `helm` as an app or a step of its own; calling it from here would take the grant `compose`",
			})
		}
	}
	for _, node := range k.references() {
		if remoteForm.MatchString(node.Value) && !files.Exists(mounted(k.resolve(node.Value))) {
			out = append(out, sdk.Diagnostic{
				Code:    "needs-network",
				Message: fmt.Sprintf("`%s` is remote, and a renderer has no network", node.Value),
				At:      k.at(node),
				Help:    "copy it into the repository; fetching it would take the grant `sources`, which this plugin does not ask for",
			})
		}
	}
	return out
}

// references are the texts that kustomize opens as files, folders or remote content.
func (k *kustomization) references() []*yaml.Node {
	var out []*yaml.Node
	for _, key := range pathLists {
		if _, list := k.field(key); list != nil {
			for _, item := range list.Content {
				if item.Kind == yaml.ScalarNode {
					out = append(out, item)
				}
			}
		}
	}
	for _, key := range pathFields {
		if _, list := k.field(key); list != nil {
			for _, item := range list.Content {
				out = append(out, child(item, "path")...)
			}
		}
	}
	if _, schema := k.field("openapi"); schema != nil {
		out = append(out, child(schema, "path")...)
	}
	return out
}

// patches are the files and inline texts of patches.
func (k *kustomization) patches() []*yaml.Node {
	var out []*yaml.Node
	if _, list := k.field("patchesStrategicMerge"); list != nil {
		out = append(out, list.Content...)
	}
	if _, list := k.field("patches"); list != nil {
		for _, item := range list.Content {
			out = append(append(out, child(item, "path")...), child(item, "patch")...)
		}
	}
	return out
}

func child(node *yaml.Node, key string) []*yaml.Node {
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key && node.Content[i+1].Kind == yaml.ScalarNode {
			return node.Content[i+1 : i+2]
		}
	}
	return nil
}

// deprecatedFields are those that kustomize warns of, with what it wants instead.
var deprecatedFields = []struct{ name, instead string }{
	{"bases", "resources"},
	{"commonLabels", "labels"},
	{"imageTags", "images"},
	{"patchesJson6902", "patches"},
	{"patchesStrategicMerge", "patches"},
	{"vars", "replacements"},
}

// deprecations are worth a note, but change nothing.
func (in *inputs) deprecations() []sdk.Diagnostic {
	var out []sdk.Diagnostic
	for _, k := range in.kustomizations {
		for _, field := range deprecatedFields {
			if at, _ := k.field(field.name); at != nil {
				out = append(out, sdk.Diagnostic{
					Severity: sdk.Info,
					Code:     "deprecated-field",
					Message:  fmt.Sprintf("`%s` is deprecated", field.name),
					At:       k.at(at),
					Help:     fmt.Sprintf("use `%s`; `kustomize edit fix` converts it", field.instead),
				})
			}
		}
	}
	return out
}

// rootFile is the first kustomization, or the place where it should be.
func (in *inputs) rootFile(app string) string {
	if len(in.kustomizations) > 0 {
		return in.kustomizations[0].path
	}
	return strings.TrimPrefix(app, "/")
}
