package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

const touched = "altered validation-passed hub: Its rule or its secret was changed, and it still fails."

func TestChanges(t *testing.T) {
	broken := findings(fail(validation, "hub", "a"))
	first := step{rules: hub, findings: broken, want: []string{"new validation-passed hub"}}
	jane := changed("1", "hub", "jane", 59*minute)
	anonymous := jane
	anonymous.Actor = nil
	nameless := jane
	nameless.EventID = ""
	for name, s := range map[string]story{
		"a change that touches a known failure": {
			first,
			{at: hour, rules: hub, findings: broken, triggers: triggers(jane), want: []string{touched, "by jane"}},
			{at: 2 * hour, rules: hub, findings: broken},
		},
		"doubled, within an audit and later": {
			first,
			{at: hour, rules: hub, findings: broken, triggers: triggers(jane, jane), want: []string{touched, "by jane"}},
			{at: 2 * hour, rules: hub, findings: broken, triggers: triggers(jane)},
		},
		"doubled, without an id": {
			first,
			{at: hour, rules: hub, findings: broken, triggers: triggers(nameless, nameless), want: []string{touched, "by jane"}},
			{at: 2 * hour, rules: hub, findings: broken, triggers: triggers(nameless)},
		},
		"without an actor": {
			first,
			{at: hour, rules: hub, findings: broken, triggers: triggers(anonymous), want: []string{touched}},
		},
		"with a slash": {
			first,
			{at: hour, rules: hub, findings: broken, triggers: triggers(changed("1", "hub/", "jane", hour)), want: []string{touched, "by jane"}},
		},
		"of another rule": {
			first,
			{at: hour, rules: hub, findings: broken, triggers: triggers(changed("1", "hub2", "jane", hour))},
		},
		"of no rule": {
			{rules: hub, findings: findings(fail("rule-quota", "", "")), want: []string{"new rule-quota"}},
			{at: hour, rules: hub, findings: findings(fail("rule-quota", "", "")), triggers: triggers(changed("1", "", "jane", hour))},
		},
		"days late": {
			first,
			{at: 3 * day, rules: hub, findings: broken, triggers: triggers(jane), want: []string{touched, "by jane"}},
			{at: 3*day + hour, rules: hub, findings: broken, triggers: triggers(jane)},
		},
		"touched while it could not be decided": {
			first,
			{at: hour, rules: hub, findings: findings(undecided(validation, "hub")), triggers: triggers(jane), hold: true},
			{at: hour + minute, rules: hub, findings: broken, triggers: triggers(jane), want: []string{touched, "by jane"}},
			{at: 2 * hour, rules: hub, findings: broken, triggers: triggers(jane)},
		},
		"touched while the list could not be read": {
			first,
			{at: hour, faults: noList, triggers: triggers(jane), hold: true},
			{at: hour + minute, rules: hub, findings: broken, want: []string{touched, "by jane"}},
		},
		"touched and fixed": {
			first,
			{at: hour, rules: hub, findings: findings(pass(validation, "hub")), triggers: triggers(jane), want: []string{"resolved validation-passed hub: fixed", "by jane"}},
			{at: 2 * hour, rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
		},
		"touched when it was fixed": {
			first,
			{at: 30 * minute, rules: hub, findings: findings(pass(validation, "hub")), want: []string{"resolved validation-passed hub: fixed"}},
			{at: hour, rules: hub, findings: findings(pass(validation, "hub")), triggers: triggers(jane)},
			{at: 2 * hour, rules: hub, findings: broken, want: []string{"new validation-passed hub", "by jane"}},
		},
		"lists the changes of the batch, and others of the prefix": {
			first,
			{at: hour, rules: hub, findings: broken, triggers: triggers(changed("1", "quay", "joe", hour), changed("2", "ghcr", "jim", hour))},
			{at: 2 * hour, rules: hub, findings: findings(fail(validation, "hub", "a"), fail(allowed, "quay", "a")), triggers: triggers(changed("3", "other", "jane", 2*hour)), want: []string{
				"new upstream-allowed quay", "open validation-passed hub", "by joe", "by jane",
			}},
			{at: 3 * hour, rules: hub, findings: findings(fail(validation, "hub", "a"), fail(allowed, "ghcr", "a")), want: []string{
				"new upstream-allowed ghcr", "resolved upstream-allowed quay: The rule was deleted.", "open validation-passed hub", "by jim",
			}},
		},
		"not notified, and delivered again": {
			{rules: hub, findings: findings(pass(validation, "hub")), triggers: triggers(jane)},
			{at: hour, rules: hub, findings: findings(pass(validation, "hub"), fail(allowed, "quay", "a")), triggers: triggers(jane), want: []string{"new upstream-allowed quay", "by jane"}},
			{at: 2 * hour, rules: hub, findings: broken, triggers: triggers(jane), want: []string{"new validation-passed hub", "resolved upstream-allowed quay: The rule was deleted."}},
		},
	} {
		t.Run(name, func(t *testing.T) { s.run(t) })
	}
}

func TestSecretsTouchTheRulesThatUseThem(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"
	broken := findings(fail(validation, "hub", "a"))
	for secret, want := range map[string]bool{
		"ecr-pullthroughcache/hub":  true,
		"ecr-pullthroughcache/hub2": false,
		"":                          false,
		arn:                         true,
		arn[:len(arn)-7]:            true,
		"arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-XyZxYz": false, // deleted, and created again
		"arn:aws:secretsmanager:eu-west-2:111122223333:secret:ecr-pullthroughcache/hub":        false,
		"arn:aws:secretsmanager:eu-west-1:444455556666:secret:ecr-pullthroughcache/hub-AbCdEf": false,
	} {
		t.Run(secret, func(t *testing.T) {
			var lines []string
			if want {
				lines = []string{touched, "by jane"}
			}
			story{
				{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
				{at: hour, rules: hub, findings: broken, triggers: triggers(wrote("1", secret, "jane", hour)), want: lines},
			}.run(t)
		})
	}
	t.Run("as last read", func(t *testing.T) {
		story{
			{rules: hub, findings: broken, want: []string{"new validation-passed hub"}},
			{at: hour, faults: noList, hold: true, triggers: triggers(wrote("1", arn, "jane", hour))},
			{at: 2 * hour, rules: hub, findings: broken, want: []string{touched, "by jane"}},
		}.run(t)
	})
}

func TestRecord(t *testing.T) {
	l := story{{rules: hub, findings: findings(fail(validation, "hub", "a")), want: []string{"new validation-passed hub"}}}.run(t)
	jane := changed("1", "hub", "jane", -hour)
	next := l.Record(triggers(jane, jane, report.Trigger{Kind: report.ScheduleTrigger}), start.Add(hour))
	want := l
	want.Changes = []ledger.Change{{Trigger: jane, Seen: start.Add(hour)}}
	if diff := cmp.Diff(want, next); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := next.Record(triggers(jane), start.Add(2*hour)); string(again.Encode()) != string(next.Encode()) {
		t.Errorf("recorded twice: %s", again.Encode())
	}
	// It touches nothing, because an earlier audit saw its effect. It is listed in
	// the next notification of its prefix.
	for _, s := range []step{
		{at: 2 * hour, rules: hub, findings: findings(fail(validation, "hub", "a"))},
		{at: 3 * hour, rules: hub, findings: findings(pass(validation, "hub")), want: []string{"resolved validation-passed hub: fixed", "by jane"}},
	} {
		var notification report.Notification
		notification, next = ledger.Compare(next, s.report(), s.options())
		if diff := cmp.Diff(s.want, lines(notification)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestChangesAreForgotten(t *testing.T) {
	l := step{rules: hub}.compare(ledger.Ledger{})
	var many []report.Trigger
	for i := range 300 {
		many = append(many, changed(fmt.Sprintf("%03d", i), "hub", "jane", time.Duration(i)*time.Second))
	}
	l = l.Record(many, start.Add(hour))
	if n := len(l.Changes); n != 256 || l.Changes[0].EventID != "044" {
		t.Errorf("%d changes, from %s on", n, l.Changes[0].EventID)
	}
	if l = (step{at: 25*hour - 1, rules: hub}).compare(l); len(l.Changes) != 256 {
		t.Errorf("%d changes within a day", len(l.Changes))
	}
	if l = (step{at: 25 * hour, rules: hub}).compare(l); len(l.Changes) != 0 {
		t.Errorf("%d changes after a day", len(l.Changes))
	}
}

// TestAChangeThatMayExplainIsKept until the rules are listed again.
func TestAChangeThatMayExplainIsKept(t *testing.T) {
	story{
		{rules: hub},
		{at: hour, faults: noList, triggers: triggers(changed("1", "hub", "jane", hour)), want: []string{"fault DescribePullThroughCacheRules", "by jane"}},
		{at: 50 * hour, faults: noList},
		{at: 51 * hour, rules: rules(rule("hub", "evil")), want: []string{"recovered since 1h0m0s"}},
		{at: 52 * hour, rules: rules(rule("hub", "evil"))},
	}.run(t)
}

// TestChangesExplainBeforeTheyAreForgotten: a change explains a rule although no audit
// read the rules in between.
func TestChangesExplainBeforeTheyAreForgotten(t *testing.T) {
	l := story{
		{rules: hub},
		{at: 10 * minute, rules: rules(rule("hub", "b"))},
	}.run(t)
	if len(l.Unexplained) != 1 {
		t.Fatalf("unexplained is %v", l.Unexplained)
	}
	l = l.Record(triggers(changed("late", "hub", "jane", 9*minute)), start.Add(20*minute))
	for i := range 300 {
		l = l.Record(triggers(changed(fmt.Sprint(i), "quay", "joe", 5*minute)), start.Add(21*minute))
	}
	s, _ := compare(l, step{at: hour, rules: rules(rule("hub", "b"))})
	if len(s.Unexplained) != 0 {
		t.Errorf("notified to be unexplained, although its event came: %v", s.Unexplained)
	}
}

func TestMergeChanges(t *testing.T) {
	one, two, three := changed("1", "a", "jane", 0), changed("2", "b", "joe", 0), changed("3", "c", "jim", 0)
	at := func(c report.Trigger, seen time.Duration, notified bool) ledger.Change {
		return ledger.Change{Trigger: c, Seen: start.Add(seen), Notified: notified}
	}
	ours := ledger.Ledger{Registry: registry, Seq: 7, Changes: []ledger.Change{at(one, 0, true), at(two, 0, false)}}
	theirs := ledger.Ledger{Registry: registry, Seq: 6, Changes: []ledger.Change{at(one, 0, false), at(two, 0, true), at(three, minute, false)}}
	got := ours.MergeChanges(theirs)
	if diff := cmp.Diff([]ledger.Change{at(one, 0, true), at(two, 0, true), at(three, minute, false)}, got.Changes); diff != "" || got.Seq != 7 {
		t.Errorf("seq %d (-want +got):\n%s", got.Seq, diff)
	}
	if ours.Changes[1].Notified {
		t.Error("it changed what it was given")
	}
}

// TestHostileTimesAreKept if JSON can represent them.
func TestHostileTimesAreKept(t *testing.T) {
	late := changed("1", "hub", "jane", 0)
	late.Time = time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -12*3600))
	far := report.NewRule(ptc.Rule{Prefix: "hub", CreatedAt: time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC)}, ptc.Validation{})
	story{{rules: rules(far), triggers: triggers(late)}}.run(t)
}
