package handler

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

// batch is what one invocation asks for.
type batch struct {
	// queued says that a queue handed the records out, and will again.
	queued  bool
	records []trigger.Record
	// refused are the records, by message id, that cannot be read.
	refused map[string]bool
	ignored []trigger.Ignored
	// work is sorted by registry, so that nothing depends on the order of the
	// records.
	work []*work
}

// work is all that one invocation asks of one registry: one audit, and one
// fate for the messages that asked for it.
type work struct {
	registry ptc.Registry
	triggers []report.Trigger
	messages map[string]bool
	queued   bool
	// receives is that of the message received most often; last says that
	// it is the last time.
	receives int
	last     bool

	audit Audit
	said  *notify.Message
	// err says that the messages are not done. They come back no sooner than
	// until: then, where waits says that they only wait for their turn, and
	// otherwise the later the more often they were tried.
	err   error
	until time.Time
	waits bool
}

// read takes a payload apart. Its error is that of a bare message.
func (h *Handler) read(ctx context.Context, payload []byte) (*batch, error) {
	b := &batch{refused: map[string]bool{}}
	if b.records, b.queued = trigger.Batch(payload); !b.queued {
		// Nobody hands a bare message out again.
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
	b.work = slices.SortedFunc(maps.Values(todo), func(a, b *work) int {
		return cmp.Or(cmp.Compare(a.registry.Account, b.registry.Account), cmp.Compare(a.registry.Region, b.registry.Region))
	})
	return b, nil
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

// onlyChanges says that nobody asked for an audit as such.
func (w *work) onlyChanges() bool {
	return !slices.ContainsFunc(w.triggers, func(t report.Trigger) bool {
		return t.Kind != report.ChangeTrigger && t.Kind != report.SecretTrigger
	})
}
