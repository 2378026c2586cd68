package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"ptcaudit/internal/report"
)

// identity is the id of a message: a hash of its registry, its number, and what
// it reports. Order, wording, time and evidence are not part of the hash, so that
// a repeated audit makes a message with the same id.
func identity(n report.Notification) string {
	var parts []string
	add := func(fields ...string) {
		var b strings.Builder
		for _, p := range fields { // with its length, so that one field cannot equal two
			b.WriteString(strconv.Itoa(len(p)) + ":" + p)
		}
		parts = append(parts, b.String())
	}
	add("registry", n.Registry.Account, n.Registry.Region)
	add("seq", strconv.FormatInt(n.Seq, 10))
	if n.Again != "" {
		add("again", n.Again)
	}
	for _, status := range n.Statuses() {
		add("status", string(status))
	}
	for _, s := range sections(n) {
		for _, f := range s.findings {
			add("finding", string(s.status), f.Check, f.Prefix, string(f.Severity), string(f.Outcome), f.Facts)
		}
	}
	for _, f := range n.Faults {
		add("fault", f.Operation, f.Prefix, string(f.Kind), f.Code)
	}
	for _, t := range n.Changes {
		if t.EventID != "" {
			add("event", t.EventID)
		} else {
			add("change", t.Time.UTC().String(), t.Call, t.Prefix, t.Secret)
		}
	}
	for _, list := range []struct {
		name    string
		changes []report.RuleChange
	}{{"rule", n.Rules}, {"unexplained", n.Unexplained}} {
		for _, c := range list.changes {
			fields := []string{list.name, c.Prefix, string(c.Kind)}
			for _, f := range c.Fields {
				fields = append(fields, f.Field, f.Before, f.After)
			}
			add(fields...)
		}
	}
	if !n.Recovered.IsZero() {
		add("recovered", n.Recovered.UTC().Format(time.RFC3339Nano))
	}
	slices.Sort(parts)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])
}
