// Package notify turns a notification (report.Notification) into one message
// for Amazon SNS, in three forms: a mail, JSON for programs, and a chat message.
// Each form is published to a topic of its own, with the same attributes to
// filter by. README.md in its folder shows one of each.
//
// Data flows in one direction:
//
//	report.Notification → content (cleaned and bounded) → text, JSON, chat → one Envelope each
//
// The package does not decide whether or what to notify, and publishes nothing. It
// imports ptc, report, untrusted and the standard library only.
package notify

import (
	"slices"
	"sort"

	"ptcaudit/internal/report"
)

// Compose writes the message of a notification. If the message is larger than
// SNS accepts, items are left out until it fits: rule changes first, then
// findings from the end of the message, then changes and faults.
func Compose(n report.Notification) Message {
	c := newContent(n)
	m := c.message()
	if m.fits() {
		return m
	}
	// Search returns the largest number of items that fits.
	items := sort.Search(c.size(), func(items int) bool { return !c.cut(items + 1).message().fits() })
	return c.cut(items).message()
}

// fits reports whether SNS accepts every form of the message.
func (m Message) fits() bool {
	return !slices.ContainsFunc(Forms(), func(form Form) bool { return m.Envelope(form).Size() > MaxSize })
}
