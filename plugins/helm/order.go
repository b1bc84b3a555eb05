package main

import (
	"maps"
	"slices"
	"text/template"
)

// sprig's `keys` and `values` give what Go's maps give: another order in every run of the native command, and in a
// snapshotted plugin an order that the next build may change. Sorted by key they are one of the orders that the native
// command may give, and always the same.

var orderedFunctions = template.FuncMap{"keys": keysInOrder, "values": valuesInOrder}

func keysInOrder(dicts ...map[string]any) []string {
	keys := []string{}
	for _, dict := range dicts {
		keys = append(keys, slices.Sorted(maps.Keys(dict))...)
	}
	return keys
}

func valuesInOrder(dict map[string]any) []any {
	values := []any{}
	for _, key := range keysInOrder(dict) {
		values = append(values, dict[key])
	}
	return values
}
