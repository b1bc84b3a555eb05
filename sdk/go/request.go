package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// App names the app that is rendered. TargetNamespace is where its objects go, "" when not said.
type App struct{ Namespace, Name, TargetNamespace string }

// Request is what a renderer is told. It is valid until the render function returns. Every getter is a recorded fact.
type Request struct{ backend requestBackend }

// requestBackend is the contract's resource.
type requestBackend interface {
	tree() *Tree
	path() string
	config() string
	app() App
	now() time.Time
	kubeVersion() string
	hasAPI(name string) bool
	apis() []string
	input() (*ObjectSet, bool)
	source(name string) (*Tree, bool)
}

// Tree is the app's own tree: the whole repository. Each call gives a new handle.
func (r *Request) Tree() *Tree { return r.backend.tree() }

// Path says where in the tree the app lies: a folder or a file, "" for the root.
func (r *Request) Path() string { return r.backend.path() }

// Config is the plugin's config as canonical JSON, checked against the schema in plugin.yaml, defaults filled in.
func (r *Request) Config() string { return r.backend.config() }

// DecodeConfig decodes the config into a struct. Unknown keys are errors: the schema has refused them already, so one
// that arrives means that struct and schema disagree. Numbers decoded into an any are json.Number.
func (r *Request) DecodeConfig(into any) error {
	text := r.Config()
	if text == "" || text == "null" {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return Invalid(Diagnostic{Code: "bad-config", Message: fmt.Sprintf("the config can't be read: %v", err), At: ConfigAt("")})
	}
	return nil
}

// App says which app is rendered.
func (r *Request) App() App { return r.backend.app() }

// Now is the time of the commit at which the inputs of the render last changed, never the wall clock.
func (r *Request) Now() time.Time { return r.backend.now() }

// KubeVersion is the version of the target cluster, for example "v1.37.0".
func (r *Request) KubeVersion() string { return r.backend.kubeVersion() }

// HasAPI says whether the cluster serves "v1", "apps/v1" or "apps/v1/Deployment".
func (r *Request) HasAPI(name string) bool { return r.backend.hasAPI(name) }

// APIs lists everything that the cluster serves. A render that asks is repeated whenever any of it changes: prefer
// [Request.HasAPI].
func (r *Request) APIs() []string { return r.backend.apis() }

// Input is the output of the previous step, if there is one.
func (r *Request) Input() (*ObjectSet, bool) { return r.backend.input() }

// Source is another tree, by the name that the App gives it.
func (r *Request) Source(name string) (*Tree, bool) { return r.backend.source(name) }
