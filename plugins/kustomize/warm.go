package main

import (
	"embed"

	"windlass.dev/sdk"
)

//go:embed rehearsal
var rehearsal embed.FS

// warm builds a kustomization of many features, so that the component's snapshot holds what packages set up at their first
// use: the OpenAPI schema parsed, which is most of it, the default transformer configuration, types as reflection wants
// them.
func warm() {
	if err := (sdk.Rehearsal{Files: rehearsal, Path: "rehearsal/overlay", Config: "{}"}).Run(render); err != nil {
		panic(err)
	}
}
