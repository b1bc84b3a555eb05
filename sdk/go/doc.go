// Package sdk is the Go side of the Windlass plugin contract windlass:plugin@0.1.0: what a plugin is told, what it
// may ask the host, and what it answers.
//
// A renderer is a package main that registers one function with package windlass.dev/sdk/renderer:
//
//	func init() { renderer.Register(renderer.Plugin{Render: render}) }
//
//	func main() { renderer.Main() }
//
//	func render(request *sdk.Request, sink *sdk.Sink) error {
//		content, err := request.Tree().ReadFile(request.Path())
//		if err != nil {
//			return err
//		}
//		sink.Emit(sdk.Document{Content: content})
//		return nil
//	}
//
// The same source builds twice. For GOOS=wasip1 (by windlass-build) the functions call the host through hand-written
// canonical ABI glue, and nothing of WASI is left. On any other system they work on a local folder, so that a plugin
// runs with "go run", is tested with "go test" and debugged like any program; see [Facts] and package renderer.
//
// # What is recorded
//
// The host records every question and the digest of its answer, and repeats a render only when an answer changed. So
// ask for what you use and nothing more: [Request.HasAPI] rather than [Request.APIs], [Tree.Stat] rather than
// [Tree.List], [Request.Now] only when the time shows in the output.
//
// # Grants
//
// A component imports only the interfaces whose functions it uses. [OpenSource] and [HintSources] need the grant
// "sources", [Compose] needs "compose", [ClusterGet] and [ClusterList] need "cluster"; a plugin that uses one names it
// under grants in its plugin.yaml, and an operator consents.
//
// # Goroutines
//
// All functions may be called from any goroutine; calls of the host are made one at a time. No finalizer is involved:
// [Tree.Close] and [ObjectSet.Close] give a handle back early, and whatever is not closed goes with the call.
package sdk
