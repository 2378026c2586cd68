package notify

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ptcaudit/internal/report"
)

// sentence splits a finding's message: the first sentence is the headline, the
// rest is shown below it.
func (f Finding) sentence() (first, rest string) {
	message := f.Message
	switch {
	case f.Status == report.Resolved:
		message = resolution(f)
	case message == "":
		message = "The check has no message."
	}
	first, rest = firstSentence(message)
	if ownLead.MatchString(rest) {
		first, rest = message, ""
	}
	if utf8.RuneCountInString(first) > maxSentence {
		return string([]rune(first)[:maxSentence]) + "…", "In full: " + message
	}
	return first, rest
}

// ownLead matches the words with which our lines below a finding begin. A message
// must not forge such a line.
var ownLead = regexp.MustCompile(`^(Fix|Why now|Changed by|In full|See|Failing|It failed)\b`)

// firstSentence ends at a full stop outside quotes, if a capital letter follows.
func firstSentence(s string) (first, rest string) {
	inQuotes := false
	for i, r := range s {
		if r == '"' {
			inQuotes = !inQuotes
		}
		if r != '.' || inQuotes {
			continue
		}
		if after, ok := strings.CutPrefix(s[i+1:], " "); ok {
			if next, _ := utf8.DecodeRuneInString(after); unicode.IsUpper(next) {
				return s[:i+1], after
			}
		}
	}
	if s != "" && !strings.ContainsAny(s[len(s)-1:], `.!?"`) && !strings.HasSuffix(s, "…") {
		s += "."
	}
	return s, ""
}

// resolution is why a finding is over.
func resolution(f Finding) string {
	switch {
	case f.Waiver != nil:
		return f.Waiver.Text()
	case f.Message != "":
		return f.Message
	case f.Outcome == report.Pass:
		return "Fixed: the check passes."
	case f.Outcome == report.Skip:
		return "The check no longer applies."
	default:
		return "The check no longer fails."
	}
}

// duration is how long a finding has failed, and since when; empty if that is
// unknown or under a minute.
func duration(since, now time.Time) string {
	took, begin := lasting(since, now)
	if took == "" {
		return ""
	}
	return "for " + took + ", since " + begin
}

// lasting is how long ago something began, and when, as precisely as a reader
// needs; empty if it is unknown, or under a minute ago.
func lasting(since, now time.Time) (took, begin string) {
	ago := now.Sub(since)
	switch {
	case since.IsZero(), ago < time.Minute:
		return "", ""
	case ago < time.Hour:
		return count(int(ago/time.Minute), "1 minute", "%d minutes"), report.Minute(since)
	case ago < 48*time.Hour:
		return count(int(ago/time.Hour), "1 hour", "%d hours"), report.Minute(since)
	default:
		return count(int(ago/(24*time.Hour)), "1 day", "%d days"), since.Format(time.DateOnly)
	}
}
