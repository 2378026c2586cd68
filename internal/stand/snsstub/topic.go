package snsstub

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
)

// getAttributes is the action that counts subscriptions:
// https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
const getAttributes = "GetTopicAttributes"

// topic is one topic and its subscriptions.
type topic struct {
	// others counts confirmed subscribers that no Subscription stands for.
	others        int
	subscriptions []*Subscription
}

// Subscription is one subscriber of a topic. It hears nothing until it is
// confirmed.
type Subscription struct {
	stub      *Stub
	filter    map[string][]string
	confirmed bool
	received  []Publication
}

// Subscribe adds an unconfirmed subscription. The filter has the accepted values of
// each attribute; a message without one of these attributes does not match, and
// nil matches everything:
// https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
func (s *Stub) Subscribe(topicARN string, filter map[string][]string) *Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := &Subscription{stub: s, filter: filter}
	t := s.topics[topicARN]
	t.others = 0
	t.subscriptions = append(t.subscriptions, sub)
	return sub
}

// Confirm confirms the subscription, as the link in AWS's mail does.
func (u *Subscription) Confirm() {
	u.stub.mu.Lock()
	defer u.stub.mu.Unlock()
	u.confirmed = true
}

// Received lists what was delivered to the subscription, in order.
func (u *Subscription) Received() []Publication {
	u.stub.mu.Lock()
	defer u.stub.mu.Unlock()
	return slices.Clone(u.received)
}

// matches reports whether the filter lets a message through. Of an attribute of
// the type String.Array one element has to match.
func (u *Subscription) matches(p Publication) bool {
	for name, accepted := range u.filter {
		a, exists := p.Attributes[name]
		values := []string{a.Value}
		if a.Type == "String.Array" && json.Unmarshal([]byte(a.Value), &values) != nil {
			return false
		}
		if !exists || !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(accepted, v) }) {
			return false
		}
	}
	return true
}

// Unreadable answers every GetTopicAttributes with an error, until code is "".
func (s *Stub) Unreadable(code string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = nil
	if code != "" {
		s.unread = &refusal{status, code, "The stub was configured to fail."}
	}
}

type attributesResponse struct {
	XMLName  xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ GetTopicAttributesResponse"`
	Entries  []entry  `xml:"GetTopicAttributesResult>Attributes>entry"`
	Metadata metadata `xml:"ResponseMetadata"`
}

type entry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// attributes answers how many subscriptions of a topic are confirmed.
func (s *Stub) attributes(w http.ResponseWriter, topicARN string) {
	s.mu.Lock()
	t, unread := s.topics[topicARN], s.unread
	confirmed, pending := 0, 0
	if t != nil {
		confirmed = t.others
		for _, sub := range t.subscriptions {
			if sub.confirmed {
				confirmed++
			} else {
				pending++
			}
		}
	}
	s.mu.Unlock()
	switch {
	case unread != nil:
		fail(w, unread)
	case t == nil:
		fail(w, &refusal{http.StatusNotFound, NotFound, "Topic does not exist"})
	default:
		w.Header().Set("Content-Type", "text/xml")
		answer(w, attributesResponse{
			Entries: []entry{
				{"TopicArn", topicARN},
				{"SubscriptionsConfirmed", strconv.Itoa(confirmed)},
				{"SubscriptionsPending", strconv.Itoa(pending)},
				{"SubscriptionsDeleted", "0"},
			},
			Metadata: metadata{RequestID: requestID},
		})
	}
}
