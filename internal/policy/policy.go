// Package policy reads the policy file: it loads, extends, overrides and
// waives, and evaluates the result against what an audit found. The language
// is described in policies/README.md. It never reaches the AWS SDK, the
// engine, or anything that delivers a message.
package policy

import (
	"encoding/json"
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

// Policy is a policy file, resolved: merged with those it extends, and
// compiled. It does not change; any number of audits may share it.
type Policy struct {
	resolved
	digest   string
	env      *expr.Env
	compiled []compiled // enabled checks, sorted by id
	disabled []Check    // the others
	advice   Errors
}

// Input is what an audit found of one registry.
type Input struct {
	Registry ptc.Registry
	Rules    []ptc.Rule
	// Validations has ECR's verdicts by prefix. A missing one is unknown.
	Validations map[string]ptc.Validation
	// Now is the audit's time: it decides what is in force.
	Now time.Time
}

// Ref names the policy in a report.
func (p *Policy) Ref() report.Policy { return report.Policy{Name: p.Name, Digest: p.digest} }

// Recommendations are improvements to the policy's files that nothing depends
// on, sorted by place: for example, a check without a message.
func (p *Policy) Recommendations() Errors { return p.advice }

// MarshalJSON gives the policy as it applies: what it extends merged in, what
// is disabled left out. The digest in Ref is that of these bytes.
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
