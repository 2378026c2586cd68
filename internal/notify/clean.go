package notify

import (
	"strings"

	"ptcaudit/internal/untrusted"
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
)

// Short names for the forms of a mail: see package untrusted.
func clean(s string, limit int) string   { return untrusted.Sentence(s, limit) }
func oneLine(s string, limit int) string { return untrusted.Line(s, limit) }
func id(s string, limit int) string      { return untrusted.ID(s, limit) }
func address(s string, limit int) string { return untrusted.Address(s, limit) }
func block(s string, limit int) string   { return strings.Join(untrusted.Lines(s, limit), "\n") }
