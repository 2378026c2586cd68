package history_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/history"
	"ptcaudit/internal/report"
)

// historyOf returns the history of one registry, from its reports.
func historyOf(t *testing.T, now time.Time, reports ...report.Report) *history.Registry {
	t.Helper()
	h := history.Begin(began, began.AddDate(0, 0, 7))
	for _, r := range reports {
		h.AddReport("key of "+r.Audit.ID, r)
	}
	h.Finish(now)
	if len(h.Registries) != 1 {
		t.Fatalf("%d registries", len(h.Registries))
	}
	return h.Registries[0]
}

// after is hours after began.
func after(hours int) time.Time { return began.Add(time.Duration(hours) * time.Hour) }

func TestFailuresComeAndGo(t *testing.T) {
	fail, pass := finding("c", "p", report.Fail), finding("c", "p", report.Pass)
	named := history.Subject{Check: "c", Prefix: "p", Severity: report.High}
	swapped := waived(fail, "2027-03-31")
	swapped.Facts = "others"
	tests := []struct {
		name    string
		reports []report.Report
		want    []history.Failure
	}{
		{"never", []report.Report{audited(0, pass)}, []history.Failure{}},
		{"still", []report.Report{audited(0, pass), audited(1, fail), audited(2, fail)}, []history.Failure{{Subject: named, FirstSeen: after(1)}}},
		{"fixed", []report.Report{audited(0, fail), audited(1, pass), audited(2, pass)}, []history.Failure{
			{Subject: named, FirstSeen: after(0), Resolved: after(1), How: "It passes."},
		}},
		{"again", []report.Report{audited(0, fail), audited(1, pass), audited(2, fail)}, []history.Failure{
			{Subject: named, FirstSeen: after(0), Resolved: after(1), How: "It passes."},
			{Subject: named, FirstSeen: after(2)},
		}},
		{"waived", []report.Report{audited(0, fail), audited(1, waived(fail, "2027-03-31"))}, []history.Failure{
			{Subject: named, FirstSeen: after(0), Resolved: after(1), How: "Waived until 2027-03-31 by me (Why.)."},
		}},
		{"waived, then its upstream is swapped", []report.Report{audited(0, waived(fail, "2027-03-31")), audited(1, swapped)}, []history.Failure{
			{Subject: named, FirstSeen: after(1)},
		}},
		{"not checked in between", []report.Report{audited(0, fail), audited(1, finding("c", "p", report.Error)), audited(2, pass)}, []history.Failure{
			{Subject: named, FirstSeen: after(0), Resolved: after(2), How: "It passes."},
		}},
		{"the rules could not be read in between", []report.Report{audited(0, fail), faulty(audited(1), ""), audited(2, fail)}, []history.Failure{
			{Subject: named, FirstSeen: after(0)},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, historyOf(t, after(24), tt.reports...).Failures); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuditsSayWhatIsOtherThanBefore(t *testing.T) {
	first, second, third := audited(0, finding("c", "p", report.Fail)), audited(1, finding("c", "p", report.Fail)), audited(2)
	first.Rules = []report.Rule{rule("p", "quay.io")}
	second.Faults, third.Rules = nil, []report.Rule{rule("p", "ghcr.io")}
	second.Triggers = []report.Trigger{{Kind: report.ScheduleTrigger}, {Kind: report.ChangeTrigger, EventID: "e"}, {Kind: report.ScheduleTrigger}}
	r := historyOf(t, after(3), first, faulty(second, ""), third)
	named := []history.Subject{{Check: "c", Prefix: "p", Severity: report.High}}
	got := r.Audits
	if diff := cmp.Diff(named, got[0].New); diff != "" || len(got[0].Rules) > 0 {
		t.Errorf("first: rules %v, new (-want +got):\n%s", got[0].Rules, diff)
	}
	if diff := cmp.Diff([]report.TriggerKind{report.ScheduleTrigger, report.ChangeTrigger}, got[1].Triggers); diff != "" || got[1].Complete || len(got[1].Rules)+len(got[1].New)+len(got[1].Resolved) > 0 {
		t.Errorf("second: %+v, triggers (-want +got):\n%s", got[1], diff)
	}
	// The rules were last read two audits before.
	if diff := cmp.Diff(report.DiffRules(first.Rules, third.Rules), got[2].Rules); diff != "" {
		t.Errorf("third (-want +got):\n%s", diff)
	}
	if got[2].Key != "key of AUDIT2" {
		t.Errorf("key %q", got[2].Key)
	}
}

func TestChangesAreToldOnce(t *testing.T) {
	change := func(id string, minute int) report.Trigger {
		return report.Trigger{Kind: report.ChangeTrigger, EventID: id, Time: began.Add(time.Duration(minute) * time.Minute), Prefix: "p", Actor: &report.Actor{Name: "jane"}}
	}
	h := history.Begin(began, after(24))
	h.AddChanges(registry, []report.Trigger{change("a", 1)})
	r := audited(1)
	r.Triggers = []report.Trigger{change("a", 1), change("b", 2), {Kind: report.ScheduleTrigger}}
	h.AddReport("k", r)
	h.AddChanges(registry, []report.Trigger{change("b", 2), change("", 3)})
	h.Finish(after(24))
	if diff := cmp.Diff([]report.Trigger{change("a", 1), change("b", 2), change("", 3)}, h.Registries[0].Changes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A change of a rule without a change event is unexplained. One with an event is
// not, even if the event needed no audit.
func TestChangesExplainRules(t *testing.T) {
	for name, event := range map[string]bool{"event": true, "no event": false} {
		t.Run(name, func(t *testing.T) {
			h := history.Begin(began, after(24))
			before, later := audited(0), audited(5)
			changed := rule("p", "quay.io")
			changed.CreatedAt, changed.UpdatedAt = after(1), after(1)
			later.Rules = []report.Rule{changed}
			h.AddReport("a", before)
			if event {
				h.AddChanges(registry, []report.Trigger{{Kind: report.ChangeTrigger, EventID: "e", Time: after(1), Call: "CreatePullThroughCacheRule", Prefix: "p", Actor: &report.Actor{Name: "jane"}}})
			}
			h.AddReport("b", later)
			if got := len(h.Registries[0].Audits[1].Unexplained) == 0; got != event {
				t.Errorf("explained is %v", got)
			}
		})
	}
}

func TestGaps(t *testing.T) {
	tests := []struct {
		name    string
		now     time.Time
		reports []report.Report
		want    []history.Gap
	}{
		{"daily", after(48), []report.Report{audited(1), audited(24), audited(48)}, []history.Gap{}},
		{"a day and an hour", after(30), []report.Report{audited(1), audited(26)}, []history.Gap{{From: after(1), To: after(26)}}},
		{"incomplete audits fill none", after(30), []report.Report{audited(1), faulty(audited(10), ""), audited(26)}, []history.Gap{{From: after(1), To: after(26)}}},
		{"until now", after(60), []report.Report{audited(1)}, []history.Gap{{From: after(1), To: after(60)}}},
		{"until the end", after(1000), []report.Report{audited(1)}, []history.Gap{{From: after(1), To: after(7 * 24)}}},
		{"from the beginning", after(50), []report.Report{audited(49)}, []history.Gap{{From: after(0), To: after(49)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, historyOf(t, tt.now, tt.reports...).Gaps); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUses(t *testing.T) {
	fail := finding("c", "p", report.Fail)
	a, b, c := audited(0, waived(fail, "2027-03-31")), audited(1, waived(fail, "2027-03-31")), audited(2, waived(fail, "2027-06-30"))
	c.Policy.Digest, c.Audit.Version = "d2", "0.2.0"
	r := historyOf(t, after(3), a, b, c)
	first, second := history.Use{Audits: 2, First: after(0), Last: after(1)}, history.Use{Audits: 1, First: after(2), Last: after(2)}
	if diff := cmp.Diff([]history.PolicyUse{{Policy: a.Policy, Use: first}, {Policy: c.Policy, Use: second}}, r.Policies); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]history.VersionUse{{Version: "0.1.0", Use: first}, {Version: "0.2.0", Use: second}}, r.Versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	named := history.Subject{Check: "c", Prefix: "p", Severity: report.High}
	if diff := cmp.Diff([]history.WaiverUse{
		{Subject: named, Waiver: *a.Findings[0].Waiver, Use: first}, {Subject: named, Waiver: *c.Findings[0].Waiver, Use: second},
	}, r.Waivers); diff != "" {
		t.Errorf("waivers (-want +got):\n%s", diff)
	}
	// What fails on another upstream is covered by none, although it has one.
	swapped := waived(fail, "2027-06-30")
	swapped.Facts = "others"
	if diff := cmp.Diff(r.Waivers, historyOf(t, after(4), a, b, c, audited(3, swapped)).Waivers); diff != "" {
		t.Errorf("waivers after a swap (-want +got):\n%s", diff)
	}
}

// What was agreed and found before a period counts in it, and is not shown.
func TestRecall(t *testing.T) {
	fail := finding("c", "p", report.Fail)
	swapped := waived(fail, "2027-03-31")
	swapped.Facts = "others"
	older := finding("old", "p", report.Fail)
	over := finding("over", "p", report.Fail)
	gone := finding("over", "p", report.Pass)

	h := history.Begin(after(10), after(48))
	for _, r := range []report.Report{audited(0, waived(fail, "2027-03-31"), over), audited(1, swapped, older, gone)} {
		h.RecallReport(r)
	}
	h.RecallChanges(audited(0).Registry, []report.Trigger{{Kind: report.ChangeTrigger, Time: after(2), EventID: "e", Actor: &report.Actor{Name: "jane"}}})
	h.AddReport("key", audited(11, swapped, older))
	h.Finish(after(12))
	if len(h.Registries) != 1 || len(h.Registries[0].Audits) != 1 || len(h.Registries[0].Changes) != 0 {
		t.Fatalf("shown: %+v", h.Registries)
	}
	r := h.Registries[0]
	want := []history.Failure{
		{Subject: history.Subject{Check: "old", Prefix: "p", Severity: report.High}, FirstSeen: after(1)},
		{Subject: history.Subject{Check: "c", Prefix: "p", Severity: report.High}, FirstSeen: after(1)},
	}
	if diff := cmp.Diff(want, r.Failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if len(r.Waivers) != 0 {
		t.Errorf("a waiver covered what it was not given for: %+v", r.Waivers)
	}

	nothing := history.Begin(after(10), after(48))
	nothing.RecallReport(audited(0, fail))
	nothing.Finish(after(12))
	if len(nothing.Registries) != 0 {
		t.Errorf("a registry that was only recalled is shown: %+v", nothing.Registries)
	}
}
