package handler

import (
	"context"
	"errors"
	"math/rand/v2"
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

// putBack has the queue hand failed messages out again: those in again after a
// while that grows with each try, the others at once. What no try can help, or
// has had its last one, is then soon among the dead letters, where somebody
// sees it.
func (h *Handler) putBack(ctx context.Context, failed []trigger.Record, again map[string]bool) {
	if h.Queue == nil {
		return
	}
	log := h.log()
	delays := map[string]map[string]time.Duration{} // by queue, then receipt
	for _, r := range failed {
		if r.Queue == "" || r.Receipt == "" {
			continue
		}
		var delay time.Duration
		if again[r.ID] && r.Receives < h.MaxReceives {
			delay = wait(r.Receives)
		}
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
