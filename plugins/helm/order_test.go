package main

import (
	"reflect"
	"testing"
)

func TestKeysAndValuesAreSorted(t *testing.T) {
	dict := map[string]any{"b": 2, "c": 3, "a": 1}
	if got, want := keysInOrder(dict, map[string]any{"a": 4}), []string{"a", "b", "c", "a"}; !reflect.DeepEqual(got, want) {
		t.Errorf("keys: %v", got)
	}
	if got, want := valuesInOrder(dict), []any{1, 2, 3}; !reflect.DeepEqual(got, want) {
		t.Errorf("values: %v", got)
	}
	// toYaml prints a nil list otherwise than an empty one.
	if keysInOrder() == nil || valuesInOrder(nil) == nil {
		t.Error("an empty list is nil")
	}
}
