package history

import (
	"time"

	"ptcaudit/internal/report"
)

// Failure is one finding from when it was seen to fail until it was not.
type Failure struct {
	Subject
	// FirstSeen is when the audit began that saw it first. Where that is the
	// first of the period, it may have failed before.
	FirstSeen time.Time `json:"firstSeen"`
	// Resolved is when the audit began that saw that it is over; zero where
	// it fails still, or nobody could tell.
	Resolved time.Time `json:"resolved,omitzero"`
	// How says in a sentence how it was resolved.
	How string `json:"how,omitempty"`
}

// open begins failures that are not known yet, and updates those that are.
func (r *Registry) open(at time.Time, findings []report.Finding) {
	for _, f := range findings {
		if known := r.failing(f); known != nil {
			known.Severity = f.Severity
			continue
		}
		r.Failures = append(r.Failures, Failure{Subject: subjectOf(f), FirstSeen: at})
	}
}

// resolve ends failures.
func (r *Registry) resolve(at time.Time, findings []report.Finding) {
	for _, f := range findings {
		if known := r.failing(f); known != nil {
			known.Resolved, known.How = at, how(f)
		}
	}
}

// counts are the failures that are not resolved, by severity.
func (r *Registry) counts() map[report.Severity]int {
	out := map[report.Severity]int{}
	for _, f := range r.Failures {
		if f.Resolved.IsZero() {
			out[f.Severity]++
		}
	}
	return out
}

// failing finds the failure that a finding goes on with; nil where there is
// none.
func (r *Registry) failing(f report.Finding) *Failure {
	for i := range r.Failures {
		if known := &r.Failures[i]; known.Resolved.IsZero() && known.Check == f.Check && known.Prefix == f.Prefix {
			return known
		}
	}
	return nil
}

// how says how a failure was resolved.
func how(f report.Finding) string {
	switch {
	case f.Waiver != nil:
		return "Waived until " + f.Waiver.Expires + " by " + f.Waiver.Owner + " (" + f.Waiver.Reason + ")."
	case f.Outcome == report.Pass:
		return "It passes."
	case f.Message != "":
		return f.Message
	}
	return "It does not apply any more."
}
