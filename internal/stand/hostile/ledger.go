package hostile

import (
	"strings"
	"time"
)

// State is a stored ledger that no sound machine would have left behind.
type State struct {
	Name string
	// Rewrite returns the stored bytes in place of a correct ledger. It may change
	// the decoded ledger that it is given, and returns nil to have that stored.
	Rewrite func(stored []byte, ledger map[string]any, now time.Time) []byte
}

// States lists hostile ledgers. Whatever they claim, a new failure must be
// notified, or its message must stay in the queue.
func States() []State {
	set := func(change func(ledger map[string]any, now time.Time)) func([]byte, map[string]any, time.Time) []byte {
		return func(_ []byte, ledger map[string]any, now time.Time) []byte {
			change(ledger, now)
			return nil
		}
	}
	ahead := func(d time.Duration) func([]byte, map[string]any, time.Time) []byte {
		return set(func(ledger map[string]any, now time.Time) {
			ledger["lastAudit"] = object{"id": "another", "startedAt": now.Add(d), "complete": true}
		})
	}
	lease := func(until func(now time.Time) any) func([]byte, map[string]any, time.Time) []byte {
		return set(func(ledger map[string]any, now time.Time) {
			ledger["lease"] = object{"holder": "another", "until": until(now)}
		})
	}
	const day = 24 * time.Hour
	return []State{
		{"a lease until 2099", lease(func(time.Time) any { return "2099-01-01T00:00:00Z" })},
		{"a lease until the year 9999", lease(func(time.Time) any { return "9999-12-31T23:59:59Z" })},
		{"a lease that is just too long", lease(func(now time.Time) any { return now.Add(200 * time.Second) })},
		{"a lease that has ended", lease(func(now time.Time) any { return now.Add(-time.Second) })},
		{"a lease without a holder", set(func(ledger map[string]any, now time.Time) {
			ledger["lease"] = object{"until": now.Add(time.Minute)}
		})},
		{"a last audit 50 s ahead", ahead(50 * time.Second)},
		{"a last audit 1 hour ahead", ahead(time.Hour)},
		{"a last audit 1 day ahead", ahead(day)},
		{"a last audit in the year 9999", ahead(time.Until(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)))},
		{"changes seen until in 50 s", set(func(ledger map[string]any, now time.Time) { ledger["seenUntil"] = now.Add(50 * time.Second) })},
		{"changes seen until tomorrow", set(func(ledger map[string]any, now time.Time) { ledger["seenUntil"] = now.Add(day) })},
		{"everything ahead by a day", set(func(ledger map[string]any, now time.Time) {
			at := now.Add(day)
			ledger["lastAudit"] = object{"id": "another", "startedAt": at, "complete": true}
			ledger["seenUntil"], ledger["rulesAt"] = at, at
			ledger["lease"] = object{"holder": "another", "until": at}
		})},
		{"the highest number of notifications", set(func(ledger map[string]any, _ time.Time) { ledger["seq"] = int64(1<<63 - 1) })},
		{"a number of notifications that is too high", set(func(ledger map[string]any, _ time.Time) { ledger["seq"] = 1e30 })},
		{"a negative number of notifications", set(func(ledger map[string]any, _ time.Time) { ledger["seq"] = -1 })},
		{"a ledger of a newer version", set(func(ledger map[string]any, _ time.Time) { ledger["schemaVersion"] = "ptcaudit/ledger/v2" })},
		{"a ledger of an unknown version", set(func(ledger map[string]any, _ time.Time) { ledger["schemaVersion"] = "ptcaudit/ledger" })},
		{"another registry's ledger", set(func(ledger map[string]any, _ time.Time) {
			ledger["registry"] = object{"account": "999988887777", "region": Region}
		})},
		{"a ledger of no registry", set(func(ledger map[string]any, _ time.Time) { delete(ledger, "registry") })},
		{"findings that are null", set(func(ledger map[string]any, _ time.Time) { ledger["findings"] = nil })},
		{"a finding in an unknown state", set(func(ledger map[string]any, _ time.Time) {
			ledger["findings"] = []any{object{"check": "upstream-allowed", "prefix": "evil-prefix", "state": "forgiven"}}
		})},
		{"half a ledger", func(stored []byte, _ map[string]any, _ time.Time) []byte { return stored[:len(stored)/2] }},
		{"an empty ledger", func([]byte, map[string]any, time.Time) []byte { return []byte{} }},
		{"null", func([]byte, map[string]any, time.Time) []byte { return []byte("null") }},
		{"an array", func([]byte, map[string]any, time.Time) []byte { return []byte("[]") }},
		{"two ledgers", func(stored []byte, _ map[string]any, _ time.Time) []byte { return append(stored, stored...) }},
		{"a page of HTML", func([]byte, map[string]any, time.Time) []byte { return []byte("<html>not found</html>") }},
		{"deep nesting", func([]byte, map[string]any, time.Time) []byte { return []byte(strings.Repeat("[", 1<<20)) }},
	}
}
