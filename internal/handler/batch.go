package handler

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"ptcaudit/internal/metric"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

// batch is what one invocation requests.
type batch struct {
	// queued is true if a queue delivered the records, and will retry them.
	queued  bool
	records []trigger.Record
	// refused holds the ids of the messages that cannot be read.
	refused map[string]bool
	ignored []trigger.Ignored
	// work is sorted by registry, so that the result does not depend on the
	// order of the records.
	work []*work
}

// work is what one invocation requests of one registry: one audit. All messages
// that request it succeed or fail together.
type work struct {
	registry ptc.Registry
	triggers []report.Trigger
	messages map[string]bool
	queued   bool
	// receives is the highest receive count of the messages; last is true if one
	// of them will not be delivered again.
	receives int
	last     bool

	// received is when the queue delivered one of the messages for the first time:
	// the latest, by the queue's clock. Zero if unknown.
	received time.Time

	audit        Audit
	notification *notify.Message // nil if none was published
	settle       func(ctx context.Context, taken bool) error
	// err is why the messages failed. They come back after until, and after a
	// backoff that grows with their receive count. If waits is true, they only
	// wait for another audit, and come back right after until.
	err   error
	until time.Time
	waits bool
}

// read decodes a payload. It returns an error only for a single message.
func (h *Handler) read(ctx context.Context, payload []byte) (*batch, error) {
	b := &batch{refused: map[string]bool{}}
	if b.records, b.queued = trigger.Batch(payload); !b.queued {
		// A single message, which no queue delivers again.
		b.records = []trigger.Record{{Body: payload}}
	}
	log, todo := h.log(), map[ptc.Registry]*work{}
	for _, record := range b.records {
		message, err := trigger.Decode(record.Body)
		switch {
		case err != nil && !b.queued:
			return nil, err
		case err != nil:
			log.WarnContext(ctx, "message refused", "message_id", record.ID, "reason", err.Error())
			b.refused[record.ID] = true
		case message.Ignored == trigger.Unrelated:
			log.DebugContext(ctx, "message ignored", "message_id", record.ID, "reason", message.Ignored)
			b.ignored = append(b.ignored, message.Ignored)
		case message.Ignored != "":
			log.InfoContext(ctx, "message ignored", "message_id", record.ID, "reason", message.Ignored)
			b.ignored = append(b.ignored, message.Ignored)
		default:
			w := todo[message.Registry]
			if w == nil {
				w = &work{registry: message.Registry, messages: map[string]bool{}, queued: b.queued}
				todo[message.Registry] = w
			}
			w.add(record, message.Trigger, h.now(), h.MaxReceives)
		}
	}
	if err := h.dropOutOfScope(ctx, b, todo); err != nil {
		return nil, err
	}
	b.work = slices.SortedFunc(maps.Values(todo), func(a, b *work) int {
		return cmp.Or(cmp.Compare(a.registry.Account, b.registry.Account), cmp.Compare(a.registry.Region, b.registry.Region))
	})
	return b, nil
}

// dropOutOfScope removes the registries of other accounts, and acknowledges their
// messages: an event bus can also receive events of other accounts. A single
// message is an error instead, because its sender waits for an audit. If the
// account of the credentials is unknown, nothing is removed, and the audits report
// why.
func (h *Handler) dropOutOfScope(ctx context.Context, b *batch, todo map[ptc.Registry]*work) error {
	if h.Account == nil || len(todo) == 0 {
		return nil
	}
	account, err := h.Account(ctx)
	if err != nil || account == "" {
		return nil //nolint:nilerr // see above
	}
	for reg, w := range todo {
		if reg.Account == account {
			continue
		}
		if !b.queued {
			return fmt.Errorf("account %s is out of scope: these credentials audit %s only", reg.Account, account)
		}
		delete(todo, reg)
		for range w.messages {
			b.ignored = append(b.ignored, trigger.OutOfScope)
		}
		h.log().InfoContext(ctx, "messages ignored", "account", reg.Account, "region", reg.Region, "messages", len(w.messages), "reason", trigger.OutOfScope)
		h.count(reg, nil, value{metric.OutOfScope, int64(len(w.messages))})
	}
	return nil
}

// add adds one message to the work.
func (w *work) add(record trigger.Record, t report.Trigger, now time.Time, maxReceives int) {
	w.messages[record.ID] = true
	w.receives = max(w.receives, record.Receives)
	// Without a receive count it is unknown whether the queue will retry, so
	// this counts as the last attempt.
	w.last = w.last || record.Receives == 0 || record.Receives >= maxReceives
	if record.Received.After(w.received) {
		w.received = record.Received
	}
	if t.Time.IsZero() {
		t.Time = now
	}
	// CloudTrail delivers some events twice.
	same := func(other report.Trigger) bool { return t.EventID != "" && t.EventID == other.EventID }
	if !slices.ContainsFunc(w.triggers, same) {
		w.triggers = append(w.triggers, t)
	}
}

// onlyChanges reports whether all triggers are changes, and none is a request or a
// schedule.
func (w *work) onlyChanges() bool {
	return !slices.ContainsFunc(w.triggers, func(t report.Trigger) bool {
		return t.Kind != report.ChangeTrigger && t.Kind != report.SecretTrigger
	})
}
