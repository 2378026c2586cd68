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

// LongestLease is how long an audit can be kept waiting by another.
const LongestLease = ledger.LongestLease

const (
	// publishTime limits the time from taking the lease to giving it back. After
	// a crash in between, others wait until the lease ends.
	publishTime = time.Minute
	// leaseReserve is added to publishTime to get the length of the lease: for
	// a call that is still under way, and for clocks that differ.
	leaseReserve = 10 * time.Second
	// recordReserve is kept free to update the ledger after publishing.
	recordReserve = 2 * time.Second
	// recordTime limits the update of the ledger after publishing.
	recordTime = 10 * time.Second
	// patience limits a whole delivery if the context has no deadline, as on
	// the command line.
	patience = 3 * time.Minute
	// poll is the time between two reads of a ledger whose lease is held by
	// another audit.
	poll = 250 * time.Millisecond
)

// Deliver stores the report as evidence and publishes what is new since the
// last audit. If retry is true, the caller will try again later, so Deliver
// leaves retryable faults to that attempt instead of notifying them.
//
// An error means that the report, or a part of it, was not notified. It is
// *Busy, ErrLater, ErrOvertaken, *PublishError, or the *ptc.Fault of a store. If retry is
// false, a store that fails does not prevent the notification.
func (t *Turn) Deliver(ctx context.Context, r report.Report, retry bool) (Result, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	result := Result{Report: r}
	place, fault := t.storeEvidence(ctx, r)
	a := attempt{Turn: t, retry: retry, evidence: place, topics: t.deliverer.Topics, audience: new(audience)}
	switch {
	case fault == nil:
		failpoint("evidence-put")
	case a.willRetry(fault):
		return result, fault
	default:
		result.Report = with(r, fault)
	}
	if t.deliverer.State == nil {
		return a.deliverAll(ctx, result)
	}
	return a.deliver(ctx, result)
}

// storeEvidence stores a report as evidence, and returns its location.
func (t *Turn) storeEvidence(ctx context.Context, r report.Report) (string, *ptc.Fault) {
	reports := t.deliverer.Evidence
	if reports == nil {
		return "", nil
	}
	ctx, cancel := half(ctx)
	defer cancel()
	key, err := evidence.PutReport(ctx, reports, r)
	// The key has the audit's own id. On a conflict this report was stored by
	// a call whose answer was lost.
	if err != nil && !errors.Is(err, blob.ErrConflict) {
		return "", faultOf(ptc.OpPutEvidence, reports.Place(evidence.Key(r)), err)
	}
	return reports.Place(key), nil
}

// attempt is one attempt to deliver a report.
type attempt struct {
	*Turn
	retry    bool   // another attempt follows if this one fails
	evidence string // where the report is stored
	topics   []Topic
	audience *audience
}

// deliverAll notifies everything in a report, without a ledger.
func (a attempt) deliverAll(ctx context.Context, result Result) (Result, error) {
	if a.retry && MayRecover(result.Report.Faults) {
		return result, ErrLater
	}
	notification := report.NotificationOf(result.Report, a.deliverer.MinSeverity)
	// Without a ledger nothing counts the notifications. The time of the audit
	// serves instead, so that a later, equal notification has another id.
	notification.Seq = result.Report.Audit.StartedAt.UnixMilli()
	if len(notification.Statuses()) == 0 {
		return result, nil
	}
	if a.unheard(ctx, &result) {
		return result, nil
	}
	m := a.compose(notification)
	if _, err := a.publish(ctx, nil, m); err != nil {
		return result, err
	}
	result.Message = &m
	return result, nil
}

// deliver notifies what the ledger does not know yet.
func (a attempt) deliver(ctx context.Context, result Result) (Result, error) {
	audited := result.Report
	for try := 0; ; try++ {
		result.Report = audited
		err := a.tryOnce(ctx, &result)
		_, notPublished := errors.AsType[*PublishError](err) // its fault is not a store's
		switch fault, failed := errors.AsType[*ptc.Fault](err); {
		case errors.Is(err, blob.ErrConflict):
			if err := pause(ctx, try); err != nil {
				return result, outOfTime(err)
			}
		case errors.Is(err, errReload):
		case failed && !notPublished && !a.willRetry(fault) && result.Message == nil:
			// The store failed for good. A notification of everything repeats
			// known failures, but loses none.
			result.Report = with(audited, fault)
			return a.deliverAll(ctx, result)
		default:
			return result, err
		}
	}
}

// errReload means that the ledger must be read again.
var errReload = errors.New("read the ledger again")

// tryOnce loads the ledger, compares the report with it, and notifies what is
// new. It returns blob.ErrConflict if another audit has written the ledger
// meanwhile.
func (a attempt) tryOnce(ctx context.Context, result *Result) error {
	d := a.deliverer
	isOld := a.cached != nil
	k, err := a.loadLedger(ctx)
	if err != nil {
		return err
	}
	if k.damaged != nil {
		result.Report = with(result.Report, k.damaged)
	}
	now, r := d.now(), result.Report
	live := k.ledger.Lease.Live(now)
	if live && isOld {
		return errReload // it may have ended during the audit
	}
	hold := a.retry && MayRecover(r.Faults)
	options := ledger.Options{Now: now, Received: a.received, MinSeverity: d.MinSeverity, RemindAfter: d.RemindAfter, Hold: hold}
	if isAnnounced(r.Triggers) {
		options.Again = requested
	}
	before := k.ledger.Record(a.covered(k.ledger, r, now), now)
	notification, next := ledger.Compare(before, r, options)
	if a.overtaken(k, r) {
		if isNews(notification) || hold {
			return ErrOvertaken
		}
		result.Superseded = true
		return a.record(ctx, k, result)
	}
	if live {
		return a.wait(ctx, k.ledger.Lease.Until)
	}
	if k.damaged != nil {
		notification.First = false // there were audits before, but what they found is lost
	}
	notification, next, a.topics = a.heed(ctx, k, before, options, notification, next, result)
	next.Lease, next.Accepted = nil, nil
	if len(notification.Statuses()) == 0 {
		if err := a.put(ctx, k, next); err != nil {
			return err
		}
		failpoint("silent-put")
	} else if err := a.publishUnderLease(ctx, k, notification, next, result); err != nil {
		return err
	}
	if hold {
		return ErrLater
	}
	return nil
}

// isNews reports whether a notification has something that no one knows yet.
// What is resolved is none, and neither is a reminder: the next audit finds both
// again.
func isNews(n report.Notification) bool {
	return len(n.New)+len(n.Altered)+len(n.Undecided)+len(n.Faults)+len(n.Unexplained) > 0
}

// loadLedger returns the current ledger. The first call returns the one that
// was read before the audit, if there is one.
func (a attempt) loadLedger(ctx context.Context) (*known, error) {
	if k := a.cached; k != nil {
		a.cached = nil
		return k, nil
	}
	return a.read(ctx)
}

// covered returns the changes of a report that the last complete audit has
// already seen. They are recorded, but they are no reason to notify again.
func (a attempt) covered(l ledger.Ledger, r report.Report, now time.Time) []report.Trigger {
	var out []report.Trigger
	for _, t := range r.Triggers {
		if l.Covers([]report.Trigger{t}, a.deliverer.Settle, now) {
			out = append(out, t)
		}
	}
	return out
}

// record writes to the ledger who made changes, and nothing else.
func (a attempt) record(ctx context.Context, k *known, result *Result) error {
	next := k.ledger.Record(result.Report.Triggers, a.deliverer.now())
	err := a.put(ctx, k, next)
	if err == nil {
		failpoint("recorded")
	}
	return a.unrecorded(err, result)
}

// unrecorded returns the error of a ledger that could not be written if a retry
// may succeed. Otherwise it notes the error in the result: what the ledger
// lacks is in the evidence.
func (a attempt) unrecorded(err error, result *Result) error {
	if fault, failed := errors.AsType[*ptc.Fault](err); failed && !a.willRetry(fault) {
		result.Unrecorded = err
		return nil
	}
	return err
}

// willRetry reports whether another attempt follows that may not have the
// fault.
func (a attempt) willRetry(fault *ptc.Fault) bool { return a.retry && fault.Retryable }

// wait waits a moment for the lease of another audit, if no later attempt can
// do so, and if time to publish is left.
func (a attempt) wait(ctx context.Context, until time.Time) error {
	deadline, _ := ctx.Deadline()
	if a.retry || time.Until(deadline) < poll+2*recordReserve || sleep(ctx, min(poll, until.Sub(a.deliverer.now()))) != nil {
		return &Busy{Until: until}
	}
	return errReload
}

// publishUnderLease takes the lease, publishes the notification, and writes to
// the ledger that it was published.
func (a attempt) publishUnderLease(ctx context.Context, k *known, notification report.Notification, next ledger.Ledger, result *Result) error {
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

	m := a.compose(notification)
	publishing, stop := context.WithTimeout(ctx, left-min(recordReserve, left/4))
	arrived, err := a.publish(publishing, k, m)
	stop()
	if err != nil {
		if arrived {
			before = k.ledger // it says that the notification may have been published, and which topics have accepted it
		}
		a.dropLease(ctx, k, before)
		return err
	}
	result.Message = &m
	if len(a.topics) == 0 {
		result.Settle = func(ctx context.Context, taken bool) error {
			if !taken {
				a.dropLease(ctx, k, before)
				return nil
			}
			return a.recordNotified(ctx, k, next)
		}
		return nil
	}
	failpoint("all-published")
	return a.unrecorded(a.recordNotified(ctx, k, next), result) // a retry publishes again, with the same message id
}

// recordNotified writes the ledger in which the notification is known.
func (a attempt) recordNotified(ctx context.Context, k *known, next ledger.Ledger) error {
	ctx, cancel := afterPublishing(ctx)
	defer cancel()
	err := a.replace(ctx, k, next)
	if err == nil {
		failpoint("notified-put")
	}
	return err
}

// dropLease ends the own lease after a notification that was not published. If
// that fails, the lease ends by itself.
func (a attempt) dropLease(ctx context.Context, k *known, before ledger.Ledger) {
	ctx, cancel := afterPublishing(ctx)
	defer cancel()
	before.Lease = nil
	_ = a.replace(ctx, k, before)
	failpoint("lease-dropped")
}

// afterPublishing is the context of what is recorded after publishing. It has
// the deadline of ctx, if that is near, but does not end when ctx is cancelled:
// someone who stops the command must not be notified again of what they have.
func afterPublishing(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(recordTime)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}

// mayHaveArrived reports whether a message may have been published although an
// error was returned: the answer was lost, or the SDK has tried more than once.
func mayHaveArrived(err error) bool {
	fault, refused := errors.AsType[*ptc.Fault](err)
	return !refused || fault.Retryable
}

// replace replaces the ledger, in which the lease is the own, by next. If others
// have recorded changes meanwhile, it keeps these.
func (a attempt) replace(ctx context.Context, k *known, next ledger.Ledger) error {
	holder := k.ledger.Lease.Holder
	for try := 0; ; try++ {
		err := a.put(ctx, k, next)
		if !errors.Is(err, blob.ErrConflict) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return outOfTime(err)
		}
		now, err := a.read(ctx)
		if err != nil {
			return err
		}
		if now.ledger.Lease == nil || now.ledger.Lease.Holder != holder {
			return &ptc.Fault{Operation: ptc.OpPutLedger, Kind: ptc.FaultTimeout, Message: "the lease ended, and another audit has taken it"}
		}
		next, k.version = next.MergeChanges(now.ledger), now.version
	}
}

// compose writes the message of a notification.
func (a attempt) compose(notification report.Notification) notify.Message {
	notification.Evidence = a.evidence
	return notify.Compose(notification)
}

// publish sends a message to each topic that has not accepted it yet. If k is not
// nil, the ledger notes under the lease which topics have accepted it, so that a
// retry repeats only what was refused. The result arrived is true if a topic has
// the message, or may have it.
func (a attempt) publish(ctx context.Context, k *known, m notify.Message) (arrived bool, err error) {
	var errs []error
	for i, topic := range a.topics {
		if k != nil && k.ledger.HasAccepted(m.ID, topic.Name()) {
			arrived = true
			continue
		}
		if err := topic.Publish(ctx, m); err != nil {
			arrived = arrived || mayHaveArrived(err)
			errs = append(errs, err)
			continue
		}
		arrived = true
		failpoint("published")
		if isLast := i == len(a.topics)-1 && len(errs) == 0; k != nil && !isLast {
			a.noteAccepted(ctx, k, m.ID, topic.Name())
		}
	}
	if len(errs) > 0 {
		return arrived, &PublishError{errors.Join(errs...)}
	}
	return arrived, nil
}

// noteAccepted writes to the ledger that a topic has accepted a message. If that
// fails, a retry publishes to the topic again, with the same message id.
func (a attempt) noteAccepted(ctx context.Context, k *known, id, topic string) {
	ctx, cancel := afterPublishing(ctx)
	defer cancel()
	if a.replace(ctx, k, k.ledger.Accept(id, topic)) == nil {
		failpoint("accepted-put")
	}
}

// outOfTime is the fault of a ledger that others wrote on every attempt.
func outOfTime(err error) *ptc.Fault {
	return &ptc.Fault{Operation: ptc.OpPutLedger, Kind: ptc.FaultTimeout, Message: "other audits wrote the ledger on every attempt: " + err.Error(), Retryable: true}
}

// with returns the report with one more fault, in canonical form.
func with(r report.Report, fault *ptc.Fault) report.Report {
	r.Faults = append([]ptc.Fault{*fault}, r.Faults...)
	r.Finish()
	return r
}

// pause waits after a conflict, longer with every try, at random so that two
// audits do not conflict again.
func pause(ctx context.Context, try int) error {
	const shortest, longest = 10 * time.Millisecond, time.Second
	limit := longest
	if try < 7 { // shortest << 7 is more than longest
		limit = min(longest, shortest<<try)
	}
	return sleep(ctx, limit/2+mathrand.N(limit/2)) //nolint:gosec // spreads load, guards nothing
}

// half limits a store's call to half of the time that is left, so that a store
// which does not answer leaves time to notify this.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// sleep waits for d. It returns the error of ctx if that ends first.
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
