package ledger_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/report"
)

// Audits are killed before or after publishing. After one that ends, the
// notifications agree with the report.
func TestNobodyIsLeftToBelieveWhatIsNotSo(t *testing.T) {
	lease := ledger.Lease{Holder: "me", Until: start}
	histories(t, whimsical, func() func(t *rapid.T, m moment) {
		var l ledger.Ledger
		believed := map[string]bool{} // failures, by fingerprint
		unaudited := false
		return func(t *rapid.T, m moment) {
			s, next := ledger.Compare(l, m.report, m.options)
			hear := func() {
				for name, list := range sections(s) {
					for _, f := range list {
						if delete(believed, f.Fingerprint); name != "resolved" {
							believed[f.Fingerprint] = true
						}
					}
				}
				unaudited = (unaudited || len(s.Faults)+len(s.Undecided) > 0) && s.Recovered.IsZero()
			}
			if len(s.Statuses()) > 0 && rapid.IntRange(0, 2).Draw(t, "stopped") == 0 {
				if rapid.Bool().Draw(t, "heard") {
					hear()
				}
				speaking := l.Publishing(s, lease)
				read, err := ledger.Decode(speaking.Encode())
				if err != nil {
					t.Fatalf("it cannot be read: %v\n%s", err, speaking.Encode())
				}
				// An immediate retry gives the same notification.
				again, after := ledger.Compare(read, m.report, m.options)
				if diff := cmp.Diff(outline(s), outline(again)); diff != "" || after.Seq != next.Seq {
					t.Fatalf("the retry differs (-first +retry), seq %d and %d\n%s", next.Seq, after.Seq, diff)
				}
				l = read
				return
			}
			hear()
			l = next
			if !m.report.Complete {
				return // what it could not check is notified by a later audit
			}
			open := map[string]bool{}
			for _, e := range l.Findings {
				if e.Unsure != nil {
					t.Errorf("%s of %s is still unsure", e.Check, e.Prefix)
				}
				if e.Notified != nil {
					open[report.Fingerprint(registry, e.Check, e.Prefix)] = true
				}
			}
			// That a waiver ends is over, without a word, when it has ended.
			for _, prefix := range somePrefixes {
				fingerprint := report.Fingerprint(registry, ending, prefix)
				if !open[fingerprint] {
					delete(believed, fingerprint)
				}
			}
			if diff := cmp.Diff(open, believed); diff != "" {
				t.Fatalf("(-so +believed)\n%s", diff)
			}
			if unaudited {
				t.Fatal("the recovery was not notified")
			}
		}
	})
}

// outline lists a notification by section, in order.
func outline(s report.Notification) map[string][]string {
	out := map[string][]string{}
	for name, list := range sections(s) {
		for _, f := range list {
			out[name] = append(out[name], f.Check+" "+f.Prefix+" "+string(f.Severity))
		}
	}
	for _, f := range s.Faults {
		out["faults"] = append(out["faults"], f.Operation+" "+f.Prefix)
	}
	for _, f := range s.Undecided {
		out["undecided"] = append(out["undecided"], f.Check+" "+f.Prefix)
	}
	for _, u := range s.Unexplained {
		out["unexplained"] = append(out["unexplained"], u.Prefix)
	}
	if !s.Recovered.IsZero() {
		out["recovered"] = []string{s.Recovered.Format(time.RFC3339)}
	}
	maps.DeleteFunc(out, func(_ string, list []string) bool { return len(list) == 0 })
	return out
}

// TestUnsureOutlivesItsWaiver: a closed entry that is unsure is kept.
func TestUnsureOutlivesItsWaiver(t *testing.T) {
	l := story{
		{rules: hub, findings: findings(waived(fail(allowed, "hub", "a"), "jo", "2026-11-29"))},
		{at: hour, rules: hub, findings: findings(pass(allowed, "hub"))},
	}.run(t)
	s, _ := compare(l, step{at: 2 * hour, rules: hub, findings: findings(waived(fail(allowed, "hub", "b"), "jo", "2026-11-29"))})
	l = l.Publishing(s, ledger.Lease{Holder: "me", Until: start.Add(3 * hour)})
	l = (step{at: 9 * day, rules: hub, findings: findings(undecided(allowed, "hub")), hold: true}).compare(l)
	s, _ = compare(l, step{at: 10 * day, rules: hub, findings: findings(pass(allowed, "hub"))})
	if diff := cmp.Diff([]string{"resolved upstream-allowed hub: fixed"}, lines(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
