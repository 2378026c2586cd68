package html

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/outside"
	"ptcaudit/internal/report"
)

// text is a message: one line in which nothing is hidden. That it stays text,
// and cannot become markup, is html/template's part.
func text(s string) string { return outside.Line(s, outside.MaxText) }

// step is one line of how to mend something: a sentence, or the parts of a
// command. A blank between them makes them the command again.
type step struct {
	Sentence string
	Command  []string
}

func steps(remediation string) []step {
	var out []step
	for _, line := range outside.Lines(remediation, outside.MaxRemediation) {
		if isCommand(line) {
			out = append(out, step{Command: parts(line)})
		} else {
			out = append(out, step{Sentence: line})
		}
	}
	return out
}

// parts cuts a command before its options, where a line may break: an option
// and its value stay together, unless the line is too short for them.
func parts(command string) []string {
	out := strings.Split(command, " --")
	for i := range out[1:] {
		out[i+1] = "--" + out[i+1]
	}
	return out
}

// isCommand tells a line that is typed into a shell from a sentence.
func isCommand(line string) bool {
	for _, program := range []string{"aws ", "ptcaudit ", "docker "} {
		if strings.HasPrefix(line, program) {
			return true
		}
	}
	return false
}

// reference is where to read more. URL is empty where Text is no address to
// open.
type reference struct{ Text, URL string }

func references(list []string) []reference {
	var out []reference
	for _, s := range list {
		if url, ok := outside.Link(s); ok {
			out = append(out, reference{url, url})
		} else if shown := outside.Name(s); shown != "" {
			out = append(out, reference{Text: shown})
		}
	}
	return out
}

// moment is a time for people and for programs, UTC. The zero moment is a time
// that nobody knows.
type moment struct{ Text, Machine string }

// second and minute say a time to the second, or to the minute.
func second(t time.Time) moment { return instant(t, "2006-01-02 15:04:05 UTC") }

func minute(t time.Time) moment { return instant(t, "2006-01-02 15:04 UTC") }

func instant(t time.Time, format string) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{t.UTC().Format(format), t.UTC().Format(time.RFC3339)}
}

// subject is what a finding is about.
func subject(f report.Finding) string {
	if f.Prefix == "" {
		return "(registry)"
	}
	return outside.Name(f.Prefix)
}

// upstream is where a rule fetches from, as it is written before an image's
// name.
func upstream(u report.Upstream) string {
	if u.Prefix == "" || u.Prefix == ptc.RootPrefix {
		return outside.Name(u.URL)
	}
	return outside.Name(u.URL) + "/" + outside.Name(u.Prefix)
}

// secret names what a rule authenticates with, without the start that all
// secrets of rules have in common; empty where it has none.
func secret(c report.Credential) string {
	if c.Name == "" { // what is no secret's ARN has no name
		return outside.Name(c.ARN)
	}
	return outside.Name(strings.TrimPrefix(c.Name, ptc.SecretPrefix))
}

// role names what ECR assumes; empty where a rule has none.
func role(r report.Role) string {
	if r.Name == "" {
		return outside.Name(r.ARN)
	}
	return outside.Name(r.Name)
}

// advice says what to do about a fault, where that follows from what it is.
func advice(f ptc.Fault) string {
	switch {
	case f.Kind == ptc.FaultDenied && strings.Contains(f.Operation, "PullThroughCacheRule"):
		return "Allow ecr:" + outside.Name(f.Operation) + " on * to whoever audits."
	case f.Retryable:
		return "Audit again later: this may pass by itself."
	}
	return ""
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// capital is a word as it begins a sentence.
func capital[T ~string](word T) string {
	first, size := utf8.DecodeRuneInString(string(word))
	return string(unicode.ToUpper(first)) + string(word[size:])
}
