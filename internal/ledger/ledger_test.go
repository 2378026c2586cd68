package ledger_test

import (
	"testing"
	"time"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

func TestKey(t *testing.T) {
	if got, want := ledger.Key(registry), "ledger/111122223333/eu-west-1.json"; got != want {
		t.Errorf("key %q, want %q", got, want)
	}
}

func TestNewer(t *testing.T) {
	for name, tc := range map[string]struct {
		last, began time.Duration
		want        bool
	}{
		"the same audit":                {0, 0, false},
		"an older one":                  {0, minute, false},
		"a newer one":                   {1, 0, true},
		"much newer: this one was slow": {5 * hour, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledger.Ledger{LastAudit: ledger.Audit{StartedAt: start.Add(tc.last)}}
			r := report.Report{Audit: report.Audit{StartedAt: start.Add(tc.began)}}
			if got := l.Newer(r); got != tc.want {
				t.Errorf("newer: %v, want %v", got, tc.want)
			}
		})
	}
	if (ledger.Ledger{}).Newer(report.Report{Audit: report.Audit{StartedAt: start}}) {
		t.Error("an empty ledger is newer")
	}
}

func TestCovers(t *testing.T) {
	const settle = 30 * time.Second
	change := func(at time.Duration) report.Trigger { return changed("1", "hub", "jane", at) }
	secret := wrote("2", "ecr-pullthroughcache/hub", "jane", -hour)
	for name, tc := range map[string]struct {
		triggers []report.Trigger
		complete time.Duration
		want     bool
	}{
		"settled":                   {triggers(change(-settle)), 0, true},
		"not settled":               {triggers(change(-settle + 1)), 0, false},
		"later":                     {triggers(change(1)), 0, false},
		"a secret":                  {triggers(secret), 0, true},
		"all of them":               {triggers(change(-hour), secret), 0, true},
		"all but one":               {triggers(change(-hour), secret, change(0)), 0, false},
		"a schedule wants an audit": {triggers(change(-hour), report.Trigger{Kind: report.ScheduleTrigger, Time: start.Add(-hour)}), 0, false},
		"by hand":                   {triggers(report.Trigger{Kind: report.ManualTrigger, Time: start.Add(-hour)}), 0, false},
		"without a time":            {triggers(report.Trigger{Kind: report.ChangeTrigger}), 0, false},
		"nothing":                   {nil, 0, false},
		"the clock was fast":        {triggers(change(-hour)), day, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledger.Ledger{SeenUntil: start.Add(tc.complete)}
			if got := l.Covers(tc.triggers, settle, start.Add(minute)); got != tc.want {
				t.Errorf("covered: %v, want %v", got, tc.want)
			}
		})
	}
	if (ledger.Ledger{}).Covers(triggers(change(-hour)), settle, start) {
		t.Error("no audit covers it")
	}
}

// TestOnlyACompleteAuditCovers what came before it.
func TestOnlyACompleteAuditCovers(t *testing.T) {
	l := story{
		{rules: hub},
		{at: hour, rules: hub, faults: faults("hub"), hold: true},
		{at: hour, faults: unsupported},
	}.run(t)
	if !l.SeenUntil.Equal(start) || !l.LastAudit.StartedAt.Equal(start.Add(hour)) || !l.LastAudit.Complete {
		t.Errorf("seen until %v, last %+v", l.SeenUntil, l.LastAudit)
	}
}

func TestLeaseIsLive(t *testing.T) {
	l := &ledger.Lease{Holder: "me", Until: start}
	for _, tc := range []struct {
		lease *ledger.Lease
		now   time.Time
		want  bool
	}{
		{nil, start, false},
		{l, start.Add(-1), true},
		{l, start, false},
		{l, start.Add(-ledger.LongestLease), true},
		{l, start.Add(-ledger.LongestLease - 1), false},
		{&ledger.Lease{Holder: "me", Until: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)}, start, false},
	} {
		if got := tc.lease.Live(tc.now); got != tc.want {
			t.Errorf("%+v at %v: %v", tc.lease, tc.now, got)
		}
	}
}

// A notification is the first if no earlier audit could list the rules.
func TestFirst(t *testing.T) {
	failing := findings(fail(allowed, "hub", "a"))
	listFails := []ptc.Fault{{Operation: ptc.OpDescribeRules, Kind: ptc.FaultDenied}}
	for _, tc := range []struct {
		name  string
		story story
		want  []bool
	}{
		{"failures at once", story{{rules: hub, findings: failing}, {at: 8 * day, rules: hub, findings: failing}}, []bool{true, false}},
		{"failures later", story{{rules: hub}, {at: hour, rules: hub, findings: failing}}, []bool{false, false}},
		{"one rule not checked", story{{rules: hub, faults: faults("hub")}, {at: hour, rules: hub, findings: failing}}, []bool{true, false}},
		{"rules not listed", story{{faults: listFails}, {at: hour, rules: hub, findings: failing}}, []bool{false, true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var l ledger.Ledger
			for i, s := range tc.story {
				var n report.Notification
				n, l = ledger.Compare(l, s.report(), s.options())
				if n.First != tc.want[i] {
					t.Errorf("audit %d: first is %v", i, n.First)
				}
			}
		})
	}
}
