package source

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/token"
)

// FaultAt adds a fault at a line and column of the text's value. Both count
// from 1, columns in runes. The fault has the position of that character in the
// file, for every style of scalar: quoted, folded, or in several lines.
func (t Text) FaultAt(line, column int, format string, args ...any) {
	atLine, atColumn := t.locate(line, column)
	t.file.fault(atLine, atColumn, format, args...)
}

// locate returns the position of a place of the value in the file. All styles
// of scalars keep the order of the runes that are not space, and differ only in
// space and escapes. So the n-th such rune of the value is the n-th of the
// file.
func (t Text) locate(line, column int) (int, int) {
	before, all := 0, 0
	atLine, atColumn := 1, 1
	for _, r := range t.Value {
		if !unicode.IsSpace(r) {
			all++
			if atLine < line || atLine == line && atColumn < column {
				before++
			}
		}
		atColumn++
		if r == '\n' {
			atLine, atColumn = atLine+1, 1
		}
	}
	s := t.scan()
	for range before {
		if !s.next() {
			return t.position()
		}
	}
	if before < all {
		if s.next() {
			return s.line, s.column
		}
		return t.position()
	}
	return s.line, s.column + s.width // just behind the last one
}

// scan begins to read the scalar's text in the file.
func (t Text) scan() *scanner {
	v := t.inner()
	p := v.GetToken().Position
	s := &scanner{file: t.file, line: p.Line, column: p.Column}
	switch v.GetToken().Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		s.quote, s.width = v.GetToken().Type, 1
	case token.LiteralType, token.FoldedType:
		s.line, s.column = p.Line+1, 1 // the text begins below the indicator
	default:
	}
	if s.line <= len(t.file.lines) {
		s.rest = []rune(t.file.lines[s.line-1])
		s.rest = s.rest[min(s.column-1+s.width, len(s.rest)):]
	}
	return s
}

// scanner reads the runes of a scalar from the file, except space.
type scanner struct {
	file *file
	// The rune last read begins at line and column and is width runes wide.
	line, column, width int
	rest                []rune // of the line, behind it
	quote               token.Type
}

// next reads one rune that is not space; false at the end of the file.
func (s *scanner) next() bool {
	for {
		s.column += s.width
		if len(s.rest) == 0 {
			if s.line >= len(s.file.lines) {
				return false
			}
			s.line, s.column, s.width = s.line+1, 1, 0
			s.rest = []rune(s.file.lines[s.line-1])
			continue
		}
		var isSpace bool
		s.width, isSpace = s.unit()
		s.rest = s.rest[s.width:]
		if !isSpace {
			return true
		}
	}
}

// unit returns the width of the next rune of the value in the file, which can
// be an escape, and whether the rune is space.
func (s *scanner) unit() (width int, isSpace bool) {
	switch r := s.rest; {
	case s.quote == token.SingleQuoteType && len(r) > 1 && r[0] == '\'' && r[1] == '\'':
		return 2, false
	case s.quote == token.DoubleQuoteType && len(r) == 1 && r[0] == '\\':
		return 1, true // the line goes on below
	case s.quote == token.DoubleQuoteType && len(r) > 1 && r[0] == '\\':
		digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[r[1]]
		width = min(2+digits, len(r))
		if digits > 0 {
			code, err := strconv.ParseInt(string(r[2:width]), 16, 32)
			return width, err == nil && unicode.IsSpace(rune(code))
		}
		return width, strings.ContainsRune(" \ttnrvfN_LP", r[1])
	default:
		return 1, unicode.IsSpace(r[0])
	}
}
