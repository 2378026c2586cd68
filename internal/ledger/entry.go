package ledger

import (
	"time"

	"ptcaudit/internal/report"
)

// State is what is known of a finding.
type State string

// The states of a finding.
const (
	// Open: it fails, and no waiver covers it.
	Open State = "open"
	// Waived: it fails, and a waiver covers it.
	Waived State = "waived"
	// Closed: it does not fail. It is kept for the waiver that is bound to it.
	Closed State = "closed"
)

// Entry is one finding over time.
type Entry struct {
	Check string `json:"check"`
	// Prefix is empty where the subject is the registry.
	Prefix string `json:"prefix"`
	State  State  `json:"state"`
	// Since is when the first of the audits began that saw it fail without a
	// break; zero where it is closed.
	Since time.Time `json:"since,omitzero"`
	// Notified is what was said of it last; nil where nobody was told, or was told
	// that it is resolved.
	Notified *Notified `json:"notified,omitempty"`
	// Touched says that somebody changed its rule or secret after that.
	Touched bool `json:"touched,omitempty"`
	// Unsure is what nobody knows whether it was said: whoever was about to was
	// stopped. See Publishing.
	Unsure *Notified `json:"unsure,omitempty"`
	// Waiver is the last one that covered it. It outlives the failure until its
	// last day ends: to delete a rule and create another must not get by it.
	Waiver *Binding `json:"waiver,omitempty"`
}

// Notified is what was last said of a failure.
type Notified struct {
	At       time.Time       `json:"at"`
	Severity report.Severity `json:"severity"`
	// Facts are those of the finding.
	Facts string `json:"facts,omitempty"`
}

// key identifies a finding within a registry.
type key struct{ prefix, check string }

func (e Entry) key() key { return key{e.Prefix, e.Check} }

// close is the entry of a finding that does not fail any more.
func (e Entry) close() Entry {
	return Entry{Check: e.Check, Prefix: e.Prefix, State: Closed, Waiver: e.Waiver}
}

// needed says that an entry has something to remember.
func (e Entry) needed() bool { return e.State != Closed || e.Waiver != nil }
