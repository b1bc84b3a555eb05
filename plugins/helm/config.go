package main

import (
	"encoding/json"
	"path"
	"strings"

	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"

	"windlass.dev/sdk"
)

// config mirrors the schema in plugin.yaml, which documents the fields.
type config struct {
	ReleaseName             string          `json:"releaseName"`
	ValueFiles              []string        `json:"valueFiles"`
	IgnoreMissingValueFiles bool            `json:"ignoreMissingValueFiles"`
	Values                  json.RawMessage `json:"values"`
	Set                     []string        `json:"set"`
	SetString               []string        `json:"setString"`
	SetJSON                 []string        `json:"setJson"`
	SetFile                 []string        `json:"setFile"`
	SetLiteral              []string        `json:"setLiteral"`
	IncludeCRDs             bool            `json:"includeCrds"`
	SkipTests               bool            `json:"skipTests"`
	SkipSchemaValidation    bool            `json:"skipSchemaValidation"`
	IsUpgrade               bool            `json:"isUpgrade"`
	Revision                int             `json:"revision"`
}

// defaultNamespace is what Helm uses when nothing is said.
const defaultNamespace = "default"

func readConfig(request *sdk.Request) (config, error) {
	c := config{IncludeCRDs: true, Revision: 1}
	err := request.DecodeConfig(&c)
	return c, err
}

// releaseName is the configured name, else that of the chart's folder, else the app's.
func releaseName(c config, request *sdk.Request) (string, error) {
	name := c.ReleaseName
	if name == "" {
		name = strings.TrimSuffix(path.Base("/"+request.Path()), ".tgz")
	}
	if name == "/" {
		name = request.App().Name
	}
	if err := chartutil.ValidateReleaseName(name); err != nil {
		return "", sdk.Invalid(sdk.Diagnostic{
			Code:    "bad-release-name",
			Message: "`" + name + "` can't be a release name: " + err.Error(),
			At:      sdk.ConfigAt("/releaseName"),
			Help:    "set `releaseName` to at most 53 lowercase letters, digits, `-` and `.`",
		})
	}
	return name, nil
}

func releaseNamespace(request *sdk.Request) string {
	if namespace := request.App().TargetNamespace; namespace != "" {
		return namespace
	}
	return defaultNamespace
}
