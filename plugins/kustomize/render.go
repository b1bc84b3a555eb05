package main

import (
	"fmt"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"windlass.dev/sdk"
)

// config mirrors the schema in plugin.yaml, which documents the fields.
type config struct {
	Reorder        string `json:"reorder"`
	LoadRestrictor string `json:"loadRestrictor"`
}

// options are those of the native command. MakeDefaultOptions differs from it: it doesn't sort.
func (c config) options() (*krusty.Options, error) {
	options := krusty.MakeDefaultOptions()
	switch c.Reorder {
	case "":
		options.Reorder = krusty.ReorderOptionUnspecified
	case "legacy":
		options.Reorder = krusty.ReorderOptionLegacy
	case "none":
		options.Reorder = krusty.ReorderOptionNone
	default:
		return nil, sdk.Invalid(sdk.Diagnostic{Code: "bad-config", Message: fmt.Sprintf("`%s` is no order", c.Reorder), At: sdk.ConfigAt("/reorder")})
	}
	switch c.LoadRestrictor {
	case "", "rootOnly":
		options.LoadRestrictions = types.LoadRestrictionsRootOnly
	case "none":
		options.LoadRestrictions = types.LoadRestrictionsNone
	default:
		return nil, sdk.Invalid(sdk.Diagnostic{Code: "bad-config", Message: fmt.Sprintf("`%s` is no restriction", c.LoadRestrictor), At: sdk.ConfigAt("/loadRestrictor")})
	}
	return options, nil
}

func render(request *sdk.Request, sink *sdk.Sink) error {
	var c config
	if err := request.DecodeConfig(&c); err != nil {
		return err
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	tree := request.Tree()
	defer tree.Close()
	app := request.Path()
	resources, inputs, err := runKustomize(options, tree, app)
	if err != nil {
		return err
	}
	for _, d := range inputs.deprecations() {
		sink.Report(d)
	}
	for _, resource := range resources.Resources() {
		content, err := asYAML(resource)
		if err != nil {
			return fmt.Errorf("%s can't be written as YAML: %w", resource.CurId(), err)
		}
		origin := inputs.origin(resource.GetKind(), resource.GetName(), app)
		sink.Emit(sdk.Document{Content: content, Origin: &origin})
	}
	return nil
}

// runKustomize builds. The snapshot holds Kubernetes' schema parsed, and kustomize would add a kustomization's own to it
// where a process of its own holds the own one alone. So a build that meets one begins anew, with nothing parsed.
func runKustomize(options *krusty.Options, tree *sdk.Tree, app string) (resmap.ResMap, *inputs, error) {
	inputs := newInputs()
	files := newTreeFS(tree, inputs)
	resources, err := krusty.MakeKustomizer(options).Run(files, mounted(app))
	if inputs.schemaWanted {
		openapi.ResetOpenAPI()
		defer openapi.ResetOpenAPI() // natively, other builds of this process follow
		inputs = newInputs()
		inputs.schemaFresh = true
		files = newTreeFS(tree, inputs)
		resources, err = krusty.MakeKustomizer(options).Run(files, mounted(app))
	}
	if err != nil {
		return nil, nil, explain(err, files, app)
	}
	return resources, inputs, nil
}
