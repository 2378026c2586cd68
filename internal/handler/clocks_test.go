package handler_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/delivery"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/sqsbatch"
	"ptcaudit/internal/stand/toolbox"
)

// history is what happens to a registry, its queue and the machines that audit it.
// Times count from the beginning.
type history struct {
	// skews are how far the clock of each machine is ahead. A machine that is
	// killed is replaced by one with another clock.
	skews []time.Duration
	// jumps are when the clock of the last machine becomes how wrong.
	jumps []jump
	// flips are when each prefix begins to fail, ends to fail, and so on.
	flips map[string][]time.Duration
	// late is how late the event of the nth flip arrives; negative means never.
	late []time.Duration
	// troubles are what the nth call of Publish meets.
	troubles []string
	// slow is how long the nth audit takes after it has read the rules.
	slow []time.Duration
}

type jump struct{ at, skew time.Duration }

const (
	machineCount  = 3
	historyLength = 2 * time.Hour
	schedule      = 10 * time.Minute
	// longestSilence is how long a failure may stay unnotified if nothing is in
	// the way: until the next scheduled audit, through the queue, and for a lease.
	longestSilence = schedule + queueDelay + queueWindow + 15*time.Second + delivery.LongestLease
)

var prefixes = []string{"ghcr", "hub"}

// drawHistory draws a history in which clocks are wrong by up to a day.
func drawHistory(t *rapid.T) history {
	const day = 24 * time.Hour
	skew := rapid.OneOf(
		rapid.SampledFrom([]time.Duration{0, time.Second, -time.Second, 50 * time.Second, -50 * time.Second, 2 * time.Minute, -2 * time.Minute, time.Hour, -time.Hour, day, -day}),
		rapid.Map(rapid.Int64Range(-int64(day/time.Second), int64(day/time.Second)), func(s int64) time.Duration { return time.Duration(s) * time.Second }),
	)
	seconds := func(from, to int) *rapid.Generator[time.Duration] {
		return rapid.Map(rapid.IntRange(from, to), func(s int) time.Duration { return time.Duration(s) * time.Second })
	}
	h := history{flips: map[string][]time.Duration{}}
	h.skews = rapid.SliceOfN(skew, 2*machineCount, 2*machineCount).Draw(t, "skews")
	for at := range historyLength / (20 * time.Minute) {
		if rapid.Bool().Draw(t, "the clock jumps") {
			h.jumps = append(h.jumps, jump{at*20*time.Minute + seconds(0, 1199).Draw(t, "at"), skew.Draw(t, "to")})
		}
	}
	for _, prefix := range prefixes {
		lasts := rapid.OneOf(seconds(1, 90), seconds(60, 1200), seconds(1200, 3600))
		for at := lasts.Draw(t, prefix); at < historyLength; at += lasts.Draw(t, prefix) {
			h.flips[prefix] = append(h.flips[prefix], at)
		}
	}
	late := rapid.OneOf(rapid.Just(time.Duration(0)), seconds(0, 600), rapid.Just(-time.Second))
	h.late = rapid.SliceOfN(late, 8, 8).Draw(t, "late")
	h.troubles = rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "", "", "refused", "lost", "killed before", "killed after"}), 0, 8).Draw(t, "troubles")
	h.slow = rapid.SliceOfN(rapid.SampledFrom([]time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 40 * time.Second}), 4, 4).Draw(t, "slow")
	return h
}

// failsAt is whether a prefix fails at a time, and since when.
func (h history) failsAt(prefix string, at time.Duration) (since time.Duration, fails bool) {
	n, found := slices.BinarySearch(h.flips[prefix], at)
	if found {
		n++
	}
	if n%2 == 0 {
		return 0, false
	}
	return h.flips[prefix][n-1], true
}

// machines audit one registry. Each has its own clock, and they share the ledger.
type machines struct {
	history
	began time.Time

	mu        sync.Mutex
	audits    int
	publishes int
	kills     int
	// known are the prefixes that a reader of all notifications believes to fail.
	known map[string]bool
	// disturbed is when a notification was last refused, lost or interrupted.
	disturbed time.Duration
	about     map[string]time.Duration // when the change was made that a message is about
	problems  []string
}

func (m *machines) now() time.Duration { return time.Since(m.began) }

func (m *machines) problem(format string, args ...any) {
	m.problems = append(m.problems, fmt.Sprintf("%v: ", m.now())+fmt.Sprintf(format, args...))
}

// machine is one of the machines: an auditor and a publisher.
type machine struct {
	*machines
	number int
	lives  int           // how often it was replaced
	looked time.Duration // when its last audit read the rules
}

// clock is the time by the clock of the machine.
func (m *machine) clock() time.Time {
	skew := m.skews[(m.number+m.lives*machineCount)%len(m.skews)]
	if m.number == machineCount-1 {
		for _, j := range m.jumps {
			if j.at <= m.now() {
				skew = j.skew
			}
		}
	}
	return time.Now().Add(skew).UTC()
}

// Audit reads the rules, and then takes a while.
func (m *machine) Audit(_ context.Context, reg ptc.Registry, triggers []report.Trigger) report.Report {
	m.mu.Lock()
	n := m.audits
	m.audits++
	m.looked = m.now()
	m.mu.Unlock()
	r := report.Report{Audit: report.Audit{ID: fmt.Sprint("audit", n), StartedAt: m.clock()}, Registry: reg, Triggers: triggers}
	for _, prefix := range prefixes {
		outcome := report.Pass
		if _, fails := m.failsAt(prefix, m.looked); fails {
			outcome = report.Fail
		}
		r.Rules = append(r.Rules, report.NewRule(ptc.Rule{Prefix: prefix}, ptc.Validation{}))
		r.Findings = append(r.Findings, report.Finding{
			Check: "upstream-allowed", Prefix: prefix, Outcome: outcome, Severity: report.High,
			Fingerprint: report.Fingerprint(reg, "upstream-allowed", prefix),
		})
	}
	time.Sleep(m.slow[n%len(m.slow)])
	r.Audit.FinishedAt = m.clock()
	r.Finish()
	return r
}

func (*machine) Name() string { return "topic" }

func (*machine) Subscribers(context.Context) (int, error) { return 1, nil }

// Publish takes a notification, unless there is trouble.
func (m *machine) Publish(_ context.Context, message notify.Message) error {
	time.Sleep(200 * time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	trouble := ""
	if m.publishes < len(m.troubles) {
		trouble = m.troubles[m.publishes]
	}
	m.publishes++
	if trouble != "" {
		m.disturbed = m.now()
	}
	switch trouble {
	case "killed before":
		m.kill()
	case "refused":
		return &ptc.Fault{Operation: "Publish", Kind: ptc.FaultDenied, Message: "no"}
	}
	for _, f := range message.Findings {
		if f.Status != report.Resolved {
			m.known[f.Prefix] = true
			continue
		}
		m.known[f.Prefix] = false
		if since, fails := m.failsAt(f.Prefix, m.now()); fails && since <= m.looked {
			m.problem("RESOLVED %s, which fails since %v; the audit began at %v", f.Prefix, since, m.looked)
		}
	}
	switch trouble {
	case "killed after":
		m.kill()
	case "lost":
		return errors.New("the answer was lost")
	}
	return nil
}

// kill ends the machine while it holds the lease.
func (m *machine) kill() {
	m.kills++
	m.lives++
	panic("killed")
}

// acknowledged requires that a reader knows every failure that existed when the
// change was made, or the audit was requested, that a message is about.
func (m *machines) acknowledged(message *message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, isChange := m.about[message.body]
	if !isChange {
		at = message.sent.Sub(m.began)
	}
	for _, prefix := range prefixes {
		if since, fails := m.failsAt(prefix, m.now()); fails && since <= at && !m.known[prefix] {
			m.problem("a message about %v is acknowledged, but %s fails since %v, and no one was notified", at, prefix, since)
		}
	}
}

// boundedQueue is the queue, and requires that delays are in bounds.
type boundedQueue struct {
	*simulation
	machines *machines
}

func (q boundedQueue) Delay(ctx context.Context, arn string, delays map[string]time.Duration) error {
	q.machines.mu.Lock()
	for id, d := range delays {
		if d < 0 || d > delivery.LongestLease {
			q.machines.problem("%s is delayed by %v", id, d)
		}
	}
	q.machines.mu.Unlock()
	return q.simulation.Delay(ctx, arn, delays)
}

// play plays a history in virtual time, and returns what went wrong.
func play(t *testing.T, past history) []string {
	t.Helper()
	m := &machines{history: past, began: time.Now(), known: map[string]bool{}, about: map[string]time.Duration{}}
	queue := &simulation{messages: map[string]*message{}, acknowledged: m.acknowledged}
	var logs bytes.Buffer
	var logging sync.Mutex
	log := slog.New(slog.NewJSONHandler(lockedWriter{&logging, &logs}, nil))
	stop := make(chan struct{})
	var all sync.WaitGroup
	shared := memoryStore{mu: &sync.Mutex{}, objects: map[string][]byte{}}
	for number := range machineCount {
		one := &machine{machines: m, number: number}
		h := &handler.Handler{
			Auditor: one, Account: func(context.Context) (string, error) { return home.Account, nil },
			Delivery: &delivery.Deliverer{
				State: shared, Topics: []delivery.Topic{one}, MinSeverity: report.Low, RemindAfter: 7 * 24 * time.Hour, Settle: queueDelay, Now: one.clock,
			},
			Queue: boundedQueue{queue, m}, MaxReceives: maxReceives, Now: one.clock, Log: log,
		}
		all.Go(func() { queue.poll(t, h, stop) })
	}
	all.Go(func() {
		for m.now() < historyLength {
			queue.send(sqsbatch.Request(home.Account, home.Region))
			time.Sleep(schedule)
		}
	})
	n := 0
	for _, prefix := range prefixes {
		for _, at := range past.flips[prefix] {
			late := past.late[n%len(past.late)]
			id := fmt.Sprint("event-", n)
			if n++; late < 0 {
				continue
			}
			all.Go(func() {
				time.Sleep(at)
				body := event(id, "jane", prefix)
				m.mu.Lock()
				m.about[body] = at
				m.mu.Unlock()
				time.Sleep(late)
				queue.send(body)
			})
		}
	}
	m.watch()
	close(stop)
	all.Wait()
	if crashes := strings.Count(logs.String(), `"msg":"audit crashed"`); crashes != m.kills {
		m.problem("%d audits crashed, want %d\n%s", crashes, m.kills, logs.String())
	}
	return m.problems
}

// watch requires that no failure stays unnotified for longer than longestSilence,
// counted from the last disturbance.
func (m *machines) watch() {
	silent := map[string]time.Duration{} // since when a failure is unnotified
	for ; m.now() < historyLength; time.Sleep(time.Second) {
		m.mu.Lock()
		for _, prefix := range prefixes {
			since, fails := m.failsAt(prefix, m.now())
			if !fails || m.known[prefix] {
				delete(silent, prefix)
				continue
			}
			began, known := silent[prefix]
			if !known {
				began = m.now()
			}
			silent[prefix] = max(began, since, m.disturbed)
			if m.now()-silent[prefix] > longestSilence {
				m.problem("%s fails since %v, and no one was notified for %v", prefix, since, longestSilence)
				silent[prefix] = m.now()
			}
		}
		m.mu.Unlock()
	}
}

// memoryStore is a store of objects in memory. The version of an object is its
// content.
type memoryStore struct {
	blob.Store // no other call is expected
	mu         *sync.Mutex
	objects    map[string][]byte
}

func (s memoryStore) Get(_ context.Context, key string) (data []byte, version string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.objects[key]
	if !ok {
		return nil, "", blob.ErrNotFound
	}
	return data, string(data), nil
}

func (s memoryStore) Put(_ context.Context, key string, data []byte, version string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if string(s.objects[key]) != version {
		return "", blob.ErrConflict
	}
	s.objects[key] = data
	return string(data), nil
}

// TestClocks: machines whose clocks are wrong by up to a day share a ledger. No
// failure stays unnotified, no message is acknowledged too early, nothing is
// reported as resolved that fails, no audit crashes, and no delay is out of bounds.
func TestClocks(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value
	before := checks.String()
	if err := checks.Set(fmt.Sprint(toolbox.Rounds(20, 300))); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = checks.Set(before) }()
	rapid.Check(t, func(rt *rapid.T) {
		past := drawHistory(rt)
		var problems []string
		synctest.Test(t, func(t *testing.T) { problems = play(t, past) })
		if len(problems) > 0 {
			rt.Fatal(strings.Join(problems, "\n"))
		}
	})
}
