package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"windlass.dev/sdk"
	"windlass.dev/sdk/renderer"
)

// These tests compare the plugin, run natively, with the native `kustomize` of the same version over the golden
// kustomizations of tests/cases/kustomize. They need the oracle, see tests/oracles/README.md.

// provenanceFlags is what plugin.yaml gives to the linker; a test binary has no such flags.
const managedByNative, managedByTest = "kustomize-v5.8.2", "kustomize-(devel)"

type outcome struct{ text, failed string }

func oracle(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("WINDLASS_ORACLES")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Skip("no oracle: set WINDLASS_ORACLES to the folder with the native commands")
		}
		folder = filepath.Join(home, ".cache/windlass/oracles")
	}
	command := filepath.Join(folder, "kustomize")
	if _, err := os.Stat(command); err != nil {
		if os.Getenv("WINDLASS_ORACLES") != "" {
			t.Fatalf("WINDLASS_ORACLES has no %s", filepath.Base(command))
		}
		t.Skipf("no oracle at %s: build it as tests/oracles/README.md says, or set WINDLASS_ORACLES", command)
	}
	return command
}

func native(t *testing.T, command, root string, c config) outcome {
	t.Helper()
	args := []string{"build", "app"}
	if c.Reorder != "" {
		args = append(args, "--reorder", c.Reorder)
	}
	if c.LoadRestrictor == "none" {
		args = append(args, "--load-restrictor", "LoadRestrictionsNone")
	}
	build := exec.Command(command, args...)
	build.Dir = root
	build.Env = []string{"HOME=" + t.TempDir()}
	var stdout, stderr strings.Builder
	build.Stdout, build.Stderr = &stdout, &stderr
	if err := build.Run(); err != nil {
		return outcome{failed: stderr.String() + err.Error()}
	}
	return outcome{text: stdout.String()}
}

func readJSON(t *testing.T, file string, into any) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return "{}"
	}
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return string(content)
}

func build(t *testing.T, root, app, config string) (*sdk.Output, outcome) {
	t.Helper()
	tree, err := sdk.OpenDir(root, "")
	if err != nil {
		t.Fatal(err)
	}
	output, err := renderer.Run(sdk.Facts{Tree: tree, Path: app, Config: config})
	if err != nil {
		return output, outcome{failed: err.Error()}
	}
	return output, outcome{text: strings.ReplaceAll(output.Text(), managedByTest, managedByNative)}
}

func TestGoldenKustomizationsEqualNativeKustomize(t *testing.T) {
	command := oracle(t)
	folders, err := filepath.Glob("../../tests/cases/kustomize/*/app")
	if err != nil || len(folders) < 15 {
		t.Fatalf("found %d golden kustomizations: %v", len(folders), err)
	}
	for _, folder := range folders {
		root := filepath.Dir(folder)
		t.Run(filepath.Base(root), func(t *testing.T) {
			var c config
			var facts struct {
				Fails string `json:"fails"`
			}
			text := readJSON(t, filepath.Join(root, "config.json"), &c)
			readJSON(t, filepath.Join(root, "facts.json"), &facts)
			want := native(t, command, root, c)
			_, got := build(t, root, "app", text)
			switch {
			case facts.Fails != "" && (got.failed == "" || want.failed == ""):
				t.Errorf("must fail on both sides\nplugin: %s\nnative: %s", got.failed, want.failed)
			case facts.Fails != "" && !strings.Contains(got.failed, facts.Fails):
				t.Errorf("failed with\n%s\nwithout %q\nnative: %s", got.failed, facts.Fails, want.failed)
			case facts.Fails == "" && (got.failed != "" || want.failed != ""):
				t.Errorf("failed\nplugin: %s\nnative: %s", got.failed, want.failed)
			case got.text != want.text:
				t.Errorf("differs\nplugin:\n%s\nnative:\n%s", got.text, want.text)
			}
		})
	}
}
