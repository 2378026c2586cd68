package ledger_test

import (
	"testing"
	"time"

	"ptcaudit/internal/report"
)

const (
	ending  = report.CheckWaiverEnding
	expired = report.CheckWaiverExpired
	slipped = "altered upstream-allowed hub: The waiver of jo (migration) no longer covers it: what the check looks at has changed."
	ended   = "new upstream-allowed hub: The waiver of jo (migration) no longer covers it."
)

func TestWaivers(t *testing.T) {
	const until = "2027-03-31"
	covered := func(facts string) []report.Finding {
		return findings(waived(fail(allowed, "hub", facts), "jo", until))
	}
	open := func(facts string) []report.Finding { return findings(fail(allowed, "hub", facts)) }
	anyUpstream := func(facts string) []report.Finding {
		f := waived(fail(allowed, "hub", facts), "jo", until)
		f.Waiver.AnyUpstream = true
		return findings(f)
	}
	sound := findings(pass(allowed, "hub"))
	pending := func(facts string) []report.Finding {
		return findings(waived(finding(allowed, "hub", report.Pending, facts), "jo", until))
	}
	endingSoon := findings(waived(fail(allowed, "hub", "a"), "jo", "2026-11-30"), severity(report.Informational, fail(ending, "hub", "a")))
	for name, s := range map[string]story{
		"waived from the first": {
			{rules: hub, findings: covered("a")},
			{at: 2 * week, rules: hub, findings: covered("a")},
		},
		"waived after it was notified": {
			{rules: hub, findings: open("a"), want: []string{"new upstream-allowed hub"}},
			{at: hour, rules: hub, findings: covered("a"), want: []string{"resolved upstream-allowed hub: waived by jo"}},
			{at: 2 * hour, rules: hub, findings: covered("a")},
			{at: 3 * hour, rules: hub, findings: open("a"), want: []string{ended}},
			{at: 4 * hour, rules: hub, findings: open("a")},
		},
		"swapped under a waiver, and back": {
			{rules: hub, findings: covered("a")},
			{at: 1 * hour, rules: hub, findings: covered("b"), want: []string{slipped}},
			{at: 2 * hour, rules: hub, findings: covered("b")},
			{at: 3 * hour, rules: hub, findings: covered("c"), want: []string{slipped}},
			{at: week + 3*hour, rules: hub, findings: covered("c"), want: []string{"reminded" + slipped[len("altered"):]}},
			{at: week + 4*hour, rules: hub, findings: covered("a"), want: []string{"resolved upstream-allowed hub: waived by jo"}},
			{at: week + 5*hour, rules: hub, findings: covered("b"), want: []string{slipped}},
		},
		"swapped under a waiver, then fixed, then broken again": {
			{rules: hub, findings: covered("a")},
			{at: 1 * hour, rules: hub, findings: covered("b"), want: []string{slipped}},
			{at: 2 * hour, rules: hub, findings: sound, want: []string{"resolved upstream-allowed hub: fixed"}},
			{at: 3 * hour, rules: hub, findings: covered("b"), want: []string{slipped}},
		},
		"swapped under a waiver that is renewed": {
			{rules: hub, findings: covered("a")},
			{at: 1 * hour, rules: hub, findings: covered("b"), want: []string{slipped}},
			{at: 2 * hour, rules: hub, findings: findings(waived(fail(allowed, "hub", "b"), "jo", "2027-06-30")), want: []string{"resolved upstream-allowed hub: waived by jo"}},
			{at: 3 * hour, rules: hub, findings: findings(waived(fail(allowed, "hub", "a"), "jo", "2027-06-30")), want: []string{slipped}},
		},
		"swapped while it could not be decided": {
			{rules: hub, findings: covered("a")},
			{at: hour, rules: hub, findings: findings(undecided(allowed, "hub")), hold: true},
			{at: 2 * hour, faults: noList, hold: true},
			{at: 3 * hour, rules: hub, findings: covered("b"), want: []string{slipped}},
		},
		"deleted and created again with another upstream": {
			{rules: hub, findings: covered("a")},
			{at: hour, triggers: triggers(changed("1", "hub", "jane", hour))},
			{at: 2 * day},
			{at: 30 * day, rules: hub, findings: covered("b"), triggers: triggers(changed("2", "hub", "jane", 30*day)), want: []string{slipped, "by jane"}},
		},
		"deleted and created again as it was": {
			{rules: hub, findings: covered("a")},
			{at: hour, triggers: triggers(changed("1", "hub", "jane", hour))},
			{at: 2 * hour, rules: hub, findings: covered("a"), triggers: triggers(changed("2", "hub", "jane", 2*hour))},
		},
		"fixed and pointed elsewhere": {
			{rules: hub, findings: covered("a")},
			{at: hour, rules: hub, findings: sound},
			{at: 2 * hour, rules: hub, findings: covered("b"), want: []string{slipped}},
		},
		"taken back and given again": {
			{rules: hub, findings: covered("a")},
			{at: hour, rules: hub, findings: open("b"), want: []string{ended}},
			{at: 2 * hour, rules: hub, findings: covered("b")}, // notified already,
		},
		"any upstream": {
			{rules: hub, findings: anyUpstream("a")},
			{at: 1 * hour, rules: hub, findings: anyUpstream("b")},
			{at: 2 * hour, rules: hub, findings: covered("b")},
			{at: 3 * hour, rules: hub, findings: covered("c"), want: []string{slipped}},
			{at: 4 * hour, rules: hub, findings: anyUpstream("c"), want: []string{"resolved upstream-allowed hub: waived by jo"}},
		},
		"pending under a waiver": {
			{rules: hub, findings: pending("a")},
			{at: hour, rules: hub, findings: pending("b")},
			{at: 2 * hour, rules: hub, findings: covered("b"), want: []string{slipped}},
		},
		"pending under a waiver after it was notified": {
			{rules: hub, findings: open("a"), want: []string{"new upstream-allowed hub"}},
			{at: hour, rules: hub, findings: pending("a"), want: []string{
				"resolved upstream-allowed hub: It still fails, but the check is not in force yet.",
			}},
		},
		"pending under a waiver that ends soon": {
			{rules: hub, min: report.High, want: []string{"new waiver-ending hub"}, findings: findings(
				waived(finding(allowed, "hub", report.Pending, "a"), "jo", "2026-11-30"), severity(report.Informational, fail(ending, "hub", "a")),
			)},
		},
		"below the threshold": {
			{rules: hub, findings: covered("a"), min: report.Critical},
			{at: hour, rules: hub, findings: covered("b"), min: report.Critical},
			{at: 2 * hour, rules: hub, findings: covered("b"), want: []string{slipped}},
		},
		"notified, waived on other facts": {
			{rules: hub, findings: open("a"), want: []string{"new upstream-allowed hub"}},
			{at: hour, rules: hub, findings: covered("b"), want: []string{"resolved upstream-allowed hub: waived by jo"}},
		},
		"a required rule that is missing, then wrong": {
			{findings: findings(waived(fail(report.CheckRequiredRule, "hub", ""), "jo", until))},
			{at: hour, rules: hub, findings: findings(waived(fail(report.CheckRequiredRule, "hub", "b"), "jo", until)), want: []string{
				"altered required-rule hub: The waiver of jo (migration) no longer covers it: what the check looks at has changed.",
			}},
		},
		"a touch of what is waived is silent": {
			{rules: hub, findings: covered("a")},
			{at: hour, rules: hub, findings: covered("a"), triggers: triggers(changed("e", "hub", "jane", hour))},
		},
		"a waiver that ends soon weighs as what it covers": {
			{rules: hub, findings: endingSoon, min: report.High, want: []string{"new waiver-ending hub"}},
			{at: hour, rules: hub, findings: endingSoon, min: report.High},
			{at: 2 * hour, rules: hub, findings: endingSoon, min: report.Critical, want: []string{
				"resolved waiver-ending hub: It still fails, but its severity is now informational, below the threshold critical.",
			}},
		},
		"a waiver that ends soon, then has ended": {
			{rules: hub, findings: endingSoon, want: []string{"new waiver-ending hub"}},
			{at: 10 * day, rules: hub, findings: findings(fail(allowed, "hub", "a"), fail(expired, "hub", "a")), want: []string{
				ended, "new waiver-expired hub",
			}},
			{at: 11 * day, rules: hub, findings: findings(fail(allowed, "hub", "a")), want: []string{
				"resolved waiver-expired hub: The waived failure is resolved, or the waiver was renewed or removed.", "open upstream-allowed hub",
			}},
			{at: 12 * day, rules: hub, findings: findings(fail(allowed, "hub", "a"), fail(expired, "hub", "a")), want: []string{
				"new waiver-expired hub", "open upstream-allowed hub",
			}},
			{at: 13 * day, rules: hub, findings: sound, want: []string{
				"resolved upstream-allowed hub: fixed", "resolved waiver-expired hub: The waived failure is resolved.",
			}},
		},
		"a waiver that ends soon, and its failure is fixed": {
			{rules: hub, findings: endingSoon, want: []string{"new waiver-ending hub"}},
			{at: hour, rules: hub, findings: sound, want: []string{"resolved waiver-ending hub: The waived failure is resolved."}},
		},
		"a waiver that ends soon, and the rule is deleted": {
			{rules: hub, findings: endingSoon, want: []string{"new waiver-ending hub"}},
			{at: hour, want: []string{"resolved waiver-ending hub: The rule was deleted."}},
		},
		"a custom check with waiver- in its id is an ordinary check": {
			{rules: hub, findings: findings(fail("waiver-has-ticket", "hub", "a")), want: []string{"new waiver-has-ticket hub"}},
			{at: hour, rules: hub, findings: findings(undecided(allowed, "hub")), hold: true, want: []string{
				"resolved waiver-has-ticket hub: The policy no longer has this check.",
			}},
		},
		"findings of waivers depend on what could be checked": {
			{rules: hub, findings: endingSoon, want: []string{"new waiver-ending hub"}},
			{at: hour, rules: hub, findings: findings(undecided(allowed, "hub")), hold: true},
			{at: 2 * hour, rules: hub, findings: endingSoon},
		},
		"an unused waiver is used": {
			{rules: hub, findings: findings(severity(report.Low, fail(report.CheckWaiverUnused, "quay", ""))), want: []string{"new waiver-unused quay"}},
			{at: hour, rules: hub, want: []string{"resolved waiver-unused quay: The waiver now covers a failure, or was removed from the policy."}},
		},
	} {
		t.Run(name, func(t *testing.T) { s.run(t) })
	}
}

// TestABindingEndsWithTheWaiver, so that the ledger does not grow without limit.
func TestABindingEndsWithTheWaiver(t *testing.T) {
	for _, tc := range []struct {
		name    string
		at      time.Duration
		entries int
	}{
		{"on its last day", 8*day + hour, 1},      // 2026-11-29 23:50
		{"after its last day", 8*day + 2*hour, 0}, // 2026-11-30 00:50
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := story{
				{rules: hub, findings: findings(waived(fail(allowed, "hub", "a"), "jo", "2026-11-29"))},
				{at: hour, rules: hub, findings: findings(pass(allowed, "hub"))},
				{at: tc.at, rules: hub, findings: findings(pass(allowed, "hub"))},
			}.run(t)
			if len(l.Findings) != tc.entries {
				t.Errorf("%d entries, want %d: %+v", len(l.Findings), tc.entries, l.Findings)
			}
		})
	}
}
