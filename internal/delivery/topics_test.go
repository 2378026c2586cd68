package delivery_test

import (
	"strings"
	"testing"

	"ptcaudit/internal/delivery"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var refused = &ptc.Fault{Operation: ptc.OpPublish, Kind: ptc.FaultDenied, Message: "no"}

// A topic refuses a message: the others get it, and a retry publishes to that
// one only, until something else is to be notified.
func TestOneTopicRefuses(t *testing.T) {
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			w := inFolders(t)
			people, records := w.topic, &topic{name: "records", subscribers: 1}
			w.Topics = []delivery.Topic{people, records}
			bad, good := people, records
			if name == "second" {
				bad, good = records, people
			}
			bad.refuse = refused
			for range 2 {
				if _, err := w.deliver(t, audited("a", "hub"), true); err == nil {
					t.Fatal("no error of a topic that refuses")
				}
			}
			is(t, "published before", good.statuses(), []string{"FAILED"})
			if l := w.ledger(t); l.Accepted == nil || l.Lease != nil || l.Seq != 0 {
				t.Errorf("the ledger has accepted %v, lease %v, seq %d", l.Accepted, l.Lease, l.Seq)
			}
			bad.refuse = nil
			w.mustDeliver(t, audited("b", "hub"))
			is(t, "published once", good.statuses(), []string{"FAILED"})
			is(t, "published later", bad.statuses(), []string{"FAILED"})
			if good.published[0].ID != bad.published[0].ID {
				t.Error("the topics got different message ids")
			}
			if l := w.ledger(t); l.Accepted != nil || l.Seq != 1 {
				t.Errorf("the ledger has accepted %v, seq %d", l.Accepted, l.Seq)
			}
			w.mustDeliver(t, audited("c"))
			is(t, "the good topic", good.statuses(), []string{"FAILED", "RESOLVED"})
			is(t, "the bad topic", bad.statuses(), []string{"FAILED", "RESOLVED"})
		})
	}
}

// Something changes between the refusal and the retry: the message differs, so
// every topic gets it.
func TestChangeBetweenRefusalAndRetry(t *testing.T) {
	w := inFolders(t)
	records := &topic{name: "records", subscribers: 1, refuse: refused}
	w.Topics = []delivery.Topic{w.topic, records}
	if _, err := w.deliver(t, audited("a", "hub"), true); err == nil {
		t.Fatal("no error of a topic that refuses")
	}
	records.refuse = nil
	w.mustDeliver(t, audited("b", "hub", "quay"))
	is(t, "people", w.topic.statuses(), []string{"FAILED", "FAILED"})
	is(t, "records", records.statuses(), []string{"FAILED"})
}

// No one has confirmed a subscription: nothing is published, and nothing counts
// as notified. With the first subscriber everything is notified as new, once.
func TestNoSubscriber(t *testing.T) {
	w := inFolders(t)
	w.topic.subscribers = 0
	for range 2 {
		if result := w.mustDeliver(t, audited("a", "hub")); !result.Unheard || result.Message != nil {
			t.Fatalf("unheard %v, message %v", result.Unheard, result.Message)
		}
	}
	is(t, "published before", w.topic.statuses(), []string{})
	if l := w.ledger(t); l.Seq != 0 || l.Lease != nil || l.UnheardSince.IsZero() || len(l.Findings) != 0 {
		t.Errorf("the ledger has seq %d, lease %v, unheard since %v, findings %v", l.Seq, l.Lease, l.UnheardSince, l.Findings)
	}
	w.topic.subscribers = 1
	if result := w.mustDeliver(t, audited("b", "hub")); result.Unheard {
		t.Error("unheard, although there is a subscriber")
	}
	w.mustDeliver(t, audited("c", "hub"))
	is(t, "published", w.topic.statuses(), []string{"FAILED"})
	if l := w.ledger(t); !l.UnheardSince.IsZero() {
		t.Errorf("unheard since %v", l.UnheardSince)
	}
}

// Without a ledger nothing is published either.
func TestNoSubscriberAndNoLedger(t *testing.T) {
	w := inFolders(t)
	w.State, w.topic.subscribers = nil, 0
	if result := w.mustDeliver(t, audited("a", "hub")); !result.Unheard || result.Message != nil {
		t.Errorf("unheard %v, message %v", result.Unheard, result.Message)
	}
}

// The subscribers cannot be counted: everything is published and recorded.
func TestSubscribersAreUnknown(t *testing.T) {
	w := inFolders(t)
	w.topic.subscribers, w.topic.unreadable = 0, refused
	if result := w.mustDeliver(t, audited("a", "hub")); result.Unheard || result.Uncounted == nil {
		t.Errorf("unheard %v, uncounted %v", result.Unheard, result.Uncounted)
	}
	w.topic.subscribers, w.topic.unreadable = 3, nil
	w.mustDeliver(t, audited("b", "hub"))
	is(t, "published", w.topic.statuses(), []string{"FAILED"})
}

// A topic has one more subscriber: what is open is sent once more, to that topic
// alone.
func TestSubscriberIsAdded(t *testing.T) {
	w := inFolders(t)
	records := &topic{name: "records"}
	w.Topics = []delivery.Topic{w.topic, records}
	w.mustDeliver(t, audited("a", "hub"))
	w.mustDeliver(t, audited("b", "hub"))
	is(t, "records before", records.statuses(), []string{"FAILED"})
	records.subscribers = 1
	w.mustDeliver(t, audited("c", "hub"))
	w.mustDeliver(t, audited("d", "hub"))
	is(t, "people", w.topic.statuses(), []string{"FAILED"})
	is(t, "records", records.statuses(), []string{"FAILED", "FAILED"})
	again := records.published[1]
	if again.Again != "a subscriber was added" || again.ID == records.published[0].ID || !strings.Contains(again.Text, "Sent again: a subscriber was added.") {
		t.Errorf("again %q, text:\n%s", again.Again, again.Text)
	}
	records.subscribers = 0 // one leaves, and another comes
	w.mustDeliver(t, audited("e", "hub"))
	records.subscribers = 1
	w.mustDeliver(t, audited("f", "hub"))
	is(t, "records", records.statuses(), []string{"FAILED", "FAILED", "FAILED"})
}

// A subscriber is added while something new fails: the topic gets the new failure
// at once, and with the next audit what was open before.
func TestSubscriberIsAddedWithANewFailure(t *testing.T) {
	w := inFolders(t)
	w.mustDeliver(t, audited("a", "hub"))
	w.topic.subscribers = 2
	w.mustDeliver(t, audited("b", "hub", "quay"))
	w.mustDeliver(t, audited("c", "hub", "quay"))
	w.mustDeliver(t, audited("d", "hub", "quay"))
	is(t, "published", w.topic.statuses(), []string{"FAILED", "FAILED", "FAILED"})
	if last := w.topic.published[2]; len(last.Findings) != 2 || last.Again == "" {
		t.Errorf("again %q with %d findings", last.Again, len(last.Findings))
	}
}

// Someone asks for everything that is open: all topics get it again.
func TestAnnounce(t *testing.T) {
	w := inFolders(t)
	announced := func(id string, failing ...string) report.Report {
		r := audited(id, failing...)
		r.Triggers = []report.Trigger{{Kind: report.AnnounceTrigger}}
		return r
	}
	w.mustDeliver(t, announced("a"))
	is(t, "published with nothing open", w.topic.statuses(), []string{})
	w.mustDeliver(t, audited("b", "hub"))
	w.mustDeliver(t, announced("c", "hub"))
	w.mustDeliver(t, audited("d", "hub"))
	is(t, "published", w.topic.statuses(), []string{"FAILED", "FAILED"})
	if last := w.topic.published[1]; last.Again != "someone requested it" {
		t.Errorf("again %q", last.Again)
	}
	w.mustDeliver(t, audited("e"))
	is(t, "published", w.topic.statuses(), []string{"FAILED", "FAILED", "RESOLVED"})
}
