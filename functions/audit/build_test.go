package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"ptcaudit/internal/stand/toolbox"
)

// TestReproducible: builds of two clones in different folders are equal.
func TestReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("links twice")
	}
	clone := t.TempDir()
	for _, path := range []string{"functions/audit", "internal", "policies"} {
		if err := os.CopyFS(filepath.Join(clone, path), os.DirFS(filepath.Join(toolbox.Root(t), path))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(toolbox.Root(t), file))
		if err == nil {
			err = os.WriteFile(filepath.Join(clone, file), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	build := func(dir string) []byte {
		out := filepath.Join(t.TempDir(), "bootstrap")
		// As the Makefile does it.
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc",
			"-ldflags", "-s -w -buildid=", "-o", out, "./functions/audit")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if !bytes.Equal(build(toolbox.Root(t)), build(clone)) {
		t.Error("two folders give two binaries")
	}
}
