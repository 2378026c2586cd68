package history

import (
	"time"

	"ptcaudit/internal/report"
)

// Failure is a finding from the first audit in which it failed until it was
// resolved.
type Failure struct {
	Subject
	// FirstSeen is when the first audit that saw it began. If that is the first
	// audit of the period, it may have failed before.
	FirstSeen time.Time `json:"firstSeen"`
	// Resolved is when the audit that saw it resolved began; zero if it still
	// fails, or if it could not be checked since.
	Resolved time.Time `json:"resolved,omitzero"`
	// How is a sentence about how it was resolved.
	How string `json:"how,omitempty"`
}

// open adds failures that are not known yet, and updates the known ones.
func (r *Registry) open(at time.Time, findings []report.Finding) {
	for _, f := range findings {
		if known := r.failing(f); known != nil {
			known.Severity = f.Severity
			continue
		}
		r.Failures = append(r.Failures, Failure{Subject: subjectOf(f), FirstSeen: at})
	}
}

// resolve marks failures as resolved.
func (r *Registry) resolve(at time.Time, findings []report.Finding) {
	for _, f := range findings {
		if known := r.failing(f); known != nil {
			known.Resolved, known.How = at, how(f)
		}
	}
}

// counts returns how many failures are not resolved, by severity.
func (r *Registry) counts() map[report.Severity]int {
	out := map[report.Severity]int{}
	for _, f := range r.Failures {
		if f.Resolved.IsZero() {
			out[f.Severity]++
		}
	}
	return out
}

// failing returns the failure of a finding that is not resolved; nil if there is
// none.
func (r *Registry) failing(f report.Finding) *Failure {
	for i := range r.Failures {
		if known := &r.Failures[i]; known.Resolved.IsZero() && known.Check == f.Check && known.Prefix == f.Prefix {
			return known
		}
	}
	return nil
}

// how explains how a failure was resolved.
func how(f report.Finding) string {
	switch {
	case f.Waiver != nil:
		return "Waived until " + f.Waiver.Expires + " by " + f.Waiver.Owner + " (" + f.Waiver.Reason + ")."
	case f.Outcome == report.Pass:
		return "It passes."
	case f.Message != "":
		return f.Message
	}
	return "The check no longer applies."
}
