package ptc

import (
	"errors"
	"strings"
)

// ErrRuleNotFound means that the registry has no rule with this prefix any more:
// it was deleted between two calls.
var ErrRuleNotFound = errors.New("no such pull through cache rule")

// FaultKind classifies why something could not be checked.
type FaultKind string

// The kinds of faults.
const (
	// FaultDenied: credentials are missing, expired, or lack a permission.
	FaultDenied FaultKind = "denied"
	// FaultThrottled: the API limits the rate of calls.
	FaultThrottled FaultKind = "throttled"
	// FaultUnavailable: the API failed or could not be reached.
	FaultUnavailable FaultKind = "unavailable"
	// FaultTimeout: no answer within a call's or the audit's time.
	FaultTimeout FaultKind = "timeout"
	// FaultUnsupported: the Region has no pull through cache rules.
	FaultUnsupported FaultKind = "unsupported"
	// FaultMalformed: an answer, a policy or an event is invalid, or belongs to
	// another registry; or a service rejected the request as invalid.
	FaultMalformed FaultKind = "malformed"
)

// Fault is one thing that an audit could not check, and why. It is never a
// finding about a rule.
type Fault struct {
	// Operation is the API operation, for example
	// "DescribePullThroughCacheRules", or the step that failed.
	Operation string `json:"operation"`
	// Prefix is the rule concerned; empty if it is the whole registry.
	Prefix string    `json:"prefix,omitempty"`
	Kind   FaultKind `json:"kind"`
	// Code is the API's error code; empty if it gave none.
	Code string `json:"code,omitempty"`
	// Message is text from outside: show it, never decide on it.
	Message   string `json:"message"`
	RequestID string `json:"requestId,omitempty"`
	// Retryable: the same call may succeed later without anyone's action.
	Retryable bool `json:"retryable"`
}

// Error makes a Fault an error, in one line.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Operation)
	if f.Prefix != "" {
		b.WriteString(" of " + f.Prefix)
	}
	b.WriteString(": ")
	if f.Code != "" {
		b.WriteString(f.Code + ": ")
	}
	b.WriteString(f.Message)
	return b.String()
}
