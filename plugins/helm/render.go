package main

import (
	"fmt"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"

	"windlass.dev/sdk"
)

// render follows `helm template`, step by step.
func render(request *sdk.Request, sink *sdk.Sink) error {
	c, err := readConfig(request)
	if err != nil {
		return err
	}
	defer forwardWarnings(sink)()
	name, err := releaseName(c, request)
	if err != nil {
		return err
	}
	tree := request.Tree()
	defer tree.Close()
	user, err := readValues(c, request, tree)
	if err != nil {
		return err
	}
	loaded, err := load(tree, request.Path())
	if err != nil {
		return err
	}
	if err := loaded.checkInstallable(); err != nil {
		return err
	}
	if err := chartutil.ProcessDependencies(loaded.chart, user.merged); err != nil {
		return sdk.Invalid(loaded.diagnose("bad-dependencies", "the chart's dependencies can't be processed: "+err.Error()))
	}
	values, err := composeValues(loaded, user, c, name, releaseNamespace(request))
	if err != nil {
		return err
	}
	return emitTemplates(loaded, values, c, request, sink)
}

// composeValues is what templates see as `.`, but for the capabilities.
func composeValues(loaded *loadedChart, user *userValues, c config, name, namespace string) (common.Values, error) {
	options := common.ReleaseOptions{
		Name: name, Namespace: namespace, Revision: c.Revision, IsInstall: !c.IsUpgrade, IsUpgrade: c.IsUpgrade,
	}
	// The schemas are checked below, where it is known which of them refuses what.
	top, err := util.ToRenderValuesWithSchemaValidation(loaded.chart, user.merged, options, common.DefaultCapabilities, true)
	if err != nil {
		return nil, sdk.Invalid(loaded.diagnose("bad-values", err.Error()))
	}
	if c.SkipSchemaValidation {
		return top, nil
	}
	return top, checkSchemas(loaded, user, c, top)
}

func emitTemplates(loaded *loadedChart, values common.Values, c config, request *sdk.Request, sink *sdk.Sink) error {
	if err := checkKubeVersion(loaded, request); err != nil {
		return err
	}
	templates := loaded.templates()
	texts := templateTexts{templates, values, loaded.chart}
	capabilities, err := capabilitiesFor(texts, request)
	if err != nil {
		return err
	}
	values["Capabilities"] = capabilities
	drawn := newStreams(markTemplates(texts))
	helm := engine.Engine{CustomTemplateFuncs: templateFunctions(request, drawn)}
	files, err := helm.Render(loaded.chart, values)
	if err != nil {
		return sdk.Invalid(templateFailure(err.Error(), templates))
	}
	return emit(loaded, templates, files, c, drawn.values, sink)
}

// checkKubeVersion is about the top chart only, as in Helm.
func checkKubeVersion(loaded *loadedChart, request *sdk.Request) error {
	wanted := loaded.chart.Metadata.KubeVersion
	if wanted == "" {
		return nil
	}
	have, err := kubeVersion(request)
	if err != nil {
		return err
	}
	if chartutil.IsCompatibleRange(wanted, have.String()) {
		return nil
	}
	d := loaded.diagnoseKey("incompatible-kube-version", fmt.Sprintf("the chart requires Kubernetes %s, and the cluster has %s", wanted, have.Version), "kubeVersion")
	return sdk.Invalid(d)
}

// checkInstallable refuses what Helm refuses before it looks at the values.
func (l *loadedChart) checkInstallable() error {
	metadata := l.chart.Metadata
	if metadata.APIVersion != chart.APIVersionV1 && metadata.APIVersion != chart.APIVersionV2 {
		message := fmt.Sprintf("charts of apiVersion `%s` can't be installed by this version of Helm, only v1 and v2", metadata.APIVersion)
		return sdk.Invalid(l.diagnoseKey("unsupported-chart", message, "apiVersion"))
	}
	if metadata.Type != "" && metadata.Type != "application" {
		d := l.diagnoseKey("not-installable", fmt.Sprintf("`%s` is a %s chart, which renders nothing by itself", metadata.Name, metadata.Type), "type")
		d.Help = "point the app at a chart that uses it as a dependency"
		return sdk.Invalid(d)
	}
	if metadata.Deprecated {
		warn("deprecated-chart", fmt.Sprintf("the chart `%s` is deprecated", metadata.Name))
	}
	return l.checkDependencies()
}

// checkDependencies finds dependencies that Chart.yaml names and charts/ lacks.
func (l *loadedChart) checkDependencies() error {
	var missing []sdk.Diagnostic
	for i, wanted := range l.chart.Metadata.Dependencies {
		if l.has(wanted) {
			continue
		}
		d := l.diagnoseKey("missing-dependency", fmt.Sprintf("the dependency `%s` is in Chart.yaml but not in charts/", wanted.Name), "dependencies", i, "name")
		d.Help = "run `helm dependency build` and commit the charts/ folder"
		missing = append(missing, d)
	}
	if len(missing) > 0 {
		return sdk.Invalid(missing...)
	}
	return nil
}

func (l *loadedChart) has(wanted *chart.Dependency) bool {
	for _, d := range l.chart.Dependencies() {
		if d.Name() == wanted.Name {
			return true
		}
	}
	return false
}
