// Package deliverer says what there is to say of a registry, one deliverer at a
// time: however many audits of it end at once, crash or come again, their
// ledger orders what is said. It owns the protocol of internal/README.md, and
// nothing else: what there is to say is package ledger's, the words are
// package notify's, and what becomes of a queue's messages is package
// handler's. It names no AWS API; a store and a topic are brought to it.
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

// Publisher tells a message to those who subscribed. Of its errors, only the
// kind and code of a *ptc.Fault are logged.
type Publisher interface {
	Publish(ctx context.Context, m notify.Message) error
}

// Deliverer says what audits found. It may be used by several goroutines.
type Deliverer struct {
	// State keeps the ledgers. Without one, each audit says all failures.
	State blob.Store
	// Evidence keeps every report; nil for none.
	Evidence blob.Store
	// Publisher may be nil: then what would be published counts as said by
	// being in Result.
	Publisher Publisher
	// MinSeverity is the threshold below which failures are not said.
	MinSeverity report.Severity
	// RemindAfter is how long after it was last said an unchanged failure is
	// said again.
	RemindAfter time.Duration
	// Settle is how long a change may take until every answer shows it.
	Settle time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Result is what came of an audit.
type Result struct {
	// Report is the audit's, with a fault for each store that failed.
	Report report.Report
	// Message is what was published; nil where there was nothing to say. It may
	// come with an error.
	Message *notify.Message
	// Superseded says that an audit which began later was compared before, so
	// that this one has no verdicts to say.
	Superseded bool
	// Unrecorded is set where the ledger could not be told of what was said,
	// and no other try follows: it will be said again.
	Unrecorded error
}

// Busy says that another audit speaks of the registry.
type Busy struct {
	// Until is when the other's lease ends at the latest.
	Until time.Time
}

func (b *Busy) Error() string {
	return "another audit speaks of the registry until " + b.Until.UTC().Format(time.RFC3339)
}

// ErrLater says that what could not be established is left to another try.
// With a ledger, what was decided is said.
var ErrLater = errors.New("left to another try")

// PublishError is a message that could not be published.
type PublishError struct{ Err error }

func (u *PublishError) Error() string { return "publish: " + u.Err.Error() }

// Unwrap gives the publisher's error.
func (u *PublishError) Unwrap() error { return u.Err }

// Turn is one audit's dealings with what is known of its registry: before it
// begins, and when it is over. It is not for several goroutines.
type Turn struct {
	deliverer *Deliverer
	registry  ptc.Registry
	// copy is the ledger as Covered read it, for the first look after the
	// audit: every write is conditional, so that a copy that is out of date is
	// noticed.
	copy *known
}

// Turn begins an audit's dealings. It makes no call.
func (s *Deliverer) Turn(reg ptc.Registry) *Turn { return &Turn{deliverer: s, registry: reg} }

// known is a ledger and the version that the store has of it.
type known struct {
	ledger  ledger.Ledger
	version string
	// damaged is the fault of what stood there before and could not be read.
	damaged *ptc.Fault
}

// read reads the ledger of the registry. One that is damaged is set aside, and
// what is known is nothing. Its error is a *ptc.Fault.
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
		// It is not ours to overwrite: whoever rolled a version back hears of it
		// until the newer one is there again.
		return nil, t.fault(ptc.OpGetLedger, key, err)
	case err == nil && l.Registry != t.registry:
		err = fmt.Errorf("%w: it is another registry's", ledger.ErrDamaged)
		fallthrough
	case err != nil:
		return t.setAside(ctx, key, data, version, err)
	}
	return &known{ledger: l, version: version}, nil
}

// setAside keeps a damaged ledger beside its place. It stays in its place, too,
// until a new one is written over this very version.
func (t *Turn) setAside(ctx context.Context, key string, data []byte, version string, damage error) (*known, error) {
	aside := key + ".damaged-" + t.deliverer.now().Format("20060102T150405Z")
	if _, err := t.deliverer.State.Put(ctx, aside, data, ""); err != nil && !errors.Is(err, blob.ErrConflict) {
		return nil, t.fault(ptc.OpPutLedger, aside, err)
	}
	failpoint("set-aside")
	fault := t.fault(ptc.OpGetLedger, key, damage)
	fault.Message += "; it is kept as " + t.deliverer.State.Place(aside) + ", and a new one is begun: what was said before is said again"
	return &known{version: version, damaged: fault}, nil
}

// put writes a ledger over the one that is known, which becomes it. Its error
// is blob.ErrConflict or a *ptc.Fault.
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

// fault says of a step at the ledgers' store why it failed.
func (t *Turn) fault(operation, key string, err error) *ptc.Fault {
	return faultOf(operation, t.deliverer.State.Place(key), err)
}

// faultOf says of a step why it failed, and where.
func faultOf(operation, place string, err error) *ptc.Fault {
	f, ok := errors.AsType[*ptc.Fault](err)
	if !ok {
		return &ptc.Fault{Operation: operation, Kind: ptc.FaultMalformed, Message: place + ": " + err.Error()}
	}
	at := *f
	at.Operation, at.Message = operation, fmt.Sprintf("%s of %s: %s", f.Operation, place, f.Message)
	return &at
}

// MayRecover says that another try may well find out more: something failed, and
// all that did may mend by itself. Where anything cannot, waiting would only
// delay that it is said.
func MayRecover(faults []ptc.Fault) bool {
	fails := func(f ptc.Fault) bool { return f.Kind != ptc.FaultUnsupported }
	stays := func(f ptc.Fault) bool { return fails(f) && !f.Retryable }
	return slices.ContainsFunc(faults, fails) && !slices.ContainsFunc(faults, stays)
}

func (s *Deliverer) now() time.Time {
	if s.Now != nil {
		return s.Now().UTC()
	}
	return time.Now().UTC()
}
