package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/types"
)

// builtins are the kinds that `generators` and `transformers` may name, of upstream's internal builtinhelpers.
var builtins = []string{
	"AnnotationsTransformer", "ConfigMapGenerator", "HashTransformer", "HelmChartInflationGenerator", "IAMPolicyGenerator",
	"ImageTagTransformer", "LabelTransformer", "NamespaceTransformer", "PatchJson6902Transformer",
	"PatchStrategicMergeTransformer", "PatchTransformer", "PrefixSuffixTransformer", "PrefixTransformer",
	"ReplacementTransformer", "ReplicaCountTransformer", "SecretGenerator", "SuffixTransformer", "ValueAddTransformer",
}

// TestPartsUseWhatUpstreamKnows: the kustomizations that are generated from tests/cases/kustomize-parts, and compared
// with the native command through the sandbox, leave no field and no builtin out. So a new one upstream is noticed here.
func TestPartsUseWhatUpstreamKnows(t *testing.T) {
	files, err := filepath.Glob("../../tests/cases/kustomize-parts/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d parts: %v", len(files), err)
	}
	var text strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(content)
	}
	fields := map[string]bool{}
	collect(reflect.TypeFor[types.Kustomization](), fields)
	if len(fields) < 60 {
		t.Fatalf("upstream has %d fields", len(fields))
	}
	for field := range fields {
		if !regexp.MustCompile(`\b` + field + `"?:`).MatchString(text.String()) {
			t.Errorf("no part uses the field `%s`", field)
		}
	}
	for _, kind := range builtins {
		if !regexp.MustCompile(`kind: ` + kind + `\b`).MatchString(text.String()) {
			t.Errorf("no part uses the builtin `%s`", kind)
		}
	}
}

// collect adds the names of all fields at and below a type. Charts are refused, whatever their fields.
func collect(of reflect.Type, names map[string]bool) {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(of.Elem(), names)
	case reflect.Struct:
		if strings.HasPrefix(of.Name(), "Helm") {
			return
		}
		for i := range of.NumField() {
			field := of.Field(i)
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
				names[name] = true
			}
			collect(field.Type, names)
		}
	}
}
