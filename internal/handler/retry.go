package handler

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"ptcaudit/internal/delivery"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/trigger"
)

// The delay before a failed message is retried: firstBackoff, then twice as long
// each time, at most maxBackoff.
const (
	firstBackoff = 30 * time.Second
	maxBackoff   = 2 * time.Minute
)

// backoff returns the delay of a message with this receive count. It is up to a
// quarter shorter at random, so that messages which failed together do not come
// back together.
func backoff(receives int) time.Duration {
	d := maxBackoff
	if receives < 3 { // 30 s and 1 minute
		d = firstBackoff << (max(receives, 1) - 1)
	}
	return d - rand.N(d/4) //nolint:gosec // spreads load, guards nothing
}

// spread is the longest random delay of messages that wait for another audit, so
// that they do not all come back at once.
const spread = 5 * time.Second

// failure is a record that must be retried, and the work that it belongs to; nil
// if the record cannot be read.
type failure struct {
	record trigger.Record
	work   *work
}

// failed lists the records that must be retried, in the order of the batch. A
// record that is in the batch twice is listed once.
func (b *batch) failed() []failure {
	var out []failure
	seen := map[string]bool{}
	for _, r := range b.records {
		i := slices.IndexFunc(b.work, func(w *work) bool { return w.err != nil && w.messages[r.ID] })
		switch {
		case seen[r.ID]:
		case i >= 0:
			out = append(out, failure{r, b.work[i]})
		case b.refused[r.ID]:
			out = append(out, failure{r, nil})
		}
		seen[r.ID] = true
	}
	return out
}

// delay returns how long a failed message waits: never longer than a lease,
// whatever the clocks say. A message that cannot be read,
// or that had its last attempt, comes back at once: the queue then moves it to
// the dead-letter queue, and the alarm goes off within seconds.
func (h *Handler) delay(f failure) time.Duration {
	if f.work == nil || f.record.Receives >= h.MaxReceives {
		return 0
	}
	delay := max(0, f.work.until.Sub(h.now()))
	if f.work.waits {
		delay = min(delay, delivery.LongestLease) + rand.N(spread) //nolint:gosec // spreads load, guards nothing
	} else {
		delay = max(delay, backoff(f.record.Receives))
	}
	return min(delay, delivery.LongestLease)
}

// putBack makes the queue deliver failed messages again.
func (h *Handler) putBack(ctx context.Context, failed []failure) {
	if h.Queue == nil {
		return
	}
	log := h.log()
	delays := map[string]map[string]time.Duration{} // by queue, then receipt
	for _, f := range failed {
		r := f.record
		if r.Queue == "" || r.Receipt == "" {
			continue
		}
		delay := h.delay(f)
		if delays[r.Queue] == nil {
			delays[r.Queue] = map[string]time.Duration{}
		}
		delays[r.Queue][r.Receipt] = delay
		log.InfoContext(ctx, LogMessageRetried, "message_id", r.ID, "receives", r.Receives, "delay_seconds", int(delay.Seconds()))
	}
	ctx, cancel := within(ctx, replyReserve)
	defer cancel()
	for queue, ofQueue := range delays {
		if err := h.Queue.Delay(ctx, queue, ofQueue); err != nil {
			fault, _ := errors.AsType[*ptc.Fault](err)
			if fault == nil {
				fault = &ptc.Fault{}
			}
			log.WarnContext(ctx, "could not delay messages: they come back after the queue's visibility timeout",
				"messages", len(ofQueue), "kind", fault.Kind, "code", fault.Code)
		}
	}
}
