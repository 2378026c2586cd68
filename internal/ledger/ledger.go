// Package ledger holds what is known of a registry's findings over time, and
// what was notified of them. Compare takes the previous ledger and a new report,
// and returns the notification and the next ledger.
//
// It is pure: it stores and sends nothing, reads no clock, and imports only
// package ptc, package report and the standard library.
package ledger

import (
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// SchemaVersion is in every ledger. It changes if a reader of the old form
// could misread the new one.
const SchemaVersion = "ptcaudit/ledger/v1"

// Ledger is what is known of one registry. In the zero Ledger nothing is known;
// set its Registry before storing it. Times are UTC. A Ledger is a value: no
// function of this package changes a Ledger that it is given.
type Ledger struct {
	SchemaVersion string       `json:"schemaVersion"`
	Registry      ptc.Registry `json:"registry"`
	// Seq counts the notifications of the registry.
	Seq int64 `json:"seq"`
	// LastAudit is the last audit that was compared.
	LastAudit Audit `json:"lastAudit,omitzero"`
	// LastComplete is when the last complete audit began; zero if there was none.
	LastComplete time.Time `json:"lastComplete,omitzero"`
	// Rules are the rules of the registry as last listed. RulesAt is when the
	// audit that listed them began; zero if they were never listed.
	Rules   []report.Rule `json:"rules"`
	RulesAt time.Time     `json:"rulesAt,omitzero"`
	// Findings are the findings that fail, and those that passed since but have a
	// waiver bound to them, sorted by prefix and check.
	Findings []Entry `json:"findings"`
	// Changes are the known change events, oldest first.
	Changes []Change `json:"changes"`
	// Unexplained are changes of rules without a change event so far.
	Unexplained []Unexplained `json:"unexplained"`
	// Unaudited is set while audits are not complete.
	Unaudited *Unaudited `json:"unaudited,omitempty"`
	// Lease is set while an audit publishes a notification.
	Lease *Lease `json:"lease,omitempty"`
}

// Audit is one audit in a ledger.
type Audit struct {
	ID        string    `json:"id"`
	StartedAt time.Time `json:"startedAt"`
	Complete  bool      `json:"complete"`
}

// Lease is the right to publish notifications of a registry.
type Lease struct {
	// Holder is a random id of the audit's delivery.
	Holder string `json:"holder"`
	// Until is when the lease ends, UTC.
	Until time.Time `json:"until"`
}

// Live reports whether the lease is in force at now. A nil lease is not.
func (l *Lease) Live(now time.Time) bool { return l != nil && now.Before(l.Until) }

// Key returns the key of a registry's ledger in a store.
func Key(reg ptc.Registry) string { return "ledger/" + reg.Account + "/" + reg.Region + ".json" }

// clockSkew is how far the clocks of two machines may differ.
const clockSkew = time.Minute

// Newer reports whether the ledger has seen an audit that began after the audit
// of r, so that the findings of r are outdated. It ignores a last audit in the
// future, which comes from a wrong clock: otherwise no audit would be delivered
// until then.
func (l Ledger) Newer(r report.Report, now time.Time) bool {
	at := l.LastAudit.StartedAt
	return at.After(r.Audit.StartedAt) && !at.After(now.Add(clockSkew))
}

// Covers reports whether the last complete audit has seen the effect of all
// triggers: each is a change, made at least settle before that audit began. If
// so, no audit is needed, and Record is enough.
func (l Ledger) Covers(triggers []report.Trigger, settle time.Duration, now time.Time) bool {
	if l.LastComplete.IsZero() || l.LastComplete.After(now) {
		return false
	}
	for _, t := range triggers {
		if !isChange(t) || t.Time.IsZero() || t.Time.After(l.LastComplete.Add(-settle)) {
			return false
		}
	}
	return len(triggers) > 0
}
