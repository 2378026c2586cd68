package notify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// phrase is one fact that a message reports, in a few words.
type phrase struct {
	words string // "2 new failures"
	// named is words with the name of the rule, if all of it concerns one rule:
	// "1 new failure on quay". prefix is that rule.
	named, prefix string
	// lesser phrases may be left out of a subject. Failures are never left out.
	lesser bool
}

// phrases are what a notification reports, the most important first. A failure
// comes before rules that could not be checked.
func phrases(n report.Notification) []phrase {
	var out []phrase
	if p, ok := nothingChecked(n); ok {
		out = append(out, p)
	}
	add := func(findings []report.Finding, one, several string, lesser bool) {
		if len(findings) == 0 {
			return
		}
		p := phrase{words: count(len(findings), one, several), prefix: onlyPrefix(findings), lesser: lesser}
		if p.prefix != "" {
			p.named = p.words + " on " + p.prefix
		}
		out = append(out, p)
	}
	if n.First || n.Again != "" {
		add(n.New, "1 failure", "%d failures", false)
	} else {
		add(n.New, "1 new failure", "%d new failures", false)
	}
	add(n.Altered, "1 changed failure", "%d changed failures", false)
	if p, ok := notChecked(n); ok {
		out = append(out, p)
	}
	if len(n.Unexplained) > 0 {
		p := phrase{words: count(len(n.Unexplained), "1 rule changed without an event", "%d rules changed without an event")}
		if len(n.Unexplained) == 1 {
			if p.prefix = id(n.Unexplained[0].Prefix, maxPrefix); p.prefix != "" {
				p.named = p.prefix + " changed without an event"
			}
		}
		out = append(out, p)
	}
	if p, ok := storeFailed(n); ok {
		out = append(out, p)
	}
	if !n.Recovered.IsZero() {
		out = append(out, phrase{words: "audits work again", lesser: true})
	}
	if statuses := n.Statuses(); len(statuses) == 1 && statuses[0] == report.Reminder {
		add(n.Reminded, "reminder: 1 failure", "reminder: %d failures", false)
	} else {
		add(n.Reminded, "1 reminder", "%d reminders", true)
	}
	add(n.Resolved, "1 resolved", "%d resolved", true)
	return out
}

// onlyPrefix is the prefix of all findings; empty if they have several.
func onlyPrefix(findings []report.Finding) string {
	prefix := findings[0].Prefix
	if slices.ContainsFunc(findings, func(f report.Finding) bool { return f.Prefix != prefix }) {
		return ""
	}
	return id(prefix, maxPrefix)
}

// nothingChecked is the phrase for a fault of the whole registry.
func nothingChecked(n report.Notification) (phrase, bool) {
	var faults []ptc.Fault
	for _, f := range n.Faults {
		if _, atStore := (Fault{Operation: f.Operation}).step(); f.Prefix == "" && !atStore {
			faults = append(faults, f)
		}
	}
	if len(faults) == 0 {
		return phrase{}, false
	}
	return phrase{words: "nothing checked: " + reason(faults)}, true
}

// notChecked is the phrase for rules and checks without a result.
func notChecked(n report.Notification) (phrase, bool) {
	if _, ok := nothingChecked(n); ok {
		return phrase{}, false
	}
	rules := map[string]bool{}
	for _, f := range n.Faults {
		if f.Prefix != "" {
			rules[f.Prefix] = true
		}
	}
	for _, f := range n.Undecided {
		if f.Prefix != "" {
			rules[f.Prefix] = true
		}
	}
	switch {
	case len(rules) == 0 && len(n.Undecided) == 0:
		return phrase{}, false
	case len(rules) == 0:
		return phrase{words: count(len(n.Undecided), "1 check without a result", "%d checks without a result")}, true
	}
	p := phrase{words: count(len(rules), "1 rule not checked", "%d rules not checked")}
	if len(rules) == 1 {
		for prefix := range rules {
			p.prefix = id(prefix, maxPrefix)
		}
		if p.prefix != "" {
			p.named = p.prefix + " not checked"
		}
	}
	return p, true
}

// storeFailed is the phrase for the first step that a store failed.
func storeFailed(n report.Notification) (phrase, bool) {
	for _, s := range steps {
		if slices.ContainsFunc(n.Faults, func(f ptc.Fault) bool { return f.Operation == s.operation }) {
			return phrase{words: s.failed}, true
		}
	}
	return phrase{}, false
}

// reason is why nothing was checked.
func reason(faults []ptc.Fault) string {
	only := ""
	for _, f := range fold(faults).shown {
		why := map[ptc.FaultKind]string{
			ptc.FaultDenied:      "access denied",
			ptc.FaultThrottled:   "throttled",
			ptc.FaultUnavailable: f.service() + " unavailable",
			ptc.FaultTimeout:     "timed out",
			ptc.FaultUnsupported: "not supported here",
			ptc.FaultMalformed:   "invalid answer",
		}[f.Kind]
		switch {
		case f.invalid() != "":
			why = "the " + f.invalid() + " is invalid"
		case f.Kind == ptc.FaultDenied && f.missing() == credentials:
			why = "no valid credentials"
		}
		if only != "" && only != why {
			return "several faults"
		}
		only = why
	}
	if only == "" {
		return "unknown fault"
	}
	return only
}

// summaryOf counts everything that is reported, as a sentence without its full
// stop. It never begins with text from outside, because it begins a line.
func summaryOf(n report.Notification) string {
	reported := phrases(n)
	if len(n.Open) > 0 {
		reported = append(reported, phrase{words: fmt.Sprintf("%d still open", len(n.Open))})
	}
	if len(reported) == 0 {
		return "Nothing to report"
	}
	words := make([]string, 0, len(reported))
	for _, p := range reported {
		if p.prefix != "" {
			p.words += " (" + p.prefix + ")"
		}
		words = append(words, p.words)
	}
	if n.Again != "" {
		return "Sent again: " + strings.Join(words, ", ")
	}
	if n.First {
		return "First audit of this registry: " + strings.Join(words, ", ")
	}
	return capital(strings.Join(words, ", "))
}

// subjectOf writes the subject, one line of ASCII: how bad, what, and in which
// registry. A phone shows about the first 40 characters, so the worst comes
// first. A single failure is shown by its sentence, if that fits.
func subjectOf(n report.Notification) string {
	tag := "[" + tagOf(n) + "] "
	tail := " - ECR pull through cache"
	if registry := strings.TrimSpace(id(n.Registry.Account, maxPlace) + " " + id(n.Registry.Region, maxPlace)); registry != "" {
		tail = " - " + registry
	}
	s := tag + words(n, maxSubject-len(tag)-len(tail)) + tail
	return s[:min(len(s), maxSubject)]
}

// tagOf is the highest severity of all failures. If the message reports only
// resolved failures, it is how many are resolved and how many are still open.
func tagOf(n report.Notification) string {
	if statuses := n.Statuses(); len(statuses) == 1 && statuses[0] == report.Resolved {
		var parts []string
		if len(n.Open) == 0 {
			return string(report.Resolved)
		}
		if len(n.Resolved) > 0 {
			parts = append(parts, fmt.Sprintf("%d RESOLVED", len(n.Resolved)))
		}
		return strings.Join(append(parts, fmt.Sprintf("%d OPEN", len(n.Open))), ", ")
	}
	n.Resolved, n.Recovered = nil, time.Time{}
	if severity := n.Severity(); severity != "" {
		return strings.ToUpper(id(string(severity), len(report.Informational)))
	}
	return "OK"
}

// words are what a subject reports: the most detailed form of at most room
// characters.
func words(n report.Notification, room int) string {
	reported := phrases(n)
	switch {
	case len(reported) == 0:
		return "Nothing to report"
	case n.First:
		if s := "First audit: " + join(reported, true); len(s) <= room {
			return s
		}
		if s := "First audit: " + join(reported, false); len(s) <= room {
			return s
		}
	case len(n.Statuses()) == 1 && n.Statuses()[0] == report.Resolved:
		reported = resolvedPhrases(n)
	default:
		if s := sentenceWords(n, reported, room); s != "" {
			return s
		}
	}
	for ; ; reported = reported[:len(reported)-1] {
		for _, named := range []bool{true, false} {
			s := join(reported, named)
			if first := reported[0]; !named || first.named == "" || !strings.HasPrefix(first.named, first.prefix) { // a prefix keeps its spelling
				s = capital(s)
			}
			if len(s) <= room || len(reported) == 1 && !named {
				return s
			}
		}
	}
}

// join is phrases as a list.
func join(reported []phrase, named bool) string {
	parts := make([]string, 0, len(reported))
	for _, p := range reported {
		if named && p.named != "" {
			parts = append(parts, p.named)
		} else {
			parts = append(parts, p.words)
		}
	}
	return strings.Join(parts, ", ")
}

// resolvedPhrases follow the tag [1 RESOLVED, 9 OPEN]: they name the worst finding
// that is still open.
func resolvedPhrases(n report.Notification) []phrase {
	if len(n.Open) > 0 {
		worst := worstFirst(n.Open)[0]
		open := strings.ToUpper(id(string(worst.Severity), len(report.Informational)))
		p := phrase{words: "worst open: " + open}
		if prefix := id(worst.Prefix, maxPrefix); prefix != "" {
			p.prefix, p.named = prefix, p.words+" "+prefix
		}
		return []phrase{p}
	}
	var out []phrase
	if len(n.Resolved) > 0 {
		p := phrase{words: count(len(n.Resolved), "1 failure", "%d failures"), prefix: onlyPrefix(n.Resolved)}
		if p.prefix != "" {
			p.named = p.words + " on " + p.prefix
		}
		out = append(out, p)
	}
	if !n.Recovered.IsZero() {
		out = append(out, phrase{words: "audits work again"})
	}
	return out
}

// inParentheses matches details that a subject leaves out.
var inParentheses = regexp.MustCompile(` \([^()]*\)`)

// minCut is the least part of a sentence that is shown, in characters.
const minCut = 40

// sentenceWords lead with the sentence of the worst new failure:
//
//	docker-hub: ECR cannot use this rule (+1 new failure), azure not checked
//
// They are empty if that does not fit, or if another phrase comes first. A
// sentence is shortened only if the message reports nothing else.
func sentenceWords(n report.Notification, reported []phrase, room int) string {
	if len(n.New) == 0 || reported[0].words != count(len(n.New), "1 new failure", "%d new failures") {
		return ""
	}
	worst := Finding{Status: report.Failed, Finding: cleanFinding(worstFirst(n.New)[0])}
	if worst.Message == "" {
		return ""
	}
	s, _ := worst.sentence()
	s = strings.TrimSuffix(inParentheses.ReplaceAllString(s, ""), ".")
	if worst.Prefix != "" {
		s = worst.Prefix + ": " + s
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "" // a sentence in another script
	}
	rest := reported[1:]
	if more := len(n.New) - 1; more > 0 {
		s += " (+" + count(more, "1 new failure", "%d new failures") + ")"
	}
	for ; ; rest = rest[:len(rest)-1] {
		full := join(append([]phrase{{words: s}}, rest...), true)
		if len(full) <= room {
			return full
		}
		if len(rest) == 0 || !rest[len(rest)-1].lesser {
			break
		}
	}
	if len(rest) > 0 || len(n.New) > 1 || room < minCut || len(worst.Prefix) > room/2 {
		return ""
	}
	cut := s[:room-len("..")]
	return cut[:strings.LastIndexByte(cut, ' ')] + ".."
}

// capital is s with a capital letter at its start.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func count(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(several, n)
}
