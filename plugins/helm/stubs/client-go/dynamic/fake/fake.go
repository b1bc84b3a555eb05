// Package fake is empty: `go mod tidy` also resolves the tests of Helm's packages, which name it.
package fake
