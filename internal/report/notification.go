package report

import (
	"slices"
	"time"

	"ptcaudit/internal/ptc"
)

// Status is what a message says of a registry.
type Status string

// The statuses of a message, in the order in which the first one names it.
const (
	CouldNotAudit Status = "COULD_NOT_AUDIT"
	Failed        Status = "FAILED"
	Changed       Status = "CHANGED"
	Reminder      Status = "REMINDER"
	Resolved      Status = "RESOLVED"
)

// Notification is what there is to say of one registry, before it has words. The
// findings in it are those at or above the threshold, highest severity first.
type Notification struct {
	Registry ptc.Registry
	Policy   Policy
	// At is when the audit began, UTC.
	At time.Time
	// New findings fail and were not known to; without a ledger, all that fail.
	New []Finding
	// Altered findings failed before and do so on other facts, or somebody
	// touched their rule.
	Altered []Finding
	// Resolved findings failed, were said, and do so no more.
	Resolved []Finding
	// Reminded findings fail unchanged since they were last said.
	Reminded []Finding
	// Open findings fail, are known, and are said only for completeness.
	Open []Finding
	// Undecided findings could not be decided.
	Undecided []Finding
	// Faults say why. With either, the status is COULD_NOT_AUDIT.
	Faults []ptc.Fault
	// Changes are the triggers that have an actor.
	Changes []Trigger
	// Rules are what became of the rules since the audit before.
	Rules []RuleChange
	// Unexplained are changes of rules that no change event told of in time.
	// They are said whatever the threshold: with them, the status is CHANGED.
	Unexplained []RuleChange
	// Recovered is since when the registry could not be audited, where that
	// was said and is over; otherwise zero.
	Recovered time.Time
	// Notes say more of findings, by their fingerprint.
	Notes map[string]Note
	// Seq counts what was said of the registry before, so that the same
	// words, said again later, are another message.
	Seq int64
	// Evidence is where the report is kept; empty where nowhere.
	Evidence string
}

// Note is what is known of a finding beside what it says itself.
type Note struct {
	// Why it is said now, a sentence, where its section does not say so.
	Why string
	// Since is when it was first seen to fail, UTC; zero where unknown.
	Since time.Time
}

// Statuses lists what the notification says; the first names the message. Empty
// means that there is nothing to say.
func (s Notification) Statuses() []Status {
	var out []Status
	for _, c := range []struct {
		status Status
		holds  bool
	}{
		{CouldNotAudit, len(s.Faults) > 0 || len(s.Undecided) > 0},
		{Failed, len(s.New) > 0},
		{Changed, len(s.Altered) > 0 || len(s.Unexplained) > 0},
		{Reminder, len(s.Reminded) > 0},
		{Resolved, len(s.Resolved) > 0 || !s.Recovered.IsZero()},
	} {
		if c.holds {
			out = append(out, c.status)
		}
	}
	return out
}

// Severity is the highest of what is said. What could not be audited counts as
// critical, also when it can be again, so that whoever was told learns of it;
// changes that no event told of count as high. Empty where there is nothing to say.
func (s Notification) Severity() Severity {
	if len(s.Faults) > 0 || len(s.Undecided) > 0 || !s.Recovered.IsZero() {
		return Critical
	}
	var highest Severity
	if len(s.Unexplained) > 0 {
		highest = High
	}
	for _, f := range slices.Concat(s.New, s.Altered, s.Reminded, s.Resolved) {
		highest = Highest(highest, f.Severity)
	}
	return highest
}

// NotificationOf is all that a report gives to say where nothing is known of
// what was said before: every open failure at or above threshold, and
// whatever could not be audited.
func NotificationOf(r Report, threshold Severity) Notification {
	s := Notification{Registry: r.Registry, Policy: r.Policy, At: r.Audit.StartedAt}
	for _, f := range r.Findings {
		switch {
		case f.Open() && f.Severity.AtLeast(threshold):
			s.New = append(s.New, f)
		case f.Outcome == Error:
			s.Undecided = append(s.Undecided, f)
		}
	}
	slices.SortStableFunc(s.New, func(a, b Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	for _, f := range r.Faults {
		if f.Kind != ptc.FaultUnsupported {
			s.Faults = append(s.Faults, f)
		}
	}
	for _, t := range r.Triggers {
		if t.Actor != nil {
			s.Changes = append(s.Changes, t)
		}
	}
	return s
}
