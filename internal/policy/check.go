package policy

import (
	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/report"
)

// Check is one requirement of a policy, resolved.
type Check struct {
	ID       string          `json:"id"`
	Title    string          `json:"title"`
	Why      string          `json:"why,omitempty"`
	Severity report.Severity `json:"severity,omitempty"`
	Scope    expr.Scope      `json:"scope,omitempty"` // never empty once resolved
	// Match is true for the rules that the check applies to. If it is empty, the
	// check applies to everything in its scope.
	Match                 string   `json:"match,omitempty"`
	Assert                string   `json:"assert,omitempty"`
	Message               string   `json:"message,omitempty"`
	MessageExpression     string   `json:"messageExpression,omitempty"`
	Remediation           string   `json:"remediation,omitempty"`
	RemediationExpression string   `json:"remediationExpression,omitempty"`
	References            []string `json:"references,omitempty"`
	EffectiveFrom         day      `json:"effectiveFrom,omitempty"`
	Locked                bool     `json:"locked,omitempty"`
}

const docs = "https://docs.aws.amazon.com/AmazonECR/latest/"

// builtIn are the checks that every policy has. Their messages and
// remediations are computed.
var builtIn = []Check{
	{
		ID:         report.CheckRequiredRule,
		Title:      "Every rule that the policy requires exists",
		Why:        "If a rule that every build depends on is deleted or redirected, the builds break weeks later, when the cached images are gone.",
		Severity:   report.High,
		Scope:      expr.RuleScope,
		References: []string{docs + "userguide/pull-through-cache-creating-rule.html"},
	},
	{
		ID:    report.CheckWaiverExpired,
		Title: "No waiver has expired while its check still fails",
		Why:   "An expired waiver no longer waives anything. The severity is that of the check that it waived.",
		Scope: expr.RuleScope,
	},
	{
		ID:       report.CheckWaiverEnding,
		Title:    "No waiver expires within 14 days while its check still fails",
		Why:      "The owner of the waiver has time to fix the rule, or to agree on a new date.",
		Severity: report.Informational,
		Scope:    expr.RuleScope,
	},
	{
		ID:       report.CheckWaiverUnused,
		Title:    "Every waiver of this registry alone is in use",
		Why:      "A waiver that is no longer needed may one day cover a failure that no one meant to waive.",
		Severity: report.Low,
		Scope:    expr.RuleScope,
	},
}

// draft is a check while files are merged.
type draft struct {
	Check
	builtIn bool
	// at is the entry that introduced it; unset if it is built in.
	at source.Node
	// lockedBy is the file that locked it; nil if it is not locked.
	lockedBy *file
	// The expressions with their places.
	match, assert, messageExpression, remediationExpression source.Text
}

// check merges one entry into the checks, field by field. An entry without an
// id, or with a duplicate id, is only checked for faults.
func (r *resolver) check(e checkEntry, duplicate bool) {
	if !e.IsSet() {
		return
	}
	e.Require("a check", "id")
	d, known := r.checks[id(e.ID)]
	switch {
	case !e.ID.IsSet():
		d = &draft{Check: Check{Scope: expr.RuleScope}}
		r.strays = append(r.strays, d)
	case !known:
		r.newCheck(e)
		d = &draft{Check: Check{ID: e.ID.Value, Scope: expr.RuleScope}, at: e.ID.Node}
		r.checks[d.ID] = d
	case d.builtIn:
		refuseBuiltIn(e)
	}
	if duplicate {
		stray := *d
		d = &stray
		r.strays = append(r.strays, d)
	}
	e.refuseEmpty()
	e = r.guard(d, e)
	r.atFields(d.ID, e)
	r.use(e.Match, e.Assert, e.MessageExpression, e.RemediationExpression)
	set(&d.Title, line(e.Title, "title"), e.Title)
	set(&d.Why, e.Why.Value, e.Why)
	set(&d.Severity, severity(e.Severity), e.Severity)
	set(&d.Scope, choice(e.Scope, "scope", []expr.Scope{expr.RuleScope, expr.RegistryScope}), e.Scope)
	set(&d.EffectiveFrom, date(e.EffectiveFrom), e.EffectiveFrom)
	set(&d.match, e.Match, e.Match)
	set(&d.assert, e.Assert, e.Assert)
	// A text of the child replaces the parent's text and expression.
	if e.Message.IsSet() {
		d.Message, d.messageExpression = e.Message.Value, source.Text{}
	}
	set(&d.messageExpression, e.MessageExpression, e.MessageExpression)
	if e.Remediation.IsSet() {
		d.Remediation, d.remediationExpression = e.Remediation.Value, source.Text{}
	}
	set(&d.remediationExpression, e.RemediationExpression, e.RemediationExpression)
	if e.Has("references") {
		d.References = links(e.References)
	}
	if e.Locked.IsSet() {
		d.Locked = e.Locked.Value
		if d.Locked && d.lockedBy == nil {
			d.lockedBy = r.file
		}
	}
}

// refuseEmpty finds texts without a visible character, and takes them for
// missing: an empty assert would remove the check.
func (e *checkEntry) refuseEmpty() {
	for _, field := range []struct {
		name string
		text *source.Text
	}{
		{"match", &e.Match},
		{"assert", &e.Assert},
		{"message", &e.Message},
		{"messageExpression", &e.MessageExpression},
		{"remediation", &e.Remediation},
		{"remediationExpression", &e.RemediationExpression},
	} {
		if field.text.IsSet() && !visible(field.text.Value) {
			field.text.Fault("%s is empty: give it a value or leave it out", field.name)
			*field.text = source.Text{}
		}
	}
}

// set assigns v if the file has t.
func set[T any](to *T, v T, t source.Text) {
	if t.IsSet() {
		*to = v
	}
}
