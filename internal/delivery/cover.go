package delivery

import (
	"bytes"
	"context"
	"errors"
	"time"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/report"
)

// Covered says that changes need no audit: the last complete one began late
// enough after them to have seen what they did. Who made them is then
// recorded, in the evidence and in the ledger. Where that cannot be told, or
// not be recorded, it is false: an audit finds out, or says why it could not.
func (t *Turn) Covered(ctx context.Context, changes []report.Trigger) bool {
	s := t.deliverer
	if s.State == nil {
		return false
	}
	for round := 0; ; round++ {
		k, err := t.read(ctx)
		if err != nil || k.damaged != nil {
			return false
		}
		if !k.ledger.Covers(changes, s.Settle, s.now()) {
			t.copy = k
			return false
		}
		if s.Evidence != nil {
			kept := evidence.Changes{Registry: t.registry, CoveredBy: k.ledger.LastComplete, Triggers: changes}
			if _, err := evidence.PutChanges(ctx, s.Evidence, kept); err != nil {
				return false
			}
			failpoint("changes-put")
		}
		next := k.ledger.Record(changes, s.now())
		if bytes.Equal(next.Encode(), k.ledger.Encode()) {
			return true // all of them are known
		}
		switch err := t.put(ctx, k, next); {
		case err == nil:
			failpoint("covered-put")
			return true
		case !errors.Is(err, blob.ErrConflict) || pause(ctx, round) != nil:
			return false
		}
	}
}

// Audits of a registry that only changes ask for begin at least the settling
// time apart, so that those which come together are seen together. While many
// come it is several times that: nobody reads a message every half a minute.
const (
	// burst is how many changes are many, if so many are known within burstTime.
	burst     = 10
	burstTime = 5 * time.Minute
	// burstSettles is the time between audits then, in settling times.
	burstSettles = 5
)

// Due is when an audit that only these changes ask for is to begin. It is known
// once Covered has looked; otherwise, and where nothing speaks against now, it
// is the zero time.
func (t *Turn) Due(changes []report.Trigger) time.Time {
	if t.copy == nil {
		return time.Time{}
	}
	now := t.deliverer.now()
	l := t.copy.ledger.Record(changes, now)
	if l.Lease.Live(now) {
		return l.Lease.Until // who speaks most likely covers them
	}
	last := l.LastAudit.StartedAt
	if last.IsZero() || last.After(now) {
		return time.Time{} // a clock that is wrong puts nothing off
	}
	lately := 0
	for _, c := range l.Changes {
		if c.Time.After(now.Add(-burstTime)) {
			lately++
		}
	}
	if lately >= burst {
		return last.Add(burstSettles * t.deliverer.Settle)
	}
	return last.Add(t.deliverer.Settle)
}
