package ledger_test

import (
	"testing"
	"time"

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
