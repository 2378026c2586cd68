package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/untrusted"
)

// NotChecked is how all output names the outcome Error.
const NotChecked = "NOT CHECKED"

// RegistrySubject is the subject of a finding that has no prefix.
const RegistrySubject = "(registry)"

// Subject names what the finding is about: a prefix, or RegistrySubject.
func (f Finding) Subject() string { return SubjectOf(f.Prefix) }

// SubjectOf names a prefix; an empty one stands for the registry.
func SubjectOf(prefix string) string {
	return cmp.Or(untrusted.Sentence(prefix, untrusted.MaxName), RegistrySubject)
}

// ID is the finding's check, fit to show. It is never empty, which some
// formats forbid.
func (f Finding) ID() string {
	return cmp.Or(untrusted.Sentence(f.Check, untrusted.MaxName), "(unnamed)")
}

// Text is the finding's message, fit to show. It is never empty, which some
// formats forbid.
func (f Finding) Text() string {
	text := untrusted.Text(f.Message)
	switch {
	case text != "":
		return text
	case f.Outcome == Pass:
		return "The check passes."
	case f.Outcome == Skip:
		return "The check does not apply."
	}
	return "No message."
}

// Sentence is what every output leads a finding with: the prefix, if there is
// one, and the first sentence of the message, as in "docker-hub: ECR cannot use
// this rule".
func (f Finding) Sentence() string { return f.withPrefix(f.Lead()) }

// Lead is the first sentence of the message, without the prefix.
func (f Finding) Lead() string {
	first, _ := cutSentence(f.Text())
	return first
}

// Headline is the sentence with the check's id at its end: "docker-hub: ECR
// cannot use this rule. [validation-passed]".
func (f Finding) Headline() string { return f.Sentence() + " [" + f.ID() + "]" }

// Detail is what the message has after its first sentence; empty if it has no
// more.
func (f Finding) Detail() string {
	_, rest := cutSentence(f.Text())
	return rest
}

// FullText is the whole message after the prefix, if there is one. It is for
// formats that show the message alone.
func (f Finding) FullText() string { return f.withPrefix(f.Text()) }

func (f Finding) withPrefix(text string) string {
	if f.Prefix == "" {
		return text
	}
	return f.Subject() + ": " + text
}

// cutSentence cuts a text after its first sentence, but not within quotation
// marks, where someone else's text stands.
func cutSentence(s string) (first, rest string) {
	quotes := 0
	for i, r := range s {
		switch after := s[i:]; {
		case r == '"':
			quotes++
		case r == '.' && quotes%2 == 0 && len(after) > 2 && after[1] == ' ' && 'A' <= after[2] && after[2] <= 'Z':
			return s[:i+1], after[2:]
		}
	}
	return s, ""
}

// Label is the word in capitals before a finding: its severity, or why it has
// none that counts.
func (f Finding) Label() string {
	switch f.Outcome {
	case Error:
		return NotChecked
	case Pending:
		return "NOT IN FORCE YET"
	default:
		return f.Severity.Label()
	}
}

// Label is the severity in capitals, as it stands before a finding.
func (s Severity) Label() string { return strings.ToUpper(untrusted.Name(string(s))) }

// Text says until when a finding is waived, by whom and why, fit to show.
func (w Waiver) Text() string {
	return "Waived until " + untrusted.Name(w.Expires) + " by " + untrusted.Name(w.Owner) + ": " + untrusted.Text(w.Reason)
}

// Incomplete lists why a report is incomplete, a sentence for each reason, fit
// to show. It is empty if the report is complete.
func (r Report) Incomplete() []string {
	if r.Complete {
		return nil
	}
	var reasons []string
	for _, f := range r.Faults {
		if f.Kind != ptc.FaultUnsupported {
			reasons = append(reasons, untrusted.Text(f.Error()))
		}
	}
	if n := r.Summary.Outcomes[Error]; n > 0 {
		return append(reasons, NotChecked+": "+Count(n, "finding")+".")
	}
	if len(reasons) == 0 {
		reasons = []string{"The report is marked as incomplete and gives no reason."}
	}
	return reasons
}

// Unsupported is the message that the Region has no pull through cache rules,
// fit to show. It is not ok if the Region has them, or if the report is
// incomplete for another reason.
func (r Report) Unsupported() (message string, ok bool) {
	for _, f := range r.Faults {
		if f.Kind == ptc.FaultUnsupported {
			return cmp.Or(untrusted.Text(f.Message), "The Region has no pull through cache rules."), r.Complete
		}
	}
	return "", false
}

// ListRead reports whether the audit knows which rules the registry has. In a
// Region without the API it has seen no list.
func (r Report) ListRead() bool {
	return len(r.Rules) > 0 || !slices.ContainsFunc(r.Faults, func(f ptc.Fault) bool { return f.Prefix == "" })
}

// Advice is how to fix a fault, if that follows from its kind; otherwise it is
// empty.
func Advice(f ptc.Fault) string {
	switch {
	case f.Kind == ptc.FaultDenied && IsRuleCall(f.Operation):
		return "Allow ecr:" + untrusted.Name(f.Operation) + " on * to the role or user that runs the audit."
	case f.Retryable:
		return "Run the audit again later: the fault may be temporary."
	}
	return ""
}

// IsRuleCall reports whether an operation is one of ECR's calls for pull
// through cache rules.
func IsRuleCall(operation string) bool { return strings.Contains(operation, "PullThroughCacheRule") }

// programs are the ones that a fix may run.
var programs = []string{"aws ", "ptcaudit ", "docker "}

// IsCommand reports whether a line of a fix is typed into a shell. Other lines
// are sentences.
func IsCommand(line string) bool {
	return slices.ContainsFunc(programs, func(program string) bool { return strings.HasPrefix(line, program) })
}

// Count is a number with its noun: "1 rule", "2 rules".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Minute is a time to the minute, in UTC.
func Minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Second is a time to the second, in UTC.
func Second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Counts lists how many checks had each outcome: "3 passed, 1 failed". It is
// empty if no check ran.
func (s Summary) Counts() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Outcomes[Pass], "passed"},
		{s.Outcomes[Fail] - s.Waived, "failed"},
		{s.Waived, "waived"},
		{s.Outcomes[Error], "not checked"},
		{s.Outcomes[Pending], "not in force yet"},
		{s.Outcomes[Skip], "did not apply"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}
