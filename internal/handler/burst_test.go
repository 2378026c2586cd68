package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/delivery"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"

	"ptcaudit/internal/stand/sqsbatch"
)

// simulation is the queue as it is deployed, and the function's event source,
// in virtual time: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
type simulation struct {
	mu       sync.Mutex
	messages map[string]*message // by receipt
	dead     int
	// acknowledged, if set, is called for each message that did not fail.
	acknowledged func(m *message)
}

type message struct {
	id, body string
	sent     time.Time
	visible  time.Time
	first    time.Time // when it was first received
	receives int
}

// What infra deploys.
const (
	queueDelay      = 30 * time.Second
	queueVisibility = 740 * time.Second
	queueWindow     = 20 * time.Second
	batchSize       = 10
	concurrency     = 2
	functionTimeout = 2 * time.Minute
)

// send puts a message into the queue.
func (s *simulation) send(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprint("message-", len(s.messages))
	s.messages[id] = &message{id: id, body: body, sent: time.Now(), visible: time.Now().Add(queueDelay)}
}

// receive hands out a batch of those that waited longest, once it is full or
// one of them waited for long enough.
func (s *simulation) receive() (batch []*message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.body != "" && !m.visible.After(time.Now()) {
			batch = append(batch, m)
		}
	}
	slices.SortFunc(batch, func(a, b *message) int { return a.visible.Compare(b.visible) })
	if len(batch) < batchSize && (len(batch) == 0 || time.Since(batch[0].visible) < queueWindow) {
		return nil
	}
	batch = slices.DeleteFunc(batch[:min(len(batch), batchSize)], func(m *message) bool {
		if m.receives == maxReceives {
			s.dead++
			m.body = ""
			return true
		}
		if m.receives++; m.receives == 1 {
			m.first = time.Now()
		}
		m.visible = time.Now().Add(queueVisibility)
		return false
	})
	return batch
}

// done deletes what did not fail, and reports whether all messages are done.
func (s *simulation) done(batch []*message, failed []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range batch {
		if !slices.Contains(failed, m.id) {
			if s.acknowledged != nil {
				s.acknowledged(m)
			}
			m.body = ""
		}
	}
}

func (s *simulation) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.body != "" {
			return false
		}
	}
	return true
}

// Delay makes it a handler.Queue.
func (s *simulation) Delay(_ context.Context, _ string, delays map[string]time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for receipt, delay := range delays {
		s.messages[receipt].visible = time.Now().Add(delay.Round(time.Second))
	}
	return nil
}

// poll invokes the function with the messages of the queue, until ctx ends.
func (s *simulation) poll(t *testing.T, h *handler.Handler, stop <-chan struct{}) {
	t.Helper()
	for {
		batch := s.receive()
		if len(batch) == 0 {
			select {
			case <-stop:
				return
			case <-time.After(time.Second):
			}
			continue
		}
		records := []any{}
		for _, m := range batch {
			records = append(records, map[string]any{
				"messageId": m.id, "body": m.body, "eventSource": "aws:sqs", "receiptHandle": m.id, "eventSourceARN": sqsbatch.QueueARN,
				"attributes": map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.receives), "ApproximateFirstReceiveTimestamp": fmt.Sprint(m.first.UnixMilli())},
			})
		}
		payload, err := json.Marshal(map[string]any{"Records": records})
		if err != nil {
			t.Error(err)
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), functionTimeout)
		reply, err := h.Invoke(ctx, payload)
		cancel()
		if err != nil {
			t.Error(err)
			return
		}
		s.done(batch, failures(t, reply))
	}
}

// troubled is a registry in which one rule fails, whose audit takes a while.
type troubled struct {
	mu     sync.Mutex
	audits int
	// faults, where it is set, are those of an audit that begins now.
	faults    func() []ptc.Fault
	published []notify.Message
}

func (r *troubled) Audit(_ context.Context, reg ptc.Registry, triggers []report.Trigger) report.Report {
	r.mu.Lock()
	r.audits++
	out := report.Report{
		Audit:    report.Audit{ID: fmt.Sprint("audit", r.audits), StartedAt: time.Now().UTC()},
		Registry: reg, Triggers: triggers,
	}
	if r.faults != nil {
		out.Faults = r.faults()
	}
	r.mu.Unlock()
	time.Sleep(2 * time.Second)
	for _, prefix := range []string{"ghcr", "hub", "quay"} {
		outcome := report.Pass
		if prefix == "hub" {
			outcome = report.Fail
		}
		out.Rules = append(out.Rules, report.NewRule(ptc.Rule{Prefix: prefix}, ptc.Validation{}))
		out.Findings = append(out.Findings, report.Finding{
			Check: "upstream-allowed", Prefix: prefix, Outcome: outcome, Severity: report.High,
			Fingerprint: report.Fingerprint(reg, "upstream-allowed", prefix),
		})
	}
	out.Finish()
	return out
}

func (r *troubled) Name() string { return "topic" }

func (r *troubled) Subscribers(context.Context) (int, error) { return 1, nil }

func (r *troubled) Publish(_ context.Context, m notify.Message) error {
	time.Sleep(200 * time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.published = append(r.published, m)
	return nil
}

// stateful is a handler whose stores are folders.
func stateful(t *testing.T, auditor handler.Auditor, topic delivery.Topic, queue handler.Queue) *handler.Handler {
	t.Helper()
	open := func() blob.Store {
		s, err := store.Open("file://"+t.TempDir(), aws.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return &handler.Handler{
		Auditor: auditor,
		Account: func(context.Context) (string, error) { return home.Account, nil },
		Delivery: &delivery.Deliverer{
			State: open(), Evidence: open(), Topics: []delivery.Topic{topic},
			MinSeverity: report.Low, RemindAfter: 7 * 24 * time.Hour, Settle: queueDelay,
		},
		Queue: queue, MaxReceives: maxReceives,
	}
}

// event is CloudTrail's of a change that somebody made now.
func event(id, actor, prefix string) string {
	at := time.Now().UTC().Format(time.RFC3339)
	return fmt.Sprintf(`{"detail-type": "AWS API Call via CloudTrail", "source": "aws.ecr", "account": %[1]q, "region": %[2]q, "time": %[3]q, "detail": {
		"eventVersion": "1.11", "eventSource": "ecr.amazonaws.com", "eventName": "UpdatePullThroughCacheRule", "eventTime": %[3]q, "eventID": %[4]q,
		"userIdentity": {"userName": %[5]q}, "requestParameters": {"ecrRepositoryPrefix": %[6]q}}}`, home.Account, home.Region, at, id, actor, prefix)
}

// recorded are the names of all who made changes, by the evidence.
func recorded(t *testing.T, kept blob.Store) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for record, err := range evidence.Records(t.Context(), kept, ptc.Registry{}, time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		var triggers []report.Trigger
		if record.Report != nil {
			triggers = record.Report.Triggers
		} else {
			triggers = record.Changes.Triggers
		}
		for _, trigger := range triggers {
			if trigger.Actor != nil {
				out[trigger.Actor.Name] = true
			}
		}
	}
	return out
}

// A thousand changes of one registry: few audits, few messages, and everybody
// who made one is known. `make bench` prints the attributes.
func TestBurst(t *testing.T) {
	const mostMessages, mostAudits = 3, 10
	for _, over := range []time.Duration{0, time.Minute, 5 * time.Minute} {
		t.Run(over.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				registry, queue := &troubled{}, &simulation{messages: map[string]*message{}}
				burst(t, stateful(t, registry, registry, queue), queue, over)
				if len(registry.published) > mostMessages || len(registry.published) == 0 || registry.audits > mostAudits {
					t.Errorf("%d messages, %d audits", len(registry.published), registry.audits)
				}
				registry.attributes(t)
			})
		})
	}
	// Without a ledger, each batch is an audit that notifies everything.
	t.Run("without a ledger", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, queue := &troubled{}, &simulation{messages: map[string]*message{}}
			h := stateful(t, registry, registry, queue)
			h.Delivery.State = nil
			burst(t, h, queue, 0)
			registry.attributes(t)
		})
	})
}

// attributes are what became of a burst, for other programs.
func (r *troubled) attributes(t *testing.T) {
	t.Helper()
	t.Attr("messages", fmt.Sprint(len(r.published)))
	t.Attr("audits", fmt.Sprint(r.audits))
}

// burst simulates a thousand changes of a registry by different people, and
// runs the handler until the queue is empty. No caller may be lost.
func burst(t *testing.T, h *handler.Handler, queue *simulation, over time.Duration) {
	t.Helper()
	const changes = 1000
	var senders, pollers sync.WaitGroup
	began := time.Now()
	for i := range changes {
		senders.Go(func() {
			time.Sleep(over * time.Duration(i) / changes)
			body := event(fmt.Sprint("event-", i), fmt.Sprint("actor-", i), []string{"ghcr", "hub", "quay"}[i%3])
			if rand.N(10) == 0 {
				time.Sleep(rand.N(3 * time.Minute)) // late
			}
			queue.send(body)
			if rand.N(10) == 0 {
				time.Sleep(rand.N(time.Minute))
				queue.send(body) // twice
			}
		})
	}
	stop := make(chan struct{})
	for range concurrency {
		pollers.Go(func() { queue.poll(t, h, stop) })
	}
	senders.Wait()
	for !queue.empty() && time.Since(began) < time.Hour {
		time.Sleep(time.Second)
	}
	took := time.Since(began)
	close(stop)
	pollers.Wait()

	if queue.dead > 0 || !queue.empty() {
		t.Errorf("%d messages are dead letters; the queue is empty: %v", queue.dead, queue.empty())
	}
	if got := recorded(t, h.Delivery.Evidence); len(got) != changes {
		t.Errorf("%d of %d who made a change are known", len(got), changes)
	}
	most := 0
	for _, m := range queue.messages {
		most = max(most, m.receives)
	}
	t.Logf("over after %v, a message was received %d times at most", took, most)
}

// While ECR throttles, a burst does not add to it; what it could not find out
// is published once.
func TestBurstWhileThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry, queue := &troubled{}, &simulation{messages: map[string]*message{}}
		began := time.Now()
		registry.faults = func() []ptc.Fault {
			if time.Since(began) < 10*time.Minute {
				return throttled(true)
			}
			return nil
		}
		h := stateful(t, registry, registry, queue)
		const changes = 100
		for i := range changes {
			queue.send(event(fmt.Sprint("event-", i), fmt.Sprint("actor-", i), "hub"))
		}
		stop := make(chan struct{})
		var pollers sync.WaitGroup
		for range concurrency {
			pollers.Go(func() { queue.poll(t, h, stop) })
		}
		for !queue.empty() && time.Since(began) < time.Hour {
			time.Sleep(time.Second)
		}
		close(stop)
		pollers.Wait()
		time.Sleep(max(0, 11*time.Minute-time.Since(began)))
		audit(t, h) // the next schedule's
		if queue.dead > 0 || !queue.empty() || len(recorded(t, h.Delivery.Evidence)) != changes {
			t.Errorf("%d dead letters, the queue is empty: %v, %d known", queue.dead, queue.empty(), len(recorded(t, h.Delivery.Evidence)))
		}
		var published []string
		for _, m := range registry.published {
			for _, status := range m.Statuses {
				published = append(published, string(status))
			}
		}
		if once := strings.Count(strings.Join(published, " "), "COULD_NOT_AUDIT") == 1; registry.audits > 30 || !once || published[len(published)-1] != "RESOLVED" {
			t.Errorf("%d audits; published %v", registry.audits, published)
		}
		t.Logf("%d audits, over after %v; published %v", registry.audits, time.Since(began), published)
	})
}
