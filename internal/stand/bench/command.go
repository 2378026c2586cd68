package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
)

// custodian compares the whole command with Cloud Custodian's on the same endpoint.
// Custodian does not support these rules. custodian/run.py adds a resource that
// describes and validates them, and its policy has two filters.
func custodian(ctx context.Context) ([]figure, error) {
	const n = 5
	server, err := serve(0)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "ptcaudit-bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_ENDPOINT_URL=" + server.URL, "AWS_REGION=" + registry.Region, "AWS_DEFAULT_REGION=" + registry.Region,
		"AWS_ACCESS_KEY_ID=" + registry.Account, "AWS_SECRET_ACCESS_KEY=bench", "AWS_EC2_METADATA_DISABLED=true",
	}
	ours := func() (time.Duration, error) {
		took, out, err := timed(ctx, env, "bin/ptcaudit", "audit", "--region", registry.Region, "--policy", "strict", "--output", "json")
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
			err = nil // findings
		}
		if err != nil {
			return 0, err
		}
		var report struct{ Rules []struct{} }
		if err := json.Unmarshal(out, &report); err != nil || len(report.Rules) != ptc.RuleLimit {
			return 0, fmt.Errorf("the audit has %d rules, want %d: %w", len(report.Rules), ptc.RuleLimit, err)
		}
		return took, nil
	}
	theirs := func() (time.Duration, error) {
		took, _, err := timed(ctx, env, ".cache/custodian/bin/python", "internal/stand/bench/custodian/run.py", "run",
			"--cache-period", "0", "--region", registry.Region, "-s", dir, "internal/stand/bench/custodian/policy.yml")
		if err != nil {
			return 0, err
		}
		found, err := os.ReadFile(filepath.Join(dir, "broken-or-not-allowed", "resources.json")) //nolint:gosec // written by Custodian
		if err != nil {
			return 0, err
		}
		var resources []struct {
			Verdict *struct{} `json:"c7n:validation"`
		}
		if err := json.Unmarshal(found, &resources); err != nil || len(resources) == 0 || resources[0].Verdict == nil {
			return 0, fmt.Errorf("custodian validated no rule: %w", err)
		}
		return took, nil
	}
	var a, b []time.Duration
	for range n {
		d, err := ours()
		if err != nil {
			return nil, err
		}
		a = append(a, d)
		if d, err = theirs(); err != nil {
			return nil, err
		}
		b = append(b, d)
	}
	return []figure{{
		what: "the whole command, audit of 50 rules", n: n, value: ms(median(a)),
		baseline: "Cloud Custodian 0.9.53 with an added resource: " + ms(median(b)),
		ratio:    strconv.FormatFloat(float64(median(b))/float64(median(a)), 'f', 1, 64) + " × faster", goal: "≥ 15 × faster",
	}}, nil
}

// timed runs a command and returns its wall time and its output.
func timed(ctx context.Context, env []string, name string, args ...string) (time.Duration, []byte, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the commands above
	cmd.Env = env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", name, err, stderr.String())
	}
	return took, out, err
}
