package notify

import "strings"

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

// line writes a line without breaking it, so that it can be copied.
func (w *writer) line(s string) {
	w.text.WriteString(s)
	w.text.WriteByte('\n')
	w.titled = false
}

// sentence writes a sentence; nothing if it is empty. A sentence that is too long
// for a line continues with more indentation, so that no part of it looks like a
// line of its own. A word is never broken.
func (w *writer) sentence(indent, s string) {
	if s == "" {
		return
	}
	line := indent + s
	for begin := len(indent); len(line) > maxLine; begin = len(indent) + 2 {
		end := strings.LastIndexByte(line[begin:maxLine+1], ' ')
		if end < 0 {
			end = strings.IndexByte(line[begin:], ' ')
		}
		if end < 0 {
			break
		}
		w.line(strings.TrimRight(line[:begin+end], " "))
		line = indent + "  " + strings.TrimLeft(line[begin+end:], " ")
	}
	w.line(line)
}
