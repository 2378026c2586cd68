package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ptcaudit/internal/toolbox"
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

// The way that make goes: the CDK's CLI runs the app, offline.
func TestSynthByTheCLI(t *testing.T) {
	cdk := toolbox.CDK(t)
	toolbox.Bootstrap(t, "audit")
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), cdk, "synth", "--quiet", "--output", out,
		"--context", "architecture="+runtime.GOARCH, "--context", "email=ops@example.com severity=high")
	cmd.Dir = toolbox.Root(t)
	cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "HTTPS_PROXY=http://127.0.0.1:1")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if strings.Contains(strings.ToLower(string(text)), "warn") {
		t.Errorf("it warns:\n%s", text)
	}
	// sam local finds the function by this.
	template := string(read(filepath.Join(out, "ptcaudit.template.json")))
	for _, want := range []string{`"aws:asset:path"`, `"aws:cdk:path": "ptcaudit/AuditFunction/Resource"`, `"Endpoint": "ops@example.com"`} {
		if !strings.Contains(template, want) {
			t.Errorf("the template lacks %s", want)
		}
	}
}
