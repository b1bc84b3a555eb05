package renderer

import (
	"errors"
	"strings"
	"testing"

	"windlass.dev/sdk"
)

func register(t *testing.T, render func(*sdk.Request, *sdk.Sink) error) {
	before := registered
	t.Cleanup(func() { registered = before })
	Register(Plugin{Render: render})
}

func raise() { panic("boom") }

func TestAPanicBecomesAnInternalFailureWithItsStack(t *testing.T) {
	register(t, func(*sdk.Request, *sdk.Sink) error { raise(); return nil })
	_, err := Run(sdk.Facts{})
	var internal *sdk.InternalError
	if !errors.As(err, &internal) {
		t.Fatalf("got %T", err)
	}
	lines := strings.Split(internal.Message, "\n")
	if lines[0] != "panic: boom" || !strings.Contains(lines[1], "renderer.raise") || len(lines) > maxStackLines+2 {
		t.Errorf("got %s", internal.Message)
	}
}

func TestOutputIsCollected(t *testing.T) {
	register(t, func(r *sdk.Request, s *sdk.Sink) error {
		s.Emit(sdk.Document{Content: []byte("a: 1"), Attributes: []sdk.Pair{{Name: sdk.AttributeSourceComment, Value: "c/t.yaml"}}})
		s.Report(sdk.Diagnostic{Severity: sdk.Warning, Code: "w", Message: r.Path()})
		return nil
	})
	output, err := Run(sdk.Facts{Path: "p"})
	if err != nil || output.Text() != "---\n# Source: c/t.yaml\na: 1\n" || output.Diagnostics[0].Message != "p" {
		t.Errorf("%q %v %v", output.Text(), output.Diagnostics, err)
	}
}

func TestAReportedErrorFailsTheCall(t *testing.T) {
	register(t, func(_ *sdk.Request, s *sdk.Sink) error {
		s.Report(sdk.Diagnostic{Code: "e", Message: "no"})
		return nil
	})
	var invalid *sdk.InvalidError
	if _, err := Run(sdk.Facts{}); !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
}

func TestNothingRegisteredIsToldPlainly(t *testing.T) {
	register(t, nil)
	if _, err := Run(sdk.Facts{}); err == nil || !strings.Contains(err.Error(), "Register") {
		t.Errorf("got %v", err)
	}
}

func TestTheCommandLineBecomesFacts(t *testing.T) {
	facts, err := parse("plugin", []string{"-tree", t.TempDir(), "-config", `{"a":1}`, "-api", "v1", "-api", "apps/v1", "-namespace", "shop", "charts/a/"})
	if err != nil || facts.Path != "charts/a" || len(facts.APIs) != 2 || facts.App.TargetNamespace != "shop" {
		t.Errorf("%+v %v", facts, err)
	}
	if _, err := parse("plugin", []string{"-tree", "/nonexistent"}); err == nil {
		t.Error("a missing folder was accepted")
	}
}
