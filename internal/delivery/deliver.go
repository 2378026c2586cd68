package delivery

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"time"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// How long things may take.
const (
	// publishTime bounds the time from taking the lease to giving it back, and so
	// how long a crash in between keeps others from speaking.
	publishTime = time.Minute
	// leaseReserve is how much longer the lease is than that: for a call that
	// was under way, and for clocks that differ.
	leaseReserve = 10 * time.Second
	// recordReserve leaves time to tell the ledger what became of the message.
	recordReserve = 2 * time.Second
	// patience bounds all of it where the context has no deadline, as by hand.
	patience = 3 * time.Minute
	// poll is how often a lease that somebody waits for is looked at.
	poll = 250 * time.Millisecond
)

// Say keeps a report as evidence, and says what there is to say of it. Again
// says that another try follows if this one fails: then what may mend by
// itself is left to it. Its error says that the report was not said, or not
// all of it; it is *Busy, ErrLater, *PublishError, or the *ptc.Fault of a store. On a
// last try a store that fails keeps nothing from being said.
func (t *Turn) Deliver(ctx context.Context, r report.Report, again bool) (Result, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	said := Result{Report: r}
	place, fault := t.storeEvidence(ctx, r)
	a := attempt{Turn: t, again: again, evidence: place}
	switch {
	case fault == nil:
		failpoint("evidence-put")
	case a.willRetry(fault):
		return said, fault
	default:
		said.Report = with(r, fault)
	}
	if t.deliverer.State == nil {
		return a.deliverAll(ctx, said)
	}
	return a.deliver(ctx, said)
}

// keep puts a report among the evidence, and gives its place.
func (t *Turn) storeEvidence(ctx context.Context, r report.Report) (string, *ptc.Fault) {
	kept := t.deliverer.Evidence
	if kept == nil {
		return "", nil
	}
	ctx, cancel := half(ctx)
	defer cancel()
	key, err := evidence.PutReport(ctx, kept, r)
	// An audit's id is its own: what is there already is this report, put by a
	// call whose answer was lost.
	if err != nil && !errors.Is(err, blob.ErrConflict) {
		return "", faultOf(ptc.OpPutEvidence, kept.Place(evidence.Key(r)), err)
	}
	return kept.Place(key), nil
}

// attempt is one try to say a report.
type attempt struct {
	*Turn
	again    bool
	evidence string // its place
}

// deliverAll says a report without knowing what was said before.
func (a attempt) deliverAll(ctx context.Context, said Result) (Result, error) {
	if a.again && MayRecover(said.Report.Faults) {
		return said, ErrLater
	}
	notification := report.NotificationOf(said.Report, a.deliverer.MinSeverity)
	// Nothing counts what was said before: the time does, so that the same said
	// again is another message.
	notification.Seq = said.Report.Audit.StartedAt.UnixMilli()
	if len(notification.Statuses()) == 0 {
		return said, nil
	}
	m, err := a.publish(ctx, notification)
	if err != nil {
		return said, err
	}
	said.Message = m
	return said, nil
}

// say says what is new in a report, against the ledger.
func (a attempt) deliver(ctx context.Context, said Result) (Result, error) {
	audited := said.Report
	for round := 0; ; round++ {
		said.Report = audited
		err := a.tryOnce(ctx, &said)
		_, unsaid := errors.AsType[*PublishError](err) // whose fault is the topic's
		switch fault, failed := errors.AsType[*ptc.Fault](err); {
		case errors.Is(err, blob.ErrConflict):
			if err := pause(ctx, round); err != nil {
				return said, a.outOfTime(err)
			}
		case errors.Is(err, errReload):
		case failed && !unsaid && !a.willRetry(fault) && said.Message == nil:
			// Noise, but nothing is lost.
			said.Report = with(audited, fault)
			return a.deliverAll(ctx, said)
		default:
			return said, err
		}
	}
}

// errReload asks for another look at the ledger.
var errReload = errors.New("look again")

// round looks at the ledger once, and does what follows from it.
// blob.ErrConflict says that another wrote it since.
func (a attempt) tryOnce(ctx context.Context, said *Result) error {
	s := a.deliverer
	k, err := a.loadLedger(ctx)
	if err != nil {
		return err
	}
	if k.damaged != nil {
		said.Report = with(said.Report, k.damaged)
	}
	now, r := s.now(), said.Report
	if k.ledger.Newer(r, now) {
		said.Superseded = true
		return a.record(ctx, k, said)
	}
	if k.ledger.Lease.Live(now) {
		return a.wait(ctx, k.ledger.Lease.Until)
	}
	hold := a.again && MayRecover(r.Faults)
	notification, next := ledger.Compare(k.ledger.Record(a.covered(k.ledger, r, now), now), r, ledger.Options{
		Now: now, MinSeverity: s.MinSeverity, RemindAfter: s.RemindAfter, Hold: hold,
	})
	next.Lease = nil
	if len(notification.Statuses()) == 0 {
		if err := a.put(ctx, k, next); err != nil {
			return err
		}
		failpoint("silent-put")
	} else if err := a.publishUnderLease(ctx, k, notification, next, said); err != nil {
		return err
	}
	if hold {
		return ErrLater
	}
	return nil
}

// look is the ledger as it is: the first time, as Covered read it.
func (a attempt) loadLedger(ctx context.Context) (*known, error) {
	if k := a.copy; k != nil {
		a.copy = nil
		return k, nil
	}
	return a.read(ctx)
}

// covered are the triggers that are news of the past: the last complete audit
// has seen what they did, and what it found is said. Who made them is recorded.
func (a attempt) covered(l ledger.Ledger, r report.Report, now time.Time) []report.Trigger {
	var out []report.Trigger
	for _, t := range r.Triggers {
		if l.Covers([]report.Trigger{t}, a.deliverer.Settle, now) {
			out = append(out, t)
		}
	}
	return out
}

// record tells the ledger who made changes, and nothing else.
func (a attempt) record(ctx context.Context, k *known, said *Result) error {
	next := k.ledger.Record(said.Report.Triggers, a.deliverer.now())
	err := a.put(ctx, k, next)
	if err == nil {
		failpoint("recorded")
	}
	return a.unrecorded(err, said)
}

// unrecorded is the error of a ledger that could not be told, where another try
// may. What it would have been told stands in the evidence.
func (a attempt) unrecorded(err error, said *Result) error {
	if fault, failed := errors.AsType[*ptc.Fault](err); failed && !a.willRetry(fault) {
		said.Unrecorded = err
		return nil
	}
	return err
}

// willRetry says that another try follows, which may not have the fault.
func (a attempt) willRetry(fault *ptc.Fault) bool { return a.again && fault.Retryable }

// wait waits for another's lease a little, if there is no other try that could
// and time to speak after it.
func (a attempt) wait(ctx context.Context, until time.Time) error {
	deadline, _ := ctx.Deadline()
	if a.again || time.Until(deadline) < poll+2*recordReserve || sleep(ctx, min(poll, until.Sub(a.deliverer.now()))) != nil {
		return &Busy{Until: until}
	}
	return errReload
}

// speak takes the lease, publishes, and tells the ledger that it is said.
func (a attempt) publishUnderLease(ctx context.Context, k *known, notification report.Notification, next ledger.Ledger, said *Result) error {
	left := publishTime
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	before := k.ledger
	lease := ledger.Lease{Holder: rand.Text(), Until: a.deliverer.now().Add(left + leaseReserve)}
	if err := a.put(ctx, k, before.Publishing(notification, lease)); err != nil {
		return err
	}
	failpoint("lease-put")

	publishing, stop := context.WithTimeout(ctx, left-min(recordReserve, left/4))
	m, err := a.publish(publishing, notification)
	stop()
	if err != nil {
		if mayHaveArrived(err) {
			before = k.ledger // which holds it for neither said nor unsaid
		}
		before.Lease = nil
		// Where that fails, too, the lease ends by itself.
		_ = a.settle(ctx, k, before)
		failpoint("lease-dropped")
		return err
	}
	said.Message = m
	failpoint("published")

	err = a.settle(ctx, k, next)
	if err == nil {
		failpoint("notified-put")
	}
	return a.unrecorded(err, said) // where it comes again, as after a crash
}

// mayHaveArrived says that a message may have arrived although publishing it failed:
// where the answer is lost, and where an attempt before may have been taken.
func mayHaveArrived(err error) bool {
	fault, refused := errors.AsType[*ptc.Fault](err)
	return !refused || fault.Retryable
}

// settle ends the own lease with the ledger that is to follow. Others may have
// recorded changes meanwhile, and nothing else.
func (a attempt) settle(ctx context.Context, k *known, next ledger.Ledger) error {
	holder := k.ledger.Lease.Holder
	for round := 0; ; round++ {
		err := a.put(ctx, k, next)
		if !errors.Is(err, blob.ErrConflict) {
			return err
		}
		if err := pause(ctx, round); err != nil {
			return a.outOfTime(err)
		}
		now, err := a.read(ctx)
		if err != nil {
			return err
		}
		if now.ledger.Lease == nil || now.ledger.Lease.Holder != holder {
			return &ptc.Fault{Operation: ptc.OpPutLedger, Kind: ptc.FaultTimeout, Message: "the lease ended, and another audit took over"}
		}
		next, k.version = next.MergeChanges(now.ledger), now.version
	}
}

// publish finds the words, and tells them.
func (a attempt) publish(ctx context.Context, notification report.Notification) (*notify.Message, error) {
	notification.Evidence = a.evidence
	m := notify.Compose(notification)
	if a.deliverer.Publisher != nil {
		if err := a.deliverer.Publisher.Publish(ctx, m); err != nil {
			return nil, &PublishError{err}
		}
	}
	return &m, nil
}

// outOfTime is the fault of writes that others were always faster than.
func (a attempt) outOfTime(err error) *ptc.Fault {
	return &ptc.Fault{Operation: ptc.OpPutLedger, Kind: ptc.FaultTimeout, Message: "others wrote it all the time: " + err.Error(), Retryable: true}
}

// with is a report with one more fault.
func with(r report.Report, fault *ptc.Fault) report.Report {
	r.Faults = append([]ptc.Fault{*fault}, r.Faults...)
	r.Finish()
	return r
}

// pause lets others go ahead who write the same ledger.
func pause(ctx context.Context, round int) error {
	const least, most = 10 * time.Millisecond, time.Second
	limit := most
	if round < 7 { // least << 7 is more than most
		limit = min(most, least<<round)
	}
	return sleep(ctx, limit/2+mathrand.N(limit/2)) //nolint:gosec // spreads load, guards nothing
}

// half is half of the time there is, so that a store which does not answer
// leaves time to say so.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// sleep waits; its error is the context's that ended before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
