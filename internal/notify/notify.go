// Package notify turns what there is to say of a registry into one message
// for people, for chat and for programs, within the limits of Amazon SNS. It
// decides nothing about what is said or whether, and delivers nothing. It is
// pure: it knows the nouns and the standard library, and never reaches the
// AWS SDK.
package notify

import (
	"sort"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Schema is the attribute that tells this message from others on a topic. It
// changes when a reader of the old form could misread the new one.
const Schema = "ptcaudit/message/v1"

// Message is one message. As JSON it is what queues and functions receive.
// Everything in it that comes from outside is cleaned: one line, visible
// characters only, bounded in length.
type Message struct {
	// ID identifies what is said: a message with the same one says the same of
	// the same registry once more, since whoever said it first was stopped
	// before it could note that it had. Programs may drop it.
	ID string `json:"id"`
	// Status is the first of Statuses: what the message is about.
	Status   report.Status   `json:"status"`
	Statuses []report.Status `json:"statuses"`
	// Severity is the highest of what is said; what could not be audited
	// counts as critical.
	Severity report.Severity `json:"severity"`
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	// First is true if this is the first audit that could list the registry's
	// rules. See report.Notification.
	First bool `json:"first,omitempty"`
	// Subject is ASCII, under 100 characters, without line breaks.
	Subject string `json:"subject"`
	// Text is the mail.
	Text string `json:"text"`
	// Findings are the ones in Text, in its order. See Omitted.
	Findings []Finding `json:"findings"`
	// Changes are who did what: those that touch what is said before others,
	// the latest before earlier ones; here the earliest first.
	Changes []report.Trigger `json:"changes"`
	// Rules are what became of the rules since the audit before, by prefix, as
	// far as it is not among Unexplained. They are the first to be left out
	// where there is no room.
	Rules []report.RuleChange `json:"rules,omitempty"`
	// Unexplained are changes of rules that no change event told of in time.
	Unexplained []report.RuleChange `json:"unexplained,omitempty"`
	// Recovered is since when the registry could not be audited, UTC, where
	// that is over.
	Recovered time.Time `json:"recovered,omitzero"`
	// Faults are what kept the audit from being complete, equal ones folded.
	Faults []Fault `json:"faults,omitempty"`
	// Omitted counts the findings left out, so that the message is not too
	// large for SNS. Text says so too.
	Omitted int `json:"omitted,omitempty"`
	// Evidence is where the whole report is kept.
	Evidence   string     `json:"evidence,omitempty"`
	Attributes Attributes `json:"attributes"`

	chat string // the https part
}

// Finding is a finding and what is said of it.
type Finding struct {
	// Status is FAILED, CHANGED, REMINDER, RESOLVED, COULD_NOT_AUDIT, or Open.
	Status report.Status `json:"status"`
	report.Finding
	// Why it is said now, a sentence, where the status does not say so.
	Why string `json:"why,omitempty"`
	// Since is when it was first seen to fail, UTC; absent where unknown.
	Since time.Time `json:"since,omitzero"`
}

// Open is the status of a finding that is said for completeness only: it is
// known, and still fails.
const Open report.Status = "OPEN"

// Attributes are what subscribers filter on. They tell of all that is said,
// also of what is left out of a message that would be too large, except that
// the lists are bounded; an empty list is not sent. A registry that could not
// be audited at all has neither checks nor prefixes: a filter on those should
// let the status COULD_NOT_AUDIT through.
type Attributes struct {
	Schema   string          `json:"schema"`
	Status   []report.Status `json:"status"`
	Severity report.Severity `json:"severity"`
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	Checks   []string        `json:"checks"`
	Prefixes []string        `json:"prefixes"`
}

// Bounds of lists. Those of attributes are far above what a registry of at
// most ptc.RuleLimit rules needs.
const (
	maxChanges    = 100
	maxFields     = 10
	maxFaults     = 10
	maxAttributes = 250
	maxReferences = 5
	// maxFindings is more than fit into the smallest message.
	maxFindings = 1200
	// maxRules is what can become of the rules at most: all of them are
	// removed, and as many added.
	maxRules = 2 * ptc.RuleLimit
)

// Compose finds the words for a notification. Where they would be too much for
// SNS, what became of the rules is left out first, then whole findings from
// the end, in all parts alike, until the message fits; only then, and only
// where somebody feeds the auditor nonsense, changes and faults.
func Compose(s report.Notification) Message {
	d := newDraft(s)
	size := d.size()
	m := d.compose(size)
	if m.Envelope().Size() <= MaxSize {
		return m
	}
	// The largest number of items that fit: Search wants the first that do not.
	n := sort.Search(size, func(n int) bool { return d.compose(n+1).Envelope().Size() > MaxSize })
	return d.compose(n)
}
