package policy

import (
	"maps"
	"slices"
	"strings"

	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/report"
	"ptcaudit/internal/suggest"
)

// newCheck refuses an entry with a new id that is not complete: the id is
// probably misspelled.
func (r *resolver) newCheck(e checkEntry) {
	if r.blind {
		return
	}
	if missing := e.Missing("title", "severity", "assert"); len(missing) > 0 {
		e.ID.Fault("unknown check %s: a new check needs %s%s",
			e.ID.Value, strings.Join(missing, ", "), suggest.Hint(e.ID.Value, slices.Sorted(maps.Keys(r.checks))))
	}
}

// refuseBuiltIn refuses the fields of a built-in check that an entry cannot change.
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
	if id == report.CheckWaiverExpired && t.IsSet() {
		t.Fault("%s has the severity of the check that was waived", id)
	}
}

// guard refuses changes that weaken a locked check: those of its expressions,
// scope and date, and a lower severity. It returns the entry without them.
func (r *resolver) guard(d *draft, e checkEntry) checkEntry {
	if !r.lockedAbove(d) {
		return e
	}
	for _, change := range []struct {
		key    string
		t      *source.Text
		before string
	}{
		{"match", &e.Match, d.match.Value},
		{"assert", &e.Assert, d.assert.Value},
		{"scope", &e.Scope, string(d.Scope)},
		{"effectiveFrom", &e.EffectiveFrom, string(d.EffectiveFrom)},
	} {
		if change.t.IsSet() && change.t.Value != change.before {
			change.t.Fault("%s is locked by %s: its %s cannot change", d.ID, d.lockedBy.path, change.key)
			*change.t = source.Text{}
		}
	}
	if e.Locked.IsSet() && !e.Locked.Value {
		e.Locked.Fault("%s is locked by %s and cannot be unlocked", d.ID, d.lockedBy.path)
		e.Locked = source.Flag{}
	}
	if !r.mayBe(d, e.Severity, d.Severity) {
		e.Severity = source.Text{}
	}
	return e
}

// mayBe reports whether a check can have a severity. It is a fault if a locked
// check would be less severe than least.
func (r *resolver) mayBe(d *draft, t source.Text, least report.Severity) bool {
	if s := report.Severity(t.Value); r.lockedAbove(d) && s.Rank() > 0 && s.Rank() < least.Rank() {
		t.Fault("%s is locked by %s: its severity cannot be lower than %s", d.ID, d.lockedBy.path, least)
		return false
	}
	return true
}
