package annotate_test

import (
	"os"
	"strings"
	"testing"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/annotate"
)

const parent = `apiVersion: ptcaudit/v1
name: parent
params:
  teams: [build]
checks:
  - id: team
    title: Prefixes name a team
    severity: low
    message: Rename it.
    assert: |-
      params.teams.exists(t,
        rule.prefix.startsWith(t))
requiredRules: [{prefix: quay, reason: Builds}]
`

const child = `apiVersion: ptcaudit/v1
name: child
extends: parent.yaml
checks: [{id: team, severity: high}]
disable: [waiver-unused]
overrides: [{regions: [eu-west-1], severities: {team: medium}}]
waivers:
  - {check: team, prefixes: [quay], owner: o, reason: r, expires: 2099-01-01}
`

func TestYAML(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"parent.yaml": parent, "child.yaml": child} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, places, err := policy.LoadPlaces("child.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := annotate.YAML(p, places)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, line string }{
		{"the name of the last file", "name: child  # child.yaml:2"},
		{"an inherited param", "teams:  # parent.yaml:4"},
		{"an inherited field", "title: Prefixes name a team  # parent.yaml:7"},
		{"a changed field", "severity: high  # child.yaml:4"},
		{"a text of several lines", "assert: |-  # parent.yaml:10"},
		{"a required rule", "prefix: quay  # parent.yaml:13"},
		{"a waiver", "check: team  # child.yaml:8"},
		{"a disabled check", "- waiver-unused  # child.yaml:5"},
		{"a built-in check", "title: Every rule that the policy requires exists"},
	} {
		found := false
		for line := range strings.Lines(got) {
			found = found || strings.TrimSpace(line) == tt.line || strings.TrimSpace(line) == "- "+tt.line
		}
		if !found {
			t.Errorf("%s: no line %q in:\n%s", tt.name, tt.line, got)
		}
	}
	again, err := policy.Parse("shown.yaml", []byte(got))
	if err != nil {
		t.Fatalf("the output is not a valid policy: %v\n%s", err, got)
	}
	if again.Ref().Digest != p.Ref().Digest {
		t.Error("the output has another digest")
	}
}
