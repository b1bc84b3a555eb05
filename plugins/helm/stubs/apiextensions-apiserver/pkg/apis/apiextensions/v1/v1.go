// Package v1 stands in for the one registration that Helm makes at start-up.
package v1

// AddToScheme does nothing: there is no scheme.
func AddToScheme(any) error { return nil }
