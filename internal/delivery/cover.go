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

// Covered reports whether changes need no audit: the last complete audit began
// late enough after them to have seen their effect. Covered then records who
// made them, in the evidence and in the ledger. If the ledger cannot be read or
// a store cannot be written, it returns false: an audit follows, and reports
// the store's fault.
func (t *Turn) Covered(ctx context.Context, changes []report.Trigger) bool {
	d := t.deliverer
	if d.State == nil {
		return false
	}
	for try := 0; ; try++ {
		k, err := t.read(ctx)
		if err != nil || k.damaged != nil {
			return false
		}
		if !k.ledger.Covers(changes, d.Settle, d.now()) {
			t.remember(k)
			return false
		}
		if d.Evidence != nil {
			record := evidence.Changes{Registry: t.registry, CoveredBy: k.ledger.SeenUntil, Triggers: changes}
			if _, err := evidence.PutChanges(ctx, d.Evidence, record); err != nil {
				return false
			}
			failpoint("changes-put")
		}
		next := k.ledger.Record(changes, d.now())
		if bytes.Equal(next.Encode(), k.ledger.Encode()) {
			return true // all of them are known
		}
		switch err := t.put(ctx, k, next); {
		case err == nil:
			failpoint("covered-put")
			return true
		case !errors.Is(err, blob.ErrConflict) || pause(ctx, try) != nil:
			return false
		}
	}
}

// Audits that are triggered by changes only begin at least Settle apart, so
// that one audit sees changes that are made together. In a burst of changes
// they begin burstSettles times Settle apart, so that it causes few messages.
const (
	// It is a burst if the ledger knows this many changes of the last burstTime.
	burst        = 10
	burstTime    = 5 * time.Minute
	burstSettles = 5
)

// Due returns when an audit that is triggered by these changes only should
// begin. It needs the ledger that Covered has read. It returns the zero time if
// the audit can begin now, or if nothing is known.
func (t *Turn) Due(changes []report.Trigger) time.Time {
	if t.cached == nil {
		return time.Time{}
	}
	now := t.deliverer.now()
	l := t.cached.ledger.Record(changes, now)
	if l.Lease.Live(now) {
		return l.Lease.Until // the audit that holds it has probably seen the changes
	}
	last := l.LastAudit.StartedAt
	if last.IsZero() || last.After(now) {
		return time.Time{} // a wrong clock delays no audit
	}
	settles := time.Duration(1)
	recent := 0
	for _, c := range l.Changes {
		if c.Time.After(now.Add(-burstTime)) {
			recent++
		}
	}
	if recent >= burst {
		settles = burstSettles
	}
	return last.Add(settles * t.deliverer.Settle)
}
