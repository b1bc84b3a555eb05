package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"windlass.dev/sdk"
)

// Helm tells what it skips or overrides through the default logger only. Warnings become diagnostics; the rest is of no
// use to the reader of a render.

// warn reports a warning of the call that is running.
var warn = func(code, message string) {}

// forwardWarnings makes the default logger report to the sink, until the returned function is called.
func forwardWarnings(sink *sdk.Sink) (restore func()) {
	reported := map[string]bool{}
	before, beforeWarn := slog.Default(), warn
	warn = func(code, message string) {
		if !reported[message] {
			reported[message] = true
			sink.Report(sdk.Diagnostic{Severity: sdk.Warning, Code: code, Message: message})
		}
	}
	slog.SetDefault(slog.New(warningHandler{}))
	return func() {
		warn = beforeWarn
		slog.SetDefault(before)
	}
}

type warningHandler struct{ attributes []slog.Attr }

func (h warningHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (h warningHandler) WithGroup(string) slog.Handler { return h }

func (h warningHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return warningHandler{append(append([]slog.Attr{}, h.attributes...), attributes...)}
}

// Handle reports warnings, and the two informations that mean that something is missing from the output.
func (h warningHandler) Handle(_ context.Context, record slog.Record) error {
	text := record.Message
	lower := strings.ToLower(text)
	skipped := strings.HasPrefix(lower, "skipping unknown hook")
	if record.Level < slog.LevelWarn && !strings.HasPrefix(lower, "warning:") && !skipped {
		return nil
	}
	add := func(a slog.Attr) bool {
		text += fmt.Sprintf(", %s: %v", a.Key, a.Value)
		return true
	}
	for _, a := range h.attributes {
		add(a)
	}
	record.Attrs(add)
	if skipped {
		warn("unknown-hook", "a manifest is left out, because its hook is none that Helm knows: "+text)
		return nil
	}
	warn("helm-warning", strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(text, "warning:"), "Warning:")))
	return nil
}
