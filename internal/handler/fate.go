package handler

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/trigger"
)

// How long a message waits for its next try: first, then twice as long each
// time, but never longer than most.
const (
	firstWait = 30 * time.Second
	mostWait  = 5 * time.Minute
)

// wait is how long a message that was received so often waits for its next
// try. Up to a quarter less, so that what failed together does not come back
// together.
func wait(receives int) time.Duration {
	w := mostWait
	if receives < 5 { // 30 s, 1, 2 and 4 minutes
		w = firstWait << (max(receives, 1) - 1)
	}
	return w - rand.N(w/4) //nolint:gosec // spreads load, guards nothing
}

// inTurn is up to how much later messages come back that only wait for their
// turn, so that not all come at once.
const inTurn = 5 * time.Second

// failure is a record of a batch that is to be handed out again, and the work
// that it belongs to; nil where it cannot be read.
type failure struct {
	record trigger.Record
	work   *work
}

// failed lists what is to be handed out again, in the order of the batch. One
// that stands twice is listed once.
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

// delay is how long a failed message waits. What no try can help, or has had
// its last one, comes back at once: it is then soon among the dead letters,
// where somebody sees it.
func (h *Handler) delay(f failure) time.Duration {
	if f.work == nil || f.record.Receives >= h.MaxReceives {
		return 0
	}
	until := max(0, f.work.until.Sub(h.now()))
	if f.work.waits {
		return until + rand.N(inTurn) //nolint:gosec // spreads load, guards nothing
	}
	return max(until, wait(f.record.Receives))
}

// putBack has the queue hand failed messages out again.
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
		log.InfoContext(ctx, "message put back", "message_id", r.ID, "receives", r.Receives, "delay_seconds", int(delay.Seconds()))
	}
	ctx, cancel := within(ctx, replyReserve)
	defer cancel()
	for queue, ofQueue := range delays {
		if err := h.Queue.Delay(ctx, queue, ofQueue); err != nil {
			fault, _ := errors.AsType[*ptc.Fault](err)
			if fault == nil {
				fault = &ptc.Fault{}
			}
			log.WarnContext(ctx, "messages not put back: they come back after the queue's visibility timeout",
				"messages", len(ofQueue), "kind", fault.Kind, "code", fault.Code)
		}
	}
}
