package ledger

import (
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

const (
	// eventsWithin is how late a change event may be before its absence is
	// said. CloudTrail delivers within about five minutes on average, and
	// promises nothing:
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
	eventsWithin = 30 * time.Minute
	// eventSkew is how far before rules were read the event of a change may
	// lie that the reading did not see: clocks differ, and lists lag.
	eventSkew = 15 * time.Minute
)

// Unexplained is a change of a rule that no event has told of yet.
type Unexplained struct {
	report.RuleChange
	// At is when the change was made, as far as is known.
	At time.Time `json:"at"`
	// After is the time from which on an event of the prefix explains it.
	After time.Time `json:"after"`
}

// rules says what became of the rules, and which of that no event has told of
// in time.
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

// madeAt is when a change was made: when ECR says so, or now, where the rule is
// gone or ECR's time cannot be that of this change.
func (c *comparison) madeAt(change report.RuleChange) time.Time {
	for _, rule := range c.report.Rules {
		if rule.Prefix == change.Prefix && rule.UpdatedAt.After(c.prev.RulesAt) {
			return earlier(rule.UpdatedAt, c.options.Now)
		}
	}
	return c.options.Now
}

// explains says that an event is known which may be that of the change.
func (l Ledger) explains(u Unexplained) bool {
	return slices.ContainsFunc(l.Changes, func(c Change) bool {
		return c.Kind == report.ChangeTrigger && ptc.CleanPrefix(c.Prefix) == ptc.CleanPrefix(u.Prefix) && !c.Time.Before(u.After)
	})
}
