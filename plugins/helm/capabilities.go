package main

import (
	"fmt"
	"regexp"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"

	"windlass.dev/sdk"
)

// helmVersion is the version of the packages in go.mod, which templates see as .Capabilities.HelmVersion.Version. Helm's
// own build sets it in a variable that no importer can reach.
const helmVersion = "v4.3.1"

// kubeVersion asks for the cluster's version.
func kubeVersion(request *sdk.Request) (*common.KubeVersion, error) {
	text := request.KubeVersion()
	version, err := common.ParseKubeVersion(text)
	if err != nil {
		return nil, &sdk.OtherError{Code: "bad-kube-version", Message: fmt.Sprintf("the cluster's version `%s` can't be read: %v", text, err)}
	}
	return version, nil
}

// A use of .Capabilities whose answer can be asked for when the template gets there.
var (
	anyUse  = regexp.MustCompile(`\bCapabilities\b`)
	lazyUse = regexp.MustCompile(`\bCapabilities\.(?:KubeVersion\.(?:Version|Major|Minor|GitVersion)|APIVersions\.Has|HelmVersion)\b`)
)

// capabilitiesFor is what templates see as .Capabilities. Where they only look at the version's parts and ask for single
// APIs, the request is asked for just these, so that a new CRD in the cluster doesn't render every chart again. Where
// the object as a whole or the list shows up, Helm's own is filled.
func capabilitiesFor(texts templateTexts, request *sdk.Request) (any, error) {
	lazy := texts.all(func(text string) bool {
		return !strings.Contains(text, "Capabilities") ||
			len(anyUse.FindAllStringIndex(text, -1)) == len(lazyUse.FindAllStringIndex(text, -1))
	})
	if lazy {
		return &lazyCapabilities{request: request}, nil
	}
	version, err := kubeVersion(request)
	if err != nil {
		return nil, err
	}
	full := common.DefaultCapabilities.Copy()
	full.KubeVersion = *version
	full.APIVersions = request.APIs()
	full.HelmVersion.Version = helmVersion
	return full, nil
}

// lazyCapabilities looks to templates like common.Capabilities: a template calls a method where it finds one.
type lazyCapabilities struct {
	request *sdk.Request
	version *common.KubeVersion
}

// KubeVersion is asked for once.
func (c *lazyCapabilities) KubeVersion() (*common.KubeVersion, error) {
	if c.version == nil {
		version, err := kubeVersion(c.request)
		if err != nil {
			return nil, err
		}
		c.version = version
	}
	return c.version, nil
}

// APIVersions answers Has only; see lazyUse.
func (c *lazyCapabilities) APIVersions() lazyVersions { return lazyVersions{c.request} }

// HelmVersion is the version of the packages in this plugin.
func (c *lazyCapabilities) HelmVersion() any {
	build := common.DefaultCapabilities.HelmVersion
	build.Version = helmVersion
	return build
}

type lazyVersions struct{ request *sdk.Request }

// Has says whether the cluster serves a version ("apps/v1") or a kind of it ("apps/v1/Deployment").
func (v lazyVersions) Has(name string) bool { return v.request.HasAPI(name) }
