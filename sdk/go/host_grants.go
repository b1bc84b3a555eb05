//go:build wasip1

package sdk

import (
	"structs"
	"unsafe"
)

//go:wasmimport windlass:plugin/sources@0.1.0 hint
func sourcesHint(wanted, wantedLen uint32)

//go:wasmimport windlass:plugin/sources@0.1.0 open
func sourcesOpen(kind, kindLen, url, urlLen, name, nameLen, reference, referenceLen, hasDigest, digest, digestLen, extra, extraLen uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/compose@0.1.0 render
func composeRender(plugin, pluginLen, config, configLen uint32, tree int32, path, pathLen uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/compose@0.1.0 [resource-drop]rendered
func renderedDrop(handle int32)

//go:wasmimport windlass:plugin/compose@0.1.0 [method]rendered.len
func renderedLen(handle int32) uint32

//go:wasmimport windlass:plugin/compose@0.1.0 [method]rendered.get
func renderedGet(handle int32, index uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/cluster@0.1.0 get
func hostClusterGet(group, groupLen, version, versionLen, kind, kindLen, namespace, namespaceLen, name, nameLen, fields, fieldsLen uint32, answer unsafe.Pointer)

//go:wasmimport windlass:plugin/cluster@0.1.0 list
func hostClusterList(apiVersion, apiVersionLen, kind, kindLen, namespace, namespaceLen, labels, labelsLen, selector, selectorLen, fields, fieldsLen, max, hasNext, next, nextLen uint32, answer unsafe.Pointer)

type loweredLocator struct { // 52
	_                          structs.HostLayout
	kind, url, name, reference lowered
	hasDigest                  uint32
	digest                     lowered
	extra                      lowered
}

var (
	composeAnswer struct { // result<own<rendered>, failure>
		_       structs.HostLayout
		isError uint32
		// failure's tag lies where the handle does.
		failure loweredFailure
	}
	documentAnswer loweredDocument
)

// loweredClusterPage is record page { items: list<json>, next: option<string> }.
type loweredClusterPage struct { // 20
	_     structs.HostLayout
	items lowered
	next  loweredOption
}

func lowerLocator(l Locator) loweredLocator {
	out := loweredLocator{
		kind: lowerString(l.Kind), url: lowerString(l.URL), name: lowerString(l.Name), reference: lowerString(l.Reference),
		extra: lowerPairs(l.Extra),
	}
	if l.Digest != "" {
		out.hasDigest, out.digest = 1, lowerString(l.Digest)
	}
	return out
}

func hintSources(wanted []Locator) {
	enter(0)
	defer leave()
	raw := make([]loweredLocator, len(wanted))
	for i, w := range wanted {
		raw[i] = lowerLocator(w)
	}
	list := lowerList(raw)
	sourcesHint(list.data, list.length)
}

func openSource(what Locator) (*Tree, error) {
	enter(0)
	defer leave()
	l := lowerLocator(what)
	sourcesOpen(l.kind.data, l.kind.length, l.url.data, l.url.length, l.name.data, l.name.length,
		l.reference.data, l.reference.length, l.hasDigest, l.digest.data, l.digest.length, l.extra.data, l.extra.length,
		unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return nil, err
	}
	return newHostTree(as[int32](&resultAnswer)), nil
}

func compose(plugin, config string, tree *Tree, path string) (*Rendered, error) {
	backend, ok := tree.backend.(hostTree)
	if !ok {
		return nil, &InternalError{Message: "compose needs a tree of the host"}
	}
	enter(0)
	defer leave()
	p, c, at := lowerString(plugin), lowerString(config), lowerString(path)
	composeRender(p.data, p.length, c.data, c.length, backend.handle, at.data, at.length, unsafe.Pointer(&composeAnswer))
	if composeAnswer.isError&0xff != 0 {
		return nil, liftFailure(composeAnswer.failure)
	}
	return &Rendered{hostRendered{int32(composeAnswer.failure.tag)}}, nil
}

// hostRendered is a handle of the host.
type hostRendered struct{ handle int32 }

func (r hostRendered) drop() {
	enter(0)
	defer leave()
	renderedDrop(r.handle)
}

func (r hostRendered) len() int {
	enter(0)
	defer leave()
	return int(renderedLen(r.handle))
}

func (r hostRendered) get(index uint32) Document {
	enter(maxBodyBytes)
	defer leave()
	renderedGet(r.handle, index, unsafe.Pointer(&documentAnswer))
	return liftDocument(documentAnswer)
}

func clusterGet(what ObjectRef, fields []string) (string, error) {
	enter(maxBodyBytes + 64)
	defer leave()
	g, v, k := lowerString(what.Group), lowerString(what.Version), lowerString(what.Kind)
	ns, n, f := lowerString(what.Namespace), lowerString(what.Name), lowerStrings(fields)
	hostClusterGet(g.data, g.length, v.data, v.length, k.data, k.length, ns.data, ns.length, n.data, n.length,
		f.data, f.length, unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return "", err
	}
	return as[lowered](&resultAnswer).text(), nil
}

func clusterList(what ClusterQuery, max uint32, next string) ([]string, string, error) {
	enter(maxBodyBytes + 64)
	defer leave()
	a, k, ns := lowerString(what.APIVersion), lowerString(what.Kind), lowerString(what.Namespace)
	l, s, f := lowerString(what.LabelSelector), lowerString(what.FieldSelector), lowerStrings(what.Fields)
	after, hasNext := lowerString(next), uint32(0)
	if next != "" {
		hasNext = 1
	}
	hostClusterList(a.data, a.length, k.data, k.length, ns.data, ns.length, l.data, l.length, s.data, s.length,
		f.data, f.length, max, hasNext, after.data, after.length, unsafe.Pointer(&resultAnswer))
	if err := resultAnswer.refusal(); err != nil {
		return nil, "", err
	}
	page := as[loweredClusterPage](&resultAnswer)
	if page.next.isSome == 0 {
		return page.items.texts(), "", nil
	}
	return page.items.texts(), page.next.value.text(), nil
}
