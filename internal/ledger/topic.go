package ledger

import (
	"cmp"
	"slices"
	"time"

	"ptcaudit/internal/report"
)

// Accepted lists the topics that have accepted a message which others refused, or
// which is still being published.
type Accepted struct {
	// MessageID is the id of the message, which follows from its content.
	MessageID string   `json:"messageId"`
	Topics    []string `json:"topics"`
}

// HasAccepted reports whether a topic has accepted a message that was not
// published to all topics.
func (l Ledger) HasAccepted(messageID, topic string) bool {
	return l.Accepted != nil && l.Accepted.MessageID == messageID && slices.Contains(l.Accepted.Topics, topic)
}

// Accept returns the ledger with one more topic that has accepted a message. It
// forgets the topics of any other message.
func (l Ledger) Accept(messageID, topic string) Ledger {
	if l.HasAccepted(messageID, topic) {
		return l
	}
	accepted := Accepted{MessageID: messageID}
	if l.Accepted != nil && l.Accepted.MessageID == messageID {
		accepted.Topics = slices.Clone(l.Accepted.Topics)
	}
	accepted.Topics = append(accepted.Topics, topic)
	l.Accepted = &accepted
	return l.canonical()
}

// canonical returns a copy whose topics are sorted.
func (a *Accepted) canonical() *Accepted {
	if a == nil {
		return nil
	}
	return &Accepted{MessageID: a.MessageID, Topics: slices.Compact(sorted(a.Topics, cmp.Compare[string]))}
}

// Audience is how many confirmed subscribers a topic had when an audit last
// counted them with something open.
type Audience struct {
	Topic string `json:"topic"`
	// Subscribers is Unknown if they could not be counted yet.
	Subscribers int `json:"subscribers"`
}

// Unknown is the number of subscribers of a topic that could not be read.
const Unknown = -1

// Count returns the ledger with the numbers of subscribers by topic. A topic that
// could not be read is Unknown, and keeps its last known number. So does a pending
// topic, whose new subscribers still have to be notified.
func (l Ledger) Count(subscribers map[string]int, pending []string) Ledger {
	var audiences []Audience
	for topic, n := range subscribers {
		if before, known := l.audience(topic); slices.Contains(pending, topic) || n == Unknown && known {
			n = before
		}
		audiences = append(audiences, Audience{topic, n})
	}
	l.Audiences = audiences
	return l.canonical()
}

// Gained returns the topics that have more subscribers than when they were last
// counted, sorted. A topic that was added since then had none. If no topic was
// ever counted, or if this one was Unknown, nothing was gained.
func (l Ledger) Gained(subscribers map[string]int) []string {
	var gained []string
	for topic, n := range subscribers {
		before, known := l.audience(topic)
		if n != Unknown && (known && before != Unknown || !known && len(l.Audiences) > 0) && n > before {
			gained = append(gained, topic)
		}
	}
	slices.Sort(gained)
	return gained
}

// audience returns the last known number of subscribers of a topic.
func (l Ledger) audience(topic string) (n int, known bool) {
	for _, a := range l.Audiences {
		if a.Topic == topic {
			return a.Subscribers, true
		}
	}
	return 0, false
}

// HasOpen reports whether a failure or an incomplete audit was notified that is
// not over.
func (l Ledger) HasOpen() bool {
	return l.Unaudited != nil && !l.Unaudited.NotifiedAt.IsZero() ||
		slices.ContainsFunc(l.Findings, func(e Entry) bool { return e.State == Open && e.Notified != nil })
}

// Unheard returns the ledger to store after an audit whose notification was not
// published, because no topic has a subscriber. It has the audit and who made
// changes, but nothing counts as notified. next is the ledger of Compare.
func (l Ledger) Unheard(next Ledger, triggers []report.Trigger, now time.Time) Ledger {
	l = l.Record(triggers, now)
	l.LastAudit = next.LastAudit
	return l
}

// Heard returns the ledger of an audit that someone can hear.
func (l Ledger) Heard() Ledger {
	l.UnheardSince = time.Time{}
	return l
}
