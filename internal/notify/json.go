package notify

import (
	"encoding/json"
	"strings"
	"time"

	"ptcaudit/internal/report"
)

// Schema is the attribute that identifies these messages on a topic. It
// changes if a reader of the old form could misread the new one.
const Schema = "ptcaudit/message/v1"

// Message is one message. Its JSON form is what queues and functions receive.
// Text from outside is cleaned: one line, visible characters only, bounded in
// length.
type Message struct {
	// ID identifies the content: a message with the same ID repeats an earlier
	// one, because the audit was interrupted before it had recorded that the
	// message was published. Programs may drop it.
	ID string `json:"id"`
	// Status is the first of Statuses: what the message is mainly about.
	Status   report.Status   `json:"status"`
	Statuses []report.Status `json:"statuses"`
	// Severity is the highest of what the message reports. A registry or rule
	// that could not be audited counts as critical.
	Severity report.Severity `json:"severity"`
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	// First is true for the first audit of a registry.
	First bool `json:"first,omitempty"`
	// Again is why everything that is open is sent again; empty if it is not.
	Again string `json:"again,omitempty"`
	// Subject is printable ASCII, at most 99 characters.
	Subject string `json:"subject"`
	// Text is the mail.
	Text string `json:"text"`
	// Findings are those in Text, in the same order. See Omitted.
	Findings []Finding `json:"findings"`
	// Changes say who changed what, the earliest first. If there are too many,
	// those that touch a finding are kept before others, later before earlier.
	Changes []report.Trigger `json:"changes"`
	// Rules are the changes of rules since the last audit, by prefix, without
	// those in Unexplained. They are left out first if the message is too large.
	Rules []report.RuleChange `json:"rules,omitempty"`
	// Unexplained are changes of rules for which no event arrived in time.
	Unexplained []report.RuleChange `json:"unexplained,omitempty"`
	// Recovered is set if the registry can be audited again: since when it
	// could not, UTC.
	Recovered time.Time `json:"recovered,omitzero"`
	// Faults are why the audit is incomplete, equal ones as one.
	Faults []Fault `json:"faults,omitempty"`
	// Omitted counts the findings that do not fit. Text mentions it, too.
	Omitted int `json:"omitted,omitempty"`
	// Evidence is where the whole report is stored.
	Evidence   string     `json:"evidence,omitempty"`
	Attributes Attributes `json:"attributes"`

	chat string // the chat form
}

// Finding is a finding and what the ledger knows about it.
type Finding struct {
	// Status is FAILED, CHANGED, COULD_NOT_AUDIT, RESOLVED, REMINDER, or Open.
	Status report.Status `json:"status"`
	report.Finding
	// Why is the reason to report it now, as a sentence; empty if its status
	// is the reason.
	Why string `json:"why,omitempty"`
	// Since is when it was first seen to fail, UTC; zero if unknown.
	Since time.Time `json:"since,omitzero"`
}

// Open is the status of a finding that was reported before and still fails. It
// is listed for completeness.
const Open report.Status = "OPEN"

// Attributes are what subscribers filter on. They cover everything that the
// message reports, also what is left out for its size; only the lists are
// bounded. An empty list is not sent. If a registry could not be audited at
// all, there are neither checks nor prefixes: a filter on those should also
// accept the status COULD_NOT_AUDIT.
type Attributes struct {
	Schema   string          `json:"schema"`
	Status   []report.Status `json:"status"`
	Severity report.Severity `json:"severity"`
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	Checks   []string        `json:"checks"`
	Prefixes []string        `json:"prefixes"`
}

// message writes every form of c.
func (c content) message() Message {
	m := Message{
		ID: c.id, Statuses: c.attributes.Status, Severity: c.attributes.Severity, Account: c.account, Region: c.region,
		First: c.first, Again: c.again, Subject: c.subject, Findings: c.findings.shown, Changes: c.changes.shown, Rules: c.rules.shown,
		Unexplained: c.unexplained.shown, Recovered: c.recovered, Faults: c.faults.shown, Omitted: c.findings.left(),
		Evidence: c.evidence, Attributes: c.attributes,
		Text: text(c), chat: chat(c),
	}
	if len(m.Statuses) > 0 {
		m.Status = m.Statuses[0]
	}
	return m
}

// encode is JSON without the escapes that are meant for HTML.
func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("notify: " + err.Error()) // strings, numbers, and times within JSON's range
	}
	return strings.TrimSuffix(b.String(), "\n")
}
