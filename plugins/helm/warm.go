package main

import (
	"embed"

	"windlass.dev/sdk"
)

//go:embed all:rehearsal
var rehearsal embed.FS

// warm renders a chart of many functions, so that the component's snapshot holds what packages set up at their first use:
// tables of the YAML parsers, types as reflection wants them, the schema of schemas.
func warm() {
	config := `{"releaseName":"rehearsal","includeCRDs":true}`
	if err := (sdk.Rehearsal{Files: rehearsal, Path: "rehearsal", Config: config}).Run(render); err != nil {
		panic(err)
	}
}
