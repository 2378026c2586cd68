package html

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// text is a message as one line without invisible characters. html/template
// escapes it.
func text(s string) string { return untrusted.Line(s, untrusted.MaxText) }

// step is one line of a fix: a sentence, or the parts of a command. Joined with
// blanks, the parts are the command.
type step struct {
	Sentence string
	Command  []string
}

func steps(remediation string) []step {
	var out []step
	for _, line := range untrusted.Lines(remediation, untrusted.MaxFix) {
		if report.IsCommand(line) {
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

// reference is where to read more. URL is empty if Text is not a web address.
type reference struct{ Text, URL string }

func references(list []string) []reference {
	var out []reference
	for _, s := range list {
		if url, ok := untrusted.Link(s); ok {
			out = append(out, reference{url, url})
		} else if shown := untrusted.Name(s); shown != "" {
			out = append(out, reference{Text: shown})
		}
	}
	return out
}

// moment is a time for people and for programs, UTC. The zero value means
// unknown.
type moment struct{ Text, Machine string }

// second and minute are a time to the second, or to the minute.
func second(t time.Time) moment { return instant(t, report.Second) }

func minute(t time.Time) moment { return instant(t, report.Minute) }

// day is a time to the day.
func day(t time.Time) moment {
	return instant(t, func(t time.Time) string { return t.UTC().Format(time.DateOnly) })
}

func instant(t time.Time, format func(time.Time) string) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{format(t), t.UTC().Format(time.RFC3339)}
}

// upstream is where a rule fetches images from, as in an image reference.
func upstream(u report.Upstream) string {
	if u.Prefix == "" || u.Prefix == ptc.RootPrefix {
		return untrusted.Name(u.URL)
	}
	return untrusted.Name(u.URL) + "/" + untrusted.Name(u.Prefix)
}

// secret names what a rule authenticates with, without the start that all
// secrets of rules have in common; empty if it has none.
func secret(c report.Credential) string {
	if c.Name == "" { // the ARN is not that of a secret
		return untrusted.Name(c.ARN)
	}
	return untrusted.Name(strings.TrimPrefix(c.Name, ptc.SecretPrefix))
}

// role names what ECR assumes; empty if a rule has none.
func role(r report.Role) string {
	if r.Name == "" {
		return untrusted.Name(r.ARN)
	}
	return untrusted.Name(r.Name)
}

// capital is a word with a capital letter at its start.
func capital[T ~string](word T) string {
	first, size := utf8.DecodeRuneInString(string(word))
	return string(unicode.ToUpper(first)) + string(word[size:])
}
