package policy_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/policies"
)

// parent and child use every key of a policy, and texts that YAML would read as
// another type if they were not quoted.
const (
	parentFile = `
apiVersion: ptcaudit/v1
name: parent
extends: strict
params:
  ratio: 1.0
  ratios: [2.0, 3.5]
  limit: 3
  strange: ["0123", "1e3", "yes", "null", "2027-01-01", "a: b # c", "\t\"\\ \u2028 \u00fc\U0001F600", ""]
  flag: true
  only: x
checks:
  - id: all-params
    title: 'Reads "every" param: all of them'
    severity: low
    scope: registry
    match: |
      params.flag
        && size(params.strange) > 0
    assert: params.ratio < 2.0 && size(params.ratios) == 2 && params.limit == 3 && registry.account != ""
    messageExpression: '"%d <rules> & more".format([size(registry.rules)])'
    remediation: "# not a comment\n\n  - nor a list"
    references: [https://wiki.acme.example/ptc]
    effectiveFrom: 2027-01-01
    locked: true
  - id: of-no-use
    title: Disabled below, and waived all the same
    severity: high
    assert: rule.prefix != params.only
  - id: waiver-unused
    severity: medium
  - id: required-rule
    title: It is there
    locked: true
`
	childFile = `
apiVersion: ptcaudit/v1
name: child
extends: sub/../parent.yaml
params: {strange: []}
requiredRules:
  - {prefix: docker-hub/, upstreamRegistry: docker-hub, credential: required, role: forbidden, severity: high, accounts: ["011122223333"], regions: [eu-west-1], reason: "0x1"}
disable: [of-no-use, waiver-ending]
overrides:
  - {accounts: ["011122223333"], severities: {all-params: high, of-no-use: low}, params: {ratio: 2.0}}
waivers:
  - {check: of-no-use, prefixes: ["a*"], owner: o, reason: r, expires: 2027-03-31}
  - {check: upstream-allowed, prefixes: ["team-*/quay"], owner: o, reason: "y", expires: 2027-03-31, anyUpstream: true}
`
)

func TestSingleIsTheSamePolicy(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, source := range append(policies.Names(), write("parent.yaml", parentFile), write("child.yaml", childFile)) {
		t.Run(filepath.Base(source), func(t *testing.T) {
			want, err := policy.Load(source)
			if err != nil {
				t.Fatal(err)
			}
			text, err := want.Single()
			if err != nil {
				t.Fatal(err)
			}
			got, err := policy.Load(write("single.yaml", string(text)))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if diff := cmp.Diff(want.Ref(), got.Ref()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			in := policy.Input{
				Registry: ptc.Registry{Account: "011122223333", Region: "eu-west-1"},
				Rules:    []ptc.Rule{{Prefix: "abc", Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io"}}},
				Now:      time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC),
			}
			if diff := cmp.Diff(want.Evaluate(t.Context(), in), got.Evaluate(t.Context(), in)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			again, err := got.Single()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), string(again)); diff != "" {
				t.Errorf("a single policy is not its own single form (-want +got)\n%s", diff)
			}
		})
	}
}
