package ledger_test

import (
	"math"
	"testing"
	"time"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// What was notified is not notified again on the same facts because an event
// from before that audit comes late. Its actor is listed with the next
// notification.
func TestEventThatComesLate(t *testing.T) {
	broken := findings(fail(allowed, "hub", "a"))
	swapped := findings(fail(allowed, "hub", "b"))
	others := findings(fail(allowed, "hub", "b"), fail(allowed, "quay", "b"))
	for name, s := range map[string]story{
		"delete and create in two batches": {
			{rules: hub, findings: broken, want: []string{"new upstream-allowed hub"}},
			{at: hour, rules: hub, findings: swapped, triggers: triggers(changed("delete", "hub", "jane", hour-29*time.Second)), want: []string{
				"altered upstream-allowed hub: What the check looks at has changed. Its rule or its secret was changed, and it still fails.", "by jane",
			}},
			{at: hour + 20*time.Second, rules: hub, findings: swapped, triggers: triggers(changed("create", "hub", "joe", hour-27*time.Second))},
			{at: 2 * hour, rules: hub, findings: nil, want: []string{"resolved upstream-allowed hub: The policy no longer has this check.", "by joe"}},
		},
		"a second before": {
			{rules: hub, findings: broken, want: []string{"new upstream-allowed hub"}},
			{at: minute, rules: hub, findings: broken, triggers: triggers(changed("1", "hub", "jane", -time.Second))},
		},
		"within the second": {
			{rules: hub, findings: broken, want: []string{"new upstream-allowed hub"}},
			{at: minute, rules: hub, findings: broken, triggers: triggers(changed("1", "hub", "jane", 0)), want: []string{
				"altered upstream-allowed hub: Its rule or its secret was changed, and it still fails.", "by jane",
			}},
		},
		"a secret": {
			{rules: hub, findings: broken, want: []string{"new upstream-allowed hub"}},
			{at: minute, rules: hub, findings: broken, triggers: triggers(wrote("1", "ecr-pullthroughcache/hub", "jane", -minute))},
		},
		"beside one that does not": {
			{rules: hub, findings: broken, want: []string{"new upstream-allowed hub"}},
			{at: hour, rules: hub, findings: broken, triggers: triggers(changed("1", "hub", "jane", -minute), changed("2", "hub", "joe", minute)), want: []string{
				"altered upstream-allowed hub: Its rule or its secret was changed, and it still fails.", "by jane", "by joe",
			}},
		},
		"but another matter": {
			{rules: hub, findings: broken, want: []string{"new upstream-allowed hub"}},
			{at: hour, rules: hub, findings: others, triggers: triggers(changed("1", "hub", "jane", -minute)), want: []string{
				"new upstream-allowed quay", "altered upstream-allowed hub: What the check looks at has changed.", "by jane",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) { s.run(t) })
	}
}

// The clock of the audit that was notified was ahead: changes since then are
// notified all the same.
func TestNotifiedByAClockThatWasAhead(t *testing.T) {
	failing := step{rules: hub, findings: findings(fail(allowed, "hub", "a"))}
	for _, ahead := range []time.Duration{minute, hour, day} {
		r, o := failing.report(), failing.options()
		r.Audit.StartedAt, o.Now, o.Received = start.Add(ahead), start.Add(ahead), start
		_, l := ledger.Compare(ledger.Ledger{}, r, o)
		n, _ := compare(l, step{at: minute, rules: hub, findings: failing.findings, triggers: triggers(changed("1", "hub", "jane", 30*time.Second))})
		if len(n.Altered) != 1 {
			t.Errorf("%v ahead: a change after the audit is not notified: %q", ahead, lines(n))
		}
	}
}

// An audit that saw no list, or could not apply the policy, resolves nothing and
// covers nothing.
func TestAuditWithoutAList(t *testing.T) {
	broken := step{rules: hub, findings: findings(fail(allowed, "hub", "a"), fail("no-hub", "", "x"))}
	_, known := compare(ledger.Ledger{}, broken)
	for name, s := range map[string]step{
		"no API":                 {at: hour, faults: unsupported},
		"no API, but a pass":     {at: hour, faults: unsupported, findings: findings(pass("no-hub", ""))},
		"not listed":             {at: hour, faults: noList},
		"not listed, but a pass": {at: hour, faults: noList, findings: findings(pass("no-hub", ""), pass(allowed, "hub"))},
		"no policy":              {at: hour, rules: hub, faults: []ptc.Fault{{Operation: "evaluate policy", Kind: ptc.FaultMalformed}}},
	} {
		t.Run(name, func(t *testing.T) {
			n, l := compare(known, s)
			if len(n.Resolved) > 0 || !n.Recovered.IsZero() || len(l.Findings) != 2 || !l.SeenUntil.Equal(start) {
				t.Errorf("resolved %q, seen until %v, findings %+v", lines(n), l.SeenUntil, l.Findings)
			}
			if l.Covers(triggers(changed("1", "hub", "jane", minute)), 30*time.Second, start.Add(2*hour)) {
				t.Error("it covers a change")
			}
		})
	}
}

// A time in the future covers nothing, now or when it has come.
func TestSeenUntilInTheFuture(t *testing.T) {
	_, l := compare(ledger.Ledger{Registry: registry, SeenUntil: start.Add(50 * time.Second)}, step{rules: hub, faults: faults("hub")})
	if l.Covers(triggers(changed("1", "hub", "jane", 10*time.Second)), 30*time.Second, start.Add(minute)) {
		t.Error("it covers a change that no audit has seen")
	}
}

// The number after the highest can be stored and read.
func TestHighestSeq(t *testing.T) {
	l := story{{rules: hub}}.run(t)
	for _, seq := range []int64{math.MaxInt64 - 1, math.MaxInt64} {
		l.Seq = seq
		_, next := compare(l, step{at: hour, rules: hub, findings: findings(fail(allowed, "hub", "a"))})
		if _, err := ledger.Decode(next.Encode()); err != nil {
			t.Errorf("after %d: %v", seq, err)
		}
	}
}

// The end of a waiver is notified with or without a ledger.
func TestEndOfAWaiver(t *testing.T) {
	ends := severity(report.Informational, fail(ending, "hub", "a"))
	for _, tc := range []struct {
		name   string
		waived report.Severity
		min    report.Severity
		want   int
	}{
		{"of an important finding", report.High, report.Medium, 1},
		{"of an unimportant finding", report.Low, report.Medium, 0},
	} {
		s := step{rules: hub, min: tc.min, findings: findings(waived(severity(tc.waived, fail(allowed, "hub", "a")), "jo", "2026-11-25"), ends)}
		n, _ := compare(ledger.Ledger{}, s)
		without := report.NotificationOf(s.report(), tc.min)
		if len(n.New) != tc.want || len(without.New) != tc.want {
			t.Errorf("%s: %d new with a ledger, %d without, want %d", tc.name, len(n.New), len(without.New), tc.want)
		}
	}
}
