package ledger

import (
	"cmp"
	"slices"
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
