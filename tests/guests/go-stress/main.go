// Command go-stress strains the Go SDK and the host: many goroutines with the collector running all the time, long
// listings, large files, handles that are never closed, and every way in which a Go program can end.
//
// A mode that can succeed emits one ConfigMap that says what it counted.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"windlass.dev/sdk"
	"windlass.dev/sdk/renderer"
)

func init() { renderer.Register(renderer.Plugin{Render: render}) }

func main() { renderer.Main() }

type config struct {
	Mode    string `json:"mode"`
	Count   int    `json:"count"`
	Collect bool   `json:"collect"`
}

func render(request *sdk.Request, sink *sdk.Sink) error {
	var c config
	if err := request.DecodeConfig(&c); err != nil {
		return err
	}
	if c.Collect {
		debug.SetGCPercent(1)
		debug.SetMemoryLimit(1 << 20)
	}
	modes := map[string]func(*sdk.Request, int) (int, error){
		"goroutines": goroutines, "pages": pages, "chunks": chunks, "values": values, "unclosed": unclosed, "streams": streams,
		"panic": raise, "goroutine-panic": raiseElsewhere, "fatal": fatal, "deadlock": deadlock, "loop": loop, "sleep": sleep,
		"memory": memory, "stack": stack,
	}
	mode, ok := modes[c.Mode]
	if !ok {
		return sdk.Unsupported("there is no mode %q", c.Mode)
	}
	counted, err := mode(request, c.Count)
	if err != nil {
		return err
	}
	sink.Emit(sdk.Document{Content: fmt.Appendf(nil, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {counted: \"%d\"}\n", c.Mode, counted)})
	return nil
}

// workers is how many goroutines call the host at once.
const workers = 8

// goroutines reads every file of the app's folder over and over, from goroutines that open and close trees, list, log
// and allocate meanwhile. Each answer must be what it was the first time.
func goroutines(request *sdk.Request, count int) (int, error) {
	tree := request.Tree()
	defer tree.Close()
	entries, err := tree.List(request.Path())
	if err != nil {
		return 0, err
	}
	first := map[string][]byte{}
	for _, e := range entries {
		if e.Kind == sdk.File {
			if first[e.Name], err = tree.ReadFile(path.Join(request.Path(), e.Name)); err != nil {
				return 0, err
			}
		}
	}
	failures := make(chan error, workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { failures <- rereads(request, first, count) })
	}
	group.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return 0, err
		}
	}
	return workers * count * len(first), nil
}

func rereads(request *sdk.Request, first map[string][]byte, count int) error {
	for i := range count {
		tree := request.Tree()
		for name, content := range first {
			again, err := tree.ReadFile(path.Join(request.Path(), name))
			if err != nil {
				return err
			}
			if !bytes.Equal(again, content) {
				return fmt.Errorf("%s changed between two reads", name)
			}
			node, err := tree.Stat(path.Join(request.Path(), name))
			if err != nil || node.Size != uint64(len(content)) {
				return fmt.Errorf("%s has %d bytes, then %d: %v", name, len(content), node.Size, err)
			}
		}
		if entries, err := tree.List(request.Path()); err != nil || len(entries) < len(first) {
			return fmt.Errorf("%d entries, then %d: %v", len(first), len(entries), err)
		}
		if i%16 == 0 {
			sdk.Log(sdk.LevelDebug, "round", sdk.Pair{Name: "i", Value: fmt.Sprint(i)})
			runtime.Gosched()
		}
		tree.Close()
	}
	return nil
}

// pages counts the files below the app by listing and by glob, which must agree.
func pages(request *sdk.Request, _ int) (int, error) {
	tree := request.Tree()
	defer tree.Close()
	entries, err := tree.List(request.Path())
	if err != nil {
		return 0, err
	}
	matches, err := tree.Glob(request.Path(), "*")
	if err != nil {
		return 0, err
	}
	if len(entries) != len(matches) {
		return 0, fmt.Errorf("listed %d files and matched %d", len(entries), len(matches))
	}
	for i, e := range entries {
		if e.Name != matches[i] {
			return 0, fmt.Errorf("entry %d is %q listed and %q matched", i, e.Name, matches[i])
		}
	}
	return len(entries), nil
}

// chunks counts the bytes of the file at the app's path, read whole and in odd pieces, which must agree.
func chunks(request *sdk.Request, count int) (int, error) {
	tree := request.Tree()
	defer tree.Close()
	whole, err := tree.ReadFile(request.Path())
	if err != nil {
		return 0, err
	}
	var pieces []byte
	for {
		piece, err := tree.Read(request.Path(), uint64(len(pieces)), uint32(count))
		if err != nil {
			return 0, err
		}
		pieces = append(pieces, piece...)
		if len(piece) < count {
			break
		}
	}
	if !bytes.Equal(whole, pieces) {
		return 0, errors.New("the pieces are not the whole")
	}
	return len(whole), nil
}

// values asks every getter and every method of a tree, and counts what the input holds.
func values(request *sdk.Request, _ int) (int, error) {
	tree := request.Tree()
	canonical, err := tree.Canonical(request.Path())
	if err != nil {
		return 0, err
	}
	digest, err := tree.Digest(canonical)
	if err != nil || digest == "" || tree.Label() != "" {
		return 0, fmt.Errorf("digest %q, label %q: %v", digest, tree.Label(), err)
	}
	if _, err := tree.Read("../outside", 0, 1); err == nil {
		return 0, errors.New("a path out of the tree was read")
	}
	if request.App().Name == "" || request.KubeVersion() == "" || request.Now().IsZero() || !request.HasAPI("v1") || len(request.APIs()) == 0 {
		return 0, errors.New("a fact is missing")
	}
	if _, ok := request.Source("no-such-source"); ok {
		return 0, errors.New("a source that nobody named was there")
	}
	objects, ok := request.Input()
	if !ok {
		return 0, nil
	}
	defer objects.Close()
	for i, head := range objects.Heads() {
		kind, ok := objects.Field(uint32(i), "/kind")
		if !ok || kind != fmt.Sprintf("%q", head.Kind) || objects.Bodies()[i] != objects.Body(uint32(i)) {
			return 0, fmt.Errorf("object %d is a %s by its head and a %s by its field", i, head.Kind, kind)
		}
	}
	return objects.Len(), nil
}

// unclosed opens trees and keeps the handles.
func unclosed(request *sdk.Request, count int) (int, error) {
	for range count {
		if _, err := request.Tree().Stat(request.Path()); err != nil {
			return 0, err
		}
	}
	return count, nil
}

// streams draws from two streams; the same label must give the same numbers.
func streams(*sdk.Request, int) (int, error) {
	var entropy sdk.Entropy
	entropy.Fork("a")
	first := entropy.Uint64()
	entropy.Fork("b")
	other := entropy.Uint64()
	entropy.Fork("a")
	if again := entropy.Uint64(); first != again || first == other {
		return 0, errors.New("streams don't restart, or are not distinct")
	}
	return int(other >> 1), nil
}

func raise(*sdk.Request, int) (int, error) { panic("raised on purpose") }

// raiseElsewhere panics where nobody recovers.
func raiseElsewhere(*sdk.Request, int) (int, error) {
	go func() { panic("raised in a goroutine") }()
	time.Sleep(time.Millisecond)
	return 0, nil
}

// fatal ends in an error of the runtime that can't be recovered.
func fatal(*sdk.Request, int) (int, error) {
	var mutex sync.Mutex
	mutex.Unlock()
	return 0, nil
}

func deadlock(*sdk.Request, int) (int, error) { select {} }

func loop(*sdk.Request, int) (int, error) {
	for n := 0; ; n++ {
		runtime.KeepAlive(n)
	}
}

func sleep(*sdk.Request, int) (int, error) {
	time.Sleep(time.Hour)
	return 1, nil
}

// memory keeps count mebibytes.
func memory(_ *sdk.Request, count int) (int, error) {
	var kept [][]byte
	for range count {
		kept = append(kept, bytes.Repeat([]byte{1}, 1<<20))
	}
	return len(kept), nil
}

func stack(_ *sdk.Request, count int) (int, error) { return deep(count), nil }

func deep(n int) int {
	var frame [64]int
	if n > 0 {
		frame[n%64] = deep(n - 1)
	}
	return frame[n%64] + 1
}
