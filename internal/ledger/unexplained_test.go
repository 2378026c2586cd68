package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

func TestUnexplained(t *testing.T) {
	updated := func(url string, at time.Duration) []report.Rule {
		return rules(report.NewRule(ptc.Rule{
			Prefix: "hub", Upstream: ptc.Upstream{URL: url}, CreatedAt: start.Add(-day), UpdatedAt: start.Add(at),
		}, ptc.Validation{}))
	}
	before := updated("a", -day)
	for name, s := range map[string]story{
		"a swap, once": {
			{rules: before},
			{at: 10 * minute, rules: updated("b", 5*minute)},
			{at: 34 * minute, rules: updated("b", 5*minute)},
			{at: 35 * minute, rules: updated("b", 5*minute), want: []string{"unexplained altered hub"}},
			{at: 50 * minute, rules: updated("b", 5*minute)},
		},
		"a swap that was long ago": {
			{rules: before},
			{at: day, rules: updated("b", hour), want: []string{"unexplained altered hub"}},
		},
		"a rule created": {
			{rules: nil},
			{at: hour, rules: updated("b", 10*minute), want: []string{"unexplained added hub"}},
		},
		"a rule deleted at an unknown time": {
			{rules: before},
			{at: day},
			{at: day + 29*minute},
			{at: day + 30*minute, want: []string{"unexplained removed hub"}},
		},
		"ECR's time is that of another change": {
			{rules: before},
			{at: day, rules: updated("b", -hour)},
			{at: day + 30*minute, rules: updated("b", -hour), want: []string{"unexplained altered hub"}},
		},
		"ECR's time is in the future": {
			{rules: before},
			{at: hour, rules: updated("b", 2*day)},
			{at: 90 * minute, rules: updated("b", 2*day), want: []string{"unexplained altered hub"}},
		},
		"its event comes first": {
			{rules: before},
			{at: 6 * minute, rules: updated("b", 5*minute), triggers: triggers(changed("1", "hub", "jane", 5*minute))},
			{at: hour, rules: updated("b", 5*minute)},
		},
		"its event comes late": {
			{rules: before},
			{at: 6 * minute, rules: updated("b", 5*minute)},
			{at: 25 * minute, rules: updated("b", 5*minute), triggers: triggers(changed("1", "hub/", "jane", 5*minute))},
			{at: hour, rules: updated("b", 5*minute)},
		},
		"its event comes late, and the list cannot be read": {
			{rules: before},
			{at: 6 * minute, rules: updated("b", 5*minute)},
			{at: 25 * minute, faults: noList, triggers: triggers(changed("1", "hub", "jane", 5*minute)), hold: true},
			{at: hour, rules: updated("b", 5*minute)},
		},
		"its event was known before the list showed it": {
			{rules: before, triggers: triggers(changed("1", "hub", "jane", -minute))},
			{at: hour, rules: updated("b", 5*minute)},
		},
		"an event of long before": {
			{rules: before, triggers: triggers(changed("1", "hub", "jane", -16*minute))},
			{at: hour, rules: updated("b", 5*minute), want: []string{"unexplained altered hub"}},
		},
		"an event of another rule, or of a secret": {
			{rules: before},
			{at: hour, rules: updated("b", 5*minute), triggers: triggers(changed("1", "quay", "jane", 5*minute), wrote("2", "ecr-pullthroughcache/hub", "jane", 5*minute)), want: []string{
				"unexplained altered hub", "by jane", "by jane",
			}},
		},
		"notified although the list cannot be read": {
			{rules: before},
			{at: 10 * minute, rules: updated("b", 5*minute)},
			{at: hour, faults: noList, hold: true, want: []string{"unexplained altered hub"}},
		},
		"what became of the rules while the list could not be read": {
			{rules: before},
			{at: hour, faults: noList, hold: true},
			{at: 2 * hour, rules: updated("b", 30*minute), want: []string{"unexplained altered hub"}},
		},
		"its event comes after it was notified": {
			{rules: before},
			{at: 10 * minute, rules: updated("b", 5*minute)},
			{at: 36 * minute, rules: updated("b", 5*minute), want: []string{"unexplained altered hub"}},
			{at: 50 * minute, rules: updated("b", 5*minute), triggers: triggers(changed("1", "hub/", "jane", 5*minute)), want: []string{
				"resolved change-without-event hub: fixed", "by jane",
			}},
			{at: 55 * minute, rules: updated("b", 5*minute), triggers: triggers(changed("1", "hub/", "jane", 5*minute))},
			{at: day, rules: updated("b", 5*minute)},
		},
		"its event comes a day later, and the list cannot be read": {
			{rules: before},
			{at: hour, rules: updated("b", 5*minute), want: []string{"unexplained altered hub"}},
			{at: day, faults: noList, hold: true, triggers: triggers(changed("1", "hub", "jane", 5*minute)), want: []string{
				"resolved change-without-event hub: fixed", "by jane",
			}},
		},
		"a later change with an event takes nothing back": {
			{rules: before},
			{at: hour, rules: updated("b", 5*minute), want: []string{"unexplained altered hub"}},
			{at: 2 * hour, rules: updated("c", 110*minute), triggers: triggers(changed("1", "hub", "jane", 110*minute))},
			{at: 3 * hour, rules: updated("c", 110*minute), triggers: triggers(changed("2", "hub", "joe", 5*minute)), want: []string{
				"resolved change-without-event hub: fixed", "by joe", "by jane",
			}},
		},
		"an event of another rule takes nothing back": {
			{rules: before},
			{at: hour, rules: updated("b", 5*minute), want: []string{"unexplained altered hub"}},
			{at: 2 * hour, rules: updated("b", 5*minute), triggers: triggers(changed("1", "quay", "jane", 5*minute), wrote("2", "ecr-pullthroughcache/hub", "jane", 5*minute))},
		},
		"its event comes after a week": {
			{rules: before},
			{at: hour, rules: updated("b", 5*minute), want: []string{"unexplained altered hub"}},
			{at: 8 * day, rules: updated("b", 5*minute), triggers: triggers(changed("1", "hub", "jane", 5*minute))},
		},
		"the first audit explains nothing": {
			{rules: before},
		},
		"nor does the first that reads the list": {
			{faults: noList, hold: true},
			{at: hour, rules: before},
			{at: day, rules: before},
		},
		"a verdict is no change": {
			{rules: before},
			{at: hour, rules: func() []report.Rule {
				judged := updated("a", 30*minute)
				judged[0].Validation = &report.Validation{Applicable: true, Failure: "no"}
				return judged
			}()},
		},
	} {
		t.Run(name, func(t *testing.T) { s.run(t) })
	}
}

// TestRuleChangesAreListed beside other news.
func TestRuleChangesAreListed(t *testing.T) {
	l := step{rules: hub}.compare(story{}.run(t))
	for _, s := range []struct {
		step
		want int
	}{
		{step{at: hour, rules: rules(rule("hub", "b"))}, 0}, // no notification
		{step{at: 2 * hour, rules: rules(rule("hub", "c")), findings: findings(fail(validation, "hub", "c"))}, 1},
	} {
		notification, next := compare(l, s.step)
		if len(notification.Rules) != s.want {
			t.Errorf("after %v: %+v", s.at, notification.Rules)
		}
		l = next
	}
}

// TestLateEventIsNotCovered: an audit takes the notification back soon, although
// an audit has seen the effect of the change.
func TestLateEventIsNotCovered(t *testing.T) {
	swapped := rules(rule("hub", "b"))
	l := story{
		{rules: hub},
		{at: hour, rules: swapped},
		{at: 2 * hour, rules: swapped, want: []string{"unexplained altered hub"}},
	}.run(t)
	late := changed("1", "hub", "jane", 30*minute)
	if l.Covers(triggers(late), 30*time.Second, start.Add(3*hour)) {
		t.Error("the event is covered: no audit takes the notification back")
	}
	if !l.Covers(triggers(changed("1", "quay", "jane", 30*minute)), 30*time.Second, start.Add(3*hour)) {
		t.Error("an event of another rule is not covered")
	}
	// An older audit records it, and the next one takes the notification back.
	n, _ := compare(l.Record(triggers(late), start.Add(3*hour)), step{at: 4 * hour, rules: swapped})
	if diff := cmp.Diff([]string{"resolved change-without-event hub: fixed", "by jane"}, lines(n)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestTakeBacksAreBounded: what was notified is forgotten first.
func TestTakeBacksAreBounded(t *testing.T) {
	var many []report.Rule
	for i := range 200 {
		many = append(many, rule(fmt.Sprintf("p%03d", i), "a"))
	}
	l := story{{rules: hub}}.run(t)
	for _, at := range []time.Duration{hour, 2 * hour} {
		_, l = compare(l, step{at: at, rules: rules(many...)})
	}
	if len(l.Unexplained) != 64 {
		t.Errorf("%d changes wait for their events, want 64", len(l.Unexplained))
	}
}
