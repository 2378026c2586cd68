package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/delivery"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"

	"ptcaudit/internal/stand/sqsbatch"
)

var (
	home  = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	clock = time.Date(2026, 11, 21, 22, 50, 0, 0, time.UTC)
)

const maxReceives = 8

// world is what a handler under test meets: an auditor that answers with the
// reports it is given, and a topic that records what is published.
type world struct {
	mu     sync.Mutex
	audits []report.Report // in the order of their registries' names
	faults map[ptc.Registry][]ptc.Fault
	// audit, where it is set, is called within each audit.
	audit     func(ctx context.Context, reg ptc.Registry)
	refuse    error // of the topic
	publish   func(ctx context.Context)
	published []notify.Message
	delays    map[string]time.Duration // by receipt
	delay     func(ctx context.Context) error
	logs      bytes.Buffer
	metrics   bytes.Buffer
}

func (w *world) Audit(ctx context.Context, reg ptc.Registry, triggers []report.Trigger) report.Report {
	if w.audit != nil {
		w.audit(ctx, reg)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := report.Report{
		Audit:    report.Audit{ID: "audit", StartedAt: clock, FinishedAt: clock},
		Registry: reg, Triggers: triggers, Faults: w.faults[reg],
		Findings: []report.Finding{{Check: "upstream-allowed", Prefix: "quay", Outcome: report.Fail, Severity: report.High}},
	}
	r.Finish()
	w.audits = append(w.audits, r)
	return r
}

func (w *world) Name() string { return "topic" }

func (w *world) Subscribers(context.Context) (int, error) { return 1, nil }

func (w *world) Publish(ctx context.Context, m notify.Message) error {
	if w.publish != nil {
		w.publish(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse == nil {
		w.published = append(w.published, m)
	}
	return w.refuse
}

func (w *world) Delay(ctx context.Context, queueARN string, delays map[string]time.Duration) error {
	if w.delays = delays; queueARN != sqsbatch.QueueARN {
		return errors.New("another queue")
	}
	if w.delay != nil {
		return w.delay(ctx)
	}
	return nil
}

// lockedWriter takes lines of logs and of metrics, which audits write at once.
type lockedWriter struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

func (w *world) handler() *handler.Handler {
	return &handler.Handler{
		Auditor:     w,
		Account:     func(context.Context) (string, error) { return home.Account, nil },
		Delivery:    &delivery.Deliverer{Topics: []delivery.Topic{w}, MinSeverity: report.Low},
		Queue:       w,
		MaxReceives: maxReceives,
		Now:         func() time.Time { return clock },
		Log:         slog.New(slog.NewJSONHandler(lockedWriter{&sync.Mutex{}, &w.logs}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics:     lockedWriter{&sync.Mutex{}, &w.metrics},
		Function:    "ptcaudit-AuditFunction",
	}
}

func (w *world) statuses() []string {
	var out []string
	for _, m := range w.published {
		out = append(out, fmt.Sprint(m.Account, " ", m.Region, " ", m.Status))
	}
	slices.Sort(out)
	return out
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../functions/audit/events", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// failures returns the failed messages in the reply to a batch.
func failures(t *testing.T, reply []byte) []string {
	t.Helper()
	var got struct {
		BatchItemFailures *[]struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(reply, &got); err != nil {
		t.Fatal(err)
	}
	if got.BatchItemFailures == nil {
		t.Fatalf("batchItemFailures is null or missing: %s", reply)
	}
	out := []string{}
	for _, f := range *got.BatchItemFailures {
		out = append(out, f.ItemIdentifier)
	}
	return out
}

func throttled(retryable bool) []ptc.Fault {
	return []ptc.Fault{{Operation: "ValidatePullThroughCacheRule", Prefix: "quay", Kind: ptc.FaultThrottled, Message: "slow down", Retryable: retryable}}
}

func TestBatch(t *testing.T) {
	other := ptc.Registry{Account: home.Account, Region: "us-east-1"}
	change := string(sample(t, "create.json"))
	type faults = map[ptc.Registry][]ptc.Fault
	tests := []struct {
		name      string
		messages  []sqsbatch.Message
		faults    faults
		refuse    error
		failed    []string
		published []string
		audits    int
	}{
		{
			name: "one registry, one audit, one message",
			messages: []sqsbatch.Message{
				{"a", change, 1},
				{"b", sqsbatch.Request(home.Account, home.Region), 1},
				{"c", string(sample(t, "secret.json")), 1},
			},
			published: []string{"111122223333 eu-west-1 FAILED"}, audits: 1,
		},
		{
			name:      "two registries",
			messages:  []sqsbatch.Message{{"a", change, 1}, {"b", sqsbatch.Request(home.Account, other.Region), 1}},
			published: []string{"111122223333 eu-west-1 FAILED", "111122223333 us-east-1 FAILED"}, audits: 2,
		},
		{
			name:      "poison fails alone",
			messages:  []sqsbatch.Message{{"a", "{", 1}, {"b", change, 1}, {"c", "{}", 8}, {"d", `{"schema":"ptcaudit/request/v1"}`, 1}},
			failed:    []string{"a", "c", "d"},
			published: []string{"111122223333 eu-west-1 FAILED"}, audits: 1,
		},
		{
			name:     "nothing to audit",
			messages: []sqsbatch.Message{{"a", string(sample(t, "foreign.json")), 1}, {"b", string(sample(t, "denied.json")), 1}},
		},
		{
			name:      "a retryable fault is retried, and nothing is published",
			messages:  []sqsbatch.Message{{"a", change, 1}, {"b", sqsbatch.Request(home.Account, home.Region), 7}, {"c", sqsbatch.Request(home.Account, other.Region), 1}},
			faults:    faults{home: throttled(true)},
			failed:    []string{"a", "b"},
			published: []string{"111122223333 us-east-1 FAILED"}, audits: 2,
		},
		{
			name:      "the last try of one message is the last for its registry",
			messages:  []sqsbatch.Message{{"a", change, 1}, {"b", sqsbatch.Request(home.Account, home.Region), 8}},
			faults:    faults{home: throttled(true)},
			published: []string{"111122223333 eu-west-1 COULD_NOT_AUDIT"}, audits: 1,
		},
		{
			name:      "without a receive count it is the last try",
			messages:  []sqsbatch.Message{{"a", change, 0}},
			faults:    faults{home: throttled(true)},
			published: []string{"111122223333 eu-west-1 COULD_NOT_AUDIT"}, audits: 1,
		},
		{
			name:      "a fault that is not retryable is notified at once",
			messages:  []sqsbatch.Message{{"a", change, 1}},
			faults:    faults{home: append(throttled(true), throttled(false)...)},
			published: []string{"111122223333 eu-west-1 COULD_NOT_AUDIT"}, audits: 1,
		},
		{
			name:      "a Region without the API is notified of its findings only",
			messages:  []sqsbatch.Message{{"a", change, 1}},
			faults:    faults{home: {{Kind: ptc.FaultUnsupported, Retryable: true}}},
			published: []string{"111122223333 eu-west-1 FAILED"}, audits: 1,
		},
		{
			name:     "a message is not acknowledged if publishing failed, not even on the last try",
			messages: []sqsbatch.Message{{"a", change, 8}, {"b", string(sample(t, "foreign.json")), 1}},
			refuse:   errors.New("no topic"),
			failed:   []string{"a"}, audits: 1,
		},
		{
			name:      "another account is out of scope: acknowledged, and not notified",
			messages:  []sqsbatch.Message{{"a", sqsbatch.Request("444455556666", home.Region), 1}, {"b", change, 1}},
			published: []string{"111122223333 eu-west-1 FAILED"}, audits: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, order := range []string{"in order", "backwards"} {
				messages := slices.Clone(tt.messages)
				failed := slices.Clone(tt.failed)
				if order == "backwards" {
					slices.Reverse(messages)
					slices.Reverse(failed)
				}
				w := &world{faults: tt.faults, refuse: tt.refuse}
				reply, err := w.handler().Invoke(t.Context(), sqsbatch.Batch(t, messages...))
				if err != nil {
					t.Fatal(order, err)
				}
				if diff := cmp.Diff(append([]string{}, failed...), failures(t, reply)); diff != "" {
					t.Errorf("%s: failed (-want +got)\n%s", order, diff)
				}
				if diff := cmp.Diff(tt.published, w.statuses()); diff != "" {
					t.Errorf("%s: published (-want +got)\n%s", order, diff)
				}
				if len(w.audits) != tt.audits {
					t.Errorf("%s: %d audits, want %d", order, len(w.audits), tt.audits)
				}
			}
		})
	}
}

// The triggers of one registry are one list, in any order of the batch, and
// without events that CloudTrail delivered twice.
func TestTriggersOfABatch(t *testing.T) {
	create := string(sample(t, "create.json"))
	duplicate := strings.Replace(create, `"id": "`, `"id": "another-`, 1)
	messages := []sqsbatch.Message{
		{"a", create, 1},
		{"b", duplicate, 1},
		{"c", string(sample(t, "delete.json")), 1},
		{"d", sqsbatch.Request(home.Account, home.Region), 1},
		{"e", strings.Replace(sqsbatch.Request(home.Account, home.Region), "schedule", "deployment", 1), 1},
	}
	var all [][]report.Trigger
	for range 2 {
		w := &world{}
		if _, err := w.handler().Invoke(t.Context(), sqsbatch.Batch(t, messages...)); err != nil {
			t.Fatal(err)
		}
		all = append(all, w.audits[0].Triggers)
		slices.Reverse(messages)
	}
	if diff := cmp.Diff(all[0], all[1]); diff != "" {
		t.Errorf("the order of the batch shows (-in order +backwards)\n%s", diff)
	}
	var kinds []string
	for _, got := range all[0] {
		kinds = append(kinds, string(got.Kind)+" "+got.Call)
	}
	// The requests have no time of their own: it is now, 22:50, which is
	// between the creation at 22:49 and the deletion at 23:11.
	want := []string{"change CreatePullThroughCacheRule", "schedule ", "deployment ", "change DeletePullThroughCacheRule"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBareMessages(t *testing.T) {
	tests := []struct {
		name    string
		payload string
		world   *world // nil for one where all is well
		want    string // the reply, with published as its statuses
		err     string
	}{
		{
			name: "change", payload: string(sample(t, "create.json")),
			want: `FAILED; [{"account":"111122223333","region":"eu-west-1","complete":true,"summary":{"rules":0,"outcomes":{"fail":1},"failed":{"high":1},"waived":0,"highest":"high"}}]`,
		},
		{
			name: "its last try", payload: string(sample(t, "request.json")),
			world: &world{faults: map[ptc.Registry][]ptc.Fault{home: throttled(true)}},
			want:  `COULD_NOT_AUDIT; [{"account":"111122223333","region":"eu-west-1","complete":false,"summary":{"rules":0,"outcomes":{"fail":1},"failed":{"high":1},"waived":0,"highest":"high"}}]`,
		},
		{name: "unrelated", payload: string(sample(t, "foreign.json")), want: `; []`},
		{name: "a call that failed", payload: string(sample(t, "denied.json")), want: `; []`},
		{name: "not JSON", payload: "create.json", err: trigger.ErrNotJSON.Error()},
		{name: "nothing", payload: "{}", err: trigger.ErrUnknown.Error()},
		{name: "no registry", payload: `{"schema":"ptcaudit/request/v1"}`, err: trigger.ErrNoRegistry.Error()},
		{
			name: "not published", payload: string(sample(t, "create.json")),
			world: &world{refuse: errors.New("a text from outside")},
			err:   "message not published",
		},
		{
			name: "not published, with a code", payload: string(sample(t, "create.json")),
			world: &world{refuse: fmt.Errorf("topic: %w", refusal("AuthorizationError"))},
			err:   "message not published: denied AuthorizationError",
		},
		{
			name: "crash", payload: string(sample(t, "create.json")),
			world: &world{audit: func(context.Context, ptc.Registry) { panic("a text from outside") }},
			err:   "audit crashed: string",
		},
		{
			name: "crash of Go", payload: string(sample(t, "create.json")),
			world: &world{audit: func(_ context.Context, reg ptc.Registry) { _ = []int{}[len(reg.Account)] }},
			err:   "audit crashed: runtime error: index out of range [12] with length 0",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := tt.world
			if w == nil {
				w = &world{}
			}
			reply, err := w.handler().Invoke(t.Context(), []byte(tt.payload))
			if tt.err != "" {
				if err == nil || err.Error() != tt.err || reply != nil {
					t.Fatalf("got %s and error %v, want %q", reply, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Notifications *[]struct{ Status string }
				Audits        json.RawMessage
			}
			if err := json.Unmarshal(reply, &got); err != nil || got.Notifications == nil {
				t.Fatalf("%s: %v", reply, err)
			}
			var published []string
			for _, m := range *got.Notifications {
				published = append(published, m.Status)
			}
			if diff := cmp.Diff(tt.want, strings.Join(published, " ")+"; "+string(got.Audits)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// refusal is an error of a topic.
func refusal(code string) error {
	return &ptc.Fault{Operation: ptc.OpPublish, Kind: ptc.FaultDenied, Code: code, Message: "a text from outside"}
}

func TestWithoutTopics(t *testing.T) {
	w := &world{}
	h := w.handler()
	h.Delivery.Topics = nil
	got, err := h.Handle(t.Context(), sample(t, "create.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Notifications) != 1 || got.Notifications[0].Status != report.Failed || len(w.published) != 0 {
		t.Errorf("got %+v, published %+v", got.Notifications, w.published)
	}
}

func TestNothingToSay(t *testing.T) {
	w := &world{}
	h := w.handler()
	h.Delivery.MinSeverity = report.Critical // above the finding
	got, err := h.Handle(t.Context(), sample(t, "create.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Notifications) != 0 || len(w.published) != 0 || len(got.Audits) != 1 {
		t.Errorf("got %+v, published %+v", got, w.published)
	}
}

func TestResultOfABatch(t *testing.T) {
	w := &world{}
	got, err := w.handler().Handle(t.Context(), sample(t, "sqs-batch.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Notifications) != 1 || len(got.Audits) != 1 || len(got.Failed) != 1 || !got.Batch {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]trigger.Ignored{trigger.Unrelated}, got.Ignored); diff != "" {
		t.Errorf("ignored (-want +got)\n%s", diff)
	}
}

// A function that cannot work notifies this for every requested registry,
// and calls no API.
func TestFaultsInsteadOfAudits(t *testing.T) {
	w := &world{}
	h := w.handler()
	h.Auditor, h.Account = nil, nil
	h.Policy = report.Policy{Name: "acme.yaml"}
	h.Faults = []ptc.Fault{{Operation: "LoadPolicy", Kind: ptc.FaultMalformed, Message: "acme.yaml:3:7: unknown key"}}
	reply, err := h.Invoke(t.Context(), sqsbatch.Batch(t, sqsbatch.Message{"a", sqsbatch.Request(home.Account, home.Region), 1}, sqsbatch.Message{"b", "{", 1}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b"}, failures(t, reply)); diff != "" {
		t.Errorf("failed (-want +got)\n%s", diff)
	}
	if len(w.published) != 1 || w.published[0].Status != report.CouldNotAudit || !strings.Contains(w.published[0].Text, "acme.yaml:3:7: unknown key") {
		t.Errorf("published %+v", w.published)
	}
}

func TestWhoseCredentials(t *testing.T) {
	tests := []struct {
		name    string
		account string
		err     error
		want    string
	}{
		{"unknown", "", errors.New("who am I?"), "no credentials for 111122223333"},
		{"a fault", "", &ptc.Fault{Operation: "GetCallerIdentity", Kind: ptc.FaultDenied, Code: "ExpiredToken", Message: "token is old"}, "GetCallerIdentity"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{}
			h := w.handler()
			h.Account = func(context.Context) (string, error) { return tt.account, tt.err }
			got, err := h.Handle(t.Context(), sample(t, "create.json"))
			if err != nil {
				t.Fatal(err)
			}
			if len(w.audits) != 0 {
				t.Error("audited a registry with somebody else's credentials")
			}
			if len(got.Notifications) != 1 || got.Notifications[0].Status != report.CouldNotAudit || !strings.Contains(got.Notifications[0].Text, tt.want) {
				t.Errorf("published %+v, want %q", got.Notifications, tt.want)
			}
			if len(got.Audits) != 1 || got.Audits[0].Complete {
				t.Errorf("audits %+v", got.Audits)
			}
		})
	}
}

// A bus can receive events of other accounts. They are logged and counted. A single
// message is an error instead: its sender waits for an audit.
func TestOutOfScope(t *testing.T) {
	foreign := strings.ReplaceAll(string(sample(t, "create.json")), home.Account, "444455556666")
	w := &world{}
	got, err := w.handler().Handle(t.Context(), sqsbatch.Batch(t,
		sqsbatch.Message{"a", foreign, 1}, sqsbatch.Message{"b", sqsbatch.Request("444455556666", home.Region), 8}))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.audits)+len(w.published)+len(got.Audits)+len(got.Failed) != 0 {
		t.Errorf("audits %v, published %v, result %+v; want none", w.audits, w.published, got)
	}
	if diff := cmp.Diff([]trigger.Ignored{trigger.OutOfScope, trigger.OutOfScope}, got.Ignored); diff != "" {
		t.Errorf("ignored (-want +got)\n%s", diff)
	}
	if !strings.Contains(w.logs.String(), `"account":"444455556666","region":"eu-west-1","messages":2,"reason":"out_of_scope"`) {
		t.Errorf("log: %s", w.logs.String())
	}
	var line map[string]any
	if err := json.Unmarshal(w.metrics.Bytes(), &line); err != nil || line["OutOfScope"] != 2.0 {
		t.Errorf("metrics %s: %v", w.metrics.String(), err)
	}

	w = &world{}
	const want = "account 444455556666 is out of scope: these credentials audit 111122223333 only"
	if reply, err := w.handler().Invoke(t.Context(), []byte(foreign)); err == nil || err.Error() != want || len(w.published) != 0 {
		t.Errorf("reply %s, error %v, published %v; want the error %q", reply, err, w.published, want)
	}
}

// One registry's crash keeps no other from being audited and acknowledged.
func TestCrashFailsItsRegistryOnly(t *testing.T) {
	w := &world{audit: func(_ context.Context, reg ptc.Registry) {
		if reg == home {
			panic("crash")
		}
	}}
	reply, err := w.handler().Invoke(t.Context(), sqsbatch.Batch(t,
		sqsbatch.Message{"a", sqsbatch.Request(home.Account, home.Region), 8}, sqsbatch.Message{"b", sqsbatch.Request(home.Account, "us-east-1"), 1}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, failures(t, reply)); diff != "" {
		t.Errorf("failed (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"111122223333 us-east-1 FAILED"}, w.statuses()); diff != "" {
		t.Errorf("published (-want +got)\n%s", diff)
	}
}

// Audits end early enough to publish, and publishing early enough to reply.
func TestDeadline(t *testing.T) {
	tests := []struct {
		limit, audit, publish time.Duration
	}{
		{2 * time.Minute, 115 * time.Second, 119 * time.Second},
		{4 * time.Second, 3 * time.Second, 3 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.limit.String(), func(t *testing.T) {
			began := time.Now()
			ctx, cancel := context.WithDeadline(t.Context(), began.Add(tt.limit))
			defer cancel()
			var audit, publish time.Time
			w := &world{
				audit:   func(ctx context.Context, _ ptc.Registry) { audit, _ = ctx.Deadline() },
				publish: func(ctx context.Context) { publish, _ = ctx.Deadline() },
			}
			if _, err := w.handler().Invoke(ctx, sample(t, "create.json")); err != nil {
				t.Fatal(err)
			}
			near := func(got time.Time, want time.Duration) bool {
				return got.Sub(began.Add(want)).Abs() < 500*time.Millisecond
			}
			if !near(audit, tt.audit) || !near(publish, tt.publish) {
				t.Errorf("audit ends after %v, publishing after %v; want %v and %v", audit.Sub(began), publish.Sub(began), tt.audit, tt.publish)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	type line struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
		Account, Region                                             string
		AuditSucceeded, AuditIncomplete, FindingsFailed, DurationMs float64
		NotificationsFailed                                         float64
	}
	tests := []struct {
		name  string
		world *world
		want  []float64 // succeeded, incomplete, failed, not published
	}{
		{"complete", &world{}, []float64{1, 0, 1, 0}},
		{"incomplete and published", &world{faults: map[ptc.Registry][]ptc.Fault{home: throttled(false)}}, []float64{0, 1, 1, 0}},
		{"retried", &world{faults: map[ptc.Registry][]ptc.Fault{home: throttled(true)}}, nil},
		{"not published", &world{refuse: errors.New("no")}, []float64{0, 0, 0, 1}},
		{"crashed", &world{audit: func(context.Context, ptc.Registry) { panic(1) }}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := tt.world
			if _, err := w.handler().Invoke(t.Context(), sqsbatch.Batch(t, sqsbatch.Message{"a", sqsbatch.Request(home.Account, home.Region), 1})); err != nil {
				t.Fatal(err)
			}
			if tt.want == nil {
				if w.metrics.Len() > 0 {
					t.Errorf("an audit that is not over was counted: %s", w.metrics.String())
				}
				return
			}
			if strings.Count(w.metrics.String(), "\n") != 1 {
				t.Fatalf("not one line: %q", w.metrics.String())
			}
			var got line
			if err := json.Unmarshal(w.metrics.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, []float64{got.AuditSucceeded, got.AuditIncomplete, got.FindingsFailed, got.NotificationsFailed}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			directive := got.AWS.CloudWatchMetrics[0]
			if got.AWS.Timestamp != clock.UnixMilli() || directive.Namespace != "ptcaudit" {
				t.Errorf("got %+v", got.AWS)
			}
			// A failed notification has no line that counts as an audit.
			if want := map[bool]int{false: 4, true: 1}[tt.world.refuse != nil]; len(directive.Metrics) != want {
				t.Errorf("metrics %+v, want %d of them", directive.Metrics, want)
			}
			if diff := cmp.Diff([][]string{{"function"}}, directive.Dimensions); diff != "" {
				t.Errorf("dimensions (-want +got)\n%s", diff)
			}
			// Each metric and dimension that is declared is there.
			var members map[string]any
			if err := json.Unmarshal(w.metrics.Bytes(), &members); err != nil {
				t.Fatal(err)
			}
			for _, m := range directive.Metrics {
				if _, ok := members[m.Name].(float64); !ok {
					t.Errorf("%s is no number: %v", m.Name, members[m.Name])
				}
			}
			bySeverity, _ := members["failed"].(map[string]any)
			sum := 0.0
			for _, n := range bySeverity {
				sum += n.(float64)
			}
			if sum != got.FindingsFailed {
				t.Errorf("%v failures by severity, %v in all", bySeverity, got.FindingsFailed)
			}
			if members["function"] != "ptcaudit-AuditFunction" || members["account"] != home.Account || members["region"] != home.Region {
				t.Errorf("a dimension or property has another value: %v", members)
			}
		})
	}
}

// Logs have a line per audit and no text from outside.
func TestLogs(t *testing.T) {
	const canary = "CANARY"
	change := strings.NewReplacer("docker-hub", "docker-"+canary, "jane", canary).Replace(string(sample(t, "create.json")))
	w := &world{
		faults: map[ptc.Registry][]ptc.Fault{home: {{Operation: "X", Kind: ptc.FaultDenied, Message: canary}}},
		refuse: refusal("AuthorizationError"),
	}
	if _, err := w.handler().Invoke(t.Context(), sqsbatch.Batch(t,
		sqsbatch.Message{"a", change, 1}, sqsbatch.Message{"b", `{"` + canary, 1}, sqsbatch.Message{"c", `{"detail-type":"` + canary + `"}`, 1},
		sqsbatch.Message{"d", `{"schema":"` + canary + `"}`, 1},
		sqsbatch.Message{"e", strings.ReplaceAll(change, "eventTime", `errorCode": "`+canary+`", "eventTime`), 1})); err != nil {
		t.Fatal(err)
	}
	logs := w.logs.String()
	if strings.Contains(logs, canary) {
		t.Errorf("the logs hold what came from outside:\n%s", logs)
	}
	for _, want := range []string{
		`"msg":"notification not published","account":"111122223333","region":"eu-west-1","audit_id":"audit","complete":false,"messages":1,"receives":1,"reason":"message not published: denied AuthorizationError"`,
		`"level":"WARN","msg":"message refused","message_id":"b"`,
		`"level":"DEBUG","msg":"message ignored","message_id":"c","reason":"unrelated"`,
		`"level":"INFO","msg":"message ignored","message_id":"e","reason":"changed_nothing"`,
	} {
		if !strings.Contains(logs, want) {
			t.Errorf("no line with %s in\n%s", want, logs)
		}
	}
}
