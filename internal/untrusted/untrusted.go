// Package untrusted makes text from outside fit to show: what ECR answers,
// names that someone chose, messages of a policy that quote either. The author
// of such a text may want to mislead a reader, a terminal or a program that
// reads the output.
//
// Every form starts from the same meaning. The text is valid UTF-8 and one
// line. It holds no control character, nothing invisible (zero-width
// characters, tags, variation selectors, fillers), nothing that changes the
// direction of writing, and no command for a CI service that reads logs. On
// top of that, each form has what its target needs: see Text, ID, Verbatim,
// CodeSpan, Cell and WorkflowMessage.
//
// The package knows the standard library only.
package untrusted

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of texts, in characters. The JSON of a report has the whole text.
const (
	// MaxName is for a prefix, a check, an ARN or an error code.
	MaxName = 200
	// MaxText is for a message: ECR's explanations are a sentence or two.
	MaxText = 1000
	// MaxFix is for a fix, which may have several commands with ARNs.
	MaxFix = 4000

	maxLines = 30 // of a fix
	maxMarks = 3  // combining marks on one character
)

// Name is the name of something: one line of at most MaxName characters.
func Name(s string) string { return Line(s, MaxName) }

// Word is a name that has no blanks by nature, such as a prefix, a URL or an ARN.
// A blank in it is shown as a mark, so that the name stays one word: a line
// that is wrapped cannot begin with a part of it that reads like a sentence.
func Word(s string) string { return strings.ReplaceAll(Name(s), " ", "␣") }

// Quote is a message between quotation marks, at most MaxText characters of
// it. Those within become apostrophes, so that none of them ends it.
func Quote(s string) string { return `"` + strings.ReplaceAll(Text(s), `"`, "'") + `"` }

// Text is a message for a terminal, a mail or a log: one line of at most
// MaxText characters, in which no program finds an address to open.
func Text(s string) string { return Sentence(s, MaxText) }

// Sentence is like Text with a limit of its own, in characters.
func Sentence(s string, limit int) string {
	s = Line(s, limit)
	cut := opened.ReplaceAllString(s, "$1$3$5 $2$4$6")
	if cut == s {
		return s
	}
	return Line(cut, limit)
}

// opened matches where mail programs and chats find an address to open.
var opened = regexp.MustCompile(`(?i)(:)(//)|\b(?:(www)(\.)|(mailto)(:))`)

// Line is one line of at most limit characters. If s is longer, it is cut and
// ends with "…". Line breaks and runs of blanks become one blank. A character
// has at most three combining marks, and none stands at the start of a word,
// where it would change a character before it.
func Line(s string, limit int) string {
	var b strings.Builder
	runes, marks, blank := 0, maxMarks, false
	for _, r := range s { // invalid UTF-8 is read as U+FFFD
		switch {
		case IsBlank(r):
			blank, marks = runes > 0, maxMarks
			continue
		case !visible(r):
			continue
		case unicode.Is(unicode.M, r):
			if marks++; marks > maxMarks {
				continue
			}
		default:
			marks = 0
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
	return disarm(b.String())
}

// Lines are the lines of a fix: a sentence or a command in each, at most limit
// characters in all. Blanks within a line stay, since a command may quote
// them. If a line does not fit, it is left out with all that follow, since
// half a command may do something else; the last line is then "…".
func Lines(s string, limit int) []string {
	var lines []string
	for line := range strings.Lines(s) {
		line = disarm(strings.TrimSpace(strings.Map(func(r rune) rune {
			switch {
			case IsBlank(r):
				return ' '
			case !visible(r):
				return -1
			}
			return r
		}, line)))
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

// ID is the name of something in AWS or in a policy, at most limit characters:
// an account, a prefix, an ARN. All of them are ASCII without blanks, so
// anything else becomes "?", and no name passes for a similar one or for an
// address to open.
func ID(s string, limit int) string {
	return opened.ReplaceAllString(Address(s, limit), "$1$3$5?$2$4$6")
}

// Address is like ID, but keeps an address that can be opened.
func Address(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune("`\"\\<>", r) {
			return '?'
		}
		return r
	}, strings.ReplaceAll(Line(s, limit), "…", ".."))
}

// Verbatim is a line of a file or of an error message with its spacing: each
// character of s gives exactly one, so columns stay where they are. A
// character that must not be shown becomes U+FFFD, and a line break a blank.
// Tabs stay.
func Verbatim(s string) string {
	return disarm(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case IsBlank(r):
			return ' '
		case !visible(r):
			return utf8.RuneError
		}
		return r
	}, s))
}

// IsBlank reports whether a reader sees r as empty space. U+2800 is a Braille
// cell without dots.
func IsBlank(r rune) bool { return unicode.IsSpace(r) || r == '\u2800' }

// visible reports whether a reader sees r, and sees the characters around it
// as they are.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// disarm replaces what CI services read as a command in a log by a look-alike
// of the same length: "::name::" at the start of a word, which wrapping may
// make the start of a line (GitHub), and "##[name]", "##vso[name]" and
// "##teamcity[name]" anywhere (GitHub, Azure Pipelines, TeamCity).
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
// https://learn.microsoft.com/en-us/azure/devops/pipelines/scripts/logging-commands
func disarm(s string) string {
	if !strings.Contains(s, "::") && !strings.Contains(s, "##") {
		return s
	}
	text := []rune(s)
	for i, r := range text {
		switch {
		case r == ':' && i+1 < len(text) && text[i+1] == ':' && (i == 0 || unicode.IsSpace(text[i-1])):
			text[i] = '∶'
		case r == '[' && afterHashes(text[:i]):
			text[i] = '('
		}
	}
	return string(text)
}

// afterHashes reports whether text ends with "##" or "##name".
func afterHashes(text []rune) bool {
	end := len(text)
	for end > 0 && (unicode.IsLetter(text[end-1]) || unicode.IsDigit(text[end-1])) {
		end--
	}
	return end >= 2 && text[end-1] == '#' && text[end-2] == '#'
}
