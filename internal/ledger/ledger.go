// Package ledger is what is known of a registry's findings over time, and of
// what was said of them. Compare takes the ledger of before and the report of
// now, and gives what there is to say and the ledger of after; nothing in here
// keeps, fetches or sends anything. It is pure: it knows the nouns and the
// standard library, reads no clock, and never reaches the AWS SDK.
package ledger

import (
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// SchemaVersion stands in every ledger. It changes when a reader of the old
// form could misread the new one.
const SchemaVersion = "ptcaudit/ledger/v1"

// Ledger is what is known of one registry. The zero Ledger is "nothing known";
// one that is to be kept has its Registry set. Times are UTC. A Ledger is a
// value: nothing here changes one that it is given.
type Ledger struct {
	SchemaVersion string       `json:"schemaVersion"`
	Registry      ptc.Registry `json:"registry"`
	// Seq counts the statements that were said.
	Seq int64 `json:"seq"`
	// LastAudit is the last audit that was compared.
	LastAudit Audit `json:"lastAudit,omitzero"`
	// LastComplete is when the last complete audit began; zero where there was
	// none.
	LastComplete time.Time `json:"lastComplete,omitzero"`
	// Rules are those of the registry as they were last read, and RulesAt is
	// when the audit that read them began; zero where they never were.
	Rules   []report.Rule `json:"rules"`
	RulesAt time.Time     `json:"rulesAt,omitzero"`
	// Findings are those that fail, and those that a waiver is still bound to,
	// sorted by prefix and check. What passes is not in it.
	Findings []Entry `json:"findings"`
	// Changes are the change events that are known of, oldest first.
	Changes []Change `json:"changes"`
	// Unexplained are changes of rules that no event has told of yet.
	Unexplained []Unexplained `json:"unexplained"`
	// Unaudited is set while audits are not complete.
	Unaudited *Unaudited `json:"unaudited,omitempty"`
	// Lease is set while somebody speaks.
	Lease *Lease `json:"lease,omitempty"`
}

// Audit is what the ledger keeps of an audit.
type Audit struct {
	ID        string    `json:"id"`
	StartedAt time.Time `json:"startedAt"`
	Complete  bool      `json:"complete"`
}

// Lease is the right to speak of a registry.
type Lease struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

// Live says that the lease still counts at now. No lease does not.
func (l *Lease) Live(now time.Time) bool { return l != nil && now.Before(l.Until) }

// Key is where the ledger of a registry is kept in a store.
func Key(reg ptc.Registry) string { return "ledger/" + reg.Account + "/" + reg.Region + ".json" }

// clockSkew is how far the clocks of two machines may lie apart.
const clockSkew = time.Minute

// Newer says that the ledger has seen an audit that began after the one of r:
// r has no verdicts to say any more. An audit that lies in the future had a
// wrong clock, and is not believed: it would silence all that follow.
func (l Ledger) Newer(r report.Report, now time.Time) bool {
	at := l.LastAudit.StartedAt
	return at.After(r.Audit.StartedAt) && !at.After(now.Add(clockSkew))
}

// Covers says that the last complete audit has seen the effect of all triggers:
// they are changes, made at least settle before it began. Then no audit is
// needed, and Record is enough.
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
