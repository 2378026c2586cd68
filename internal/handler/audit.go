package handler

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime/debug"
	"slices"

	"ptcaudit/internal/delivery"
	"ptcaudit/internal/metric"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// do audits one registry, unless its changes need no audit now, and delivers the
// report. After a panic the messages are retried.
func (h *Handler) do(ctx context.Context, w *work) {
	log := h.log().With("account", w.registry.Account, "region", w.registry.Region)
	defer func() {
		if v := recover(); v != nil {
			w.err = &crash{w.registry, v}
			log.ErrorContext(ctx, "audit crashed", "reason", reason(w.err), "stack", string(debug.Stack()))
		}
	}()
	began := h.now()
	turn := h.Delivery.Turn(w.registry)
	if w.queued && w.onlyChanges() {
		log := log.With("messages", len(w.messages), "receives", w.receives)
		if h.covered(ctx, turn, w) {
			log.InfoContext(ctx, "changes need no audit: one that began after them is complete")
			return
		}
		if due := turn.Due(w.triggers); !w.last && began.Before(due) {
			w.err, w.until, w.waits = errSoon, due, true
			log.InfoContext(ctx, "changes deferred: an audit has just begun")
			return
		}
	}
	h.begin(ctx, turn, w)
	r := h.audit(ctx, w)
	log = log.With("audit_id", r.Audit.ID, "complete", r.Complete, "messages", len(w.messages), "receives", w.receives)

	result, err := h.deliver(ctx, turn, r, !w.last)
	r, w.notification, w.settle, w.err = result.Report, result.Message, result.Settle, err
	w.audit = Audit{
		Account: w.registry.Account, Region: w.registry.Region,
		Complete: r.Complete, Summary: r.Summary, Faults: r.Faults, Superseded: result.Superseded,
	}
	if result.Unheard {
		w.audit.Delivered = new(bool)
	}
	h.countAudience(ctx, log, r, result)
	var statuses []report.Status
	if w.notification != nil {
		statuses = w.notification.Statuses
	}
	busy, isBusy := errors.AsType[*delivery.Busy](err)
	publishError, isPublishError := errors.AsType[*delivery.PublishError](err)
	switch {
	case isBusy:
		w.until, w.waits = busy.Until, true
		log.InfoContext(ctx, LogRetried, "reason", reason(err))
	case isPublishError:
		log.ErrorContext(ctx, LogNotPublished, "reason", reason(publishError))
		h.count(w.registry, nil, value{metric.NotificationsFailed, 1})
	case err != nil:
		if h.Delivery.State != nil {
			w.until = r.Audit.StartedAt.Add(h.Delivery.Settle) // before that it would be deferred
		}
		log.WarnContext(ctx, LogRetried, "reason", reason(err), "statuses", statuses)
	default:
		if result.Unrecorded != nil {
			log.ErrorContext(ctx, "ledger not written: the notification will be repeated", "reason", reason(result.Unrecorded))
		}
		log.InfoContext(ctx, LogDelivered, "statuses", statuses, "superseded", result.Superseded, "published", w.notification != nil && len(h.Delivery.Topics) > 0)
		h.measure(r, h.now().Sub(began))
	}
}

// covered reports whether the changes need no audit.
func (h *Handler) covered(ctx context.Context, turn *delivery.Turn, w *work) bool {
	ctx, cancel := within(ctx, auditReserve)
	defer cancel()
	return turn.Covered(ctx, w.triggers)
}

// begin reads the ledger before the audit.
func (h *Handler) begin(ctx context.Context, turn *delivery.Turn, w *work) {
	ctx, cancel := within(ctx, auditReserve)
	defer cancel()
	turn.Begin(ctx, w.received)
}

// deliver delivers a report, and leaves time to reply.
func (h *Handler) deliver(ctx context.Context, turn *delivery.Turn, r report.Report, retry bool) (delivery.Result, error) {
	ctx, cancel := within(ctx, publishReserve)
	defer cancel()
	return turn.Deliver(ctx, r, retry)
}

// audit audits the registry, or returns a report of why that is impossible.
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
			Operation: ptc.OpChooseCredentials,
			Kind:      ptc.FaultDenied,
			Message:   "no credentials for " + w.registry.Account,
		})
	}
	return h.Auditor.Audit(ctx, w.registry, w.triggers)
}

// refuse returns the report of an audit that could not begin.
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
