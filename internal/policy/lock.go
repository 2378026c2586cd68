package policy

import (
	"strings"

	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/report"
)

// newCheck looks at an entry that names no check of the parents: either it is
// complete, or its id is misspelt.
func (r *resolver) newCheck(e checkEntry) {
	if r.blind {
		return
	}
	var missing []string
	for _, key := range []string{"title", "severity", "assert"} {
		if !e.Has(key) {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		var ids []string
		for id := range r.checks {
			ids = append(ids, id)
		}
		e.ID.Fault("a new check needs %s, and none is extended here that is called %s%s",
			strings.Join(missing, ", "), e.ID.Value, source.Suggest(e.ID.Value, ids))
	}
}

// refuseBuiltIn looks at an entry that changes a check which is built in.
func refuseBuiltIn(e checkEntry) {
	for _, t := range []source.Text{e.Scope, e.Match, e.Assert, e.Message, e.MessageExpression, e.Remediation, e.RemediationExpression, e.EffectiveFrom} {
		if t.IsSet() {
			t.Fault("%s is built in: its title, why, severity, references and locked can be set, nothing else", e.ID.Value)
		}
	}
	ownSeverity(e.ID.Value, e.Severity)
}

// ownSeverity refuses a severity for the check that takes that of others.
func ownSeverity(id string, t source.Text) {
	if id == waiverExpiredCheck && t.IsSet() {
		t.Fault("%s has the severity of the check that was waived", id)
	}
}

// guard looks at an entry that changes a check which may be locked: what it
// asks and when may not change, and its severity may only rise.
func (r *resolver) guard(d *draft, e checkEntry) {
	if !r.lockedAbove(d) {
		return
	}
	for _, change := range []struct {
		key    string
		t      source.Text
		before string
	}{
		{"match", e.Match, d.match.Value},
		{"assert", e.Assert, d.assert.Value},
		{"scope", e.Scope, string(d.Scope)},
		{"effectiveFrom", e.EffectiveFrom, string(d.EffectiveFrom)},
	} {
		if change.t.IsSet() && change.t.Value != change.before {
			change.t.Fault("%s is locked by %s: its %s cannot change", d.ID, d.lockedBy.path, change.key)
		}
	}
	if e.Locked.IsSet() && !e.Locked.Value {
		e.Locked.Fault("%s is locked by %s and cannot be unlocked", d.ID, d.lockedBy.path)
	}
	r.notLowered(d, e.Severity, d.Severity)
}

// notLowered refuses a severity below least for a check that is locked.
func (r *resolver) notLowered(d *draft, t source.Text, least report.Severity) {
	if s := report.Severity(t.Value); r.lockedAbove(d) && s.Rank() > 0 && s.Rank() < least.Rank() {
		t.Fault("%s is locked by %s: its severity cannot be lower than %s", d.ID, d.lockedBy.path, least)
	}
}
