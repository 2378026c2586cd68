package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ptcaudit/internal/cli"
)

// FuzzSavedReport: whatever a saved report claims, neither report nor eval exits
// with 0 while it has a failure without a waiver in force, a finding that was not
// checked, or a rule that the policy forbids or ECR did not validate.
func FuzzSavedReport(f *testing.F) {
	f.Add("fail", "high", true, true, true, true, "", "", "", false)
	f.Add("error", "high", true, true, true, true, "", "", "", true)
	f.Add("pass", "low", true, true, false, true, "", "", "", false)
	f.Add("fail", "high", true, true, true, true, "jo", "migration", "2099-01-01", false)
	f.Add("fail", "high", true, true, true, true, "", "", "1999-01-01", false)
	f.Add("pass", "high", false, true, true, false, "", "", "", false)
	f.Add("pass", "high", true, false, false, true, "", "", "", true)
	f.Fuzz(func(t *testing.T, outcome, severity string, complete, validated, valid, applicable bool, owner, reason, expires string, fault bool) {
		type object = map[string]any
		rule := object{"prefix": "hub", "isRoot": false, "upstream": object{"registry": "docker-hub", "url": "registry-1.docker.io"}}
		if validated {
			rule["validation"] = object{"valid": valid, "applicable": applicable}
		}
		finding := object{"check": "upstream-known", "prefix": "hub", "outcome": outcome, "severity": severity}
		waived := owner != "" || reason != "" || expires != ""
		if waived {
			finding["waiver"] = object{"owner": owner, "reason": reason, "expires": expires}
		}
		saved := object{
			"schemaVersion": "ptcaudit/report/v1", "registry": object{"account": "111122223333", "region": "eu-west-1"}, "complete": complete,
			"audit":    object{"id": "a", "startedAt": "2026-11-20T10:00:00Z", "finishedAt": "2026-11-20T10:00:01Z"},
			"findings": []any{finding}, "rules": []any{rule},
		}
		if fault {
			saved["faults"] = []any{object{"operation": "ecr:ValidatePullThroughCacheRule", "prefix": "hub", "kind": "throttled", "message": "slow"}}
		}
		raw, err := json.Marshal(saved)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "report.json")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		run := func(args ...string) int {
			return cli.Run(context.Background(), args, nil, strings.NewReader(""), io.Discard, io.Discard)
		}
		inForce := strings.TrimSpace(owner) != "" && strings.TrimSpace(reason) != "" && expires >= "2026-11-20"
		code := run("report", file, "--fail-on", "informational")
		if code == 0 && (outcome == "error" || outcome == "fail" && !inForce || fault || !complete) {
			t.Errorf("report exits with 0: %s", raw)
		}
		sound := complete && !fault && !waived && severity == "high" && (!validated || !valid || applicable)
		if sound && outcome == "fail" && code != cli.ExitFindings {
			t.Errorf("report exits with %d: %s", code, raw)
		}
		// Without a credential, docker-hub cannot be valid under the default policy.
		if code := run("eval", file); code == 0 {
			t.Errorf("eval exits with 0: %s", raw)
		}
	})
}
