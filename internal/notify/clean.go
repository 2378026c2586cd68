package notify

import (
	"strings"

	"ptcaudit/internal/untrusted"
)

// Short names for the forms of text from outside: see package untrusted.
func clean(s string, limit int) string   { return untrusted.Sentence(s, limit) }
func oneLine(s string, limit int) string { return untrusted.Line(s, limit) }
func id(s string, limit int) string      { return untrusted.ID(s, limit) }
func address(s string, limit int) string { return untrusted.Address(s, limit) }
func block(s string, limit int) string   { return strings.Join(untrusted.Lines(s, limit), "\n") }
