package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/delivery"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var home = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}

const settle = 30 * time.Second

// topic records what is published.
type topic struct {
	name        string
	subscribers int
	unreadable  error // of Subscribers
	mu          sync.Mutex
	published   []notify.Message
	// refuse, if set, is the error of every Publish.
	refuse error
	// lose, if set, is the error of a Publish that has taken the message.
	lose error
	// during, if set, is called within each Publish.
	during func(ctx context.Context)
}

func (t *topic) Subscribers(context.Context) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.subscribers, t.unreadable
}

func (t *topic) Name() string { return t.name }

func (t *topic) Publish(ctx context.Context, m notify.Message) error {
	if t.during != nil {
		t.during(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refuse == nil {
		t.published = append(t.published, m)
		return t.lose
	}
	return t.refuse
}

// statuses returns the statuses of all messages, each as "FAILED+RESOLVED".
func (t *topic) statuses() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []string{}
	for _, m := range t.published {
		var all []string
		for _, s := range m.Statuses {
			all = append(all, string(s))
		}
		out = append(out, strings.Join(all, "+"))
	}
	return out
}

// flaky is a store that fails on request and records its calls.
type flaky struct {
	blob.Store
	mu    sync.Mutex
	calls []string
	// fail, if set, returns the error of a call: "get" or "put", and the key.
	fail func(call, key string) error
	// hang, if set, replaces every call.
	hang func(ctx context.Context) error
}

func (f *flaky) note(ctx context.Context, call, key string) error {
	if f.hang != nil {
		return f.hang(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call+" "+key)
	if f.fail == nil {
		return nil
	}
	return f.fail(call, key)
}

func (f *flaky) Get(ctx context.Context, key string) ([]byte, string, error) {
	if err := f.note(ctx, "get", key); err != nil {
		return nil, "", err
	}
	return f.Store.Get(ctx, key)
}

func (f *flaky) Put(ctx context.Context, key string, data []byte, version string) (string, error) {
	if err := f.note(ctx, "put", key); err != nil {
		return "", err
	}
	return f.Store.Put(ctx, key, data, version)
}

// world is a deliverer under test, with its topic and its stores.
type world struct {
	*delivery.Deliverer
	topic    *topic
	state    *flaky
	evidence *flaky
}

func newWorld(t *testing.T, stateURL, evidenceURL string, cfg aws.Config) *world {
	t.Helper()
	w := &world{topic: &topic{name: "topic", subscribers: 1}, state: &flaky{Store: open(t, stateURL, cfg)}, evidence: &flaky{Store: open(t, evidenceURL, cfg)}}
	w.Deliverer = &delivery.Deliverer{
		State: w.state, Evidence: w.evidence, Topics: []delivery.Topic{w.topic},
		MinSeverity: report.Low, RemindAfter: 7 * 24 * time.Hour, Settle: settle,
	}
	return w
}

// inFolders returns a world whose stores are folders.
func inFolders(t *testing.T) *world {
	t.Helper()
	return newWorld(t, "file://"+t.TempDir(), "file://"+t.TempDir(), aws.Config{})
}

func open(t *testing.T, url string, cfg aws.Config) blob.Store {
	t.Helper()
	s, err := store.Open(url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deliver delivers a report in a turn of its own. By AWS's clocks, its audit
// begins when the report says.
func (w *world) deliver(t *testing.T, r report.Report, retry bool) (delivery.Result, error) {
	t.Helper()
	turn := w.Turn(r.Registry)
	turn.Begin(t.Context(), r.Audit.StartedAt)
	return turn.Deliver(t.Context(), r, retry)
}

// mustDeliver delivers a report without an error and without a retry.
func (w *world) mustDeliver(t *testing.T, r report.Report) delivery.Result {
	t.Helper()
	result, err := w.deliver(t, r, false)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// ledger reads the stored ledger.
func (w *world) ledger(t *testing.T) ledger.Ledger {
	t.Helper()
	data, _, err := w.state.Store.Get(t.Context(), ledger.Key(home))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// rewrite changes the stored ledger, as another audit would.
func (w *world) rewrite(t *testing.T, modify func(l *ledger.Ledger)) {
	t.Helper()
	l := w.ledger(t)
	modify(&l)
	_, version, err := w.state.Store.Get(t.Context(), ledger.Key(home))
	if err == nil {
		_, err = w.state.Store.Put(t.Context(), ledger.Key(home), l.Encode(), version)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// records lists the stored evidence, as "report" and "changes".
func (w *world) records(t *testing.T) []string {
	t.Helper()
	out := []string{}
	for record, err := range evidence.Records(t.Context(), w.evidence.Store, ptc.Registry{}, time.Time{}, time.Time{}) {
		switch {
		case err != nil:
			t.Fatal(record.Key, err)
		case record.Report != nil:
			out = append(out, "report")
		default:
			out = append(out, "changes")
		}
	}
	return out
}

// audited is the report of an audit that begins now. The rules with these
// prefixes fail.
func audited(id string, failing ...string) report.Report {
	r := report.Report{
		Audit:    report.Audit{ID: id, StartedAt: time.Now().UTC(), FinishedAt: time.Now().UTC()},
		Registry: home,
		Policy:   report.Policy{Name: "default"},
	}
	for _, prefix := range []string{"ghcr", "hub", "quay"} {
		rule := ptc.Rule{Prefix: prefix, Upstream: ptc.Upstream{URL: prefix + ".io"}}
		r.Rules = append(r.Rules, report.NewRule(rule, ptc.Validation{}))
		f := report.Finding{
			Check: "upstream-allowed", Prefix: prefix, Outcome: report.Pass, Severity: report.High,
			Fingerprint: report.Fingerprint(home, "upstream-allowed", prefix), Facts: report.FactsOf(rule),
		}
		if slices.Contains(failing, prefix) {
			f.Outcome, f.Message = report.Fail, "not allowed"
		}
		r.Findings = append(r.Findings, f)
	}
	r.Finish()
	return r
}

// faulty adds a fault of ECR to a report.
func faulty(r report.Report, retryable bool) report.Report {
	r.Faults = []ptc.Fault{{Operation: ptc.OpValidateRule, Prefix: "ghcr", Kind: ptc.FaultThrottled, Message: "slow down", Retryable: retryable}}
	r.Finish()
	return r
}

// change is a change event of a rule. ago is the time since the change.
func change(id, prefix string, ago time.Duration) report.Trigger {
	return report.Trigger{
		Kind: report.ChangeTrigger, Time: time.Now().UTC().Add(-ago), EventID: id, Call: ptc.OpUpdateRule,
		Prefix: prefix, Actor: &report.Actor{Name: "jane"},
	}
}

func denied() error {
	return &ptc.Fault{Operation: "PutObject", Kind: ptc.FaultDenied, Code: "AccessDenied", Message: "Access Denied"}
}

func throttled() error {
	return &ptc.Fault{Operation: "PutObject", Kind: ptc.FaultThrottled, Code: "SlowDown", Message: "Please reduce your request rate.", Retryable: true}
}

// is compares a value with the wanted one.
func is[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

// A known failure is not notified again, a change is.
func TestNotifiesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		for i, failing := range [][]string{{"hub"}, {"hub"}, {"hub", "quay"}, {"quay"}, {"quay"}, nil, nil, {"hub"}} {
			time.Sleep(time.Hour)
			w.mustDeliver(t, audited(fmt.Sprint("audit", i), failing...))
		}
		is(t, "published", w.topic.statuses(), []string{"FAILED", "FAILED", "RESOLVED", "RESOLVED", "FAILED"})
		is(t, "evidence", w.records(t), slices.Repeat([]string{"report"}, 8))
		if l := w.ledger(t); l.Seq != 5 || l.Lease != nil || l.LastAudit.ID != "audit7" {
			t.Errorf("the ledger has seq %d, lease %v and audit %s", l.Seq, l.Lease, l.LastAudit.ID)
		}
		if m := w.topic.published[0]; !strings.HasSuffix(m.Evidence, "/111122223333/eu-west-1/2000/01/01/audit0.json.gz") {
			t.Errorf("the message names as evidence %q", m.Evidence)
		}
	})
}

// An audit without news makes three calls to the stores, with or without
// calling Covered first.
func TestCallsOfAnAuditWithoutNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		w.mustDeliver(t, audited("first", "hub"))
		for _, asked := range []bool{false, true} {
			time.Sleep(time.Hour)
			w.state.calls, w.evidence.calls = nil, nil
			turn := w.Turn(home)
			if asked && turn.Covered(t.Context(), []report.Trigger{change("e1", "ghcr", time.Minute)}) {
				t.Error("a change of a minute ago is covered by an audit of an hour ago")
			}
			if _, err := turn.Deliver(t.Context(), audited(fmt.Sprint(asked), "hub"), false); err != nil {
				t.Fatal(err)
			}
			is(t, "calls to the state", w.state.calls, []string{"get " + ledger.Key(home), "put " + ledger.Key(home)})
			if n := len(w.evidence.calls); n != 1 {
				t.Errorf("%d calls to the evidence: %v", n, w.evidence.calls)
			}
		}
	})
}

// Without a ledger each audit notifies all failures. Without an evidence store
// no report is stored.
func TestWithoutStores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		w.State = nil
		w.mustDeliver(t, audited("a", "hub"))
		w.mustDeliver(t, audited("b", "hub"))
		if m := w.mustDeliver(t, audited("c")).Message; m != nil {
			t.Errorf("notified %v of a registry without failures", m.Statuses)
		}
		if _, err := w.deliver(t, faulty(audited("d", "hub"), true), true); !errors.Is(err, delivery.ErrLater) {
			t.Errorf("error %v of a retryable fault, want %v", err, delivery.ErrLater)
		}
		is(t, "published", w.topic.statuses(), []string{"FAILED", "FAILED"})
		is(t, "evidence", w.records(t), slices.Repeat([]string{"report"}, 4))
		if w.topic.published[0].Evidence == "" {
			t.Error("the message does not name the evidence")
		}
		w.Evidence, w.Topics = nil, nil
		if m := w.mustDeliver(t, audited("e", "hub")).Message; m == nil || m.Evidence != "" {
			t.Errorf("got %+v", m)
		}
		if w.state.calls != nil || len(w.topic.published) != 2 {
			t.Error("a store or topic that is not configured was used")
		}
	})
}

// During an audit another is delivered that seems to have begun later. If this
// one has nothing that is not known, it only records who made changes. Otherwise
// its messages go back to the queue.
func TestAnotherIsDeliveredMeanwhile(t *testing.T) {
	for _, tt := range []struct {
		name         string
		known        []string // what fails before both audits
		older, newer []string // what they find
		retry        bool
		overtaken    bool
		later        bool // the other audit has a later time
	}{
		{name: "nothing new", known: []string{"hub"}, older: []string{"hub"}, newer: []string{"hub"}, later: true},
		{name: "what the other has notified", older: []string{"hub"}, newer: []string{"hub"}, later: true},
		{name: "fixed in the other's report only", known: []string{"hub"}, older: nil, newer: []string{"hub"}, later: true},
		{name: "a failure that the other does not have", older: []string{"hub"}, later: true, overtaken: true},
		{name: "the same, and a retry follows", older: []string{"hub"}, later: true, overtaken: true, retry: true},
		{name: "a failure, and the other has an earlier time", older: []string{"hub"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				w.mustDeliver(t, audited("before", tt.known...))
				time.Sleep(time.Hour)
				turn := w.Turn(home)
				turn.Begin(t.Context(), time.Now())
				older := audited("older", tt.older...)
				older.Triggers = []report.Trigger{change("e1", "ghcr", 2*time.Hour)}
				time.Sleep(time.Second)
				newer := audited("newer", tt.newer...)
				if !tt.later {
					newer.Audit.StartedAt = older.Audit.StartedAt.Add(-time.Minute)
				}
				w.mustDeliver(t, newer)
				published := len(w.topic.published)
				result, err := turn.Deliver(t.Context(), older, tt.retry)
				if errors.Is(err, delivery.ErrOvertaken) != tt.overtaken || err != nil && !tt.overtaken {
					t.Fatalf("error %v", err)
				}
				silent := tt.later && !tt.overtaken
				if result.Superseded != silent || (result.Message != nil) == tt.later {
					t.Errorf("superseded %v, message %v", result.Superseded, result.Message)
				}
				if got := len(w.topic.published) - published; (got == 0) != tt.later {
					t.Errorf("%d messages", got)
				}
				if l := w.ledger(t); tt.later && l.LastAudit.ID != "newer" || silent && (len(l.Changes) != 1 || l.Changes[0].EventID != "e1") {
					t.Errorf("the ledger is %+v", l)
				}
			})
		})
	}
}

// Whatever the times in a ledger say: if no other audit was delivered during
// this one, its findings are notified.
func TestLedgerOfAWrongClock(t *testing.T) {
	far := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, ahead := range []time.Duration{-24 * time.Hour, time.Second, 50 * time.Second, time.Hour, 24 * time.Hour, time.Until(far)} {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprint(ahead, " read before ", read), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := inFolders(t)
					w.mustDeliver(t, audited("before"))
					time.Sleep(time.Hour)
					at := time.Now().UTC().Add(ahead)
					w.rewrite(t, func(l *ledger.Ledger) {
						l.LastAudit.StartedAt, l.SeenUntil, l.RulesAt = at, at, at
						l.Lease = &ledger.Lease{Holder: "another", Until: far}
					})
					turn := w.Turn(home)
					changes := []report.Trigger{change("e1", "hub", time.Second)}
					if ahead > 0 && turn.Covered(t.Context(), changes) {
						t.Fatal("a change is covered by an audit of a second ago")
					}
					if due := turn.Due(changes); time.Until(due) > ledger.LongestLease {
						t.Fatalf("due in %v", time.Until(due))
					}
					turn = w.Turn(home)
					if read {
						turn.Begin(t.Context(), time.Now())
					}
					_, err := turn.Deliver(t.Context(), audited("a", "hub"), true)
					if !read && ahead > 0 {
						if !errors.Is(err, delivery.ErrOvertaken) {
							t.Fatalf("error %v: the findings would be acknowledged", err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					is(t, "published", w.topic.statuses(), []string{"FAILED"})
				})
			})
		}
	}
}

// Another audit has left a lease behind. An audit with a retry returns Busy; one
// without waits for the end of the lease, if it has the time.
func TestLeaseOfAnother(t *testing.T) {
	tests := []struct {
		name     string
		failing  []string
		retry    bool
		deadline time.Duration // 0 for none
		took     time.Duration
		busy     bool
		want     []string
	}{
		{name: "retry follows", failing: []string{"hub"}, retry: true, deadline: time.Hour, busy: true, want: []string{}},
		{name: "retry follows, no news", retry: true, deadline: time.Hour, busy: true, want: []string{}},
		{name: "waits", failing: []string{"hub"}, deadline: time.Hour, took: 70 * time.Second, want: []string{"FAILED"}},
		{name: "waits without a deadline", failing: []string{"hub"}, took: 70 * time.Second, want: []string{"FAILED"}},
		{name: "deadline ends first", failing: []string{"hub"}, deadline: time.Minute, took: 56 * time.Second, busy: true, want: []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				began := time.Now()
				until := began.Add(70 * time.Second)
				left := ledger.Ledger{Registry: home, Lease: &ledger.Lease{Holder: "another", Until: until}}
				if _, err := w.state.Store.Put(t.Context(), ledger.Key(home), left.Encode(), ""); err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				_, err := w.Turn(home).Deliver(ctx, audited("a", tt.failing...), tt.retry)
				busy, isBusy := errors.AsType[*delivery.Busy](err)
				if isBusy != tt.busy || err != nil && !tt.busy || isBusy && !busy.Until.Equal(until) {
					t.Errorf("error %v", err)
				}
				is(t, "published", w.topic.statuses(), tt.want)
				if took := time.Since(began).Round(time.Second); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

// While an audit publishes, a later one gets Busy, and an earlier one only
// records who made changes. These records are not lost.
func TestWhileAnotherPublishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		oldTurn := w.Turn(home)
		oldTurn.Begin(t.Context(), time.Now())
		w.mustDeliver(t, audited("first"))
		time.Sleep(time.Hour)
		old := audited("old")
		old.Audit.StartedAt = old.Audit.StartedAt.Add(-2 * time.Hour)
		old.Triggers = []report.Trigger{change("e1", "ghcr", 3*time.Hour)}
		publishing := audited("publishing", "hub")
		publishing.Triggers = []report.Trigger{change("e2", "hub", time.Minute)}
		w.topic.during = func(ctx context.Context) {
			w.topic.during = nil
			if l := w.ledger(t); !l.Lease.Live(time.Now()) || l.Seq != 0 {
				t.Errorf("it publishes without a lease: %+v", l)
			}
			result, err := oldTurn.Deliver(ctx, old, false)
			if err != nil || !result.Superseded {
				t.Errorf("the old report: %+v, %v", result, err)
			}
			if !w.Turn(home).Covered(ctx, []report.Trigger{change("e3", "quay", 2*time.Hour)}) {
				t.Error("an old change is not covered")
			}
			time.Sleep(time.Second)
			if _, err := w.deliver(t, audited("later"), true); err == nil {
				t.Error("a later audit was delivered during the lease")
			}
		}
		w.mustDeliver(t, publishing)
		is(t, "published", w.topic.statuses(), []string{"FAILED"})
		l := w.ledger(t)
		var known []string
		for _, c := range l.Changes {
			known = append(known, fmt.Sprint(c.EventID, c.Notified))
		}
		is(t, "changes", known, []string{"e2true", "e1false", "e3false"})
		if l.Seq != 1 || l.Lease != nil || l.LastAudit.ID != "publishing" {
			t.Errorf("the ledger is %+v", l)
		}
	})
}

// An audit that publishes for longer than its lease does not overwrite what
// another has written since.
func TestLeaseThatEnded(t *testing.T) {
	for name, lease := range map[string]*ledger.Lease{"another publishes": {Holder: "another"}, "another has published": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				w.topic.during = func(ctx context.Context) {
					l := w.ledger(t)
					_, version, err := w.state.Store.Get(ctx, ledger.Key(home))
					if err != nil {
						t.Fatal(err)
					}
					l.Lease, l.Seq = lease, 17
					if _, err := w.state.Store.Put(ctx, ledger.Key(home), l.Encode(), version); err != nil {
						t.Fatal(err)
					}
				}
				result := w.mustDeliver(t, audited("a", "hub"))
				if result.Message == nil || result.Unrecorded == nil {
					t.Errorf("got %+v", result)
				}
				if l := w.ledger(t); l.Seq != 17 {
					t.Errorf("it overwrote what another wrote: %+v", l)
				}
			})
		})
	}
}

// An audit whose message could not be published gives the lease back, and the
// next one publishes.
func TestNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		tried := 0
		w.topic.during = func(context.Context) { tried++ }
		for _, refuse := range []error{
			&ptc.Fault{Operation: ptc.OpPublish, Kind: ptc.FaultUnavailable, Code: "NotFound"}, &ptc.Fault{Operation: ptc.OpPublish, Kind: ptc.FaultDenied},
		} {
			w.topic.refuse = refuse
			_, err := w.deliver(t, audited(fmt.Sprint("try", tried), "hub"), true)
			if _, ok := errors.AsType[*delivery.PublishError](err); !ok {
				t.Fatalf("error %v", err)
			}
			time.Sleep(time.Second)
		}
		if tried != 2 {
			t.Errorf("it was published %d times", tried)
		}
		if l := w.ledger(t); l.Lease != nil || l.Seq != 0 || len(l.Findings) != 0 {
			t.Errorf("the ledger is %+v", l)
		}
		w.topic.refuse = nil
		w.mustDeliver(t, audited("b", "hub"))
		is(t, "published", w.topic.statuses(), []string{"FAILED"})
	})
}

// A message may have arrived although publishing it returned an error. Then
// its readers are notified of what has changed since, as after a crash.
func TestLostAnswer(t *testing.T) {
	lost := &ptc.Fault{Operation: ptc.OpPublish, Kind: ptc.FaultTimeout, Message: "no answer", Retryable: true}
	for _, tt := range []struct {
		name                    string
		before, lost, afterward []string // what fails
		want                    []string
	}{
		{"fixed since", nil, []string{"hub"}, nil, []string{"FAILED", "RESOLVED"}},
		{"broken again since", []string{"hub"}, nil, []string{"hub"}, []string{"FAILED", "RESOLVED", "CHANGED"}},
		{"unchanged", nil, []string{"hub"}, []string{"hub"}, []string{"FAILED", "FAILED"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				w.mustDeliver(t, audited("before", tt.before...))
				time.Sleep(time.Minute)
				w.topic.lose = lost
				if _, err := w.deliver(t, audited("lost", tt.lost...), true); err == nil {
					t.Error("no error")
				}
				if l := w.ledger(t); l.Lease != nil {
					t.Errorf("a lease is left: %v", l.Lease)
				}
				w.topic.lose = nil
				for _, id := range []string{"then", "later"} {
					time.Sleep(time.Minute)
					w.mustDeliver(t, audited(id, tt.afterward...))
				}
				is(t, "published", w.topic.statuses(), tt.want)
				if messages := w.topic.published; tt.name == "unchanged" && messages[0].ID != messages[1].ID {
					t.Error("the repeated message has another id")
				}
			})
		})
	}
}

// The first attempt notifies what could be checked. What could not be checked
// is notified when no retry is left.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		for try := range 3 {
			result, err := w.deliver(t, faulty(audited(fmt.Sprint("try", try), "hub"), true), true)
			if !errors.Is(err, delivery.ErrLater) || (result.Message != nil) != (try == 0) {
				t.Errorf("try %d: message %v, error %v", try, result.Message, err)
			}
			time.Sleep(time.Minute)
		}
		w.mustDeliver(t, faulty(audited("last", "hub"), true))
		w.mustDeliver(t, faulty(audited("scheduled", "hub"), true))
		time.Sleep(time.Minute)
		w.mustDeliver(t, audited("complete", "hub"))
		is(t, "published", w.topic.statuses(), []string{"FAILED", "COULD_NOT_AUDIT", "RESOLVED"})
	})
}

// A fault that is not retryable is notified at the first attempt.
func TestFaultThatIsNotRetryable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		if _, err := w.deliver(t, faulty(audited("a", "hub"), false), true); err != nil {
			t.Error(err)
		}
		is(t, "published", w.topic.statuses(), []string{"COULD_NOT_AUDIT+FAILED"})
	})
}

// How the fault of a store changes what is published.
func TestStoresThatFail(t *testing.T) {
	isFault := func(err error) bool { _, ok := errors.AsType[*ptc.Fault](err); return ok }
	on := func(what string, err error) func(call, key string) error {
		return func(call, _ string) error {
			if call == what {
				return err
			}
			return nil
		}
	}
	// The second write: the one after the message.
	afterwards := func(err error) func(call, key string) error {
		puts := 0
		return func(call, _ string) error {
			if call == "put" {
				puts++
			}
			if puts < 2 {
				return nil
			}
			return err
		}
	}
	tests := []struct {
		name            string
		state, evidence func(call, key string) error
		retry           bool
		later           bool
		want            []string
		fault           string // in the report
		unrecorded      bool
	}{
		{name: "ledger denied", state: on("get", denied()), retry: true, want: []string{"COULD_NOT_AUDIT+FAILED"}, fault: "GetLedger"},
		{name: "ledger throttled", state: on("get", throttled()), retry: true, later: true, want: []string{}},
		{name: "ledger throttled at last", state: on("get", throttled()), want: []string{"COULD_NOT_AUDIT+FAILED"}, fault: "GetLedger"},
		{name: "lease denied", state: on("put", denied()), retry: true, want: []string{"COULD_NOT_AUDIT+FAILED"}, fault: "PutLedger"},
		{name: "lease throttled", state: on("put", throttled()), retry: true, later: true, want: []string{}},
		{name: "lease throttled at last", state: on("put", throttled()), want: []string{"COULD_NOT_AUDIT+FAILED"}, fault: "PutLedger"},
		{name: "not recorded", state: afterwards(throttled()), retry: true, later: true, want: []string{"FAILED"}},
		{name: "not recorded at last", state: afterwards(throttled()), want: []string{"FAILED"}, unrecorded: true},
		{name: "never recorded", state: afterwards(denied()), retry: true, want: []string{"FAILED"}, unrecorded: true},
		{name: "evidence denied", evidence: on("put", denied()), retry: true, want: []string{"COULD_NOT_AUDIT+FAILED"}, fault: "PutEvidence"},
		{name: "evidence throttled", evidence: on("put", throttled()), retry: true, later: true, want: []string{}},
		{name: "evidence throttled at last", evidence: on("put", throttled()), want: []string{"COULD_NOT_AUDIT+FAILED"}, fault: "PutEvidence"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				w.state.fail, w.evidence.fail = tt.state, tt.evidence
				result, err := w.deliver(t, audited("a", "hub"), tt.retry)
				if isFault(err) != tt.later || err != nil && !tt.later {
					t.Errorf("error %v", err)
				}
				is(t, "published", w.topic.statuses(), tt.want)
				if (result.Unrecorded != nil) != tt.unrecorded {
					t.Errorf("unrecorded: %v", result.Unrecorded)
				}
				if tt.fault != "" {
					if result.Report.Complete || len(result.Report.Faults) != 1 || result.Report.Faults[0].Operation != tt.fault ||
						!strings.Contains(result.Report.Faults[0].Message, "file:///") {
						t.Errorf("the report has the faults %v", result.Report.Faults)
					}
				} else if !result.Report.Complete {
					t.Errorf("the report has the faults %v", result.Report.Faults)
				}
			})
		})
	}
}

// Stores that do not answer leave time to notify this on the last attempt.
func TestStoresThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		hang := func(ctx context.Context) error {
			<-ctx.Done()
			return &ptc.Fault{Operation: "PutObject", Kind: ptc.FaultTimeout, Message: "no answer", Retryable: true}
		}
		w.state.hang, w.evidence.hang = hang, hang
		w.topic.during = func(ctx context.Context) {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) < 500*time.Millisecond {
				t.Errorf("publishing has %v", time.Until(deadline))
			}
		}
		result, err := w.Turn(home).Deliver(ctx, audited("a", "hub"), false)
		if err != nil || len(result.Report.Faults) != 2 {
			t.Errorf("faults %v, error %v", result.Report.Faults, err)
		}
		is(t, "published", w.topic.statuses(), []string{"COULD_NOT_AUDIT+FAILED"})
	})
}

// Evidence that cannot be stored is notified once, not with each audit.
func TestMissingEvidenceIsNotifiedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		w.evidence.fail = func(string, string) error { return denied() }
		w.mustDeliver(t, audited("a"))
		time.Sleep(time.Hour)
		w.mustDeliver(t, audited("b"))
		w.evidence.fail = nil
		time.Sleep(time.Hour)
		w.mustDeliver(t, audited("c"))
		is(t, "published", w.topic.statuses(), []string{"COULD_NOT_AUDIT", "RESOLVED"})
	})
}

// A ledger that a newer version wrote is not overwritten. All failures are
// notified without it.
func TestNewerLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inFolders(t)
		newer := []byte(`{"schemaVersion":"ptcaudit/ledger/v2","registry":"somewhere"}`)
		if _, err := w.state.Store.Put(t.Context(), ledger.Key(home), newer, ""); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w.mustDeliver(t, audited(fmt.Sprint(time.Now().UnixNano()), "hub"))
			time.Sleep(time.Hour)
		}
		if w.Turn(home).Covered(t.Context(), []report.Trigger{change("e1", "hub", time.Hour)}) {
			t.Error("a ledger that cannot be read covers a change")
		}
		is(t, "published", w.topic.statuses(), []string{"COULD_NOT_AUDIT+FAILED", "COULD_NOT_AUDIT+FAILED"})
		if got, _, _ := w.state.Store.Get(t.Context(), ledger.Key(home)); string(got) != string(newer) {
			t.Errorf("it was overwritten with %s", got)
		}
	})
}

// A damaged ledger is copied, the notification says so, and a new one is
// started. The audit after it is not the registry's first.
func TestDamagedLedger(t *testing.T) {
	other := ledger.Ledger{Registry: ptc.Registry{Account: "444455556666", Region: "eu-west-1"}}
	for name, damaged := range map[string]string{
		"torn": `{"schemaVersion":"ptcaudit/led`, "empty": "", "of another registry": string(other.Encode()),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inFolders(t)
				if _, err := w.state.Store.Put(t.Context(), ledger.Key(home), []byte(damaged), ""); err != nil {
					t.Fatal(err)
				}
				if w.Turn(home).Covered(t.Context(), []report.Trigger{change("e1", "hub", time.Hour)}) {
					t.Error("a damaged ledger covers a change")
				}
				w.mustDeliver(t, audited("a", "hub"))
				aside := ledger.Key(home) + ".damaged-20000101T000000Z"
				if m := w.topic.published[0]; !strings.Contains(m.Text, aside) {
					t.Errorf("the mail does not name the copy:\n%s", m.Text)
				}
				if got, _, err := w.state.Store.Get(t.Context(), aside); err != nil || string(got) != damaged {
					t.Errorf("the copy is %q, %v", got, err)
				}
				time.Sleep(time.Hour)
				w.mustDeliver(t, audited("b", "hub"))
				is(t, "published", w.topic.statuses(), []string{"COULD_NOT_AUDIT+FAILED", "RESOLVED"})
				for i, m := range w.topic.published {
					if m.First {
						t.Errorf("message %d calls itself the first", i)
					}
				}
			})
		})
	}
}
