package ledger

import (
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Options are what a comparison depends on besides ledger and report.
type Options struct {
	Now time.Time
	// MinSeverity is the threshold below which failures are not said.
	MinSeverity report.Severity
	// RemindAfter is how long after it was last said an unchanged failure is
	// said again. Zero says it with every audit.
	RemindAfter time.Duration
	// Hold says that another try follows, so that what is undecided is left
	// unsaid for now.
	Hold bool
}

// Compare is what there is to say of a report, and the ledger that supposes
// that it was said. A notification without statuses is not to be said: then the
// ledger has only what the audit saw. The lease of prev is kept. A ledger of
// another registry is taken for an empty one: what it has was never said of
// this one.
func Compare(prev Ledger, r report.Report, o Options) (report.Notification, Ledger) {
	if prev.Registry != r.Registry {
		prev = Ledger{Lease: prev.Lease}
	}
	c := comparison{prev: prev.until(o.Now), report: r, options: o, read: r.ListRead() && !unsupported(r)}
	c.notification = report.Notification{Registry: r.Registry, Policy: r.Policy, At: r.Audit.StartedAt, First: c.read && prev.RulesAt.IsZero(), Seq: prev.Seq, Notes: map[string]report.Note{}}
	c.next = c.prev
	c.next.Registry = r.Registry
	c.next.LastAudit = Audit{ID: r.Audit.ID, StartedAt: r.Audit.StartedAt, Complete: r.Complete}
	if r.Complete {
		c.next.LastComplete = r.Audit.StartedAt
	}
	if c.read {
		c.next.Rules, c.next.RulesAt = r.Rules, r.Audit.StartedAt
	}
	c.fresh = c.next.learn(r.Triggers, o.Now)
	c.findings()
	c.undecided()
	c.rules()
	return c.finish()
}

// comparison is the work of one Compare.
type comparison struct {
	prev    Ledger
	report  report.Report
	options Options
	// read says that the report knows which rules there are.
	read bool
	// fresh are the changes that the ledger did not know.
	fresh []report.Trigger

	notification report.Notification
	next         Ledger
}

// unsupported says that the Region has no pull through cache rules: the report
// is complete, and knows nothing.
func unsupported(r report.Report) bool {
	return slices.ContainsFunc(r.Faults, func(f ptc.Fault) bool { return f.Kind == ptc.FaultUnsupported })
}

// until is a copy of l without a future, and without the changes that are long
// past. What a clock that was fast has written would otherwise silence others
// for as long as it was fast.
func (l Ledger) until(now time.Time) Ledger {
	l.Findings = slices.Clone(l.Findings)
	for i, e := range l.Findings {
		l.Findings[i].Since = earlier(e.Since, now)
		if e.Notified != nil && e.Notified.At.After(now) {
			l.Findings[i].Notified = &Notified{At: now, Severity: e.Notified.Severity, Facts: e.Notified.Facts}
		}
	}
	l.Changes = slices.Clone(l.Changes)
	for i, c := range l.Changes {
		l.Changes[i].Seen = earlier(c.Seen, now)
	}
	l.Changes = slices.DeleteFunc(l.Changes, func(c Change) bool { return l.past(c, now) })
	l.Unexplained = slices.Clone(l.Unexplained)
	for i, u := range l.Unexplained {
		l.Unexplained[i].At = earlier(u.At, now)
	}
	if l.Unaudited != nil {
		u := *l.Unaudited
		u.Since, u.NotifiedAt = earlier(u.Since, now), earlier(u.NotifiedAt, now)
		l.Unaudited = &u
	}
	return l
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// finish orders what is said, and writes down that it was.
func (c *comparison) finish() (report.Notification, Ledger) {
	s := &c.notification
	if len(s.Statuses()) == 0 {
		*s = report.Notification{Registry: s.Registry, Policy: s.Policy, At: s.At, Seq: s.Seq}
		return *s, c.next.bounded()
	}
	for _, section := range [][]report.Finding{s.New, s.Altered, s.Resolved, s.Reminded, s.Open} {
		slices.SortStableFunc(section, func(a, b report.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	}
	s.Changes = c.next.say(c.report.Triggers, c.concerned())
	c.next.Seq++
	return *s, c.next.bounded()
}

// concerned are the prefixes of which something is said. Those of unexplained
// changes are not: what is known of them is not what explains them.
func (c *comparison) concerned() map[string]bool {
	s, out := c.notification, map[string]bool{}
	for _, section := range [][]report.Finding{s.New, s.Altered, s.Resolved, s.Reminded, s.Undecided} {
		for _, f := range section {
			out[ptc.CleanPrefix(f.Prefix)] = true
		}
	}
	for _, f := range s.Faults {
		out[ptc.CleanPrefix(f.Prefix)] = true
	}
	return out
}
