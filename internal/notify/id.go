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

// identity hashes which message of its registry this is, and what it says,
// whatever the order and whatever the words: a status more, another severity,
// another change are another message. When it is said does not count, nor
// where the evidence is, so that an audit that had to be repeated says the
// same.
func identity(s report.Notification) string {
	var said []string
	say := func(parts ...string) {
		var b strings.Builder
		for _, p := range parts { // with its length, so that no part passes for two
			b.WriteString(strconv.Itoa(len(p)) + ":" + p)
		}
		said = append(said, b.String())
	}
	say("registry", s.Registry.Account, s.Registry.Region)
	say("seq", strconv.FormatInt(s.Seq, 10))
	for _, status := range s.Statuses() {
		say("status", string(status))
	}
	for _, section := range sections(s) {
		for _, f := range section.findings {
			say("finding", string(section.status), f.Check, f.Prefix, string(f.Severity), string(f.Outcome), f.Facts)
		}
	}
	for _, f := range s.Faults {
		say("fault", f.Operation, f.Prefix, string(f.Kind), f.Code)
	}
	for _, t := range s.Changes {
		if t.EventID != "" {
			say("event", t.EventID)
		} else {
			say("change", t.Time.UTC().String(), t.Call, t.Prefix, t.Secret)
		}
	}
	for _, list := range []struct {
		name    string
		changes []report.RuleChange
	}{{"rule", s.Rules}, {"unexplained", s.Unexplained}} {
		for _, c := range list.changes {
			parts := []string{list.name, c.Prefix, string(c.Kind)}
			for _, f := range c.Fields {
				parts = append(parts, f.Field, f.Before, f.After)
			}
			say(parts...)
		}
	}
	if !s.Recovered.IsZero() {
		say("recovered", s.Recovered.UTC().Format(time.RFC3339Nano))
	}
	slices.Sort(said)
	sum := sha256.Sum256([]byte(strings.Join(said, "\n")))
	return hex.EncodeToString(sum[:])
}
