package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Someone stops the command while it publishes: what was published is recorded,
// and the next audit does not publish it again.
func TestInterruptedWhilePublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		ctx, interrupt := context.WithCancel(t.Context())
		w.topic.during = func(context.Context) { interrupt() }
		result, err := w.Turn(home).Deliver(ctx, audited("a", "hub"), false)
		if err != nil || result.Unrecorded != nil {
			t.Errorf("error %v, unrecorded %v", err, result.Unrecorded)
		}
		if l := w.ledger(t); l.Lease != nil || l.Seq != 1 {
			t.Errorf("the ledger has lease %v and seq %d", l.Lease, l.Seq)
		}
		time.Sleep(time.Hour)
		w.mustDeliver(t, audited("b", "hub"))
		is(t, "published", w.topic.statuses(), []string{"FAILED"})
	})
}

// A caller that hands the message over itself settles the delivery: what no one
// has taken is notified again, at once.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		w.Topics = nil
		for i, taken := range []bool{false, false, true} {
			result := w.mustDeliver(t, audited("a", "hub"))
			if result.Message == nil || result.Settle == nil {
				t.Fatalf("run %d notifies nothing", i)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := result.Settle(ended, taken); err != nil {
				t.Error(err)
			}
		}
		if result := w.mustDeliver(t, audited("b", "hub")); result.Message != nil {
			t.Errorf("it is notified again: %+v", result)
		}
	})
}
