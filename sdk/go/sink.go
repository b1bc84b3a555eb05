package sdk

// Format is the syntax of a document.
type Format uint8

// The formats.
const (
	YAML Format = iota
	JSON
)

// Mapping says that lines of the output come from a place in a file. No mapping = the whole document, line unknown.
type Mapping struct {
	Output Span
	Origin FileAt
}

// Names of attributes that the engine knows.
const (
	// AttributeRole is "crd", "hook" or "test"; an ordinary manifest has none.
	AttributeRole = "windlass.dev/role"
	// AttributeHookEvents holds Helm's words for the events, separated by commas.
	AttributeHookEvents = "windlass.dev/hook-events"
	// AttributeHookWeight is a whole number; lower runs first.
	AttributeHookWeight = "windlass.dev/hook-weight"
	// AttributeHookDeletePolicies holds Helm's words for the policies, separated by commas.
	AttributeHookDeletePolicies = "windlass.dev/hook-delete-policies"
	// AttributeSourceComment is what the native tool prints after "# Source: " above the document.
	AttributeSourceComment = "windlass.dev/source-comment"
)

// Document is a piece of output: one object, a List, or several YAML documents. The host parses it.
type Document struct {
	Format     Format
	Content    []byte
	Origin     *FileAt
	Lines      []Mapping
	Attributes []Pair
}

// Attribute is the value of an attribute, "" if the document has none of that name.
func (d Document) Attribute(name string) string {
	for _, a := range d.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Sink takes the output. It is valid until the render function returns, and committed only if that returns nil.
type Sink struct{ backend sinkBackend }

// sinkBackend is the contract's resource.
type sinkBackend interface {
	emit(document Document) uint32
	report(diagnostic Diagnostic)
}

// Emit hands a document over and returns its index, from 0.
func (s *Sink) Emit(document Document) uint32 { return s.backend.emit(document) }

// Report tells a finding beside the output. One of severity Error makes the render fail although it returns nil.
func (s *Sink) Report(diagnostic Diagnostic) { s.backend.report(diagnostic) }
