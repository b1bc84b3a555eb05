// Package rest stands in for client-go's: a renderer has no client, and Helm's engine names this one type only.
package rest

// Config is never read here.
type Config struct{}
