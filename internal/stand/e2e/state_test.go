package e2e_test

import (
	"errors"
	"slices"
	"time"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// registry is the one of every world.
var registry = ptc.Registry{Account: account, Region: region}

// bucket opens a bucket of the stack.
func (w *world) bucket(output string) blob.Store {
	w.t.Helper()
	s, err := store.Open("s3://"+w.outputs[output], w.cfg)
	w.must(err)
	return s
}

// ledger reads what is known of the registry.
func (w *world) ledger() ledger.Ledger {
	w.t.Helper()
	data, _, err := w.bucket("StateBucket").Get(w.t.Context(), ledger.Key(registry))
	w.must(err)
	l, err := ledger.Decode(data)
	w.must(err)
	return l
}

// lastAudit is the id of the last audit whose findings are notified; empty if
// there was none.
func (w *world) lastAudit() string {
	w.t.Helper()
	data, _, err := w.bucket("StateBucket").Get(w.t.Context(), ledger.Key(registry))
	if errors.Is(err, blob.ErrNotFound) {
		return ""
	}
	w.must(err)
	l, err := ledger.Decode(data)
	w.must(err)
	return l.LastAudit.ID
}

// write replaces the ledger with data.
func (w *world) write(data []byte) {
	w.t.Helper()
	state := w.bucket("StateBucket")
	_, version, err := state.Get(w.t.Context(), ledger.Key(registry))
	w.must(err)
	_, err = state.Put(w.t.Context(), ledger.Key(registry), data, version)
	w.must(err)
}

// age moves the last audit in the ledger back in time.
func (w *world) age(by time.Duration) {
	w.t.Helper()
	l := w.ledger()
	for _, at := range []*time.Time{&l.LastAudit.StartedAt, &l.SeenUntil, &l.RulesAt} {
		*at = at.Add(-by)
	}
	w.write(l.Encode())
}

// records are all evidence, in the order of time.
func (w *world) records() []evidence.Record {
	w.t.Helper()
	var out []evidence.Record
	for r, err := range evidence.Records(w.t.Context(), w.bucket("EvidenceBucket"), registry, time.Time{}, time.Time{}) {
		w.must(err)
		out = append(out, r)
	}
	return out
}

// reports are those of all audits.
func (w *world) reports() []report.Report {
	w.t.Helper()
	var out []report.Report
	for _, r := range w.records() {
		if r.Report != nil {
			out = append(out, *r.Report)
		}
	}
	return out
}

// recorded are the changes in the evidence, once each, by the id of their
// event.
func (w *world) recorded() map[string]report.Trigger {
	w.t.Helper()
	out := map[string]report.Trigger{}
	for _, r := range w.records() {
		var triggers []report.Trigger
		switch {
		case r.Report != nil:
			triggers = r.Report.Triggers
		case r.Changes != nil:
			triggers = r.Changes.Triggers
		}
		for _, t := range slices.DeleteFunc(triggers, func(t report.Trigger) bool { return t.Actor == nil }) {
			out[t.EventID] = t
		}
	}
	return out
}
