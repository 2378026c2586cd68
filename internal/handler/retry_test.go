package handler_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"

	"ptcaudit/internal/stand/sqsbatch"
)

// What failed waits longer each time; what no try can help comes back at once,
// to end among the dead letters.
func TestPutBack(t *testing.T) {
	const poison = "{"
	change := string(sample(t, "create.json"))
	later := map[ptc.Registry][]ptc.Fault{home: throttled(true)}
	tests := []struct {
		name    string
		message sqsbatch.Message
		faults  map[ptc.Registry][]ptc.Fault
		refuse  error
		most    time.Duration // the least is three quarters of it
		not     bool          // put back at all
	}{
		{name: "done", message: sqsbatch.Message{"a", change, 1}, not: true},
		{name: "ignored", message: sqsbatch.Message{"a", string(sample(t, "foreign.json")), 1}, not: true},
		{name: "first try", message: sqsbatch.Message{"a", change, 1}, faults: later, most: 30 * time.Second},
		{name: "second try", message: sqsbatch.Message{"a", change, 2}, faults: later, most: time.Minute},
		{name: "third try", message: sqsbatch.Message{"a", change, 3}, faults: later, most: 2 * time.Minute},
		{name: "fourth try", message: sqsbatch.Message{"a", change, 4}, faults: later, most: 2 * time.Minute},
		{name: "fifth try", message: sqsbatch.Message{"a", change, 5}, faults: later, most: 2 * time.Minute},
		{name: "last but one", message: sqsbatch.Message{"a", change, 7}, faults: later, most: 2 * time.Minute},
		{name: "last, published", message: sqsbatch.Message{"a", change, 8}, faults: later, not: true},
		{name: "not published", message: sqsbatch.Message{"a", change, 1}, refuse: errors.New("no topic"), most: 30 * time.Second},
		{name: "not published on the last try", message: sqsbatch.Message{"a", change, 8}, refuse: errors.New("no topic")},
		{name: "poison", message: sqsbatch.Message{"a", poison, 1}},
		{name: "poison in the end", message: sqsbatch.Message{"a", poison, 8}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := map[time.Duration]bool{}
			for range 20 {
				w := &world{faults: tt.faults, refuse: tt.refuse}
				if _, err := w.handler().Invoke(t.Context(), sqsbatch.Batch(t, tt.message)); err != nil {
					t.Fatal(err)
				}
				delay, got := w.delays["receipt of a"]
				if got == tt.not || len(w.delays) > 1 {
					t.Fatalf("put back: %v", w.delays)
				}
				if delay > tt.most || delay < tt.most-tt.most/4 {
					t.Fatalf("after %v, want at most %v and at least three quarters of it", delay, tt.most)
				}
				seen[delay] = true
			}
			if tt.most > 0 && len(seen) == 1 {
				t.Error("always after the same time")
			}
		})
	}
}

// Each message of a batch waits for as long as it was tried itself, although
// all of a registry share one fate.
func TestPutBackEachOfABatch(t *testing.T) {
	w := &world{faults: map[ptc.Registry][]ptc.Fault{home: throttled(true)}}
	change := string(sample(t, "create.json"))
	if _, err := w.handler().Invoke(t.Context(), sqsbatch.Batch(t,
		sqsbatch.Message{"a", change, 1}, sqsbatch.Message{"b", change, 4}, sqsbatch.Message{"c", "{}", 1}, sqsbatch.Message{"d", sqsbatch.Request(home.Account, "us-east-1"), 1})); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for receipt, delay := range w.delays {
		got[receipt] = fmt.Sprint(delay > time.Minute, delay > 0)
	}
	want := map[string]string{"receipt of a": "false true", "receipt of b": "true true", "receipt of c": "false false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A queue that does not do it changes nothing in the reply, and has no time to
// keep it from being given.
func TestPutBackThatFails(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end, _ := ctx.Deadline()
	const canary = "CANARY"
	var until time.Time
	w := &world{
		faults: map[ptc.Registry][]ptc.Fault{home: throttled(true)},
		delay: func(ctx context.Context) error {
			until, _ = ctx.Deadline()
			return &ptc.Fault{Kind: ptc.FaultDenied, Code: "AccessDenied", Message: canary}
		},
	}
	h := w.handler()
	for range 2 { // with a queue, and without one
		reply, err := h.Invoke(ctx, sqsbatch.Batch(t, sqsbatch.Message{"a", sqsbatch.Request(home.Account, home.Region), 1}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a"}, failures(t, reply)); diff != "" {
			t.Errorf("failed (-want +got)\n%s", diff)
		}
		h.Queue = nil
	}
	if !until.Before(end) {
		t.Errorf("the queue has time until %v, the function until %v", until, end)
	}
	logs := w.logs.String()
	if strings.Contains(logs, canary) || strings.Count(logs, `"messages":1,"kind":"denied","code":"AccessDenied"`) != 1 {
		t.Errorf("logs:\n%s", logs)
	}
}

// A record without a queue or a receipt is not delayed.
func TestPutBackNeedsAReceipt(t *testing.T) {
	w := &world{}
	raw := strings.ReplaceAll(string(sqsbatch.Batch(t, sqsbatch.Message{"a", "{", 1})), "receiptHandle", "x")
	if _, err := w.handler().Invoke(t.Context(), []byte(raw)); err != nil || w.delays != nil {
		t.Errorf("put back %v, error %v", w.delays, err)
	}
}
