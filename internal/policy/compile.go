package policy

import (
	"cmp"
	"maps"
	"slices"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
)

// compile makes programs of the expressions of all checks, and adds the
// enabled ones to the policy, sorted by id.
func (r *resolver) compile(p *Policy) {
	for _, id := range slices.Sorted(maps.Keys(r.checks)) {
		d := r.checks[id]
		d.Match, d.Assert = d.match.Value, d.assert.Value
		d.MessageExpression, d.RemediationExpression = d.messageExpression.Value, d.remediationExpression.Value
		c := compiled{
			Check:       d.Check,
			match:       r.program(p.env, d, expr.Bool, d.match),
			assert:      r.program(p.env, d, expr.Bool, d.assert),
			message:     r.program(p.env, d, expr.String, d.messageExpression),
			remediation: r.program(p.env, d, expr.String, d.remediationExpression),
		}
		if r.disabled[id] {
			p.disabled = append(p.disabled, c.Check)
			continue
		}
		p.Checks = append(p.Checks, c.Check)
		p.compiled = append(p.compiled, c)
	}
}

// program compiles an expression; nil where there is none.
func (r *resolver) program(env *expr.Env, d *draft, kind expr.Kind, t source.Text) *expr.Program {
	if t.Value == "" || r.blind {
		return nil
	}
	program, problems := env.Compile(cmp.Or(d.Scope, expr.RuleScope), kind, t.Value)
	for _, problem := range problems {
		t.FaultAt(problem.Line, problem.Column, "%s", problem.Message)
	}
	return program
}
