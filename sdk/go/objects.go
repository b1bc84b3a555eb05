package sdk

// ObjectRef names a Kubernetes object. Group is "" for the core group; Namespace is "" for cluster-scoped objects, or
// when it is not said.
type ObjectRef struct{ Group, Version, Kind, Namespace, Name string }

// ObjectSet holds objects that the host parsed, by index. Bodies are canonical JSON: keys sorted, no white space.
type ObjectSet struct{ backend objectsBackend }

// objectsBackend is the contract's resource.
type objectsBackend interface {
	len() int
	heads(start, max uint32) []ObjectRef
	selectKind(group, kind string) []uint32
	bodies(start, maxBytes uint32) []string
	body(index uint32) string
	field(index uint32, pointer string) (string, bool)
	drop()
}

const (
	// pageHeads keeps a page of heads well below the contract's 256 KiB.
	pageHeads = 512
	// pageBodyBytes is how much of the bodies is asked for at once.
	pageBodyBytes = 1 << 20
)

// Close gives the set back to the host. A set that is not closed lives as long as the call.
func (s *ObjectSet) Close() { s.backend.drop() }

// Len is the number of objects.
func (s *ObjectSet) Len() int { return s.backend.len() }

// Heads returns what every object is, by index.
func (s *ObjectSet) Heads() []ObjectRef {
	n := s.Len()
	all := make([]ObjectRef, 0, n)
	for len(all) < n {
		page := s.backend.heads(uint32(len(all)), pageHeads)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	return all
}

// Select returns the indexes of the objects of a kind; an empty group or kind stands for any.
func (s *ObjectSet) Select(group, kind string) []uint32 { return s.backend.selectKind(group, kind) }

// Bodies returns every object as JSON, by index.
func (s *ObjectSet) Bodies() []string {
	n := s.Len()
	all := make([]string, 0, n)
	for len(all) < n {
		page := s.backend.bodies(uint32(len(all)), pageBodyBytes)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	return all
}

// Body returns one object as JSON, at most 4 MiB. An index out of range ends the call.
func (s *ObjectSet) Body(index uint32) string { return s.backend.body(index) }

// Field returns the value at a JSON pointer as JSON, and whether there is one.
func (s *ObjectSet) Field(index uint32, pointer string) (string, bool) {
	return s.backend.field(index, pointer)
}
