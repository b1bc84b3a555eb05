package sdk

// Locator names content beyond the app's own sources. Kind is "git", "chart", "oci", "archive", …; Reference is a ref,
// a range or a tag; Digest pins the content, "" if not known.
type Locator struct {
	Kind      string
	URL       string
	Name      string
	Reference string
	Digest    string
	Extra     []Pair
}

// Rendered is the output of another plugin.
type Rendered struct{ backend renderedBackend }

// renderedBackend is the contract's resource.
type renderedBackend interface {
	len() int
	get(index uint32) Document
	drop()
}

// Close gives the output back to the host.
func (r *Rendered) Close() { r.backend.drop() }

// Len is the number of documents.
func (r *Rendered) Len() int { return r.backend.len() }

// Document is the document at an index; one out of range ends the call.
func (r *Rendered) Document(index uint32) Document { return r.backend.get(index) }

// ClusterQuery selects objects of one kind. Selectors are in Kubernetes' syntax; Fields are the JSON pointers wanted,
// none for whole objects.
type ClusterQuery struct {
	APIVersion    string
	Kind          string
	Namespace     string
	LabelSelector string
	FieldSelector string
	Fields        []string
}

// HintSources tells what will be asked for, which saves rounds of fetching. Needs the grant "sources".
func HintSources(wanted ...Locator) { hintSources(wanted) }

// OpenSource opens content beyond the app's own sources. Content that the host does not have ends the call: the host
// fetches it, pins it and calls again. Needs the grant "sources".
//
// Errors: a *Refusal.
func OpenSource(what Locator) (*Tree, error) { return openSource(what) }

// Compose renders a path of a tree with another plugin, named by a binding of the App; config is JSON. It runs on this
// call's budget, at most 4 deep. Needs the grant "compose".
//
// Errors: an *InvalidError, *UnsupportedError, *InternalError or *OtherError, as the other plugin answers.
func Compose(plugin, config string, tree *Tree, path string) (*Rendered, error) {
	return compose(plugin, config, tree, path)
}

// ClusterGet reads one object as JSON with the App's identity; fields are the JSON pointers wanted, none for all.
// Needs the grant "cluster".
//
// Errors: a *Refusal.
func ClusterGet(what ObjectRef, fields ...string) (string, error) { return clusterGet(what, fields) }

// ClusterList reads a page of at most max objects as JSON with the App's identity. next is "" for the first page, else
// what the previous one returned; a returned next of "" means that there are no more. Needs the grant "cluster".
//
// Errors: a *Refusal.
func ClusterList(what ClusterQuery, max uint32, next string) (items []string, more string, err error) {
	return clusterList(what, max, next)
}
