// Package source reads a YAML file value by value, so that every error in it can
// be reported at once, with its line and column. It knows YAML, but not policies.
package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ptcaudit/internal/untrusted"
)

// Error is one fault of a file.
type Error struct {
	// File is the name of the file as given, or its path from there.
	File string
	// Line and Column count from 1, columns in runes. Both are 0 if the file
	// cannot be read.
	Line, Column int
	Message      string
	// Source is the line of the file, without its line break.
	Source string
}

// Error is the fault in one line: FILE:LINE:COL: message.
func (e Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// excerptWidth is how much of a source line an excerpt shows, in runes.
const excerptWidth = 200

// Excerpt is the fault for people: its line, the source line, and a caret
// under the column. Of a very long source line it shows the part around it, and
// of an empty one nothing.
func (e Error) Excerpt() string {
	if e.Line == 0 || strings.TrimSpace(e.Source) == "" {
		return untrusted.Verbatim(e.Error()) + "\n"
	}
	text, caret := []rune(untrusted.Verbatim(e.Source)), e.Column-1
	if len(text) > excerptWidth {
		text, caret = window(text, caret)
	}
	var indent strings.Builder
	for _, r := range text[:min(caret, len(text))] {
		if r != '\t' { // a tab keeps its width
			r = ' '
		}
		indent.WriteRune(r)
	}
	return untrusted.Verbatim(e.Error()) + "\n" + string(text) + "\n" + indent.String() + "^\n"
}

// window cuts a long line to the part around the caret.
func window(text []rune, caret int) (part []rune, at int) {
	start := min(max(caret-excerptWidth/2, 0), len(text)-excerptWidth)
	end := start + excerptWidth
	part, at = slices.Clone(text[start:end]), caret-start
	if start > 0 {
		part, at = slices.Insert(part, 0, '…'), at+1
	}
	if end < len(text) {
		part = append(part, '…')
	}
	return part, at
}

// Errors are all faults of a file and of the files that it extends.
type Errors []Error

// Error has one line for each fault.
func (e Errors) Error() string {
	lines := make([]string, 0, len(e))
	for _, fault := range e {
		lines = append(lines, fault.Error())
	}
	return strings.Join(lines, "\n")
}

// Excerpt is all faults for people, each with its source line and caret.
func (e Errors) Excerpt() string {
	var b strings.Builder
	for _, fault := range e {
		b.WriteString(fault.Excerpt())
	}
	return b.String()
}

// Err returns nil if there are no faults, else all of them, sorted by place and
// without duplicates.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	out := slices.Clone(e)
	slices.SortStableFunc(out, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(out)
}
