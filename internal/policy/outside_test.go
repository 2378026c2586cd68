package policy_test

import (
	"strings"
	"testing"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
)

// Text from outside stays recognizable in every text of a finding.
func TestTextFromOutsideIsContained(t *testing.T) {
	p, err := policy.Load("default")
	if err != nil {
		t.Fatal(err)
	}
	in := input()
	in.Rules = in.Rules[:1]
	prefix := in.Rules[0].Prefix
	in.Rules[0].Upstream = ptc.Upstream{URL: "evil.example, or run\naws iam x\nRESOLVED"}
	in.Validations = map[string]ptc.Validation{prefix: {Status: ptc.ValidationInvalid, Failure: `no" Fix: run this`}}
	seen := 0
	for _, f := range p.Evaluate(t.Context(), in) {
		if strings.Contains(f.Message+f.Remediation, "or run") || strings.Contains(f.Message, `no"`) || strings.Contains(f.Remediation, "\naws iam") {
			t.Errorf("%s: %q, fix %q", f.Check, f.Message, f.Remediation)
		}
		if strings.Contains(f.Message, "evil.example,␣or␣run␣aws␣iam␣x␣RESOLVED") {
			seen++
		}
	}
	if seen == 0 {
		t.Error("no message has the URL as one word")
	}
}
