package explain_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/explain"
)

const acme = `apiVersion: ptcaudit/v1
name: acme
extends: default
params:
  teams: [build, web]
requiredRules: [{prefix: docker-hub, upstreamRegistry: docker-hub}]
checks:
  - id: team
    title: Prefixes name a team
    why: The prefix shows who is responsible.
    severity: low
    assert: params.teams.exists(t, rule.prefix.startsWith(t + "-"))
    message: Rename it.
    effectiveFrom: 2027-01-01
    locked: true
  - {id: few, title: Few rules, severity: low, scope: registry, assert: registry.rules.size() < 9, message: Too many.}
`

const acmeTest = `policy: acme.yaml
tests:
  - name: own example
    now: 2027-02-01
    registry: {account: "111122223333", region: eu-west-1, rules: [{ecrRepositoryPrefix: quay, upstreamRegistryUrl: quay.io}]}
    expect:
      - {check: team, prefix: quay, outcome: fail}
`

func TestCheck(t *testing.T) {
	tests := []struct {
		name, check   string
		test          string // the test file beside the policy; none if empty
		want, without []string
	}{
		{"all of a check", "team", acmeTest, []string{
			"team: Prefixes name a team", "Severity: low  # acme.yaml:11", "Applies to: each rule", "Effective from: 2027-01-01",
			"Locked: ", "WHY", "The prefix shows who is responsible.", "  assert:  # acme.yaml:12", "  teams: [build, web]  # acme.yaml:5",
			"  fail     own example", "ecrRepositoryPrefix: quay", "→ Rename it.",
		}, []string{"REQUIRED"}},
		{"no tests", "few", "", []string{"Applies to: the registry as a whole"}, []string{"EXAMPLES", "PARAMS", "Locked", "WHY"}},
		{"examples of the shipped tests", "root-prefix", "", []string{"  fail     root-prefix fails for ROOT", "allowRoot: false  # default:"}, []string{"own example"}},
		{"required rules", "required-rule", "", []string{"Applies to: each rule that the policy requires", "REQUIRED\n  docker-hub  # acme.yaml:6"}, nil},
		{"a check of waivers", "waiver-expired", "", []string{"Severity: that of the waived check", "Applies to: each waiver"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := explained(t, tt.check, tt.test)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in:\n%s", want, got)
				}
			}
			for _, without := range tt.without {
				if strings.Contains(got, without) {
					t.Errorf("%q in:\n%s", without, got)
				}
			}
		})
	}
}

func TestCheckWithInvalidTests(t *testing.T) {
	_, err := explained(t, "team", "policy: acme.yaml\ntest: []\n")
	if faults, ok := errors.AsType[policy.Errors](err); !ok || !strings.HasPrefix(faults[0].Error(), "acme_test.yaml:") {
		t.Errorf("error %v, want the faults of acme_test.yaml", err)
	}
}

// explained explains a check of acme.
func explained(t *testing.T, check, test string) (string, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	files := map[string]string{"acme.yaml": acme}
	if test != "" {
		files["acme_test.yaml"] = test
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, places, err := policy.LoadPlaces("acme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.Checks, func(c policy.Check) bool { return c.ID == check })
	if i < 0 {
		t.Fatalf("the policy has no check %s", check)
	}
	var out strings.Builder
	err = explain.Check(t.Context(), &out, "acme.yaml", p, p.Checks[i], places)
	return out.String(), err
}
