// Package handler is the Lambda handler: it takes a batch of queue messages,
// or one event or request by itself, has each registry that they name audited
// once, and owns the decision whether what came of it is said, or left to
// another try. It knows no AWS API: whoever builds a Handler brings what
// audits and what publishes.
package handler

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

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

// Publisher tells a message to those who subscribed. Of its errors, only the
// kind and code of a *ptc.Fault are logged.
type Publisher interface {
	Publish(ctx context.Context, m notify.Message) error
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
	// Publisher may be nil: then what would be published counts as said by
	// standing in the Result.
	Publisher Publisher
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
	// MinSeverity is the threshold below which failures are not said.
	MinSeverity report.Severity
	// MaxReceives is how often the queue hands out a message before it gives
	// up on it.
	MaxReceives int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log may be nil. No event, and no text of one or of an API, is logged.
	Log *slog.Logger
	// Metrics takes one line, in one Write, for each audit that is over, and
	// for each that could not be said; nil for none. Audits of several registries write at once.
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
	// Said holds what was published, or would be where there is no Publisher.
	Said []notify.Message `json:"said"`
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

// work is all that one invocation asks of one registry: one audit, and one
// fate for the messages that asked for it.
type work struct {
	registry ptc.Registry
	triggers []report.Trigger
	messages map[string]bool
	// receives is that of the message received most often; last says that
	// it is the last time.
	receives int
	last     bool

	audit Audit
	said  *notify.Message
	err   error
}

// Handle answers one invocation. Its error means that nothing of it may be
// acknowledged: a bare message that cannot be read, or was not said. In a
// batch such messages are listed as failed.
func (h *Handler) Handle(ctx context.Context, payload []byte) (Result, error) {
	log := h.log()
	result := Result{Said: []notify.Message{}, Audits: []Audit{}}
	records, isBatch := trigger.Batch(payload)
	if !isBatch {
		// Nobody hands a bare message out again.
		records = []trigger.Record{{Body: payload}}
	}
	result.Batch = isBatch

	todo := map[ptc.Registry]*work{}
	failed := map[string]bool{}
	again := map[string]bool{} // of the failed, those that another try may help
	for _, record := range records {
		message, err := trigger.Decode(record.Body)
		switch {
		case err != nil && !isBatch:
			return Result{}, err
		case err != nil:
			log.WarnContext(ctx, "message refused", "message_id", record.ID, "reason", err.Error())
			failed[record.ID] = true
		case message.Ignored == trigger.Stranger:
			log.DebugContext(ctx, "message ignored", "message_id", record.ID, "reason", message.Ignored)
			result.Ignored = append(result.Ignored, message.Ignored)
		case message.Ignored != "":
			log.InfoContext(ctx, "message ignored", "message_id", record.ID, "reason", message.Ignored)
			result.Ignored = append(result.Ignored, message.Ignored)
		default:
			w := todo[message.Registry]
			if w == nil {
				w = &work{registry: message.Registry, messages: map[string]bool{}}
				todo[message.Registry] = w
			}
			w.add(record, message.Trigger, h.now(), h.MaxReceives)
		}
	}

	list := sortedWork(todo)
	var group errgroup.Group
	group.SetLimit(maxAudits)
	for _, w := range list {
		group.Go(func() error {
			h.do(ctx, w)
			return nil // one's failure ends no other
		})
	}
	_ = group.Wait()

	var errs []error
	for _, w := range list {
		if w.audit.Account != "" {
			result.Audits = append(result.Audits, w.audit)
		}
		if w.said != nil {
			result.Said = append(result.Said, *w.said)
		}
		if w.err != nil {
			errs = append(errs, w.err)
			for id := range w.messages {
				failed[id], again[id] = true, true
			}
		}
	}
	if !isBatch {
		return result, errors.Join(errs...)
	}
	h.putBack(ctx, slices.DeleteFunc(slices.Clone(records), func(r trigger.Record) bool { return !failed[r.ID] }), again)
	for _, record := range records {
		if failed[record.ID] {
			result.Failed = append(result.Failed, record.ID)
			delete(failed, record.ID) // one that stands twice is listed once
		}
	}
	return result, nil
}

// add takes one message into the work.
func (w *work) add(record trigger.Record, t report.Trigger, now time.Time, maxReceives int) {
	w.messages[record.ID] = true
	w.receives = max(w.receives, record.Receives)
	// A queue that does not say how often it tried is not relied on to try
	// again.
	w.last = w.last || record.Receives == 0 || record.Receives >= maxReceives
	if t.Time.IsZero() {
		t.Time = now
	}
	// CloudTrail delivers some events twice.
	twin := func(other report.Trigger) bool { return t.EventID != "" && t.EventID == other.EventID }
	if !slices.ContainsFunc(w.triggers, twin) {
		w.triggers = append(w.triggers, t)
	}
}

// sortedWork orders the work, so that nothing depends on the order of a batch.
// What triggered it, the report orders.
func sortedWork(todo map[ptc.Registry]*work) []*work {
	list := slices.Collect(maps.Values(todo))
	slices.SortFunc(list, func(a, b *work) int {
		return cmp.Or(cmp.Compare(a.registry.Account, b.registry.Account), cmp.Compare(a.registry.Region, b.registry.Region))
	})
	return list
}

// do audits one registry and says what there is to say. What panics is not
// acknowledged.
func (h *Handler) do(ctx context.Context, w *work) {
	log := h.log().With("account", w.registry.Account, "region", w.registry.Region)
	defer func() {
		if v := recover(); v != nil {
			w.err = &crash{w.registry, v}
			log.ErrorContext(ctx, "audit crashed", "reason", reason(w.err), "stack", string(debug.Stack()))
		}
	}()
	began := h.now()
	r := h.audit(ctx, w)
	w.audit = Audit{Account: w.registry.Account, Region: w.registry.Region, Complete: r.Complete, Summary: r.Summary}
	log = log.With("audit_id", r.Audit.ID, "complete", r.Complete, "messages", len(w.messages), "receives", w.receives)

	if !w.last && mayMend(r.Faults) {
		w.err = errLater
		log.WarnContext(ctx, "audit left to another try")
		return
	}
	w.said, w.err = h.say(ctx, r)
	if w.err != nil {
		log.ErrorContext(ctx, "audit not said", "reason", reason(w.err))
		h.count(w.registry, nil, metric{MetricNotificationsFailed, "Count", 1})
		return
	}
	var statuses []report.Status
	if w.said != nil {
		statuses = w.said.Statuses
	}
	log.InfoContext(ctx, "audit said", "statuses", statuses, "published", w.said != nil && h.Publisher != nil)
	h.measure(r, h.now().Sub(began))
}

// audit has the registry audited, if it may be and can.
func (h *Handler) audit(ctx context.Context, w *work) report.Report {
	if len(h.Faults) > 0 {
		return h.refuse(w, h.Faults...)
	}
	ctx, cancel := within(ctx, auditReserve)
	defer cancel()
	account, err := h.Account(ctx)
	if fault, ok := errors.AsType[*ptc.Fault](err); ok {
		return h.refuse(w, *fault)
	}
	if err != nil || account != w.registry.Account {
		return h.refuse(w, ptc.Fault{
			Operation: "ChooseCredentials",
			Kind:      ptc.FaultDenied,
			Message:   "no credentials for " + w.registry.Account,
		})
	}
	return h.Auditor.Audit(ctx, w.registry, w.triggers)
}

// refuse is the report of an audit that did not begin.
func (h *Handler) refuse(w *work, faults ...ptc.Fault) report.Report {
	now := h.now()
	r := report.Report{
		Audit:    report.Audit{ID: rand.Text(), StartedAt: now, FinishedAt: now, Version: h.Version},
		Registry: w.registry,
		Policy:   h.Policy,
		Triggers: w.triggers,
		Faults:   slices.Clone(faults),
	}
	r.Finish()
	return r
}

// mayMend says that another try may well find out more: something failed, and
// all that did may mend by itself. Where anything cannot, waiting would only
// delay that it is said.
func mayMend(faults []ptc.Fault) bool {
	fails := func(f ptc.Fault) bool { return f.Kind != ptc.FaultUnsupported }
	stays := func(f ptc.Fault) bool { return fails(f) && !f.Retryable }
	return slices.ContainsFunc(faults, fails) && !slices.ContainsFunc(faults, stays)
}

// say publishes what a report gives to say. Nil is nothing.
func (h *Handler) say(ctx context.Context, r report.Report) (*notify.Message, error) {
	statement := report.StatementOf(r, h.MinSeverity)
	if len(statement.Statuses()) == 0 {
		return nil, nil
	}
	m := notify.Compose(statement)
	if h.Publisher != nil {
		ctx, cancel := within(ctx, publishReserve)
		defer cancel()
		if err := h.Publisher.Publish(ctx, m); err != nil {
			return nil, &unsaid{err}
		}
	}
	return &m, nil
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
