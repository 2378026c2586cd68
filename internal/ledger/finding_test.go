package ledger_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

const (
	validation = "validation-passed"
	allowed    = "upstream-allowed"
)

var hub = rules(rule("hub", "registry-1.docker.io"))

func TestFindings(t *testing.T) {
	broken := findings(fail(validation, "hub", "a"))
	sound := findings(pass(validation, "hub"))
	twice := findings(pass(validation, "hub"), fail(validation, "hub", "a"))
	twice[1].Message = "It fails."
	at := func(s report.Severity) []report.Finding { return findings(severity(s, fail(validation, "hub", "a"))) }
	for name, s := range map[string]story{
		"new, no news, fixed, new again": {
			{rules: hub, findings: sound},
			{at: hour, rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: 2 * hour, rules: hub, findings: broken},
			{at: 3 * hour, rules: hub, findings: sound, want: []string{"resolved validation-passed hub: fixed"}},
			{at: 4 * hour, rules: hub, findings: sound},
			{at: 5 * hour, rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
		},
		"known at the first audit": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
		},
		"open findings are listed only beside news": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: findings(fail(validation, "hub", "a"), fail(allowed, "hub", "a")), want: []string{
				"new upstream-allowed hub", "open validation-passed hub",
			}},
		},
		"being listed as open is no reminder": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: 6 * day, rules: hub, findings: findings(fail(validation, "hub", "a"), fail(allowed, "hub", "a")), want: []string{
				"new upstream-allowed hub", "open validation-passed hub",
			}},
			{at: week, rules: hub, findings: findings(fail(validation, "hub", "a"), fail(allowed, "hub", "a")), want: []string{
				"reminded validation-passed hub", "open upstream-allowed hub",
			}},
		},
		"reminded after a week, and again": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: week - 1, rules: hub, findings: broken},
			{at: week, rules: hub, findings: broken, want: []string{"reminded validation-passed hub"}},
			{at: week + hour, rules: hub, findings: broken},
			{at: 2 * week, rules: hub, findings: broken, want: []string{"reminded validation-passed hub"}},
		},
		"swapped": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: findings(fail(validation, "hub", "b")), want: []string{
				"altered validation-passed hub: What the check looks at has changed.",
			}},
			{at: 2 * hour, rules: hub, findings: findings(fail(validation, "hub", "b"))},
		},
		"swapped while it could not be decided": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: findings(undecided(validation, "hub")), hold: true},
			{at: 2 * hour, rules: hub, findings: findings(fail(validation, "hub", "b")), want: []string{
				"altered validation-passed hub: What the check looks at has changed.",
			}},
		},
		"severity": {
			{rules: hub, findings: at(report.Medium), want: []string{"new validation-passed hub"}},
			{at: 1 * hour, rules: hub, findings: at(report.Low)},
			{at: 2 * hour, rules: hub, findings: at(report.Medium)},
			{at: 3 * hour, rules: hub, findings: at(report.High), want: []string{"altered validation-passed hub: Severity raised from medium to high."}},
			{at: 4 * hour, rules: hub, findings: at(report.High)},
		},
		"swapped and raised": {
			{rules: hub, findings: at(report.Medium), want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: findings(fail(validation, "hub", "b")), want: []string{
				"altered validation-passed hub: What the check looks at has changed. Severity raised from medium to high.",
			}},
		},
		"below the threshold": {
			{rules: hub, findings: at(report.Low), min: report.Medium},
			{at: hour, rules: hub, findings: at(report.Medium), min: report.Medium, want: []string{"new validation-passed hub"}},
			{at: 2 * hour, rules: hub, findings: at(report.Low), min: report.Medium, want: []string{
				"resolved validation-passed hub: It still fails, but its severity is now low, below the threshold medium.",
			}},
			{at: 3 * hour, rules: hub, findings: at(report.Low), min: report.Medium},
			{at: 4 * hour, rules: hub, findings: sound, min: report.Medium},
		},
		"not in force yet": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: findings(func() report.Finding {
				f := finding(validation, "hub", report.Pending, "a")
				f.Message = "ECR cannot use it (counts from 2027-01-01)"
				return f
			}()), want: []string{
				"resolved validation-passed hub: It still fails, but the check is not in force yet. ECR cannot use it (counts from 2027-01-01)",
			}},
		},
		"does not apply any more": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: findings(finding(validation, "hub", report.Skip, "a")), want: []string{"resolved validation-passed hub"}},
		},
		"rule deleted": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, triggers: triggers(changed("e", "hub", "jane", hour)), want: []string{
				"resolved validation-passed hub: The rule was deleted.", "by jane",
			}},
			{at: 2 * hour},
		},
		"check withdrawn": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, want: []string{"resolved validation-passed hub: The policy no longer has this check."}},
		},
		"check renamed": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: findings(fail("works", "hub", "a")), want: []string{
				"new works hub", "resolved validation-passed hub: The policy no longer has this check.",
			}},
		},
		"check of the registry withdrawn": {
			{rules: hub, findings: findings(fail("rule-quota", "", "")), want: []string{"new rule-quota"}},
			{at: hour, rules: hub, want: []string{"resolved rule-quota : The policy no longer has this check."}},
		},
		"not required any more": {
			{rules: hub, findings: findings(fail("required-rule", "quay", "")), want: []string{"new required-rule quay"}},
			{at: hour, rules: hub, want: []string{"resolved required-rule quay: The policy no longer requires it."}},
		},
		"absent where the list could not be read": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, faults: noList, hold: true},
			{at: 2 * hour, faults: noList, want: []string{"fault DescribePullThroughCacheRules"}},
			{at: 3 * hour, rules: hub, findings: broken, want: []string{"open validation-passed hub", "recovered since 1h0m0s"}},
		},
		"absent where the list could be read": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: rules(rule("quay", "quay.io")), findings: findings(undecided(validation, "quay")), hold: true, want: []string{
				"resolved validation-passed hub: The rule was deleted.",
			}},
		},
		"absent where only the evidence could not be kept": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: rules(rule("quay", "quay.io")), faults: []ptc.Fault{{Operation: "PutEvidence", Kind: ptc.FaultDenied}}, want: []string{
				"resolved validation-passed hub: The rule was deleted.", "fault PutEvidence",
			}},
		},
		"undecided resolves nothing": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: findings(undecided(validation, "hub")), hold: true},
			{at: 2 * hour, rules: hub, findings: broken},
		},
		"a Region without the API changes nothing": {
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, faults: unsupported},
			{at: 2 * hour, rules: hub, findings: broken},
		},
		"the most severe first": {
			{rules: hub, findings: findings(severity(report.Low, fail("a", "hub", "a")), severity(report.Critical, fail("b", "hub", "a"))), want: []string{
				"new b hub", "new a hub",
			}},
		},
		"one finding that stands twice counts as the one that fails": {
			{rules: hub, findings: twice, want: []string{"new validation-passed hub"}},
			{at: hour, rules: hub, findings: twice},
			{at: 2 * hour, rules: hub, findings: sound, want: []string{"resolved validation-passed hub: fixed"}},
		},
	} {
		t.Run(name, func(t *testing.T) { s.run(t) })
	}
}

// TestSinceIsWhenItFirstFailed even if that was not notified, and through a
// swap.
func TestSinceIsWhenItFirstFailed(t *testing.T) {
	low := severity(report.Low, fail(validation, "hub", "a"))
	l := story{
		{rules: hub, findings: findings(pass(validation, "hub"))},
		{at: hour, rules: hub, findings: findings(low), min: report.High},
	}.run(t)
	for _, s := range []step{
		{at: 2 * hour, rules: hub, findings: findings(fail(validation, "hub", "a"))},
		{at: 3 * hour, rules: hub, findings: findings(fail(validation, "hub", "b"))},
		{at: 4 * hour, rules: hub, findings: findings(fail(validation, "hub", "b"), fail(allowed, "hub", "b"))},
		{at: 2 * week, rules: hub, findings: findings(fail(validation, "hub", "b"))},
		{at: 2*week + hour, rules: hub, findings: findings(pass(validation, "hub"))},
	} {
		var notification report.Notification
		notification, l = ledger.Compare(l, s.report(), s.options())
		if got := notification.Notes[low.Fingerprint].Since; !got.Equal(start.Add(hour)) {
			t.Errorf("after %v: since %v, notified: %v", s.at, got, lines(notification))
		}
	}
	again := step{at: 3 * week, rules: hub, findings: findings(fail(validation, "hub", "b"))}
	if notification, _ := ledger.Compare(l, again.report(), again.options()); !notification.Notes[low.Fingerprint].Since.Equal(start.Add(3 * week)) {
		t.Errorf("broken again: %+v", notification.Notes)
	}
}

func TestResolvedKeepsTheSeverityThatWasSaid(t *testing.T) {
	l := story{{rules: hub, findings: findings(severity(report.Critical, fail(validation, "hub", "a"))), want: []string{"new validation-passed hub"}}}.run(t)
	for name, list := range map[string][]report.Finding{
		"fixed":  findings(severity(report.Low, pass(validation, "hub"))),
		"absent": nil,
		"waived": findings(waived(severity(report.Low, fail(validation, "hub", "a")), "x", "2027-03-31")),
	} {
		s := step{at: hour, rules: hub, findings: list}
		notification, _ := ledger.Compare(l, s.report(), s.options())
		if len(notification.Resolved) != 1 || notification.Resolved[0].Severity != report.Critical || notification.Severity() != report.Critical {
			t.Errorf("%s: %+v", name, notification.Resolved)
		}
	}
}

func TestSeqCountsWhatIsSaid(t *testing.T) {
	var l ledger.Ledger
	for i, s := range []struct {
		step
		seq int64 // after it
	}{
		{step{rules: hub, findings: findings(fail(validation, "hub", "a"))}, 1},
		{step{at: hour, rules: hub, findings: findings(fail(validation, "hub", "a"))}, 1},
		{step{at: 2 * hour, rules: hub, findings: findings(pass(validation, "hub"))}, 2},
	} {
		before := l.Seq
		var notification report.Notification
		notification, l = ledger.Compare(l, s.report(), s.options())
		if notification.Seq != before || l.Seq != s.seq {
			t.Errorf("step %d: notification %d, ledger %d, want %d and %d", i, notification.Seq, l.Seq, before, s.seq)
		}
	}
}

// What follows the highest number can be read back.
func TestSeqAtItsMaximum(t *testing.T) {
	var l ledger.Ledger
	_, l = ledger.Compare(l, step{rules: hub, findings: findings(pass(validation, "hub"))}.report(), step{}.options())
	l.Seq = math.MaxInt64
	s := step{at: hour, rules: hub, findings: findings(fail(validation, "hub", "a"))}
	notification, next := ledger.Compare(l, s.report(), s.options())
	if _, err := ledger.Decode(next.Encode()); err != nil || notification.Seq != math.MaxInt64 || next.Seq != 0 {
		t.Errorf("notification %d, next %d, read back: %v", notification.Seq, next.Seq, err)
	}
}

// An empty ledger gives the notification of no ledger, apart from what only a
// ledger knows.
func TestEmptyLedgerNotifiesEverything(t *testing.T) {
	s := step{
		rules:    hub,
		findings: findings(fail(validation, "hub", "a"), severity(report.Informational, fail("x", "hub", "a")), undecided(allowed, "hub"), waived(fail("y", "hub", "a"), "o", "2027-03-31")),
		faults:   noList,
		triggers: triggers(changed("1", "hub", "jane", -time.Minute), report.Trigger{Kind: report.ScheduleTrigger, Time: start}),
	}
	got, _ := ledger.Compare(ledger.Ledger{}, s.report(), s.options())
	want := report.NotificationOf(s.report(), report.Low)
	want.First = true
	want.Notes = map[string]report.Note{want.New[0].Fingerprint: {Since: start}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-stateless +compared):\n%s", diff)
	}
}

// TestLedgerOfAnotherRegistryIsIgnored, but its lease is kept: its holder may be
// writing.
func TestLedgerOfAnotherRegistryIsIgnored(t *testing.T) {
	s := step{rules: hub, findings: findings(fail(validation, "hub", "a"))}
	_, l := ledger.Compare(ledger.Ledger{}, s.report(), s.options())
	l.Lease = &ledger.Lease{Holder: "me", Until: start.Add(minute)}
	r := s.report()
	r.Registry.Region = "eu-west-2"
	notification, next := ledger.Compare(l, r, s.options())
	if len(notification.New) != 1 || notification.Seq != 0 || next.Registry != r.Registry || next.Lease == nil {
		t.Errorf("notified %v, next %+v", lines(notification), next)
	}
}

// TestAFastClockDelaysNothing: times in the future count as now.
func TestAFastClockDelaysNothing(t *testing.T) {
	broken := findings(fail(validation, "hub", "a"))
	story{
		{at: 365 * day, rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
		{rules: hub, findings: broken},
		{at: week, rules: hub, findings: broken, want: []string{"reminded validation-passed hub"}},
	}.run(t)
	story{
		{at: 365 * day, faults: noList, want: []string{"fault DescribePullThroughCacheRules"}},
		{faults: noList},
		{at: week, faults: noList, want: []string{"fault DescribePullThroughCacheRules"}},
		{at: week + hour, rules: hub, want: []string{"recovered since 0s"}},
	}.run(t)
}

// TestCompareChangesNoArgument: a deliverer compares again after a
// conflict.
func TestCompareChangesNoArgument(t *testing.T) {
	l := story{
		{rules: hub, findings: findings(fail(validation, "hub", "a"), waived(fail(allowed, "hub", "a"), "o", "2027-03-31")), want: []string{"new validation-passed hub"}},
		{at: hour, faults: noList, want: []string{"fault DescribePullThroughCacheRules"}},
	}.run(t)
	l = l.Record(triggers(changed("1", "hub", "jane", hour)), start.Add(hour))
	before := l.Encode()
	s := step{
		at: 2 * hour, rules: rules(rule("hub", "evil")), findings: findings(fail(validation, "hub", "b"), waived(fail(allowed, "hub", "b"), "o", "2027-03-31")),
		triggers: triggers(changed("2", "hub", "joe", hour)),
	}
	first, next := ledger.Compare(l, s.report(), s.options())
	next.Record(triggers(changed("3", "hub", "jim", hour)), start.Add(2*hour))
	second, _ := ledger.Compare(l, s.report(), s.options())
	if diff := cmp.Diff(string(before), string(l.Encode())); diff != "" {
		t.Errorf("the ledger changed:\n%s", diff)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second notification differs:\n%s", diff)
	}
}
