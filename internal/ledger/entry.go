package ledger

import (
	"time"

	"ptcaudit/internal/report"
)

// State is the state of a finding.
type State string

// The states of a finding.
const (
	// Open: it fails, and no waiver covers it.
	Open State = "open"
	// Waived: it fails, and a waiver covers it.
	Waived State = "waived"
	// Closed: it does not fail. It is kept for its Waiver.
	Closed State = "closed"
)

// Entry is what is known of one finding over time.
type Entry struct {
	Check string `json:"check"`
	// Prefix is empty if the subject is the registry.
	Prefix string `json:"prefix"`
	State  State  `json:"state"`
	// Since is when the first audit of its current run of failures began; zero
	// if it is closed.
	Since time.Time `json:"since,omitzero"`
	// Notified is its last notification; nil if there was none, or if it was
	// notified as resolved since.
	Notified *Notified `json:"notified,omitempty"`
	// Touched is true if its rule or secret was changed after Notified.
	Touched bool `json:"touched,omitempty"`
	// Unsure is a notification that may have been published: the audit was
	// interrupted. See Publishing.
	Unsure *Notified `json:"unsure,omitempty"`
	// Waiver is the last waiver that covered it. It is kept until the waiver
	// ends, even if the finding passes: deleting a rule and creating it again with
	// another upstream must not bind the waiver to the new upstream.
	Waiver *Binding `json:"waiver,omitempty"`
}

// Notified is the last notification of a failure.
type Notified struct {
	At time.Time `json:"at"`
	// Began is when the audit began that was notified, UTC; zero if unknown. An
	// event of a change before that is no reason to notify it again.
	Began    time.Time       `json:"began,omitzero"`
	Severity report.Severity `json:"severity"`
	// Facts are the Facts of the finding then.
	Facts string `json:"facts,omitempty"`
}

// key identifies a finding within a registry.
type key struct{ prefix, check string }

func (e Entry) key() key { return key{e.Prefix, e.Check} }

// closed returns the entry of a finding that no longer fails.
func (e Entry) closed() Entry {
	return Entry{Check: e.Check, Prefix: e.Prefix, State: Closed, Waiver: e.Waiver}
}

// needed reports whether an entry holds anything to remember.
func (e Entry) needed() bool { return e.State != Closed || e.Waiver != nil }
