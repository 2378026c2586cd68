package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of texts from outside, in characters: what they hold beyond is no
// use in a mail, and a registry, a policy or an event may hold anything.
const (
	maxText        = 600  // a failure, a message
	maxRemediation = 4000 // may hold several commands, each with ARNs
	maxName        = 200  // an ARN, a secret's name, a reference
	maxID          = 64   // a check, a call, an address
	maxPrefix      = 64   // the API takes 30
	maxPlace       = 32   // an account, a Region
	maxLines       = 30   // of a text that may have several
)

// clean makes one line of a text from outside, of at most limit characters,
// in which a mail or chat program finds no address to open.
func clean(s string, limit int) string {
	return strings.ReplaceAll(oneLine(s, limit), "://", ": //")
}

// id cleans the name of something in AWS or in a policy (an account, a prefix,
// an ARN): all of them are ASCII without blanks, so that anything else is
// shown as "?" and no name passes for another that looks like it, nor for an
// address to open.
func id(s string, limit int) string { return strings.ReplaceAll(address(s, limit), "://", ":?//") }

// address is as id, for an address that a policy's author gives.
func address(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune("`\"\\<>", r) {
			return '?'
		}
		return r
	}, strings.ReplaceAll(oneLine(s, limit), "…", ".."))
}

// oneLine is what every text from outside goes through. It keeps what a reader
// sees and drops what only machines do: control characters, what is invisible
// or changes the direction of writing, and what a queue cannot hold. Runs of
// blanks and line breaks become one blank, so that no text can begin a line,
// and a text of more than limit characters is cut.
func oneLine(s string, limit int) string {
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
			b.WriteByte(' ')
			runes++
		}
		if runes >= limit {
			b.WriteRune('…')
			break
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

// block cleans a text of several lines, each on its own: how to mend
// something, with its commands. Blanks within a line stay, since a command may
// quote them; what does not fit is left out by whole lines, since half a
// command may do something else. It is for texts of a policy's author, in
// which addresses may be opened.
func block(s string, limit int) string {
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
		if limit -= utf8.RuneCountInString(line); limit < 0 || len(lines) == maxLines {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
