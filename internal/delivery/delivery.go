// Package delivery stores the report of an audit as evidence, and notifies
// what is new since the last audit. Audits of one registry may end at the same
// time, crash, or be repeated: a lease in the registry's ledger makes sure that
// one of them notifies at a time. internal/README.md describes the protocol.
//
// Package ledger decides what is new, package notify writes the message, and
// package handler decides what becomes of a queue's messages. This package
// calls no AWS API itself: it is given stores and topics.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Topic sends one form of a message to everyone who has subscribed to it. Of its
// errors, only the kind and the code of a *ptc.Fault are logged.
type Topic interface {
	// Name identifies the topic in the ledger.
	Name() string
	Publish(ctx context.Context, m notify.Message) error
	// Subscribers counts the subscribers that are confirmed.
	Subscribers(ctx context.Context) (int, error)
}

// Deliverer delivers the reports of audits. Safe for concurrent use.
type Deliverer struct {
	// State stores the ledgers. If it is nil, every audit notifies all failures.
	State blob.Store
	// Evidence stores every report. If it is nil, no report is stored.
	Evidence blob.Store
	// Topics get every notification, in this order. If one of them refuses it,
	// the others still get it, and a retry publishes to that one only. If there
	// are no topics, the caller hands the message of a Result over, and then calls
	// its Settle.
	Topics []Topic
	// MinSeverity is the threshold: failures below it are not notified.
	MinSeverity report.Severity
	// RemindAfter is the time after which an unchanged failure is notified
	// again.
	RemindAfter time.Duration
	// Settle is how long a change may take until all answers of ECR show it.
	Settle time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Result is the outcome of a delivery.
type Result struct {
	// Report is the report of the audit, with a fault for each store that
	// failed.
	Report report.Report
	// Message is what was published; nil if there was nothing to notify. It can
	// be set beside an error.
	Message *notify.Message
	// Settle ends the delivery of a Message that the caller hands over, since
	// there are no Topics. With true the ledger records that it was notified.
	// With false no one has it, and the next audit notifies it again. Until then
	// the lease is held. Nil if there is nothing to settle. Its error is a
	// *ptc.Fault; then the message will be notified again.
	Settle func(ctx context.Context, taken bool) error
	// Unheard is true if something is open, but no topic has a confirmed subscriber.
	// Then nothing was published, and nothing counts as notified. UnheardFor is how
	// long that has been so, if there is a ledger.
	Unheard    bool
	UnheardFor time.Duration
	// Uncounted is the error of a topic whose subscribers could not be counted.
	Uncounted error
	// Superseded is true if an audit that began later was delivered before, so
	// that the findings of this one are outdated and were not notified.
	Superseded bool
	// Unrecorded is why the ledger could not be updated, if no retry follows.
	// What was notified will then be notified again.
	Unrecorded error
}

// Busy means that another audit holds the lease of the registry.
type Busy struct {
	// Until is when the lease ends at the latest, UTC.
	Until time.Time
}

func (b *Busy) Error() string {
	return "another audit notifies about this registry until " + b.Until.UTC().Format(time.RFC3339) + ": retry then"
}

// ErrLater means that something could not be checked, and that a retry may
// succeed. If there is a ledger, everything else was notified.
var ErrLater = errors.New("not everything could be checked: the next attempt tries again")

// ErrOvertaken means that an audit which seems to have begun later was delivered
// during this one, and that this one has found something that was not notified.
// Which of them is right can only another audit tell.
var ErrOvertaken = errors.New("another audit was delivered meanwhile, and it does not have these findings: audit again")

// PublishError means that at least one topic did not accept a message.
type PublishError struct{ Err error }

func (e *PublishError) Error() string { return "publish: " + e.Err.Error() }

// Unwrap returns the publisher's error.
func (e *PublishError) Unwrap() error { return e.Err }

// Turn is what one audit does with the ledger of its registry: Covered, Due and
// Begin before the audit, Deliver after it. Not safe for concurrent use.
type Turn struct {
	deliverer *Deliverer
	registry  ptc.Registry
	// received is a time before the audit by AWS's clocks; zero if unknown.
	received time.Time
	// cached is the ledger as it was before the audit. The first attempt after
	// the audit uses it: every write is conditional, so if it is outdated, the
	// write fails and the ledger is read again.
	cached *known
	// before identifies that ledger; nil if it could not be read.
	before *state
}

// state identifies a ledger: its version in the store, and its last audit.
type state struct{ version, audit string }

// Turn returns the turn of a new audit. It makes no call.
func (d *Deliverer) Turn(reg ptc.Registry) *Turn { return &Turn{deliverer: d, registry: reg} }

// Begin reads the ledger, so that Deliver can tell whether another audit was
// delivered during this one. Call it just before the audit. Received is a time
// before that by AWS's clocks, as late as is known; zero if unknown. If the
// ledger cannot be read, Deliver tries again.
func (t *Turn) Begin(ctx context.Context, received time.Time) {
	t.received = received
	if t.deliverer.State == nil || t.cached != nil {
		return
	}
	if k, err := t.read(ctx); err == nil {
		t.remember(k)
	}
}

// remember keeps the ledger that was read before the audit.
func (t *Turn) remember(k *known) {
	t.cached, t.before = k, &state{k.version, k.ledger.LastAudit.ID}
}

// overtaken reports whether another audit was delivered since the ledger was
// read before this one, and seems to have begun later. A ledger without another
// audit since then means that none was, whatever its clocks say.
func (t *Turn) overtaken(k *known, r report.Report) bool {
	now := state{k.version, k.ledger.LastAudit.ID}
	if b := t.before; b != nil && (b.version == now.version || b.audit == now.audit) {
		return false
	}
	return k.ledger.Newer(r)
}

// known is a ledger and its version in the store.
type known struct {
	ledger  ledger.Ledger
	version string
	// damaged is set if the stored ledger could not be read. The ledger is then
	// empty.
	damaged *ptc.Fault
}

// read reads the ledger of the registry. It copies a damaged ledger to another
// key and continues with an empty one. Its error is a *ptc.Fault.
func (t *Turn) read(ctx context.Context) (*known, error) {
	ctx, cancel := half(ctx)
	defer cancel()
	key := ledger.Key(t.registry)
	data, version, err := t.deliverer.State.Get(ctx, key)
	if errors.Is(err, blob.ErrNotFound) {
		return &known{}, nil
	}
	if err != nil {
		return nil, t.fault(ptc.OpGetLedger, key, err)
	}
	l, err := ledger.Decode(data)
	switch {
	case errors.Is(err, ledger.ErrNewer):
		// An older version must not overwrite it. Every audit reports this
		// until the newer version is deployed again.
		return nil, t.fault(ptc.OpGetLedger, key, err)
	case err == nil && l.Registry != t.registry:
		err = fmt.Errorf("%w: it belongs to another registry", ledger.ErrDamaged)
		fallthrough
	case err != nil:
		return t.setAside(ctx, key, data, version, err)
	}
	return &known{ledger: l, version: version}, nil
}

// setAside copies a damaged ledger to another key. The original stays until a
// new ledger replaces this very version.
func (t *Turn) setAside(ctx context.Context, key string, data []byte, version string, damage error) (*known, error) {
	aside := key + ".damaged-" + t.deliverer.now().Format("20060102T150405Z")
	if _, err := t.deliverer.State.Put(ctx, aside, data, ""); err != nil && !errors.Is(err, blob.ErrConflict) {
		return nil, t.fault(ptc.OpPutLedger, aside, err)
	}
	failpoint("set-aside")
	fault := t.fault(ptc.OpGetLedger, key, damage)
	fault.Message += "; it was copied to " + t.deliverer.State.Place(aside) + ", and a new ledger was started: all failures are notified again"
	return &known{version: version, damaged: fault}, nil
}

// put replaces the ledger k with next, and updates k. Its error is
// blob.ErrConflict or a *ptc.Fault.
func (t *Turn) put(ctx context.Context, k *known, next ledger.Ledger) error {
	ctx, cancel := half(ctx)
	defer cancel()
	key := ledger.Key(t.registry)
	next.Registry = t.registry
	version, err := t.deliverer.State.Put(ctx, key, next.Encode(), k.version)
	switch {
	case errors.Is(err, blob.ErrConflict):
		return blob.ErrConflict
	case err != nil:
		return t.fault(ptc.OpPutLedger, key, err)
	}
	k.ledger, k.version = next, version
	return nil
}

// fault is the fault of a step at the store of ledgers.
func (t *Turn) fault(operation, key string, err error) *ptc.Fault {
	return faultOf(operation, t.deliverer.State.Place(key), err)
}

// faultOf is the fault of a step at a store; place is the object's location.
func faultOf(operation, place string, err error) *ptc.Fault {
	f, ok := errors.AsType[*ptc.Fault](err)
	if !ok {
		return &ptc.Fault{Operation: operation, Kind: ptc.FaultMalformed, Message: place + ": " + err.Error()}
	}
	at := *f
	at.Operation, at.Message = operation, fmt.Sprintf("%s of %s: %s", f.Operation, place, f.Message)
	return &at
}

// MayRecover reports whether a retry is worth waiting for: something failed,
// and every fault is retryable. A fault that is not retryable is notified at
// once, because a retry would only delay it.
func MayRecover(faults []ptc.Fault) bool {
	fails := func(f ptc.Fault) bool { return f.Kind != ptc.FaultUnsupported }
	stays := func(f ptc.Fault) bool { return fails(f) && !f.Retryable }
	return slices.ContainsFunc(faults, fails) && !slices.ContainsFunc(faults, stays)
}

func (d *Deliverer) now() time.Time {
	if d.Now != nil {
		return d.Now().UTC()
	}
	return time.Now().UTC()
}
