//go:build !wasip1

package sdk

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Facts is what a plugin is told in a native run: the counterpart of [Request].
type Facts struct {
	// Tree is the app's own tree, see [OpenDir].
	Tree *Tree
	// Path is the app's place in it.
	Path string
	// Config is JSON; "" stands for {}. It is not checked against the schema and no defaults are filled in.
	Config string
	App    App
	Now    time.Time
	// KubeVersion defaults to "v1.37.0".
	KubeVersion string
	// APIs is what the cluster serves.
	APIs []string
	// Input holds the previous step's objects as JSON; nil = there is none.
	Input []string
	// Sources are further trees by name.
	Sources map[string]*Tree
}

// NewRequest is a request that answers with the given facts.
func NewRequest(facts Facts) *Request {
	if facts.Config == "" {
		facts.Config = "{}"
	}
	if facts.KubeVersion == "" {
		facts.KubeVersion = "v1.37.0"
	}
	return &Request{&factsRequest{facts: facts, asked: map[string]bool{}}}
}

type factsRequest struct {
	facts Facts
	asked map[string]bool
}

// Asked lists the facts beside trees that the plugin asked a request of [NewRequest] for, sorted: "now",
// "kube-version", "apis", "has-api apps/v1", …: tests hold with it that a plugin depends on no more than it uses.
func Asked(request *Request) []string {
	return slices.Sorted(maps.Keys(request.backend.(*factsRequest).asked))
}

func (r *factsRequest) ask(what string) Facts {
	r.asked[what] = true
	return r.facts
}

func (r *factsRequest) tree() *Tree         { return r.facts.Tree }
func (r *factsRequest) path() string        { return r.ask("path").Path }
func (r *factsRequest) config() string      { return r.ask("config").Config }
func (r *factsRequest) app() App            { return r.ask("app").App }
func (r *factsRequest) now() time.Time      { return r.ask("now").Now }
func (r *factsRequest) kubeVersion() string { return r.ask("kube-version").KubeVersion }
func (r *factsRequest) apis() []string      { return r.ask("apis").APIs }

func (r *factsRequest) hasAPI(name string) bool {
	return slices.Contains(r.ask("has-api "+name).APIs, name)
}

func (r *factsRequest) input() (*ObjectSet, bool) {
	bodies := r.ask("input").Input
	if bodies == nil {
		return nil, false
	}
	return NewObjectSet(bodies), true
}

func (r *factsRequest) source(name string) (*Tree, bool) {
	tree, ok := r.ask("source " + name).Sources[name]
	return tree, ok
}

// Output is what a plugin emitted in a native run.
type Output struct {
	Documents   []Document
	Diagnostics []Diagnostic
}

// NewSink is a sink that keeps what it is given.
func NewSink() (*Sink, *Output) {
	output := &Output{}
	return &Sink{output}, output
}

func (o *Output) emit(document Document) uint32 {
	document.Content = slices.Clone(document.Content)
	o.Documents = append(o.Documents, document)
	return uint32(len(o.Documents) - 1)
}

func (o *Output) report(diagnostic Diagnostic) { o.Diagnostics = append(o.Diagnostics, diagnostic) }

// Text is the documents as one YAML stream, as the native tools print it: `helm template` puts a line that names the
// source above each document and a line break after it, `kustomize build` only separates documents.
func (o *Output) Text() string {
	var b strings.Builder
	for i, d := range o.Documents {
		source := d.Attribute(AttributeSourceComment)
		switch {
		case source != "":
			b.WriteString("---\n# Source: " + source + "\n" + string(d.Content) + "\n")
			continue
		case i > 0:
			b.WriteString("---\n")
		}
		b.Write(d.Content)
		if !strings.HasSuffix(string(d.Content), "\n") {
			b.WriteString("\n")
		}
	}
	return b.String()
}
