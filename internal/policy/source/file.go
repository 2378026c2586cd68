package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"ptcaudit/internal/input"
)

// Bounds of a file. The parser's time grows with the square of the number of
// lines, and its memory with that of the depth.
const (
	MaxSize  = 256 << 10
	maxLines = 10_000
	maxDepth = 32
	// maxEntries is how many entries a list or a mapping can have.
	maxEntries = 5_000
	// maxFaults is how many faults of a file are reported: a file of 200 KB can
	// have 60,000, and each has the text of its line.
	maxFaults = 200
)

// file is the text that nodes point into.
type file struct {
	// count is how many faults were found, maxFaults at most kept.
	count  int
	name   string
	lines  []string
	faults *Errors
}

// ReadFile gives the text of a file. Its error does not name the file.
func ReadFile(path string) ([]byte, error) {
	data, err := input.ReadFile(path, MaxSize)
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, cause.Err
	}
	return data, err
}

// Parse reads a YAML file, which must be one mapping, and returns its root. It
// adds faults to faults; if ok is false, at least one. A byte order mark and
// Windows line breaks are allowed.
func Parse(name string, data []byte, faults *Errors) (root Node, ok bool) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	f := &file{name: name, lines: strings.Split(text, "\n"), faults: faults}
	if !f.legible(text) {
		return Node{}, false
	}
	tokens := lexer.Tokenize(text)
	if !f.plain(tokens) {
		return Node{}, false
	}
	// Duplicate keys are found when a mapping is decoded, all of them.
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		f.syntax(err)
		return Node{}, false
	}
	return f.root(parsed)
}

// legible reports whether the text can be parsed: it is UTF-8, has no control
// characters, and is not too large.
func (f *file) legible(text string) bool {
	switch {
	case strings.TrimSpace(text) == "":
		f.fault(1, 1, "the file is empty")
		return false
	case len(text) > MaxSize:
		f.fault(1, 1, "the file is too large: use at most %d KiB", MaxSize>>10)
		return false
	case len(f.lines) > maxLines:
		f.fault(maxLines+1, 1, "the file is too long: use at most %d lines", maxLines)
		return false
	}
	for i, line := range f.lines {
		for at, r := range line {
			notUTF8 := r == utf8.RuneError && !strings.HasPrefix(line[at:], "\ufffd")
			if !notUTF8 && !isControl(r) {
				continue
			}
			f.lines[i] = strings.ToValidUTF8(line, "\ufffd")
			column := utf8.RuneCountInString(line[:at]) + 1
			if notUTF8 {
				f.fault(i+1, column, "invalid UTF-8: save the file as UTF-8")
			} else {
				f.fault(i+1, column, "control character %U: remove it", r)
			}
			return false
		}
	}
	return true
}

// isControl reports whether r is a control character other than a tab.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }

// plain refuses features of YAML that a policy does not need and on which YAML
// readers disagree. It returns false if the text must not be parsed.
func (f *file) plain(tokens token.Tokens) bool {
	depth, line, entries := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			f.fault(line, t.Position.Column, "unsupported anchor, alias or merge key: write the value out")
		case token.TagType:
			f.fault(line, t.Position.Column, "unsupported tag: quote the value to make it a string")
		case token.DirectiveType:
			f.fault(line, t.Position.Column, "unsupported directive: remove it")
			return false
		default:
		}
		if depth+entries > maxDepth {
			f.fault(line, t.Position.Column, "nested too deeply: use at most %d levels", maxDepth)
			return false
		}
	}
	return true
}

// syntax adds the parser's error.
func (f *file) syntax(err error) {
	var at interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		p := at.GetToken().Position
		f.fault(p.Line, p.Column, "invalid YAML: %s", at.GetMessage())
		return
	}
	f.fault(1, 1, "invalid YAML: %v", err)
}

// root returns the mapping that the file holds.
func (f *file) root(parsed *ast.File) (Node, bool) {
	docs := slices.DeleteFunc(slices.Clone(parsed.Docs), func(d *ast.DocumentNode) bool { return d.Body == nil && d.Start == nil })
	for _, d := range docs[min(1, len(docs)):] {
		at := d.Start
		if at == nil {
			at = d.Body.GetToken()
		}
		f.fault(at.Position.Line, at.Position.Column, "a second document in the file: a file has one")
	}
	if len(docs) == 0 || docs[0].Body == nil {
		f.fault(1, 1, "the file is empty")
		return Node{}, false
	}
	root := Node{f, docs[0].Body}
	if _, ok := root.pairs(); !ok {
		root.Fault("the file must be a mapping, not %s", root.kind())
		return Node{}, false
	}
	return root, true
}

// fault adds a fault at a place.
func (f *file) fault(line, column int, format string, args ...any) {
	switch f.count++; {
	case f.count > maxFaults:
		return
	case f.count == maxFaults:
		format, args = "there are more errors: fix these first", nil
	}
	*f.faults = append(*f.faults, f.errorAt(line, column, fmt.Sprintf(format, args...)))
}

// errorAt returns a fault at a place. A place outside the file is moved into
// it.
func (f *file) errorAt(line, column int, message string) Error {
	line = min(max(line, 1), len(f.lines))
	text := f.lines[line-1]
	column = min(max(column, 1), utf8.RuneCountInString(text)+1)
	return Error{File: f.name, Line: line, Column: column, Message: message, Source: text}
}
