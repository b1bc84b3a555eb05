// Package bridge joins package sdk, which knows the layouts, with the packages of the worlds, which hold the exports:
// an export stands in the package of its world so that a plugin has no other.
package bridge

import "unsafe"

// Render is set by package sdk in a component. It hands the borrowed handles to render as *sdk.Request and *sdk.Sink,
// drops them, and returns the lowered answer.
var Render func(request, sink int32, render func(request, sink any) error) unsafe.Pointer
