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

// do audits one registry, if there is need to, and says what there is to say.
// What panics is not acknowledged.
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
			log.InfoContext(ctx, "changes put off: an audit began just now")
			return
		}
	}
	r := h.audit(ctx, w)
	log = log.With("audit_id", r.Audit.ID, "complete", r.Complete, "messages", len(w.messages), "receives", w.receives)

	said, err := h.say(ctx, turn, r, !w.last)
	r, w.said, w.err = said.Report, said.Message, err
	w.audit = Audit{
		Account: w.registry.Account, Region: w.registry.Region,
		Complete: r.Complete, Summary: r.Summary, Faults: r.Faults, Superseded: said.Superseded,
	}
	var statuses []report.Status
	if w.said != nil {
		statuses = w.said.Statuses
	}
	busy, isBusy := errors.AsType[*delivery.Busy](err)
	unsaid, isPublishError := errors.AsType[*delivery.PublishError](err)
	switch {
	case isBusy:
		w.until, w.waits = busy.Until, true
		log.InfoContext(ctx, "audit left to another try", "reason", reason(err))
	case isPublishError:
		log.ErrorContext(ctx, "audit not said", "reason", reason(unsaid))
		h.count(w.registry, nil, value{metric.NotificationsFailed, 1})
	case err != nil:
		if h.Delivery.State != nil {
			w.until = r.Audit.StartedAt.Add(h.Delivery.Settle) // before that it would be put off
		}
		log.WarnContext(ctx, "audit left to another try", "reason", reason(err), "statuses", statuses)
	default:
		if said.Unrecorded != nil {
			log.ErrorContext(ctx, "ledger not written: what was said will be said again", "reason", reason(said.Unrecorded))
		}
		log.InfoContext(ctx, "audit said", "statuses", statuses, "superseded", said.Superseded, "published", w.said != nil && h.Delivery.Publisher != nil)
		h.measure(r, h.now().Sub(began))
	}
}

// covered asks whether changes need an audit.
func (h *Handler) covered(ctx context.Context, turn *delivery.Turn, w *work) bool {
	ctx, cancel := within(ctx, auditReserve)
	defer cancel()
	return turn.Covered(ctx, w.triggers)
}

// say has a report said, in time to reply.
func (h *Handler) say(ctx context.Context, turn *delivery.Turn, r report.Report, again bool) (delivery.Result, error) {
	ctx, cancel := within(ctx, publishReserve)
	defer cancel()
	return turn.Deliver(ctx, r, again)
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
			Operation: ptc.OpChooseCredentials,
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
