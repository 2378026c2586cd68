package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parent is extended by the policies of these tests.
const parent = `apiVersion: ptcaudit/v1
name: base
params: {teams: [build, web], most: 3, none: []}
requiredRules:
  - {prefix: hub, upstreamRegistry: docker-hub, credential: required, severity: critical}
  - {prefix: quay, upstreamRegistry: quay}
checks:
  - id: team
    title: Prefixes start with a team's name
    why: So that everybody knows whom to ask.
    severity: medium
    match: rule.upstream.registry != "ecr"
    assert: params.teams.exists(t, rule.prefix.startsWith(t + "-")) || params.none.size() > 0
    message: The prefix starts with no team's name.
    messageExpression: rule.prefix + " starts with no team's name"
    remediation: Delete the rule.
    remediationExpression: '"Delete the rule %s".formatShell([rule.prefix])'
    references: [https://wiki.acme.example/a, https://wiki.acme.example/b]
    effectiveFrom: 2027-01-01
  - id: few
    title: There are few rules
    severity: low
    scope: registry
    assert: registry.rules.size() < params.most
disable: [waiver-unused]
overrides:
  - {accounts: ["111122223333"], severities: {team: low, few: high}, params: {most: 9}}
waivers:
  - {check: few, owner: a@acme.example, reason: We grow., expires: 2027-03-31}
`

// child extends parent.
const child = "apiVersion: ptcaudit/v1\nname: acme\nextends: b.yaml\n"

func TestMerge(t *testing.T) {
	all := map[string]any{}
	decode(t, mustLoad(t, strings.Replace(parent, "name: base", "name: acme", 1)), &all)
	tests := []struct {
		name, child string
		want        func(p map[string]any)
	}{
		{"no changes", "", func(map[string]any) {}},
		{"params by name", "params: {teams: [data], most: 5}\n", func(p map[string]any) {
			params := p["params"].(map[string]any)
			params["teams"], params["most"] = []any{"data"}, 5.0
		}},
		{"param that was an empty list", "params: {none: [x]}\n", func(p map[string]any) {
			p["params"].(map[string]any)["none"] = []any{"x"}
		}},
		{"required rules by prefix", "requiredRules: [{prefix: quay/, upstreamUrl: quay.io, reason: Builds}, {prefix: k8s}]\n", func(p map[string]any) {
			p["requiredRules"] = []any{
				p["requiredRules"].([]any)[0],
				map[string]any{"prefix": "k8s"},
				map[string]any{"prefix": "quay", "upstreamUrl": "quay.io", "reason": "Builds"},
			}
		}},
		{"checks by id and field by field", "checks: [{id: team, severity: high, why: Because., assert: rule.isRoot, locked: true}]\n", func(p map[string]any) {
			c := check(p, "team")
			c["severity"], c["why"], c["assert"], c["locked"] = "high", "Because.", "rule.isRoot", true
		}},
		{"references replace", "checks: [{id: team, references: [https://wiki.acme.example/c]}]\n", func(p map[string]any) {
			check(p, "team")["references"] = []any{"https://wiki.acme.example/c"}
		}},
		{"a message replaces the inherited expression", "checks: [{id: team, message: Ask first.}]\n", func(p map[string]any) {
			check(p, "team")["message"] = "Ask first."
			delete(check(p, "team"), "messageExpression")
		}},
		{"a remediation replaces the inherited expression", "checks: [{id: team, remediation: Ask., remediationExpression: '\"Ask %s\".formatShell([rule.prefix])'}]\n", func(p map[string]any) {
			check(p, "team")["remediation"] = "Ask."
			check(p, "team")["remediationExpression"] = `"Ask %s".formatShell([rule.prefix])`
		}},
		{"disable is added", "disable: [few]\n", func(p map[string]any) {
			p["checks"] = without(p["checks"], "few")
		}},
		{"a disabled check stays disabled when it is changed", "checks: [{id: waiver-unused, severity: high}]\n", func(map[string]any) {}},
		{"overrides replace", "overrides: [{regions: [eu-west-1], severities: {team: high}, params: {teams: [x]}}]\n", func(p map[string]any) {
			p["overrides"] = []any{map[string]any{
				"regions": []any{"eu-west-1"}, "severities": map[string]any{"team": "high"}, "params": map[string]any{"teams": []any{"x"}},
			}}
		}},
		{"an empty list of overrides replaces them, too", "overrides: []\n", func(p map[string]any) { p["overrides"] = []any{} }},
		{"waivers are added", "waivers: [{check: team, prefixes: [a, b/*], accounts: [\"111122223333\"], owner: b, reason: Why., expires: 2028-01-01, anyUpstream: true}]\n", func(p map[string]any) {
			p["waivers"] = append(p["waivers"].([]any), map[string]any{
				"check": "team", "prefixes": []any{"a", "b/*"}, "accounts": []any{"111122223333"},
				"owner": "b", "reason": "Why.", "expires": "2028-01-01", "anyUpstream": true,
			})
		}},
		{"a built-in check", "checks: [{id: required-rule, severity: low, title: T, why: W, references: []}]\n", func(p map[string]any) {
			c := check(p, "required-rule")
			c["severity"], c["title"], c["why"] = "low", "T", "W"
			delete(c, "references")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want, got map[string]any
			decode(t, all, &want)
			tt.want(want)
			decode(t, mustLoad(t, child+tt.child, parent), &got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("policy differs (-want +got):\n%s", diff)
			}
		})
	}
}

// decode copies a value by its JSON.
func decode(t *testing.T, from, into any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func check(p map[string]any, id string) map[string]any {
	for _, c := range p["checks"].([]any) {
		if c := c.(map[string]any); c["id"] == id {
			return c
		}
	}
	return nil
}

func without(checks any, id string) []any {
	var out []any
	for _, c := range checks.([]any) {
		if c.(map[string]any)["id"] != id {
			out = append(out, c)
		}
	}
	return out
}

func TestLockedChecks(t *testing.T) {
	locked := strings.Replace(parent, "  - id: team\n", "  - id: team\n    locked: true\n", 1)
	tests := []struct {
		name, child, want string
	}{
		{"texts can change", "checks: [{id: team, title: T, why: W, message: M, remediation: R, references: [], locked: true}]\n", ""},
		{"severity can be raised", "checks: [{id: team, severity: critical}]\n", ""},
		{"severity cannot be lowered", "checks: [{id: team, severity: low}]\n", "a.yaml:4:31: team is locked by b.yaml: its severity cannot be lower than medium"},
		{"the same again is no change", "checks: [{id: team, match: 'rule.upstream.registry != \"ecr\"', scope: rule, effectiveFrom: '2027-01-01'}]\n", ""},
		{"match", "checks: [{id: team, match: rule.isRoot}]\n", "a.yaml:4:28: team is locked by b.yaml: its match cannot change"},
		{"assert", "checks: [{id: team, assert: rule.isRoot}]\n", "a.yaml:4:29: team is locked by b.yaml: its assert cannot change"},
		{"scope", "checks: [{id: team, scope: registry}]\n", "a.yaml:4:28: team is locked by b.yaml: its scope cannot change"},
		{"effectiveFrom", "checks: [{id: team, effectiveFrom: 2026-01-01}]\n", "a.yaml:4:36: team is locked by b.yaml: its effectiveFrom cannot change"},
		{"the lock itself", "checks: [{id: team, locked: false}]\n", "a.yaml:4:29: team is locked by b.yaml and cannot be unlocked"},
		{"locking it again does not loosen it", "checks: [{id: team, locked: true}]\ndisable: [team]\n", "a.yaml:5:11: team is locked by b.yaml and cannot be disabled"},
		{"disabled", "disable: [team]\n", "a.yaml:4:11: team is locked by b.yaml and cannot be disabled"},
		{"waived", "waivers: [{check: team, prefixes: [x], owner: a, reason: b, expires: 2027-01-01}]\n", "a.yaml:4:19: team is locked by b.yaml and cannot be waived"},
		{"lowered by an override", "overrides: [{regions: [eu-west-1], severities: {team: low}}]\n", "a.yaml:4:55: team is locked by b.yaml: its severity cannot be lower than medium"},
		{"raised by an override", "overrides: [{regions: [eu-west-1], severities: {team: high}}]\n", ""},
		{"params are not locked", "params: {teams: [x]}\noverrides: [{regions: [eu-west-1], params: {teams: [y]}}]\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, child+tt.child, locked)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}

	t.Run("its own file may do all that", func(t *testing.T) {
		mustLoad(t, locked+"  - {check: team, prefixes: [x], owner: a, reason: b, expires: 2027-01-01}\n")
	})
	t.Run("overrides of locked checks stay", func(t *testing.T) {
		raised := strings.Replace(locked, "severities: {team: low, few: high}", "severities: {team: high, few: high}", 1)
		var got map[string]any
		decode(t, mustLoad(t, child+"overrides: []\n", raised), &got)
		want := []any{map[string]any{"accounts": []any{"111122223333"}, "severities": map[string]any{"team": "high"}}}
		if diff := cmp.Diff(want, got["overrides"]); diff != "" {
			t.Errorf("overrides differ (-want +got):\n%s", diff)
		}
		_, err := load(t, child+"overrides: [{regions: [eu-west-1], severities: {team: medium}}]\n", raised)
		if want := "a.yaml:4:55: team is locked by b.yaml: its severity cannot be lower than high"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	})
	t.Run("the rules that are required", func(t *testing.T) {
		locked := strings.Replace(parent, "checks:\n", "checks:\n  - {id: required-rule, locked: true}\n", 1)
		mustLoad(t, child+"requiredRules: [{prefix: k8s}]\n", locked)
		_, err := load(t, child+"requiredRules: [{prefix: hub}]\nchecks: [{id: required-rule, severity: low}]\ndisable: [required-rule]\n", locked)
		want := `a.yaml:4:26: required-rule is locked by b.yaml: the rules that it requires cannot change
a.yaml:5:40: required-rule is locked by b.yaml: its severity cannot be lower than high
a.yaml:6:11: required-rule is locked by b.yaml and cannot be disabled`
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	t.Run("the severity of a required rule", func(t *testing.T) {
		locked := head + "checks: [{id: required-rule, locked: true}]\nrequiredRules: [{prefix: hub, severity: critical}]\n"
		lowered := child + "overrides: [{regions: [eu-west-1], severities: {required-rule: %s}}]\n"
		mustLoad(t, fmt.Sprintf(lowered, "critical"), locked)
		const want = ":4:64: required-rule is locked by %s.yaml: its severity cannot be lower than critical"
		_, err := load(t, fmt.Sprintf(lowered, "high"), locked)
		if want := fmt.Sprintf("a.yaml"+want, "b"); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		_, err = load(t, strings.Replace(fmt.Sprintf(lowered, "high"), "extends: b", "extends: ./b", 1), strings.Replace(child, "b.yaml", "c.yaml", 1), locked)
		if err == nil || !strings.HasSuffix(err.Error(), "required-rule is locked by c.yaml: its severity cannot be lower than critical") {
			t.Errorf("through a file between them: got %v", err)
		}
	})
}
