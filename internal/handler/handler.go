// Package handler is the Lambda handler: it takes a batch of queue messages,
// or one event or request by itself, has each registry that they name audited
// once, and owns the decision what becomes of the messages: done, or handed out
// again, and when. It knows no AWS API: whoever builds a Handler brings what
// audits and what says it.
package handler

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"ptcaudit/internal/delivery"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

// Auditor audits one registry. It never fails: what it could not establish
// stands in the report.
type Auditor interface {
	Audit(ctx context.Context, reg ptc.Registry, triggers []report.Trigger) report.Report
}

// Queue hands failed messages of a batch out again.
type Queue interface {
	// Delay has the queue hand out each message, named by its receipt, after
	// so long; 0 is at once. Where it fails they come back later, after the
	// queue's own time.
	Delay(ctx context.Context, queueARN string, delays map[string]time.Duration) error
}

// Handler answers invocations. It keeps nothing between them.
type Handler struct {
	// Auditor audits the registries of Account.
	Auditor Auditor
	// Account is the account whose credentials the Auditor has. Registries of
	// others are refused. Where its error is a *ptc.Fault, that is said.
	Account func(ctx context.Context) (string, error)
	// Deliverer says what audits found.
	Delivery *delivery.Deliverer
	// Queue may be nil: then failed messages come back after the queue's own
	// time.
	Queue Queue
	// Faults keep every audit from beginning: a policy or an environment that
	// is broken. They are what is said instead, so that a function which
	// cannot work does not fall silent.
	Faults []ptc.Fault
	// Policy and Version stand in reports of audits that did not begin.
	Policy  report.Policy
	Version string
	// MaxReceives is how often the queue hands out a message before it gives
	// up on it.
	MaxReceives int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log may be nil. No event, and no text of one or of an API, is logged.
	Log *slog.Logger
	// Metrics takes one line, in one Write, for each audit that is over, and
	// for each that could not be said; nil for none. Audits of several
	// registries write at once.
	Metrics io.Writer
}

// How long before the function's limit work ends. Never more than a quarter
// of the time there is.
const (
	// auditReserve leaves time to say that an audit is not complete.
	auditReserve = 5 * time.Second
	// publishReserve leaves time to reply, so that only what was not said
	// comes back.
	publishReserve = time.Second
	// replyReserve leaves time to reply after messages were put back.
	replyReserve = 200 * time.Millisecond
)

// maxAudits bounds the audits under way at once. A batch rarely names more
// than one registry.
const maxAudits = 4

// Result is what came of an invocation.
type Result struct {
	// Notifications holds what was published, or would be where the Deliverer has no
	// Publisher.
	Notifications []notify.Message `json:"notifications"`
	// Audits are sorted by registry.
	Audits []Audit `json:"audits"`
	// Batch says that the invocation was a batch of queue messages.
	Batch bool `json:"-"`
	// Failed lists the messages of a batch that the queue is to hand out
	// again, in the order of the batch.
	Failed []string `json:"-"`
	// Ignored says of messages that asked for no audit why.
	Ignored []trigger.Ignored `json:"-"`
}

// Audit is the outcome of one audit, in short.
type Audit struct {
	Account  string         `json:"account"`
	Region   string         `json:"region"`
	Complete bool           `json:"complete"`
	Summary  report.Summary `json:"summary"`
	// Faults are those of the report. A complete one can have one of kind
	// unsupported.
	Faults []ptc.Fault `json:"-"`
	// Superseded says that an audit which began later has spoken already.
	Superseded bool `json:"-"`
}

// Invoke is what the Lambda runtime calls. Its errors name no text from
// outside, since the runtime logs them.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	result, err := h.Handle(ctx, payload)
	if err != nil {
		return nil, errors.New(reason(err))
	}
	if result.Batch {
		return json.Marshal(batchReply(result.Failed))
	}
	return json.Marshal(result)
}

// batchReply is the partial response to a batch. Its list is never null:
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func batchReply(failed []string) any {
	type item struct {
		ItemIdentifier string `json:"itemIdentifier"`
	}
	reply := struct {
		BatchItemFailures []item `json:"batchItemFailures"`
	}{[]item{}}
	for _, id := range failed {
		reply.BatchItemFailures = append(reply.BatchItemFailures, item{id})
	}
	return reply
}

// Handle answers one invocation. Its error means that nothing of it may be
// acknowledged: a bare message that cannot be read, or was not said. In a
// batch such messages are listed as failed.
func (h *Handler) Handle(ctx context.Context, payload []byte) (Result, error) {
	b, err := h.read(ctx, payload)
	if err != nil {
		return Result{}, err
	}
	var group errgroup.Group
	group.SetLimit(maxAudits)
	for _, w := range b.work {
		group.Go(func() error {
			h.do(ctx, w)
			return nil // one's failure ends no other
		})
	}
	_ = group.Wait()

	result := Result{Notifications: []notify.Message{}, Audits: []Audit{}, Batch: b.queued, Ignored: b.ignored}
	var errs []error
	for _, w := range b.work {
		if w.audit.Account != "" {
			result.Audits = append(result.Audits, w.audit)
		}
		if w.said != nil {
			result.Notifications = append(result.Notifications, *w.said)
		}
		errs = append(errs, w.err)
	}
	if !b.queued {
		return result, errors.Join(errs...)
	}
	failed := b.failed()
	h.putBack(ctx, failed)
	for _, f := range failed {
		result.Failed = append(result.Failed, f.record.ID)
	}
	return result, nil
}

// within ends a context before its deadline.
func within(ctx context.Context, reserve time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(reserve, time.Until(deadline)/4)))
}

func (h *Handler) now() time.Time {
	if h.Now != nil {
		return h.Now().UTC()
	}
	return time.Now().UTC()
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}
