package main

import (
	"sort"

	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"
)

// splitDocuments is Helm's own way of cutting a rendered file into documents, in their order.
func splitDocuments(content string) []string {
	byKey := releaseutil.SplitManifests(content)
	keys := sortedKeys(byKey)
	sort.Sort(releaseutil.BySplitManifestsOrder(keys))
	documents := make([]string, len(keys))
	for i, key := range keys {
		documents[i] = byKey[key]
	}
	return documents
}

// parseHead reads a document the way Helm does before it sorts.
func parseHead(document []byte) error { return yaml.Unmarshal(document, new(releaseutil.SimpleHead)) }
