// Package outside makes text from outside fit to show: what ECR says of a
// failure, names that somebody gave, messages of a policy that quote either.
// Whoever wrote it may want to mislead the reader, so it is bounded, in one
// line, and holds only what can be seen. What a format escapes beyond that is
// the format's matter.
package outside

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of texts from outside, in characters. The JSON of the report has all
// of what is cut here.
const (
	MaxName        = 200  // a prefix, a check, an ARN, a code
	MaxText        = 1000 // a message: ECR's explanations are a sentence or two
	MaxRemediation = 4000 // may hold several commands, each with ARNs
	maxLines       = 30   // of a remediation
	maxLink        = 1000
)

// Name is the name of something: one line of at most MaxName characters.
func Name(s string) string { return Line(s, MaxName) }

// Text is a message: one line of at most MaxText characters, in which no
// program finds an address to open.
func Text(s string) string { return strings.ReplaceAll(Line(s, MaxText), "://", ": //") }

// Line is what a reader sees of s. Control characters are gone, and what is
// invisible or changes the direction of writing; runs of blanks and line
// breaks are one blank; and what exceeds limit characters is cut.
func Line(s string, limit int) string {
	var b strings.Builder
	runes, blank := 0, false
	for _, r := range s { // what is no UTF-8 comes as U+FFFD
		switch {
		case unicode.IsSpace(r):
			blank = runes > 0
			continue
		case !visible(r):
			continue
		}
		if blank {
			runes++
		}
		if runes >= limit {
			b.WriteRune('…')
			break
		}
		if blank {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		runes, blank = runes+1, false
	}
	return b.String()
}

// visible says that a reader sees r, and sees the characters around it as
// they are.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// Lines are those of a remediation, which has a sentence or a command in each:
// of all together at most limit characters. Blanks within a line stay, since a
// command may quote them. What does not fit is left out by whole lines, since
// half a command may do something else.
func Lines(s string, limit int) []string {
	var lines []string
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case !visible(r):
				return -1
			}
			return r
		}, line))
		if line == "" {
			continue
		}
		// One for the line break.
		if limit -= utf8.RuneCountInString(line) + 1; limit < 1 || len(lines) == maxLines {
			return append(lines, "…")
		}
		lines = append(lines, line)
	}
	return lines
}

// Link is an address that a reader may open. It is not ok where s is no
// address of the web, or is written so that it could be taken for another one,
// or for markup.
func Link(s string) (link string, ok bool) {
	if len(s) > maxLink || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'`<>\\^{|}()[]*", r) }) {
		return "", false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return "", false
	}
	return u.String(), true
}

// Links are those of a list that may be opened.
func Links(list []string) []string {
	var out []string
	for _, s := range list {
		if link, ok := Link(s); ok {
			out = append(out, link)
		}
	}
	return out
}
