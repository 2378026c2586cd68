package handler_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"

	"ptcaudit/internal/stand/sqsbatch"
)

// The outcome of a batch if there is a ledger. In each case an audit of an hour
// ago has notified that a rule fails.
func TestBatchesWithALedger(t *testing.T) {
	const (
		none  = "none" // no delay: done
		retry = "retry"
	)
	change := func(ago time.Duration, receives int) func() []sqsbatch.Message {
		return func() []sqsbatch.Message {
			at := time.Now().UTC().Format(time.RFC3339)
			then := time.Now().UTC().Add(-ago).Format(time.RFC3339)
			return []sqsbatch.Message{{"a", strings.ReplaceAll(event("e-"+fmt.Sprint(ago), "jane", "hub"), at, then), receives}}
		}
	}
	tests := []struct {
		name      string
		messages  func() []sqsbatch.Message
		before    func(t *testing.T, h *handler.Handler)
		faults    []ptc.Fault
		audits    int
		published string
		// delay is how long the message waits at least; at most, it is five
		// seconds longer.
		delay   string
		metrics int
	}{
		{name: "a covered change", messages: change(2*time.Hour, 1), delay: none},
		{name: "a change since", messages: change(time.Minute, 1), audits: 1, published: "CHANGED", delay: none, metrics: 1},
		{
			name: "a change just after an audit", messages: change(time.Second, 1),
			before: func(t *testing.T, h *handler.Handler) { t.Helper(); audit(t, h); time.Sleep(10 * time.Second) },
			delay:  "18s", // the audit took two seconds
		},
		{
			name: "a change just after an audit, at its last try", messages: change(time.Second, maxReceives),
			before: func(t *testing.T, h *handler.Handler) { t.Helper(); audit(t, h); time.Sleep(10 * time.Second) },
			audits: 1, published: "CHANGED", delay: none, metrics: 1,
		},
		{
			name: "a request just after an audit", messages: func() []sqsbatch.Message {
				return []sqsbatch.Message{{"a", sqsbatch.Request(home.Account, home.Region), 1}}
			},
			before: func(t *testing.T, h *handler.Handler) { t.Helper(); audit(t, h) },
			audits: 1, delay: none, metrics: 1,
		},
		{
			name: "while another audit publishes", messages: func() []sqsbatch.Message {
				return []sqsbatch.Message{{"a", sqsbatch.Request(home.Account, home.Region), 3}}
			},
			before: func(t *testing.T, h *handler.Handler) { t.Helper(); publishFor(t, h, 40*time.Second) },
			audits: 1, delay: "38s",
		},
		{
			name: "a change while another audit publishes", messages: change(time.Minute, 1),
			before: func(t *testing.T, h *handler.Handler) { t.Helper(); publishFor(t, h, 40*time.Second) },
			delay:  "40s",
		},
		{
			name: "retryable fault", messages: change(time.Minute, 1), faults: throttled(true),
			audits: 1, published: "CHANGED", delay: retry, // what could be checked is notified
		},
		{
			name: "retryable fault on the last try", messages: change(time.Minute, maxReceives), faults: throttled(true),
			audits: 1, published: "COULD_NOT_AUDIT", delay: none, metrics: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var metrics bytes.Buffer
				queue, registry := &world{}, &troubled{}
				h := stateful(t, registry, registry, queue)
				audit(t, h)
				time.Sleep(time.Hour)
				if tt.before != nil {
					tt.before(t, h)
				}
				h.Metrics = lockedWriter{&sync.Mutex{}, &metrics}
				registry.faults = func() []ptc.Fault { return tt.faults }
				registry.published, registry.audits = nil, 0
				reply, err := h.Invoke(t.Context(), sqsbatch.Batch(t, tt.messages()...))
				if err != nil {
					t.Fatal(err)
				}
				if got := len(failures(t, reply)) > 0; got != (tt.delay != none) {
					t.Errorf("failed: %v", got)
				}
				if registry.audits != tt.audits {
					t.Errorf("%d audits, want %d", registry.audits, tt.audits)
				}
				published := ""
				for _, m := range registry.published {
					published += string(m.Status)
				}
				if published != tt.published {
					t.Errorf("published %s, want %s", published, tt.published)
				}
				if n := strings.Count(metrics.String(), "\n"); n != tt.metrics {
					t.Errorf("%d lines of metrics, want %d:\n%s", n, tt.metrics, metrics.String())
				}
				delay, delayed := queue.delays["receipt of a"]
				switch tt.delay {
				case none:
					if delayed {
						t.Errorf("put back for %v", delay)
					}
				case retry:
					// Not before the settling time has passed, or it would be deferred.
					if delay < queueDelay-3*time.Second || delay > queueDelay {
						t.Errorf("put back for %v", delay)
					}
				default:
					least, _ := time.ParseDuration(tt.delay)
					if delay < least || delay > least+5*time.Second {
						t.Errorf("put back for %v, want %v and up to 5s more", delay, least)
					}
				}
			})
		})
	}
}

// audit audits the registry and delivers the report.
func audit(t *testing.T, h *handler.Handler) {
	t.Helper()
	batch := sqsbatch.Batch(t, sqsbatch.Message{"audit", sqsbatch.Request(home.Account, home.Region), 1})
	if got, err := h.Handle(t.Context(), batch); err != nil || len(got.Audits) != 1 || len(got.Failed) > 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// publishFor makes another audit hold the lease for a while.
func publishFor(t *testing.T, h *handler.Handler, d time.Duration) {
	t.Helper()
	data, version, err := h.Delivery.State.Get(t.Context(), ledger.Key(home))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	l.Lease = &ledger.Lease{Holder: "another", Until: time.Now().Add(d)}
	if _, err := h.Delivery.State.Put(t.Context(), ledger.Key(home), l.Encode(), version); err != nil {
		t.Fatal(err)
	}
}

// By hand an event is audited whenever it was made, and who waits for another
// waits for what is new.
func TestByHandWithALedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := &troubled{}
		h := stateful(t, registry, registry, nil)
		body := []byte(event("e", "jane", "hub"))
		for range 3 { // the third time an audit covers it
			if _, err := h.Handle(t.Context(), body); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		publishFor(t, h, time.Minute)
		began := time.Now()
		got, err := h.Handle(t.Context(), []byte(event("other", "joe", "hub")))
		if err != nil || len(got.Notifications) != 1 || time.Since(began) < 58*time.Second {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(began))
		}
		if registry.audits != 4 || len(registry.published) != 2 {
			t.Errorf("%d audits, %d messages", registry.audits, len(registry.published))
		}
	})
}

// A function that cannot work notifies this once, and once that it works again.
func TestBrokenIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := &troubled{}
		h := stateful(t, registry, registry, nil)
		h.Faults = []ptc.Fault{{Operation: "LoadPolicy", Kind: ptc.FaultMalformed, Message: "acme.yaml:3:7: unknown key"}}
		var published []string
		for i := range 4 {
			if i == 2 {
				h.Faults = nil
			}
			audit(t, h)
			time.Sleep(time.Hour)
		}
		for _, m := range registry.published {
			published = append(published, fmt.Sprint(m.Statuses))
		}
		if diff := cmp.Diff([]string{"[COULD_NOT_AUDIT]", "[FAILED RESOLVED]"}, published); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// broken is a store that does nothing, in words from outside.
type broken struct {
	blob.Store
	retryable bool
}

func (b broken) Get(context.Context, string) ([]byte, string, error) {
	return nil, "", &ptc.Fault{Operation: "GetObject", Kind: ptc.FaultThrottled, Code: "SlowDown", Message: "CANARY", Retryable: b.retryable}
}

// A store that fails for a while leaves the message to another try; for good,
// it is published. The log names it without a word from outside.
func TestStoreThatFails(t *testing.T) {
	for retryable, want := range map[bool]string{
		true:  `"msg":"audit will be retried"`,
		false: `"msg":"report delivered"`,
	} {
		t.Run(fmt.Sprint("retryable ", retryable), func(t *testing.T) {
			w, registry := &world{}, &troubled{}
			h := stateful(t, w, registry, nil)
			h.Log = slog.New(slog.NewJSONHandler(&w.logs, nil))
			h.Delivery.State = broken{h.Delivery.State, retryable}
			reply, err := h.Invoke(t.Context(), sqsbatch.Batch(t, sqsbatch.Message{"a", sqsbatch.Request(home.Account, home.Region), 1}))
			if err != nil {
				t.Fatal(err)
			}
			if again := len(failures(t, reply)) == 1; again != retryable || len(registry.published) == 1 == retryable {
				t.Errorf("failed: %v, published %+v", again, registry.published)
			}
			logs := w.logs.String()
			if !strings.Contains(logs, want) || retryable && !strings.Contains(logs, `"reason":"GetLedger: throttled SlowDown"`) || strings.Contains(logs, "CANARY") {
				t.Errorf("logs\n%s", logs)
			}
		})
	}
}
