package ledger

import (
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Unaudited is a time in which audits are not complete.
type Unaudited struct {
	// Since is when the first of them began.
	Since time.Time `json:"since"`
	// NotifiedAt is when that was last said; zero where it was not yet.
	NotifiedAt time.Time `json:"notifiedAt,omitzero"`
	// Subjects are those that were said: an operation or a check, and a prefix.
	Subjects []string `json:"subjects"`
}

// undecided decides whether it is said that the audit is not complete: once
// for each subject, again after a while, and that it is over.
func (c *comparison) undecided() {
	s := &c.notification
	var subjects []string
	for _, f := range c.report.Faults {
		if f.Kind != ptc.FaultUnsupported {
			s.Faults = append(s.Faults, f)
			subjects = append(subjects, f.Operation+" "+f.Prefix)
		}
	}
	for _, f := range c.report.Findings {
		if f.Outcome == report.Error {
			s.Undecided = append(s.Undecided, f)
			subjects = append(subjects, f.Check+" "+f.Prefix)
		}
	}
	before := c.prev.Unaudited
	if len(subjects) == 0 {
		if before == nil || !c.report.Complete || unsupported(c.report) {
			return
		}
		if !before.NotifiedAt.IsZero() {
			s.Recovered = before.Since
		}
		c.next.Unaudited = nil
		return
	}

	now := Unaudited{Since: c.report.Audit.StartedAt}
	if before != nil {
		now = *before
	}
	unsaid := func(subject string) bool { return !slices.Contains(now.Subjects, subject) }
	remind := c.options.Now.Sub(now.NotifiedAt) >= c.options.RemindAfter
	switch {
	case c.options.Hold, !remind && !slices.ContainsFunc(subjects, unsaid):
		s.Faults, s.Undecided = nil, nil
	case remind:
		now.NotifiedAt, now.Subjects = c.options.Now, subjects
	default:
		// One that comes and goes is said once.
		now.NotifiedAt, now.Subjects = c.options.Now, slices.Concat(now.Subjects, subjects)
	}
	c.next.Unaudited = &now
}
