package ptc

import (
	"errors"
	"strings"
)

// ErrRuleNotFound says that the registry has no rule with the prefix asked
// for: it vanished between two calls.
var ErrRuleNotFound = errors.New("no such pull through cache rule")

// FaultKind classifies why something could not be established.
type FaultKind string

// The kinds of faults.
const (
	// FaultDenied: credentials are missing, expired, or lack a permission.
	FaultDenied FaultKind = "denied"
	// FaultThrottled: the API asks for fewer calls.
	FaultThrottled FaultKind = "throttled"
	// FaultUnavailable: the API failed or could not be reached.
	FaultUnavailable FaultKind = "unavailable"
	// FaultTimeout: no answer within a call's or the audit's time.
	FaultTimeout FaultKind = "timeout"
	// FaultUnsupported: the Region has no pull through cache rules.
	FaultUnsupported FaultKind = "unsupported"
	// FaultMalformed: an answer (or a policy, or an event) that cannot be
	// understood, or that is another registry's.
	FaultMalformed FaultKind = "malformed"
)

// Fault is one thing that kept an audit from establishing what it should. A
// fault is never a finding about a rule: it says "could not tell".
type Fault struct {
	// Operation is the API operation, for example
	// "DescribePullThroughCacheRules", or the step that failed.
	Operation string `json:"operation"`
	// Prefix is the rule concerned; empty where it is the registry.
	Prefix string    `json:"prefix,omitempty"`
	Kind   FaultKind `json:"kind"`
	// Code is the API's error code where it gave one.
	Code string `json:"code,omitempty"`
	// Message is text from outside: show it, never decide on it.
	Message   string `json:"message"`
	RequestID string `json:"requestId,omitempty"`
	// Retryable says that the same call may succeed later without anybody's
	// doing.
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
