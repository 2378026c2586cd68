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
)

// Unexplained is a change of a rule without a change event so far.
type Unexplained struct {
	report.RuleChange
	// At is when the change was made, or first seen if that is unknown, UTC.
	At time.Time `json:"at"`
	// After is the earliest time of an event that explains it, UTC.
	After time.Time `json:"after"`
}

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
		switch {
		case c.next.explains(u):
		case c.options.Now.Sub(u.At) >= eventsWithin:
			c.notification.Unexplained = append(c.notification.Unexplained, u.RuleChange)
		default:
			c.next.Unexplained = append(c.next.Unexplained, u)
		}
	}
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

// explains reports whether a known event may be the event of the change.
func (l Ledger) explains(u Unexplained) bool {
	return slices.ContainsFunc(l.Changes, func(c Change) bool {
		return c.Kind == report.ChangeTrigger && ptc.CleanPrefix(c.Prefix) == ptc.CleanPrefix(u.Prefix) && !c.Time.Before(u.After)
	})
}
