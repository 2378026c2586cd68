package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"ptcaudit/internal/stand/toolbox"
)

func TestCfnLintIsClean(t *testing.T) {
	// W3005: the CDK adds a dependency of the function on its role, although the
	// function already refers to it.
	cmd := exec.CommandContext(t.Context(), toolbox.CfnLint(t), "--ignore-checks", "W3005", "--")
	for _, d := range []deployment{plain(), full()} { // loading its rules takes longer than a template
		cmd.Args = append(cmd.Args, filepath.Join(d.folder, "ptcaudit.template.json"))
	}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
