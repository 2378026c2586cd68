package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/report"
)

// compile compiles the expressions of all checks, and adds the enabled checks to
// the policy, sorted by id.
func (r *resolver) compile(p *Policy) {
	for _, id := range slices.Sorted(maps.Keys(r.checks)) {
		d := r.checks[id]
		d.Match, d.Assert = d.match.Value, d.assert.Value
		d.MessageExpression, d.RemediationExpression = d.messageExpression.Value, d.remediationExpression.Value
		c := r.programs(p.env, d)
		if r.disabled[id] {
			p.disabled = append(p.disabled, c.Check)
			continue
		}
		p.Checks = append(p.Checks, c.Check)
		if !d.builtIn && d.Message == "" && d.MessageExpression == "" {
			p.advice = append(p.advice, d.at.Error("check %s has no message, so a failure is shown as %q: add a message", id, notMet+d.Title))
		}
		p.compiled = append(p.compiled, c)
	}
	for _, d := range r.strays {
		r.programs(p.env, d) // for their faults
	}
}

// checksNothing says that the policy has no check of its own, and no rule that
// must exist.
func (p *Policy) checksNothing() bool {
	_, enabled := p.check(report.CheckRequiredRule)
	return (!enabled || len(p.RequiredRules) == 0) && !slices.ContainsFunc(p.compiled, func(c compiled) bool { return c.assert != nil })
}

// programs compiles the expressions of a check.
func (r *resolver) programs(env *expr.Env, d *draft) compiled {
	return compiled{
		Check:       d.Check,
		match:       r.program(env, d, expr.Bool, d.match),
		assert:      r.assertion(env, d),
		message:     r.program(env, d, expr.String, d.messageExpression),
		remediation: r.program(env, d, expr.Fix, d.remediationExpression),
	}
}

// assertion compiles what must hold. It must look at what is audited: params
// and the time alone say nothing of it.
func (r *resolver) assertion(env *expr.Env, d *draft) *expr.Program {
	program := r.program(env, d, expr.Bool, d.assert)
	if program != nil && !program.ReadsFacts() {
		d.assert.FaultAt(1, 1, "the expression looks at neither the rule nor the registry: compare a field of one of them")
	}
	return program
}

// program compiles an expression; nil if it is empty. If a parent could not be
// read, its params are unknown, so expressions with params are not compiled.
func (r *resolver) program(env *expr.Env, d *draft, kind expr.Kind, t source.Text) *expr.Program {
	if t.Value == "" || r.blind && strings.Contains(t.Value, "params") {
		return nil
	}
	program, problems := env.Compile(cmp.Or(d.Scope, expr.RuleScope), kind, t.Value)
	for _, problem := range problems {
		t.FaultAt(problem.Line, problem.Column, "%s", problem.Message)
	}
	return program
}
