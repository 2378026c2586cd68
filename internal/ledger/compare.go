package ledger

import (
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Options are the further inputs of Compare.
type Options struct {
	Now time.Time
	// MinSeverity is the threshold: failures below it are not notified.
	MinSeverity report.Severity
	// RemindAfter is the time after which an unchanged failure is notified
	// again. Zero means with every audit.
	RemindAfter time.Duration
	// Received is a time before the audit began, by AWS's clocks and as late as
	// is known; zero if unknown. The clock of the machine may be wrong by any
	// amount: only Received can say which changes the audit has seen.
	Received time.Time
	// Hold is true if a retry follows: faults and findings with the outcome error
	// are then not notified yet.
	Hold bool
	// Again, if set, is why everything that is open is notified again, as a few
	// words. It is then New in the notification.
	Again string
}

// Compare returns the notification of a report, and the ledger to store once the
// notification was published. If the notification has no status, it must not be
// published, and the ledger can be stored at once. The next ledger has the lease
// of prev. A prev of another registry counts as empty.
func Compare(prev Ledger, r report.Report, o Options) (report.Notification, Ledger) {
	if prev.Registry != r.Registry {
		prev = Ledger{Lease: prev.Lease}
	}
	c := comparison{prev: prev.until(o.Now), report: r, options: o, read: r.ListRead()}
	c.notification = report.Notification{Registry: r.Registry, Policy: r.Policy, At: r.Audit.StartedAt, First: c.read && prev.RulesAt.IsZero(), Seq: prev.Seq, Notes: map[string]report.Note{}}
	c.next = c.prev
	c.next.Registry = r.Registry
	c.next.LastAudit = Audit{ID: r.Audit.ID, StartedAt: r.Audit.StartedAt, Complete: r.Complete}
	if r.Complete && c.read {
		// Without a time of AWS's, the own clock counts, as if it were a day ahead.
		c.next.SeenUntil = later(c.prev.SeenUntil, later(o.Received, r.Audit.StartedAt.Add(-mostSkew)))
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

// comparison is the state of one Compare.
type comparison struct {
	prev    Ledger
	report  report.Report
	options Options
	// read is true if the audit could list the rules.
	read bool
	// fresh are the changes that prev does not know.
	fresh []report.Trigger

	notification report.Notification
	next         Ledger
}

// until returns a copy of l without changes that are too old, in which no time
// is after now. A later time comes from a clock that was ahead, and would delay
// reminders until then, or cover changes that no audit has seen.
func (l Ledger) until(now time.Time) Ledger {
	if l.SeenUntil.After(now) {
		l.SeenUntil = time.Time{}
	}
	l.Findings = slices.Clone(l.Findings)
	for i, e := range l.Findings {
		l.Findings[i].Since = earlier(e.Since, now)
		if e.Notified != nil {
			n := *e.Notified
			n.At = earlier(n.At, now)
			if n.Began.After(now) {
				n.Began = time.Time{} // it would hide that a change has been made since
			}
			l.Findings[i].Notified = &n
		}
	}
	l.Changes = slices.Clone(l.Changes)
	for i, c := range l.Changes {
		l.Changes[i].Seen = earlier(c.Seen, now)
	}
	l.Changes = slices.DeleteFunc(l.Changes, func(c Change) bool { return l.past(c, now) })
	l.Unexplained = slices.Clone(l.Unexplained)
	for i, u := range l.Unexplained {
		l.Unexplained[i].At, l.Unexplained[i].Notified = earlier(u.At, now), earlier(u.Notified, now)
	}
	if l.Unaudited != nil {
		u := *l.Unaudited
		u.Since, u.NotifiedAt = earlier(u.Since, now), earlier(u.NotifiedAt, now)
		l.Unaudited = &u
	}
	return l
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// finish sorts the notification, and counts it in the next ledger.
func (c *comparison) finish() (report.Notification, Ledger) {
	s := &c.notification
	if c.options.Again != "" && len(s.Open)+len(s.New)+len(s.Faults)+len(s.Undecided) > 0 {
		s.Again, s.New, s.Open = c.options.Again, append(s.New, s.Open...), nil
	}
	if len(s.Statuses()) == 0 {
		*s = report.Notification{Registry: s.Registry, Policy: s.Policy, At: s.At, Seq: s.Seq}
		return *s, c.next.bounded()
	}
	for _, section := range [][]report.Finding{s.New, s.Altered, s.Resolved, s.Reminded, s.Open} {
		slices.SortStableFunc(section, func(a, b report.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	}
	s.Changes = c.next.notifyChanges(c.report.Triggers, c.concerned())
	if c.next.Seq++; c.next.Seq < 0 { // after the highest number
		c.next.Seq = 0
	}
	return *s, c.next.bounded()
}

// concerned returns the prefixes that the notification reports a finding or a
// fault of. It leaves out unexplained changes: known change events of their
// prefixes do not explain them.
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
