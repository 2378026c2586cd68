package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/report"
)

// compiled is a check that can be evaluated. A program is nil if the check does
// not have the expression.
type compiled struct {
	Check
	match, assert, message, remediation *expr.Program
}

// evaluation applies a policy to one registry.
type evaluation struct {
	policy     *Policy
	in         Input
	snapshot   *expr.Snapshot
	params     *expr.Params
	severities map[string]report.Severity // as overrides set them
	findings   []report.Finding
}

// Evaluate returns the findings of all enabled checks, sorted by prefix and check.
// A finding has the outcome error if ECR's validation result is missing, if an
// expression fails, or if ctx ends first.
func (p *Policy) Evaluate(ctx context.Context, in Input) []report.Finding {
	e := &evaluation{
		policy:     p,
		in:         in,
		snapshot:   expr.NewSnapshot(in.Registry, in.Rules, in.Validations, in.Now),
		severities: p.severitiesFor(in.Registry),
	}
	// The values were checked when the policy was loaded. If that is wrong,
	// every expression that reads a param fails.
	e.params, _ = p.env.Params(p.paramsFor(in.Registry))
	e.findings = make([]report.Finding, 0, (len(in.Rules)+1)*len(p.compiled))
	e.all(ctx, -1)
	for _, i := range e.byPrefix() {
		e.all(ctx, i)
	}
	if c, enabled := p.check(report.CheckRequiredRule); enabled {
		e.requiredRules(ctx, c)
	}
	e.waivers()
	e.contain()
	slices.SortStableFunc(e.findings, func(a, b report.Finding) int {
		return cmp.Or(cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.Check, b.Check))
	})
	return e.findings
}

// byPrefix returns the indices of the rules, sorted by prefix.
func (e *evaluation) byPrefix() []int {
	out := make([]int, len(e.in.Rules))
	for i := range out {
		out[i] = i
	}
	slices.SortFunc(out, func(a, b int) int { return cmp.Compare(e.in.Rules[a].Prefix, e.in.Rules[b].Prefix) })
	return out
}

// all applies the checks to one rule, or to the registry if i is -1.
func (e *evaluation) all(ctx context.Context, i int) {
	scope, prefix, facts := expr.RegistryScope, "", ""
	if i >= 0 {
		scope, prefix, facts = expr.RuleScope, e.in.Rules[i].Prefix, report.FactsOf(e.in.Rules[i])
	}
	for _, c := range e.policy.compiled {
		if c.Scope == scope && c.assert != nil {
			f := e.finding(c.Check, prefix)
			f.Facts = facts
			e.evaluate(ctx, c, i, &f)
			if f.Outcome == report.Fail || f.Outcome == report.Pending {
				f.Facts = e.facts(ctx, c, i, facts)
			}
			e.findings = append(e.findings, f)
		}
	}
}

// facts are those of a failure: what the rule is, and what the check has looked
// at besides. A check that looks at nothing else has the facts of the rule.
func (e *evaluation) facts(ctx context.Context, c compiled, i int, ofRule string) string {
	var looked []string
	for _, p := range []*expr.Program{c.match, c.assert} {
		if p != nil {
			looked = append(looked, p.Facts(ctx, e.snapshot, i, e.params)...)
		}
	}
	if len(looked) == 0 {
		return ofRule
	}
	return report.FactsWith(ofRule, looked...)
}

// finding returns a finding of a check without its outcome.
func (e *evaluation) finding(c Check, prefix string) report.Finding {
	return report.Finding{
		Check:       c.ID,
		Prefix:      prefix,
		Severity:    cmp.Or(e.severities[c.ID], c.Severity),
		Fingerprint: report.Fingerprint(e.in.Registry, c.ID, prefix),
	}
}

// evaluate applies one check.
func (e *evaluation) evaluate(ctx context.Context, c compiled, i int, f *report.Finding) {
	applies, err := true, ctx.Err()
	if err == nil && c.match != nil {
		applies, err = c.match.Bool(ctx, e.snapshot, i, e.params)
	}
	holds := false
	if err == nil && applies {
		holds, err = c.assert.Bool(ctx, e.snapshot, i, e.params)
	}
	switch {
	case err != nil:
		notChecked(ctx, f, c.Check, err)
	case !applies:
		f.Outcome = report.Skip
	case holds:
		f.Outcome = report.Pass
	default:
		f.Outcome = report.Fail
		if c.EffectiveFrom != "" && e.in.Now.Before(c.EffectiveFrom.begins()) {
			f.Outcome = report.Pending
		}
		f.Message = cmp.Or(e.text(ctx, c.message, i), c.Message, notMet+c.Title)
		if f.Outcome == report.Pending {
			f.Message += fmt.Sprintf(" (counts from %s)", c.EffectiveFrom)
		}
		f.Remediation = cmp.Or(e.text(ctx, c.remediation, i), c.Remediation)
		f.References = c.References
	}
}

// notMet begins the message of a check that has no message of its own.
const notMet = "Not met: "

// notChecked gives a finding the outcome error.
func notChecked(ctx context.Context, f *report.Finding, c Check, err error) {
	f.Outcome = report.Error
	f.References = c.References
	switch {
	case ctx.Err() != nil:
		f.Message = "The audit ran out of time before it could run this check."
	case errors.Is(err, expr.ErrUnknown):
		rules := strings.TrimPrefix(err.Error(), expr.ErrUnknown.Error()+": ")
		f.Message = limited("The check needs ECR's validation result, which is missing for " + rules + ".")
	default:
		f.Message = limited("The check's expression failed: " + err.Error())
	}
}

// text evaluates the expression of a message. It returns an empty string if the
// check has none, or if it fails.
func (e *evaluation) text(ctx context.Context, p *expr.Program, i int) string {
	if p == nil {
		return ""
	}
	s, err := p.String(ctx, e.snapshot, i, e.params)
	if err != nil {
		return ""
	}
	return limited(strings.TrimSpace(s))
}

// maxText is the maximum size of a computed message in bytes. A message can quote
// text from outside, which can have any length.
const maxText = 4096

// limited cuts s to maxText at the start of a rune.
func limited(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
