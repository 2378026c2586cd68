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
	// SeenUntil is a time by AWS's clocks after which a complete audit began that
	// listed the rules; zero if none is known. See Options.Received.
	SeenUntil time.Time `json:"seenUntil,omitzero"`
	// Rules are the rules of the registry as last listed. RulesAt is when the
	// audit that listed them began; zero if they were never listed.
	Rules   []report.Rule `json:"rules"`
	RulesAt time.Time     `json:"rulesAt,omitzero"`
	// Findings are the findings that fail, and those that passed since but have a
	// waiver bound to them, sorted by prefix and check.
	Findings []Entry `json:"findings"`
	// Changes are the known change events, oldest first.
	Changes []Change `json:"changes"`
	// Unexplained are changes of rules without a change event so far: those that
	// may still be notified, and those that were, until their event arrives.
	Unexplained []Unexplained `json:"unexplained"`
	// Unaudited is set while audits are not complete.
	Unaudited *Unaudited `json:"unaudited,omitempty"`
	// Accepted is set while a notification is published to several topics, and
	// after some of them refused it.
	Accepted *Accepted `json:"accepted,omitempty"`
	// Audiences are the topics and their numbers of subscribers, sorted by topic.
	Audiences []Audience `json:"audiences,omitempty"`
	// UnheardSince is since when no topic has a subscriber although something was
	// to be notified, UTC; zero if there is one.
	UnheardSince time.Time `json:"unheardSince,omitzero"`
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

// LongestLease is how long a lease can last. It leaves a minute for the clocks
// of two machines to differ. A lease that seems to last longer comes from a
// wrong clock.
const LongestLease = 130 * time.Second

// Live reports whether the lease is in force at now. A nil lease is not, and
// neither is one that ends more than LongestLease ahead.
func (l *Lease) Live(now time.Time) bool {
	return l != nil && now.Before(l.Until) && !l.Until.After(now.Add(LongestLease))
}

// mostSkew is how far the clock of a machine may be ahead without keeping a
// change from being audited.
const mostSkew = 24 * time.Hour

// Key returns the key of a registry's ledger in a store.
func Key(reg ptc.Registry) string { return "ledger/" + reg.Account + "/" + reg.Region + ".json" }

// Newer reports whether the last audit of the ledger began after the audit of
// r, by the clocks of the machines that ran them. Clocks may be wrong: it alone
// is no reason to drop the findings of r.
func (l Ledger) Newer(r report.Report) bool { return l.LastAudit.StartedAt.After(r.Audit.StartedAt) }

// Covers reports whether the last complete audit has seen the effect of all
// triggers: each is a change, made at least settle before that audit began. If
// so, no audit is needed, and Record is enough. Both times are those of AWS's
// clocks. A time in the future comes from a wrong clock, and covers nothing. A
// change that takes back a notification is not covered: it must be notified.
func (l Ledger) Covers(triggers []report.Trigger, settle time.Duration, now time.Time) bool {
	if l.SeenUntil.IsZero() || l.SeenUntil.After(now) {
		return false
	}
	for _, t := range triggers {
		if !isChange(t) || t.Time.IsZero() || t.Time.After(l.SeenUntil.Add(-settle)) || l.takesBack(t) {
			return false
		}
	}
	return len(triggers) > 0
}
