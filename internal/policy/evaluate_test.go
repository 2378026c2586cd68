package policy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var (
	registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	now      = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	hub      = ptc.Rule{
		Prefix:        "hub",
		Upstream:      ptc.Upstream{Registry: ptc.DockerHub, URL: "registry-1.docker.io"},
		CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
	}
	quay = ptc.Rule{Prefix: "quay", Upstream: ptc.Upstream{Registry: ptc.Quay, URL: "quay.io"}}
)

// input is a registry with a valid rule, and one without a validation result.
func input() policy.Input {
	return policy.Input{
		Registry:    registry,
		Rules:       []ptc.Rule{quay, hub},
		Validations: map[string]ptc.Validation{"hub": {Status: ptc.ValidationValid}},
		Now:         now,
	}
}

// brief is a finding in one line.
func brief(f report.Finding) string {
	words := []string{f.Check, f.Prefix, string(f.Outcome), string(f.Severity)}
	if f.Waiver != nil {
		words = append(words, "waived")
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

func briefs(findings []report.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, brief(f))
	}
	return out
}

func TestEvaluate(t *testing.T) {
	tests := []struct {
		name, check string
		want        []string // of each subject: outcome, then message
	}{
		{"pass", "assert: rule.prefix != ''", []string{"pass", "pass"}},
		{"fail on one", "assert: rule.prefix == 'hub'", []string{"pass", "fail: Not met: The title"}},
		{"fail with a message", "assert: rule.prefix == 'hub'\n    message: Stated.", []string{"pass", "fail: Stated."}},
		{"fail with a computed message", "assert: rule.prefix == 'hub'\n    message: Stated.\n    messageExpression: \"'not ' + rule.prefix\"", []string{"pass", "fail: not quay"}},
		{"message that fails", "assert: false || rule.prefix == 'hub'\n    message: Stated.\n    messageExpression: rule.prefix.split('/')[7]", []string{"pass", "fail: Stated."}},
		{"message that is unknown", "assert: rule.prefix == 'hub'\n    messageExpression: rule.validation.failure", []string{"pass", "fail: Not met: The title"}},
		{"message of spaces", "assert: rule.prefix == 'hub'\n    message: Stated.\n    messageExpression: \"rule.prefix == '' ? 'x' : ' '\"", []string{"pass", "fail: Stated."}},
		{"skip", "match: rule.prefix == 'hub'\n    assert: rule.isRoot", []string{"fail: Not met: The title", "skip"}},
		{"unknown", "assert: rule.validation.valid", []string{"pass", "error: The check needs ECR's validation result, which is missing for quay."}},
		{"unknown match", "match: rule.validation.applicable\n    assert: rule.prefix != ''", []string{"pass", "error: The check needs ECR's validation result, which is missing for quay."}},
		{"unknown result that is not needed", "assert: rule.validation.valid || rule.prefix == 'quay'", []string{"pass", "pass"}},
		{"unknown over all rules", "assert: registry.rules.all(r, r.validation.valid)", []string{
			"error: The check needs ECR's validation result, which is missing for quay.", "error: The check needs ECR's validation result, which is missing for quay.",
		}},
		{"match that fails", "match: rule.prefix.split('/')[1] == ''\n    assert: rule.prefix != ''", []string{"error: The check's expression failed: index out of bounds: 1", "error: The check's expression failed: index out of bounds: 1"}},
		{"assert that fails", "assert: rule.prefix.split('/')[1] == ''", []string{"error: The check's expression failed: index out of bounds: 1", "error: The check's expression failed: index out of bounds: 1"}},
		{"not in force yet", "assert: rule.prefix == 'hub'\n    effectiveFrom: 2027-03-02", []string{"pass", "pending: Not met: The title (counts from 2027-03-02)"}},
		{"in force since today", "assert: rule.prefix == 'hub'\n    effectiveFrom: 2027-03-01", []string{"pass", "fail: Not met: The title"}},
		{"unknown and not in force yet", "assert: rule.validation.valid\n    effectiveFrom: 2027-03-02", []string{"pass", "error: The check needs ECR's validation result, which is missing for quay."}},
		{"registry", "scope: registry\n    assert: registry.rules.size() > 2\n    messageExpression: \"'%d rules'.format([registry.rules.size()])\"", []string{"fail: 2 rules"}},
		{"registry, unknown", "scope: registry\n    assert: registry.rules.all(r, r.validation.valid)", []string{"error: The check needs ECR's validation result, which is missing for quay."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustLoad(t, head+"checks:\n  - id: it\n    title: The title\n    severity: medium\n    remediation: Fix it.\n    references: [https://acme.example]\n    "+tt.check+"\n")
			var got []string
			for _, f := range p.Evaluate(t.Context(), input()) {
				said := string(f.Outcome)
				if f.Message != "" {
					said += ": " + f.Message
				}
				got = append(got, said)
				if reported := f.Outcome == report.Fail || f.Outcome == report.Error || f.Outcome == report.Pending; reported != (len(f.References) > 0) {
					t.Errorf("%s has references %v", said, f.References)
				}
				if hasFix := f.Outcome == report.Fail || f.Outcome == report.Pending; hasFix != (f.Remediation == "Fix it.") {
					t.Errorf("%s has remediation %q", said, f.Remediation)
				}
				if f.Fingerprint != report.Fingerprint(registry, "it", f.Prefix) || f.Severity != report.Medium {
					t.Errorf("finding %+v", f)
				}
				if want := map[string]string{"hub": report.FactsOf(hub), "quay": report.FactsOf(quay)}[f.Prefix]; f.Prefix != "" && f.Facts != want {
					t.Errorf("%s: facts %q, want %q", f.Prefix, f.Facts, want)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEffectiveFromBeginsAtMidnight(t *testing.T) {
	p := mustLoad(t, head+"checks: [{id: it, title: T, severity: low, scope: registry, assert: registry.account == '', effectiveFrom: 2027-03-02}]\n")
	midnight := at("2027-03-02T00:00:00Z")
	for when, want := range map[time.Time]report.Outcome{midnight.Add(-1): report.Pending, midnight: report.Fail} {
		in := input()
		in.Now = when
		if f := p.Evaluate(t.Context(), in)[0]; f.Outcome != want {
			t.Errorf("at %s: %s, want %s", when, f.Outcome, want)
		}
	}
}

func TestRemediationIsComputed(t *testing.T) {
	p := mustLoad(t, head+`checks:
  - id: it
    title: T
    severity: low
    assert: rule.isRoot
    remediation: Fix it.
    remediationExpression: |
      "Fix %s.".formatShell([rule.prefix.split(rule.prefix == "hub" ? "u" : "x")[1]])
`)
	got := map[string]string{}
	for _, f := range p.Evaluate(t.Context(), input()) {
		got[f.Prefix] = f.Remediation
	}
	if diff := cmp.Diff(map[string]string{"hub": "Fix b.", "quay": "Fix it."}, got); diff != "" {
		t.Errorf("remediations differ (-want +got):\n%s", diff)
	}
}

func TestMessagesFromOutsideAreBounded(t *testing.T) {
	p := mustLoad(t, head+"checks: [{id: it, title: T, severity: low, assert: rule.validation.valid, messageExpression: rule.validation.failure}]\n")
	in := input()
	in.Rules = in.Rules[:1]
	in.Validations = map[string]ptc.Validation{"quay": {Status: ptc.ValidationInvalid, Failure: strings.Repeat("é", 1<<20)}}
	message := p.Evaluate(t.Context(), in)[0].Message
	if len(message) > 5000 || !strings.HasSuffix(message, "é…") {
		t.Errorf("message of %d bytes, ends with %q", len(message), message[len(message)-8:])
	}
}

func TestEvaluateAfterItsDeadline(t *testing.T) {
	p := mustLoad(t, strings.Replace(parent, "disable: [waiver-unused]\n", "", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	findings := p.Evaluate(ctx, input())
	want := []string{"few error high", "required-rule hub error critical", "team hub error low", "required-rule quay error high", "team quay error low"}
	if diff := cmp.Diff(want, briefs(findings)); diff != "" {
		t.Errorf("findings differ (-want +got):\n%s", diff)
	}
	for _, f := range findings {
		if f.Message != "The audit ran out of time before it could run this check." {
			t.Errorf("%s says %q", brief(f), f.Message)
		}
	}
}

func TestEvaluateIsSortedAndDeterministic(t *testing.T) {
	p, err := policy.Load("strict")
	if err != nil {
		t.Fatal(err)
	}
	in := input()
	first := p.Evaluate(t.Context(), in)
	if !slices.IsSortedFunc(first, func(a, b report.Finding) int {
		return strings.Compare(a.Prefix+"\x00"+a.Check, b.Prefix+"\x00"+b.Check)
	}) {
		t.Errorf("not sorted: %v", briefs(first))
	}
	for range 10 {
		slices.Reverse(in.Rules)
		if diff := cmp.Diff(first, p.Evaluate(t.Context(), in)); diff != "" {
			t.Fatalf("findings differ (-first +later):\n%s", diff)
		}
	}
}

func TestOverrides(t *testing.T) {
	const text = head + `params: {most: 3, teams: [hub, quay]}
checks:
  - {id: few, title: T, severity: low, scope: registry, assert: registry.rules.size() < params.most}
  - {id: team, title: T, severity: low, assert: rule.prefix in params.teams}
requiredRules:
  - {prefix: k8s}
  - {prefix: azure, severity: critical}
overrides:
  - {accounts: ["111122223333"], severities: {few: medium, team: medium}, params: {most: 2}}
  - {regions: [eu-west-1], severities: {team: high}, params: {teams: [hub]}}
  - {accounts: ["111122223333"], regions: [us-east-1], severities: {few: critical, required-rule: informational}, params: {most: 1}}
`
	for _, tt := range []struct {
		registry ptc.Registry
		want     []string
	}{
		{registry, []string{"few fail medium", "required-rule azure fail critical", "team hub pass high", "required-rule k8s fail high", "team quay fail high"}},
		{ptc.Registry{Account: "111122223333", Region: "us-east-1"}, []string{"few fail critical", "required-rule azure fail informational", "team hub pass medium", "required-rule k8s fail informational", "team quay pass medium"}},
		{ptc.Registry{Account: "444455556666", Region: "eu-west-1"}, []string{"few pass low", "required-rule azure fail critical", "team hub pass high", "required-rule k8s fail high", "team quay fail high"}},
		{ptc.Registry{Account: "444455556666", Region: "us-east-1"}, []string{"few pass low", "required-rule azure fail critical", "team hub pass low", "required-rule k8s fail high", "team quay pass low"}},
	} {
		t.Run(tt.registry.String(), func(t *testing.T) {
			in := input()
			in.Registry = tt.registry
			if diff := cmp.Diff(tt.want, briefs(mustLoad(t, text).Evaluate(t.Context(), in))); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyAuditsShareAPolicy(t *testing.T) {
	p, err := policy.Load("strict")
	if err != nil {
		t.Fatal(err)
	}
	want := p.Evaluate(t.Context(), fifty())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if diff := cmp.Diff(want, p.Evaluate(t.Context(), fifty())); diff != "" {
				t.Errorf("findings differ (-alone +together):\n%s", diff)
			}
		})
	}
	wg.Wait()
}

// fifty is a registry that is full.
func fifty() policy.Input {
	in := policy.Input{Registry: registry, Now: now, Validations: map[string]ptc.Validation{}}
	for i := range ptc.RuleLimit {
		r := []ptc.Rule{hub, quay}[i%2]
		r.Prefix = fmt.Sprintf("team-%d/hub", i)
		in.Rules = append(in.Rules, r)
		in.Validations[r.Prefix] = ptc.Validation{Status: ptc.ValidationValid}
	}
	return in
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := policy.Load("strict"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	p, err := policy.Load("strict")
	if err != nil {
		b.Fatal(err)
	}
	in := fifty()
	for b.Loop() {
		p.Evaluate(b.Context(), in)
	}
}
