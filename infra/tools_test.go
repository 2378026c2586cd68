package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"ptcaudit/internal/stand/toolbox"
)

func TestCfnLintIsClean(t *testing.T) {
	lint := toolbox.CfnLint(t)
	for name, d := range map[string]deployment{"plain": plain(), "full": full()} {
		// W3005: the CDK has a function wait for its role although it refers to
		// it. No Region is given: the template is for all.
		out, err := exec.CommandContext(t.Context(), lint, "--ignore-checks", "W3005", "--", filepath.Join(d.folder, "ptcaudit.template.json")).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
