package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// maxSubject is the longest subject that SNS takes: "less than 100 characters".
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const maxSubject = 99

// minName is how much of a prefix is worth showing.
const minName = 8

// entitle writes the subject, one line of ASCII: how bad, what, and of which
// registry. A telephone shows about the first 40 characters, so that what
// matters stands first. Where the first thing said is about one rule, it is
// named, shortened if need be.
func (d *draft) entitle(said []phrase) string {
	tag := "[" + strings.ToUpper(d.urgency()) + "] "
	tail := " - ECR pull through cache"
	if registry := strings.TrimSpace(d.account + " " + d.region); registry != "" {
		tail += ", " + registry
	}
	said = slices.Clone(said)
	switch {
	case len(said) == 0:
		said = []phrase{{words: "Nothing to report"}}
	case d.urgency() == string(report.Resolved) && d.recovered.IsZero(): // which the tag says
		said[0].words = count(len(d.notification.Resolved), "1 failure", "%d failures")
		said[0].before = said[0].words + " on "
		if n := len(d.notification.Open); n > 0 {
			said = append(said, phrase{words: fmt.Sprintf("%d still open", n)})
		}
	}
	room := maxSubject - len(tag) - len(tail)
	for ; len(said) > 1 && len(sentence(said, "")) > room; said = said[:len(said)-1] {
	}
	name := said[0].prefix
	if over := len(sentence(said, name)) - room; over > 0 {
		if keep := len(name) - over - len(".."); keep >= minName {
			name = name[:keep] + ".."
		} else {
			name = ""
		}
	}
	s := tag + sentence(said, name) + tail
	return s[:min(len(s), maxSubject)]
}

// urgency is what the tag says: the severity of what fails. Good news alone
// wakes nobody, however bad it was before.
func (d *draft) urgency() string {
	s := d.notification
	if statuses := s.Statuses(); len(statuses) == 1 && statuses[0] == report.Resolved {
		return string(report.Resolved)
	}
	s.Resolved, s.Recovered = nil, time.Time{}
	if severity := s.Severity(); severity != "" {
		return id(string(severity), len(report.Informational))
	}
	return "OK"
}

// phrase is one thing said, in a few words.
type phrase struct {
	words string
	// prefix is the only rule that it is about, empty where there are more;
	// before and after are the words that it stands between.
	prefix, before, after string
}

// sentence joins phrases, and names the rule of the first.
func sentence(said []phrase, name string) string {
	words := make([]string, 0, len(said))
	for i, p := range said {
		if i == 0 && name != "" {
			p.words = p.before + name + p.after
		} else if i == 0 {
			p.words = strings.ToUpper(p.words[:1]) + p.words[1:]
		}
		words = append(words, p.words)
	}
	return strings.Join(words, ", ")
}

// phrases are what is said, the most important first.
func (d *draft) phrases() []phrase {
	s := d.notification
	var said []phrase
	if p, ok := d.couldNotAudit(); ok {
		said = append(said, p)
	}
	add := func(findings []report.Finding, one, several string) {
		if len(findings) == 0 {
			return
		}
		p := phrase{words: count(len(findings), one, several)}
		if prefix := findings[0].Prefix; !slices.ContainsFunc(findings, func(f report.Finding) bool { return f.Prefix != prefix }) {
			p.prefix, p.before = id(prefix, maxPrefix), p.words+" on "
		}
		said = append(said, p)
	}
	add(s.New, "1 new failure", "%d new failures")
	add(s.Altered, "1 changed failure", "%d changed failures")
	if n := len(s.Unexplained); n > 0 {
		p := phrase{words: count(n, "1 rule changed without an event", "%d rules changed without an event")}
		if n == 1 {
			p.prefix, p.after = id(s.Unexplained[0].Prefix, maxPrefix), " changed without an event"
		}
		said = append(said, p)
	}
	if !d.recovered.IsZero() {
		said = append(said, phrase{words: "can be audited again"})
	}
	add(s.Resolved, "1 resolved", "%d resolved")
	if statuses := s.Statuses(); len(statuses) == 1 && statuses[0] == report.Reminder {
		add(s.Reminded, "Reminder: 1 failure", "Reminder: %d failures")
	} else {
		add(s.Reminded, "1 reminder", "%d reminders")
	}
	return said
}

// couldNotAudit says how much could not be audited, and why where that is one
// reason.
func (d *draft) couldNotAudit() (phrase, bool) {
	s := d.notification
	rules := map[string]bool{}
	for _, f := range s.Faults {
		switch _, atStore := (Fault{Operation: f.Operation}).step(); {
		case f.Prefix != "":
			rules[f.Prefix] = true
		case !atStore:
			return phrase{words: "Could not audit: " + d.reason()}, true
		}
	}
	for _, f := range s.Undecided {
		if f.Prefix != "" {
			rules[f.Prefix] = true
		}
	}
	switch {
	case len(rules) == 1:
		for prefix := range rules {
			return phrase{words: "Could not audit 1 rule", before: "Could not audit ", prefix: id(prefix, maxPrefix)}, true
		}
	case len(rules) > 1:
		return phrase{words: fmt.Sprintf("Could not audit %d rules", len(rules))}, true
	case len(s.Undecided) > 0:
		return phrase{words: "Could not audit: " + count(len(s.Undecided), "1 check undecided", "%d checks undecided")}, true
	}
	for _, step := range steps { // the audit is sound, what is kept of it is not
		if slices.ContainsFunc(s.Faults, func(f ptc.Fault) bool { return f.Operation == step.operation }) {
			return phrase{words: step.cannot}, true
		}
	}
	return phrase{}, false
}

// reason is why a registry could not be audited, from the faults that are the
// registry's own.
func (d *draft) reason() string {
	said := ""
	for _, f := range d.faults {
		if _, atStore := f.step(); atStore || len(f.Prefixes) > 0 {
			continue
		}
		why := map[ptc.FaultKind]string{
			ptc.FaultDenied:      "access denied",
			ptc.FaultThrottled:   "throttled",
			ptc.FaultUnavailable: f.service() + " unavailable",
			ptc.FaultTimeout:     "timed out",
			ptc.FaultUnsupported: "not supported here",
			ptc.FaultMalformed:   "answer not understood",
		}[f.Kind]
		switch {
		case f.broken() != "":
			why = f.broken() + " is broken"
		case f.Kind == ptc.FaultDenied && f.lacks() == credentials:
			why = "no valid credentials"
		}
		if said != "" && said != why {
			return "several faults"
		}
		said = why
	}
	if said == "" {
		return "fault"
	}
	return said
}

func count(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(several, n)
}
