package untrusted

import (
	"io"
	"unicode"
)

// How a format writes the bracket that would make a command of "##[name]".
const (
	BracketInText = "("
	BracketInJSON = `\u005b` // equal to the bracket for a program that reads it
	BracketInXML  = "&#91;"
)

// Log writes output that may end up in the log of a CI service, without the
// commands that such a service would execute: "##[name]", "##vso[name]" and
// "##teamcity[name]" anywhere, and "::name::" at the start of a line. Text
// that Line has cleaned has none; this also covers what is put together of it,
// wrapped, or printed by a library. Not safe for concurrent use.
type Log struct {
	w       io.Writer
	bracket string
	started bool // something other than blanks stands on the line
	colon   bool // the line begins with a colon, which was the last byte
	hashes  int  // number signs before this byte, and the letters after them
	out     []byte
}

// NewLog returns a Log that writes to w. bracket is one of the constants.
func NewLog(w io.Writer, bracket string) *Log { return &Log{w: w, bracket: bracket} }

// Write writes all of p, whatever the length of what is written instead.
func (l *Log) Write(p []byte) (int, error) {
	l.out = l.out[:0]
	for _, b := range p {
		l.add(b)
	}
	if _, err := l.w.Write(l.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *Log) add(b byte) {
	const minHashes = 2
	switch {
	case b == ':' && l.colon:
		l.out = append(l.out, "∶"...)
	case b == '[' && l.hashes >= minHashes:
		l.out = append(l.out, l.bracket...)
	default:
		l.out = append(l.out, b)
	}
	l.colon = b == ':' && !l.started
	switch {
	case b == '\n' || b == '\r':
		l.started = false
	case b != ' ' && b != '\t':
		l.started = true
	}
	switch r := rune(b); {
	case b == '#':
		l.hashes++
	case l.hashes < minHashes || r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
		l.hashes = 0
	}
}
