package ledger

import (
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Unaudited is a period of incomplete audits.
type Unaudited struct {
	// Since is when the first of them began, UTC.
	Since time.Time `json:"since"`
	// NotifiedAt is when that was last notified, UTC; zero if it was not.
	NotifiedAt time.Time `json:"notifiedAt,omitzero"`
	// Subjects were notified. Each is an operation and the kind of its fault, or
	// a check, and a prefix.
	Subjects []string `json:"subjects"`
}

// undecided adds what could not be checked to the notification: once per
// subject, again after RemindAfter, and when audits are complete again.
func (c *comparison) undecided() {
	s := &c.notification
	var subjects []string
	for _, f := range c.report.Faults {
		if f.Kind != ptc.FaultUnsupported {
			s.Faults = append(s.Faults, f)
			// The kind belongs to it: if a call that was throttled is denied,
			// someone has to act.
			subjects = append(subjects, f.Operation+" "+string(f.Kind)+" "+f.Prefix)
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
		if before == nil || !c.report.Complete || !c.read {
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
	isNew := func(subject string) bool { return !slices.Contains(now.Subjects, subject) }
	remind := c.options.Now.Sub(now.NotifiedAt) >= c.options.RemindAfter
	switch {
	case c.options.Again != "" && !c.options.Hold && !remind && !slices.ContainsFunc(subjects, isNew): // sent again, and not newly notified
	case c.options.Hold, !remind && !slices.ContainsFunc(subjects, isNew):
		s.Faults, s.Undecided = nil, nil
	case remind:
		now.NotifiedAt, now.Subjects = c.options.Now, subjects
	default:
		// Keep the old subjects, so that one that comes and goes is notified once.
		now.NotifiedAt, now.Subjects = c.options.Now, slices.Concat(now.Subjects, subjects)
	}
	c.next.Unaudited = &now
}
