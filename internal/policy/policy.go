// Package policy loads policy files, merges them with the policies that they
// extend, and evaluates the rules of a registry. policies/README.md describes the
// language. The package does not import the AWS SDK.
package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Error is one fault of a policy file, at its line and column.
type Error = source.Error

// Errors are all faults of a policy and of those it extends, sorted. Load's
// error is always of this type.
type Errors = source.Errors

// Policy is a policy file, merged with those that it extends, and compiled. It is
// immutable and safe for concurrent use.
type Policy struct {
	resolved
	digest   string
	env      *expr.Env
	compiled []compiled // enabled checks, sorted by id
	disabled []Check    // the others
	advice   Errors
}

// Input is the state of one registry, as an audit found it.
type Input struct {
	Registry ptc.Registry
	Rules    []ptc.Rule
	// Validations has ECR's validation results by prefix. A missing one is unknown.
	Validations map[string]ptc.Validation
	// Now is the time of the audit. Dates in the policy are compared with it.
	Now time.Time
}

// Ref names the policy in a report.
func (p *Policy) Ref() report.Policy { return report.Policy{Name: p.Name, Digest: p.digest} }

// Recommendations are improvements to the policy's files that nothing depends
// on, sorted by place: a check without a message, and a waiver that has ended at
// a time.
func (p *Policy) Recommendations(at time.Time) Errors {
	out := slices.Clone(p.advice)
	for _, w := range p.Waivers {
		if w.Expires != "" && !w.inForce(at) {
			advice := w.entry
			advice.Message = fmt.Sprintf("%s expired on %s and waives nothing: remove it, or agree on a new date", w, w.Expires)
			out = append(out, advice)
		}
	}
	sorted, _ := out.Err().(Errors) //nolint:errorlint // Err's own type
	return sorted
}

// MarshalJSON returns the policy with everything that it extends, without
// disabled checks. The digest in Ref is the SHA-256 of these bytes.
func (p *Policy) MarshalJSON() ([]byte, error) { return json.Marshal(p.resolved) }

// check finds an enabled check.
func (p *Policy) check(id string) (Check, bool) {
	for _, c := range p.compiled {
		if c.ID == id {
			return c.Check, true
		}
	}
	return Check{}, false
}
