package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// reportOf is the report of an audit of input with the policy p.
func reportOf(t *testing.T, p *policy.Policy, faults ...ptc.Fault) report.Report {
	t.Helper()
	in := input()
	r := report.Report{Registry: in.Registry, Policy: p.Ref(), Audit: report.Audit{StartedAt: in.Now}, Faults: faults}
	if len(faults) == 0 {
		r.Findings = p.Evaluate(t.Context(), in)
	}
	r.Finish()
	return r
}

// briefUse is the use of a waiver in one line.
func briefUse(u policy.WaiverUse) string {
	var found []string
	for _, f := range u.Findings {
		found = append(found, brief(f))
	}
	return fmt.Sprintf("%s %s:%d %s [%s]", u.State, u.File, u.Line, u.Check, strings.Join(found, ", "))
}

func TestWaiversFor(t *testing.T) {
	const (
		long = "2027-12-31" // in force at now
		soon = "2027-03-10" // ending
		gone = "2027-02-28" // expired
	)
	p := mustLoad(t, head+"extends: b.yaml\nwaivers:\n"+
		waive("worse", "prefixes: [hub]", long)+
		waive("worse", "prefixes: [quay]", soon)+
		waive("bad", `prefixes: [quay], accounts: ["444455556666"]`, long),
		waivable+
			waive("bad", `prefixes: ["*"]`, gone)+
			waive("good", "prefixes: [hub]", soon)+
			waive("unsure", "prefixes: [quay]", long)+
			waive("later", "prefixes: [hub]", long)+
			waive("good", "prefixes: [nix]", "2027-03-01"))
	tests := []struct {
		name string
		r    report.Report
		want []string
	}{
		{"decided", reportOf(t, p), []string{
			"unused b.yaml:16 good []",
			"unused b.yaml:13 good []",
			"expired b.yaml:12 bad [bad hub fail medium, bad quay fail medium]",
			"ending a.yaml:6 worse [worse quay fail high waived]",
			"unclear b.yaml:14 unsure [unsure quay error critical]",
			"covering b.yaml:15 later [later hub pending medium waived]",
			"covering a.yaml:5 worse [worse hub fail high waived]",
			"elsewhere a.yaml:7 bad []",
		}},
		{"not listed", reportOf(t, p, ptc.Fault{Kind: ptc.FaultDenied}), []string{
			"expired b.yaml:12 bad []",
			"unclear b.yaml:16 good []",
			"unclear b.yaml:13 good []",
			"unclear a.yaml:6 worse []",
			"unclear b.yaml:14 unsure []",
			"unclear b.yaml:15 later []",
			"unclear a.yaml:5 worse []",
			"elsewhere a.yaml:7 bad []",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, u := range p.WaiversFor(tt.r) {
				got = append(got, briefUse(u))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("as of another time", func(t *testing.T) {
		r := reportOf(t, p)
		r.Audit.AsOf = at("2030-01-01T00:00:00Z")
		for _, u := range p.WaiversFor(r) {
			if u.State != policy.WaiverExpired && u.State != policy.WaiverElsewhere {
				t.Errorf("%s", briefUse(u))
			}
		}
	})
}
