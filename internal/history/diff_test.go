package history_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/history"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var (
	registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	began    = time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)
)

// rule is one that is fetched from a host.
func rule(prefix, host string) report.Rule {
	return report.NewRule(ptc.Rule{Prefix: prefix, Upstream: ptc.Upstream{URL: host}, CreatedAt: began.AddDate(-1, 0, 0)}, ptc.Validation{})
}

// finding is one of severity high with facts and message of its own.
func finding(check, prefix string, outcome report.Outcome) report.Finding {
	f := report.Finding{
		Check: check, Prefix: prefix, Outcome: outcome, Severity: report.High,
		Fingerprint: report.Fingerprint(registry, check, prefix), Facts: "facts of " + prefix,
	}
	if outcome != report.Pass && outcome != report.Skip {
		f.Message = check + " of " + prefix
	}
	return f
}

func waived(f report.Finding, expires string) report.Finding {
	f.Waiver = &report.Waiver{Owner: "me", Reason: "Why.", Expires: expires}
	return f
}

// audited is a report of some findings, hours after began.
func audited(hours int, findings ...report.Finding) report.Report {
	at := began.Add(time.Duration(hours) * time.Hour)
	r := report.Report{
		Audit:    report.Audit{ID: fmt.Sprintf("AUDIT%d", hours), StartedAt: at, FinishedAt: at.Add(time.Second), Version: "0.1.0"},
		Registry: registry,
		Policy:   report.Policy{Name: "acme", Digest: "d1"},
		Findings: findings,
	}
	r.Finish()
	return r
}

func faulty(r report.Report, prefix string) report.Report {
	r.Faults = append(r.Faults, ptc.Fault{Operation: "O", Prefix: prefix, Kind: ptc.FaultThrottled})
	r.Finish()
	return r
}

func TestCompareFindings(t *testing.T) {
	fail, pass := finding("c", "p", report.Fail), finding("c", "p", report.Pass)
	undecided, skip, pending := finding("c", "p", report.Error), finding("c", "p", report.Skip), finding("c", "p", report.Pending)
	worse, elsewhere, reworded := fail, fail, fail
	worse.Severity, elsewhere.Facts, reworded.Message = report.Critical, "others", "another"
	ending, custom := finding(report.CheckWaiverEnding, "p", report.Fail), finding("waiver-has-ticket", "p", report.Fail)
	tests := []struct {
		name          string
		before, after report.Report
		want          history.Kind
	}{
		{"passes", audited(0, pass), audited(1, pass), ""},
		{"passes, then does not apply", audited(0, pass), audited(1, skip), ""},
		{"passes, then is gone", audited(0, pass), audited(1), ""},
		{"comes and passes", audited(0), audited(1, pass), ""},
		{"fails alike", audited(0, fail), audited(1, fail), ""},
		{"fails now", audited(0, pass), audited(1, fail), history.New},
		{"fails on a new rule", audited(0), audited(1, fail), history.New},
		{"fails, was undecided", audited(0, undecided), audited(1, fail), history.New},
		{"fails, was waived", audited(0, waived(fail, "2026-12-31")), audited(1, fail), history.New},
		{"fails, was pending", audited(0, pending), audited(1, fail), history.New},
		{"fixed", audited(0, fail), audited(1, pass), history.Resolved},
		{"skipped now", audited(0, fail), audited(1, skip), history.Resolved},
		{"gone", audited(0, fail), audited(1), history.Resolved},
		{"gone from an incomplete report that has the rules", audited(0, fail), faulty(audited(1), "other"), history.Resolved},
		{"waived", audited(0, fail), audited(1, waived(fail, "2026-12-31")), history.Resolved},
		{"pending", audited(0, fail), audited(1, pending), history.Resolved},
		{"undecided", audited(0, fail), audited(1, undecided), history.Undecided},
		{"undecided, passed before", audited(0, pass), audited(1, undecided), history.Undecided},
		{"undecided on a new rule", audited(0), audited(1, undecided), history.Undecided},
		{"still undecided", audited(0, undecided), audited(1, undecided), ""},
		{"gone where the rules could not be read", audited(0, fail), faulty(audited(1), ""), history.Undecided},
		{"undecided, then the rules could not be read", audited(0, undecided), faulty(audited(1), ""), ""},
		{"passed, then the rules could not be read", audited(0, pass), faulty(audited(1), ""), ""},
		{"of a waiver, gone from an incomplete report", audited(0, ending), faulty(audited(1), "other"), history.Undecided},
		{"of a custom check with waiver- in its id, gone from an incomplete report", audited(0, custom), faulty(audited(1), "other"), history.Resolved},
		{"of a waiver, gone", audited(0, ending), audited(1), history.Resolved},
		{"decided and fine", audited(0, undecided), audited(1, pass), history.Changed},
		{"more severe", audited(0, fail), audited(1, worse), history.Changed},
		{"on other facts", audited(0, fail), audited(1, elsewhere), history.Changed},
		{"in other words", audited(0, fail), audited(1, reworded), history.Changed},
		{"waived alike", audited(0, waived(fail, "2026-12-31")), audited(1, waived(fail, "2026-12-31")), ""},
		{"waived for longer", audited(0, waived(fail, "2026-12-31")), audited(1, waived(fail, "2027-12-31")), history.Changed},
		{"waived on other facts", audited(0, waived(fail, "2026-12-31")), audited(1, waived(elsewhere, "2026-12-31")), history.Changed},
		{"waived and fixed", audited(0, waived(fail, "2026-12-31")), audited(1, pass), history.Changed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := history.Compare(tt.before, tt.after)
			var got history.Kind
			if len(d.Findings) > 0 {
				got = d.Findings[0].Kind
			}
			if got != tt.want || len(d.Findings) > 1 {
				t.Errorf("got %+v, want %q", d.Findings, tt.want)
			}
			if d.Equal() != (tt.want == "" && d.RulesCompared && tt.before.Complete == tt.after.Complete) {
				t.Errorf("equal is %v", d.Equal())
			}
		})
	}
}

func TestCompareRules(t *testing.T) {
	before, after := audited(0), audited(1)
	before.Rules, after.Rules = []report.Rule{rule("a", "quay.io")}, []report.Rule{rule("a", "ghcr.io")}
	d := history.Compare(before, after)
	if diff := cmp.Diff(report.DiffRules(before.Rules, after.Rules), d.Rules); diff != "" || !d.RulesCompared || d.Equal() {
		t.Errorf("equal %v, rules (-want +got):\n%s", d.Equal(), diff)
	}
	if d := history.Compare(before, before); !d.Equal() || d.Rules == nil || d.Findings == nil {
		t.Errorf("a report differs from itself: %+v", d)
	}
	// Rules that could not be read are not deleted.
	after.Rules = nil
	if d := history.Compare(before, faulty(after, "")); d.RulesCompared || len(d.Rules) > 0 || d.Equal() {
		t.Errorf("compared with rules that were not listed: %+v", d.Rules)
	}
}

func TestCompareSorts(t *testing.T) {
	low := finding("c", "a", report.Fail)
	low.Severity = report.Low
	before := audited(0, finding("c", "x", report.Fail))
	after := audited(1, low, finding("c", "u", report.Error), finding("d", "b", report.Fail), finding("c", "b", report.Fail))
	var got []string
	for _, f := range history.Compare(before, after).Findings {
		got = append(got, fmt.Sprintf("%s %s %s %s", f.Kind, f.Severity, f.Prefix, f.Check))
	}
	want := []string{"new high b c", "new high b d", "new low a c", "undecided high u c", "resolved high x c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
