package delivery

import (
	"context"
	"slices"
	"sync"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/report"
)

// Why everything that is open is sent again.
const (
	subscriberAdded = "a subscriber was added"
	requested       = "someone requested it"
)

// isAnnounced reports whether one of the triggers asks for everything that is open.
func isAnnounced(triggers []report.Trigger) bool {
	return slices.ContainsFunc(triggers, func(t report.Trigger) bool { return t.Kind == report.AnnounceTrigger })
}

// audience is who can hear a notification. Filters of subscriptions are not
// evaluated.
type audience struct {
	// subscribers are the confirmed ones by topic, or ledger.Unknown; nil before
	// they were counted.
	subscribers map[string]int
	err         error // of a topic that could not be read
}

// count counts the subscribers of all topics, once for each delivery.
func (a attempt) count(ctx context.Context) {
	if a.audience.subscribers != nil {
		return
	}
	ctx, cancel := half(ctx)
	defer cancel()
	var group sync.WaitGroup
	var mu sync.Mutex
	a.audience.subscribers = map[string]int{}
	for _, topic := range a.topics {
		group.Go(func() {
			n, err := topic.Subscribers(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				n, a.audience.err = ledger.Unknown, err
			}
			a.audience.subscribers[topic.Name()] = n
		})
	}
	group.Wait()
}

// unheard reports whether no topic has a confirmed subscriber, so that a
// notification would be lost. If a topic cannot be read, someone may hear it.
// Without topics the caller hands the message over.
func (a attempt) unheard(ctx context.Context, result *Result) bool {
	if len(a.topics) == 0 {
		return false
	}
	a.count(ctx)
	result.Uncounted, result.Unheard = a.audience.err, a.audience.err == nil
	for _, n := range a.audience.subscribers {
		result.Unheard = result.Unheard && n == 0
	}
	return result.Unheard
}

// heed adapts what Compare has decided to who can hear it. If no one can, nothing
// is published and nothing counts as notified. If there is nothing new, but a topic
// has gained subscribers, it returns everything that is open, for that topic only.
func (a attempt) heed(ctx context.Context, k *known, before ledger.Ledger, o ledger.Options, notification report.Notification, next ledger.Ledger, result *Result) (report.Notification, ledger.Ledger, []Topic) {
	isNew := len(notification.Statuses()) > 0
	result.Unheard, result.UnheardFor = false, 0
	if !isNew && !next.HasOpen() {
		return notification, next.Heard(), a.topics
	}
	if a.unheard(ctx, result) {
		if isNew {
			notification, next = report.Notification{}, k.ledger.Unheard(next, result.Report.Triggers, o.Now)
		}
		if next.UnheardSince.IsZero() || next.UnheardSince.After(o.Now) {
			next.UnheardSince = o.Now
		}
		result.UnheardFor = o.Now.Sub(next.UnheardSince)
		return notification, next.Count(a.audience.subscribers, nil), a.topics
	}
	topics, gained := a.topics, k.ledger.Gained(a.audience.subscribers)
	if len(gained) > 0 {
		o.Again = subscriberAdded
		switch again, all := ledger.Compare(before, result.Report, o); {
		case isNew && !isWhole(notification, again):
			// The next audit sends the rest to the new subscribers.
			return notification, next.Heard().Count(a.audience.subscribers, gained), topics
		case !isNew && len(again.Statuses()) > 0:
			notification, next = again, all
			topics = slices.DeleteFunc(slices.Clone(topics), func(t Topic) bool { return !slices.Contains(gained, t.Name()) })
		}
	}
	return notification, next.Heard().Count(a.audience.subscribers, nil), topics
}

// isWhole reports whether a notification lists everything that is open.
func isWhole(n, again report.Notification) bool {
	return len(n.Open) == 0 && len(n.Faults) == len(again.Faults) && len(n.Undecided) == len(again.Undecided)
}
