package notify

import (
	"strings"
	"unicode/utf8"

	"ptcaudit/internal/report"
)

// maxLine is the longest line of a mail, in bytes, without its end. Servers on
// the way may break longer ones anywhere:
// https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1
const maxLine = 998

// writer writes the lines of a mail. A sentence is one line, however long,
// because mail programs break lines to the width of their window.
type writer struct {
	text   strings.Builder
	titled bool // the last line is a title
}

// title begins a section.
func (w *writer) title(s string) {
	w.line("")
	w.line(s)
	w.titled = true
}

// item begins a part of a section. A blank line separates items, because a
// mail program that breaks lines loses their indentation.
func (w *writer) item(s string) {
	if !w.titled {
		w.line("")
	}
	w.sentence("  ", s)
}

// line writes a line in one piece, so that it can be copied.
func (w *writer) line(s string) {
	w.text.WriteString(s)
	w.text.WriteByte('\n')
	w.titled = false
}

// sentence writes a sentence; nothing if it is empty.
func (w *writer) sentence(indent, s string) {
	if s == "" {
		return
	}
	for _, line := range broken(indent+s, maxLine, func(s string) int { return len(s) }) {
		w.line(line)
	}
}

// Wrap breaks the lines of a message's text for a terminal, between words, to
// at most so many columns. What is copied (a command, an address) stays whole.
func Wrap(text string, columns int) string {
	var b strings.Builder
	goesOn := false // a command, to the next line
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		lines := []string{line}
		if goesOn = goesOn || isCopied(line); !goesOn {
			lines = broken(line, columns, utf8.RuneCountInString)
		}
		goesOn = goesOn && strings.HasSuffix(line, `\`)
		for _, line := range lines {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// isCopied says that a line is a command, or names an address or a place.
func isCopied(line string) bool {
	line = strings.TrimSpace(line)
	for _, lead := range []string{leadReference, leadEvidence} {
		if place, ok := strings.CutPrefix(line, lead); ok && !strings.Contains(place, " ") {
			return true
		}
	}
	return report.IsCommand(line)
}

// broken breaks a line between words, so that no part measures more than
// limit, unless it is one word. All parts but the first stand further right,
// so that none of them passes for a line of ours.
func broken(line string, limit int, measure func(string) int) []string {
	if measure(line) <= limit {
		return []string{line}
	}
	rest := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(rest)]
	var lines []string
	part, words := indent, 0
	for word := range strings.SplitSeq(rest, " ") { // empty between two blanks, which align words
		if words > 0 && word != "" && measure(part)+1+measure(word) > limit {
			lines = append(lines, strings.TrimRight(part, " "))
			part, words = indent+"  ", 0
		}
		if words > 0 {
			part += " "
		}
		part += word
		words++
	}
	return append(lines, part)
}
