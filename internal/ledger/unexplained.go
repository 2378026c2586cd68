package ledger

import (
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

const (
	// eventsWithin is how late a change event may be before its change counts as
	// unexplained. CloudTrail delivers within about five minutes on average, and
	// guarantees nothing:
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
	eventsWithin = 30 * time.Minute
	// eventSkew is how long before a list of rules a change may have been made
	// that the list does not show: clocks differ, and lists lag behind.
	eventSkew = 15 * time.Minute
	// takeBackWithin is how long a notified change waits for its event, and
	// maxTakeBacks how many of them do. CloudTrail delivers events for hours or
	// days after an outage.
	takeBackWithin = 7 * 24 * time.Hour
	maxTakeBacks   = 64
)

// Unexplained is a change of a rule without a change event so far.
type Unexplained struct {
	report.RuleChange
	// At is when the change was made, or first seen if that is unknown, UTC.
	At time.Time `json:"at"`
	// After is the earliest time of an event that explains it, UTC.
	After time.Time `json:"after"`
	// Notified is when it was notified that no event arrived, UTC; zero if it was
	// not. If the event arrives later, that notification is taken back.
	Notified time.Time `json:"notified,omitzero"`
}

// CheckExplained is the check of the finding with which a notification takes
// back that a rule changed without an event.
const CheckExplained = "change-without-event"

// rules adds the changes of rules to the notification, and those that have had
// no change event for eventsWithin.
func (c *comparison) rules() {
	open := c.prev.Unexplained
	if seen := c.prev.RulesAt; c.read && !seen.IsZero() {
		c.notification.Rules = report.DiffRules(c.prev.Rules, c.report.Rules)
		for _, change := range c.notification.Rules {
			open = append(open, Unexplained{RuleChange: change, At: c.madeAt(change), After: seen.Add(-eventSkew)})
		}
	}
	c.next.Unexplained = nil
	for _, u := range open {
		explained := c.next.explains(u)
		switch {
		case !u.Notified.IsZero() && c.options.Now.Sub(u.Notified) >= takeBackWithin:
		case explained && !u.Notified.IsZero():
			c.takeBack(u)
		case explained:
		case u.Notified.IsZero() && c.options.Now.Sub(u.At) >= eventsWithin:
			c.notification.Unexplained = append(c.notification.Unexplained, u.RuleChange)
			u.Notified = c.options.Now
			c.next.Unexplained = append(c.next.Unexplained, u)
		default:
			c.next.Unexplained = append(c.next.Unexplained, u)
		}
	}
}

// takeBack notifies that the event of a change has arrived after all, to those
// who were notified that it is missing. The event is listed with its actor.
func (c *comparison) takeBack(u Unexplained) {
	same := func(f report.Finding) bool { return f.Check == CheckExplained && f.Prefix == u.Prefix }
	if slices.ContainsFunc(c.notification.Resolved, same) {
		return
	}
	c.notification.Resolved = append(c.notification.Resolved, report.Finding{
		Check: CheckExplained, Prefix: u.Prefix, Outcome: report.Pass, Severity: report.High,
		Message:     "The event of this change has arrived late. It was notified before as a change without an event.",
		Fingerprint: report.Fingerprint(c.report.Registry, CheckExplained, u.Prefix),
	})
}

// madeAt returns when a change was made, according to ECR. It returns now if the
// rule was deleted, or if ECR's time is older than the last list.
func (c *comparison) madeAt(change report.RuleChange) time.Time {
	for _, rule := range c.report.Rules {
		if rule.Prefix == change.Prefix && rule.UpdatedAt.After(c.prev.RulesAt) {
			return earlier(rule.UpdatedAt, c.options.Now)
		}
	}
	return c.options.Now
}

// explains reports whether a known event may be the event of the change. After
// the change was notified as unexplained, a later change of the same rule must not
// take that back: its event was made after the change was seen.
func (l Ledger) explains(u Unexplained) bool {
	return slices.ContainsFunc(l.Changes, func(c Change) bool { return u.explainedBy(c.Trigger) })
}

func (u Unexplained) explainedBy(t report.Trigger) bool {
	return t.Kind == report.ChangeTrigger && ptc.CleanPrefix(t.Prefix) == ptc.CleanPrefix(u.Prefix) && !t.Time.Before(u.After) &&
		(u.Notified.IsZero() || !t.Time.After(u.At.Add(eventSkew)))
}

// takesBack reports whether a change event explains a change that was notified
// as unexplained.
func (l Ledger) takesBack(t report.Trigger) bool {
	return slices.ContainsFunc(l.Unexplained, func(u Unexplained) bool { return !u.Notified.IsZero() && u.explainedBy(t) })
}
