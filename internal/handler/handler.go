// Package handler is the Lambda handler. It takes a batch of queue messages, or a
// single event or request, and audits each registry that they name once. It
// decides which messages are acknowledged and which are retried, and when. It
// calls no AWS API itself: a Handler is given an auditor and a deliverer.
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

// Auditor audits one registry. It returns no error: the report lists what could
// not be checked.
type Auditor interface {
	Audit(ctx context.Context, reg ptc.Registry, triggers []report.Trigger) report.Report
}

// Queue delivers failed messages of a batch again.
type Queue interface {
	// Delay makes the queue deliver messages again after a delay; 0 means at
	// once. The keys are receipt handles. If it fails, the messages come back
	// after the queue's visibility timeout.
	Delay(ctx context.Context, queueARN string, delays map[string]time.Duration) error
}

// Handler answers invocations. It keeps no state between them.
type Handler struct {
	// Auditor audits the registries of Account.
	Auditor Auditor
	// Account returns the account of the Auditor's credentials. Registries of
	// other accounts are out of scope: they are not audited, and not notified. If
	// its error is a *ptc.Fault, the fault is in the report.
	Account func(ctx context.Context) (string, error)
	// Delivery delivers the reports.
	Delivery *delivery.Deliverer
	// Queue may be nil: failed messages then come back after the queue's
	// visibility timeout.
	Queue Queue
	// Faults are errors of the policy or the environment. If there are any, no
	// audit is made, and the faults are notified instead: a function that cannot
	// work must not fail silently.
	Faults []ptc.Fault
	// Policy and Version are for reports of audits that could not begin.
	Policy  report.Policy
	Version string
	// MaxReceives is how often the queue delivers a message before it moves it
	// to the dead-letter queue.
	MaxReceives int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log may be nil. No text of an event or of an API is logged.
	Log *slog.Logger
	// Metrics takes one line, in one Write, for each delivered report, for each
	// notification that could not be published, and for each registry that is out
	// of scope; nil for none. It must be safe for concurrent use.
	Metrics io.Writer
	// Function is the name of the Lambda function, which metrics have as their
	// dimension. It is required with Metrics.
	Function string
}

// How long before the function's timeout each step ends: at most a quarter of
// the time that is left.
const (
	// auditReserve leaves time to notify that an audit is incomplete.
	auditReserve = 5 * time.Second
	// publishReserve leaves time to reply, so that only messages whose report was
	// not delivered come back.
	publishReserve = time.Second
	// replyReserve leaves time to reply after failed messages were delayed.
	replyReserve = 200 * time.Millisecond
)

// maxAudits limits the concurrent audits. A batch rarely names more than one
// registry.
const maxAudits = 4

// Result is the outcome of an invocation.
type Result struct {
	// Notifications were published, or would have been if the Deliverer had a
	// Topics.
	Notifications []notify.Message `json:"notifications"`
	// Audits are sorted by registry.
	Audits []Audit `json:"audits"`
	// Batch is true if the invocation was a batch of queue messages.
	Batch bool `json:"-"`
	// Failed lists the ids of the messages that the queue must deliver again, in
	// the order of the batch.
	Failed []string `json:"-"`
	// settle are the Settle functions of the deliveries.
	settle []func(ctx context.Context, taken bool) error
	// Ignored lists why messages requested no audit.
	Ignored []trigger.Ignored `json:"-"`
}

// Audit is a summary of one audit.
type Audit struct {
	Account  string         `json:"account"`
	Region   string         `json:"region"`
	Complete bool           `json:"complete"`
	Summary  report.Summary `json:"summary"`
	// Faults are the report's. A complete report can have one of kind
	// unsupported.
	Faults []ptc.Fault `json:"-"`
	// Delivered points to false if something is open, but no topic has a confirmed
	// subscriber: then nothing was published. Otherwise it is nil.
	Delivered *bool `json:"delivered,omitempty"`
	// Superseded is true if an audit that began later was delivered before.
	Superseded bool `json:"-"`
}

// Invoke is called by the Lambda runtime, which logs its errors: they hold no
// text from outside.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	result, err := h.Handle(ctx, payload)
	// Without Topics only a reply that has the notifications hands them over.
	taken := err == nil && !result.Batch
	if unrecorded := result.Settle(ctx, taken); unrecorded != nil {
		h.log().ErrorContext(ctx, "ledger not written: the notification will be repeated", "reason", reason(unrecorded))
	}
	switch {
	case err != nil:
		return nil, errors.New(reason(err))
	case result.Batch:
		return json.Marshal(batchReply(result.Failed))
	default:
		return json.Marshal(result)
	}
}

// batchReply is the reply to a batch: which messages failed. The list is never
// null:
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

// Handle answers one invocation. It returns an error if a single message cannot
// be read or is out of scope, or if its report was not delivered. Messages of a batch are listed as
// failed instead.
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
			return nil // a failed audit must not cancel the others
		})
	}
	_ = group.Wait()

	result := Result{Notifications: []notify.Message{}, Audits: []Audit{}, Batch: b.queued, Ignored: b.ignored}
	var errs []error
	for _, w := range b.work {
		if w.audit.Account != "" {
			result.Audits = append(result.Audits, w.audit)
		}
		if w.notification != nil {
			result.Notifications = append(result.Notifications, *w.notification)
		}
		if w.settle != nil {
			result.settle = append(result.settle, w.settle)
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

// Settle ends a handling whose Notifications the caller hands over, since there
// are no Topics. With true someone has taken all of them, and the ledgers
// record that. With false they are notified again. Its error says which ledger
// could not be written.
func (r Result) Settle(ctx context.Context, taken bool) error {
	var errs []error
	for _, settle := range r.settle {
		errs = append(errs, settle(ctx, taken))
	}
	return errors.Join(errs...)
}

// within ends a context the given time before its deadline.
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
