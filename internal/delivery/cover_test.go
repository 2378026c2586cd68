package delivery_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ptcaudit/internal/report"
)

func TestCovered(t *testing.T) {
	schedule := report.Trigger{Kind: report.ScheduleTrigger, Time: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)}
	tests := []struct {
		name    string
		changes func() []report.Trigger
		covered bool
	}{
		{"long before the audit", func() []report.Trigger { return []report.Trigger{change("a", "hub", 2*time.Hour)} }, true},
		{"just long enough before it", func() []report.Trigger { return []report.Trigger{change("a", "hub", time.Hour+settle)} }, true},
		{"too late for it", func() []report.Trigger { return []report.Trigger{change("a", "hub", time.Hour+settle-time.Nanosecond)} }, false},
		{"one of two too late", func() []report.Trigger {
			return []report.Trigger{change("a", "hub", 2*time.Hour), change("b", "hub", time.Minute)}
		}, false},
		{"with a schedule", func() []report.Trigger { return []report.Trigger{change("a", "hub", 2*time.Hour), schedule} }, false},
		{"nothing", func() []report.Trigger { return nil }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				w.mustDeliver(t, audited("a", "hub"))
				time.Sleep(time.Hour)
				changes := tt.changes()
				for range 2 { // CloudTrail delivers some events twice: they are recorded once
					if got := w.Turn(home).Covered(t.Context(), changes); got != tt.covered {
						t.Fatalf("covered: %v", got)
					}
				}
				want := []string{"report"}
				if tt.covered {
					want = []string{"changes", "report"}
				}
				if got := w.records(t); len(got) != len(want) {
					t.Errorf("evidence %v, want %v", got, want)
				}
				if got := w.ledger(t).Changes; len(got) != len(want)-1 {
					t.Errorf("the ledger knows %v", got)
				}
			})
		})
	}
}

// If a change cannot be recorded, an audit follows and reports why.
func TestCoveredButNotRecorded(t *testing.T) {
	for _, what := range []string{"state get", "state put", "evidence put"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				w.mustDeliver(t, audited("a"))
				time.Sleep(time.Hour)
				fail := func(on string) func(call, key string) error {
					return func(call, _ string) error {
						if on+" "+call == what {
							return denied()
						}
						return nil
					}
				}
				w.state.fail, w.evidence.fail = fail("state"), fail("evidence")
				turn := w.Turn(home)
				changes := []report.Trigger{change("a", "hub", 2*time.Hour)}
				if turn.Covered(t.Context(), changes) {
					t.Fatal("covered")
				}
				r := audited("b")
				r.Triggers = changes
				if _, err := turn.Deliver(t.Context(), r, true); err != nil {
					t.Fatal(err)
				}
				is(t, "published", w.topic.statuses(), []string{"COULD_NOT_AUDIT"})
			})
		})
	}
}

// A change that the last audit has seen is no reason to notify its failure again.
func TestCoveredChangeBesideAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		w.mustDeliver(t, audited("a", "hub"))
		time.Sleep(time.Hour)
		r := audited("b", "hub")
		r.Triggers = []report.Trigger{change("old", "hub", 2*time.Hour), change("new", "ghcr", time.Minute)}
		w.mustDeliver(t, r)
		is(t, "published", w.topic.statuses(), []string{"FAILED"})
		time.Sleep(time.Hour)
		r = audited("c", "hub")
		r.Triggers = []report.Trigger{change("newer", "hub", time.Minute)}
		result := w.mustDeliver(t, r)
		is(t, "published", w.topic.statuses(), []string{"FAILED", "CHANGED"})
		var who []string
		for _, c := range result.Message.Changes {
			who = append(who, c.EventID)
		}
		is(t, "changes", who, []string{"old", "newer"})
	})
}

// Audits that changes trigger begin Settle apart, and in a burst farther apart.
func TestDue(t *testing.T) {
	tests := []struct {
		changes int
		ago     time.Duration
		due     time.Duration
	}{
		{0, 0, settle},
		{8, time.Minute, settle},
		{9, time.Minute, 5 * settle}, // and the next is the tenth
		{9, 5 * time.Minute, settle},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.changes, " changes ", tt.ago, " ago"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				turn := w.Turn(home)
				first := []report.Trigger{change("first", "hub", 0)}
				if turn.Covered(t.Context(), first); !turn.Due(first).IsZero() {
					t.Errorf("the first audit is due %v", turn.Due(first))
				}
				r := audited("a")
				for i := range tt.changes {
					r.Triggers = append(r.Triggers, change(fmt.Sprint(i), "hub", tt.ago))
				}
				w.mustDeliver(t, r)
				turn = w.Turn(home)
				next := []report.Trigger{change("next", "hub", 0)}
				if turn.Covered(t.Context(), next) {
					t.Fatal("covered")
				}
				if got := time.Until(turn.Due(next)); got != tt.due {
					t.Errorf("due in %v, want %v", got, tt.due)
				}
			})
		})
	}
}

// An audit whose clock was ahead delays no other.
func TestDueAfterAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		r := audited("a")
		r.Audit.StartedAt = time.Now().Add(24 * time.Hour)
		w.mustDeliver(t, r)
		turn := w.Turn(home)
		next := []report.Trigger{change("next", "hub", time.Hour)}
		if turn.Covered(t.Context(), next) || !turn.Due(next).IsZero() {
			t.Errorf("due %v", turn.Due(next))
		}
	})
}
