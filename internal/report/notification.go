package report

import (
	"slices"
	"time"

	"ptcaudit/internal/ptc"
)

// Status is what a notification says about a registry.
type Status string

// The statuses of a notification. The first that holds comes first in its
// subject, in this order.
const (
	CouldNotAudit Status = "COULD_NOT_AUDIT"
	Failed        Status = "FAILED"
	Changed       Status = "CHANGED"
	Reminder      Status = "REMINDER"
	Resolved      Status = "RESOLVED"
)

// Notification is what one audit of a registry reports, before it is put into
// words. Its findings are those at or above the severity threshold, highest
// severity first.
type Notification struct {
	Registry ptc.Registry
	Policy   Policy
	// At is when the audit began, UTC.
	At time.Time
	// First is true if no earlier audit of the registry could list its rules:
	// all failures are new because nothing was known, not because something
	// changed. It is false without a ledger, and after a damaged ledger.
	First bool
	// Again is why everything that is open is sent again, as a few words; empty if
	// it is not. New then also has the failures that were notified before.
	Again string
	// New findings fail, and were not known to fail. Without a ledger these are
	// all failures.
	New []Finding
	// Altered findings were notified before. They still fail, but on other
	// facts, with a higher severity, or after a change of their rule or secret.
	Altered []Finding
	// Resolved findings were notified, and no longer fail.
	Resolved []Finding
	// Reminded findings have failed unchanged since they were last notified.
	Reminded []Finding
	// Open findings fail and are known. They are listed for completeness and
	// are no reason to send a notification.
	Open []Finding
	// Undecided findings have the outcome error.
	Undecided []Finding
	// Faults are the failed operations behind an incomplete audit. If there are
	// Faults or Undecided findings, the status is COULD_NOT_AUDIT.
	Faults []ptc.Fault
	// Changes are the triggers that have an actor.
	Changes []Trigger
	// Rules are the changes of rules since the last audit.
	Rules []RuleChange
	// Unexplained are changes of rules for which no change event arrived in
	// time. They are reported at any threshold, with the status CHANGED.
	Unexplained []RuleChange
	// Recovered is when incomplete audits began, UTC, if that was notified and
	// audits are complete again. Otherwise it is zero.
	Recovered time.Time
	// Notes add to findings, by the finding's fingerprint.
	Notes map[string]Note
	// Seq counts the earlier notifications of the registry, so that an equal
	// notification that is sent later has another message id.
	Seq int64
	// Evidence is where the report is stored; empty if it is not stored.
	Evidence string
}

// Note is what the ledger knows of a finding beyond the report.
type Note struct {
	// Why is a sentence that says why the finding is reported now. It is empty
	// if the finding's section already says so.
	Why string
	// Since is when the finding was first seen to fail, UTC; zero if unknown.
	Since time.Time
}

// Statuses returns the statuses that hold, the most important one first. A
// notification without a status is not sent.
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

// Severity returns the highest severity in the notification, or "" if it has no
// status. An incomplete audit counts as critical, and so does its recovery:
// both must reach the same subscribers. Unexplained changes count as high.
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

// Weighs returns a function that reports whether a failure of the report
// reaches the threshold. The end of a waiver counts with the severity of the
// findings that are waived, because its own is the lowest.
func (r Report) Weighs(threshold Severity) func(Finding) bool {
	waived := map[string]Severity{} // the highest, by prefix
	for _, f := range r.Findings {
		if f.Waiver != nil {
			waived[f.Prefix] = Highest(waived[f.Prefix], f.Severity)
		}
	}
	return func(f Finding) bool {
		return f.Severity.AtLeast(threshold) || f.Check == CheckWaiverEnding && waived[f.Prefix].AtLeast(threshold)
	}
}

// NotificationOf returns the notification of a report if nothing is known of
// earlier audits: every open failure at or above threshold, and everything
// that could not be checked.
func NotificationOf(r Report, threshold Severity) Notification {
	s := Notification{Registry: r.Registry, Policy: r.Policy, At: r.Audit.StartedAt}
	weighs := r.Weighs(threshold)
	for _, f := range r.Findings {
		switch {
		case f.Open() && weighs(f):
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
