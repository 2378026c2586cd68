package policies_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/policytest"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

// TestPolicies runs the tests of the policies.
func TestPolicies(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*_test.yaml", "testdata/*_test.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) { runTests(t, file) })
	}
}

func runTests(t *testing.T, file string) {
	t.Helper()
	results, err := policytest.Run(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		t.Run(r.Name, func(t *testing.T) {
			for _, d := range r.Differences {
				t.Error(d)
			}
		})
	}
}

// TestSeverities compares the checks and severities with those that users rely on.
func TestSeverities(t *testing.T) {
	type severities struct{ inDefault, inStrict report.Severity }
	want := map[string]severities{
		"validation-passed":    {report.Critical, report.Critical},
		"upstream-known":       {report.Medium, report.High},
		"upstream-allowed":     {report.High, report.High},
		"upstream-url":         {report.High, report.High},
		"upstream-account":     {report.High, report.High},
		"upstream-region":      {report.Medium, report.High},
		"own-registry":         {report.High, report.Critical},
		"credential-required":  {report.High, report.Critical},
		"credential-unneeded":  {report.Medium, report.High},
		"credential-account":   {report.High, report.High},
		"credential-region":    {report.High, report.High},
		"shared-credential":    {report.Low, report.Medium},
		"role-required":        {report.High, report.High},
		"role-account":         {report.High, report.High},
		"role-unneeded":        {report.Low, report.Medium},
		"root-prefix":          {report.Medium, report.High},
		"root-upstream-prefix": {report.High, report.High},
		"prefix-syntax":        {report.Medium, report.Medium},
		"prefix-allowed":       {report.Medium, report.Medium},
		"overlapping-prefixes": {report.Informational, report.Low},
		"duplicate-upstream":   {report.Informational, report.Low},
		"region-allowed":       {report.High, report.High},
		"rule-quota":           {report.Low, report.Medium},
		"required-rule":        {report.High, report.High},
		"waiver-expired":       {"", ""}, // that of the check that was waived
		"waiver-ending":        {report.Informational, report.Informational},
		"waiver-unused":        {report.Low, report.Low},
	}
	got := map[string]severities{}
	for _, c := range load(t, "default").Checks {
		got[c.ID] = severities{inDefault: c.Severity}
	}
	for _, c := range load(t, "strict").Checks {
		got[c.ID] = severities{got[c.ID].inDefault, c.Severity}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(severities{})); diff != "" {
		t.Errorf("severities differ (-want +got):\n%s", diff)
	}
}

// TestEveryCheckIsComplete: every finding explains why it matters and how to fix
// it, and links to the documentation.
func TestEveryCheckIsComplete(t *testing.T) {
	for _, name := range policies.Names() {
		for _, c := range load(t, name).Checks {
			if c.Title == "" || c.Why == "" {
				t.Errorf("%s: %s has no title or no why", name, c.ID)
			}
			if c.Assert == "" {
				continue // built in
			}
			if c.Message == "" || c.Remediation == "" || c.RemediationExpression == "" || len(c.References) == 0 {
				t.Errorf("%s: %s lacks a text", name, c.ID)
			}
			for _, r := range c.References {
				if !strings.HasPrefix(r, "https://docs.aws.amazon.com/") {
					t.Errorf("%s: %s refers to %s", name, c.ID, r)
				}
			}
		}
	}
}

// The message is correct for one other rule and for several.
func TestMessageOfDuplicateUpstream(t *testing.T) {
	for want, prefixes := range map[string][]string{
		"Other rules have the same upstream quay.io: quay.":              {"q2", "quay"},
		"Other rules have the same upstream quay.io: quay, team-a/quay.": {"q2", "quay", "team-a/quay"},
	} {
		in := policy.Input{Registry: ptc.Registry{Account: account, Region: region}}
		for _, prefix := range prefixes {
			in.Rules = append(in.Rules, ptc.Rule{Prefix: prefix, Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io"}})
		}
		for _, f := range load(t, "default").Evaluate(t.Context(), in) {
			if f.Check == "duplicate-upstream" && f.Prefix == "q2" && f.Message != want {
				t.Errorf("got %q, want %q", f.Message, want)
			}
		}
	}
}

// TestEveryCheckIsTested: each shipped check passes in one test and fails in
// another.
func TestEveryCheckIsTested(t *testing.T) {
	outcomes := map[string]map[report.Outcome]bool{}
	for _, pattern := range []string{"*_test.yaml", "testdata/*_test.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			var f struct {
				Tests []struct {
					Expect []struct {
						Check   string
						Outcome report.Outcome
					}
				}
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(data, &f); err != nil {
				t.Fatal(err)
			}
			for _, test := range f.Tests {
				for _, e := range test.Expect {
					if outcomes[e.Check] == nil {
						outcomes[e.Check] = map[report.Outcome]bool{}
					}
					outcomes[e.Check][e.Outcome] = true
				}
			}
		}
	}
	for _, c := range load(t, "strict").Checks {
		if c.Assert != "" && (!outcomes[c.ID][report.Pass] || !outcomes[c.ID][report.Fail]) {
			t.Errorf("%s is expected to be %v, and should be tested to pass and to fail", c.ID, outcomes[c.ID])
		}
	}
}
