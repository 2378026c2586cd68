// Package history compares two reports, and lists the audits of a period with the
// failures that began and were resolved in it. A history is computed from the
// evidence whenever it is needed, and stored nowhere. The package is pure: it
// reads nothing itself, and imports ptc, report, ledger and the standard library
// only.
package history

import (
	"cmp"
	"reflect"
	"slices"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// DiffVersion is in every Diff. It changes if a reader of the old form could
// misread the new one.
const DiffVersion = "ptcaudit/diff/v1"

// Diff is the difference between two reports. They may be of two registries:
// findings are matched by check and prefix. Lists are sorted and never null.
type Diff struct {
	SchemaVersion string `json:"schemaVersion"`
	Before        Side   `json:"before"`
	After         Side   `json:"after"`
	// RulesCompared is false if one of the audits could not list the rules. Then
	// Rules is empty.
	RulesCompared bool                `json:"rulesCompared"`
	Rules         []report.RuleChange `json:"rules"`
	Findings      []FindingChange     `json:"findings"`
}

// Side is a summary of one of the two reports.
type Side struct {
	Audit    report.Audit   `json:"audit"`
	Registry ptc.Registry   `json:"registry"`
	Policy   report.Policy  `json:"policy"`
	Complete bool           `json:"complete"`
	Summary  report.Summary `json:"summary"`
}

// Kind is how a finding has changed.
type Kind string

// The kinds, in the order in which they are listed.
const (
	// New: it fails, and did not before.
	New Kind = "new"
	// Undecided: it could no longer be checked whether it fails.
	Undecided Kind = "undecided"
	// Changed: it still fails with another severity, message or facts, or its
	// waiver has changed.
	Changed Kind = "changed"
	// Resolved: it no longer fails, or is waived.
	Resolved Kind = "resolved"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{New, Undecided, Changed, Resolved} }

// FindingChange is the change of one finding.
type FindingChange struct {
	Kind   Kind   `json:"kind"`
	Check  string `json:"check"`
	Prefix string `json:"prefix"`
	// Severity is that of After, or of Before if After is absent.
	Severity report.Severity `json:"severity"`
	// Before and After are absent if the report has no such finding.
	Before *report.Finding `json:"before,omitempty"`
	After  *report.Finding `json:"after,omitempty"`
}

// Equal reports whether rules, findings and completeness are the same.
func (d Diff) Equal() bool {
	return d.RulesCompared && len(d.Rules) == 0 && len(d.Findings) == 0 && d.Before.Complete == d.After.Complete
}

// Compare returns the difference between two reports. A finding with the outcome
// pass or skip counts like no finding. A failure is not resolved if the later
// report is incomplete and could not check it.
func Compare(before, after report.Report) Diff {
	d := Diff{
		SchemaVersion: DiffVersion,
		Before:        side(before),
		After:         side(after),
		RulesCompared: before.ListRead() && after.ListRead(),
		Rules:         []report.RuleChange{},
		Findings:      []FindingChange{},
	}
	if d.RulesCompared {
		d.Rules = append(d.Rules, report.DiffRules(before.Rules, after.Rules)...)
	}
	older, newer := bySubject(before), bySubject(after)
	for s, b := range older {
		if a := newer[s]; a != nil {
			d.add(kindOf(b, a), b, a)
		} else {
			d.add(kindOfGone(b, after), b, nil)
		}
	}
	for s, a := range newer {
		if older[s] == nil {
			d.add(kindOf(&report.Finding{}, a), nil, a)
		}
	}
	slices.SortFunc(d.Findings, func(a, b FindingChange) int {
		return cmp.Or(
			slices.Index(Kinds(), a.Kind)-slices.Index(Kinds(), b.Kind),
			b.Severity.Rank()-a.Severity.Rank(),
			cmp.Compare(a.Prefix, b.Prefix),
			cmp.Compare(a.Check, b.Check),
		)
	})
	return d
}

func side(r report.Report) Side {
	return Side{Audit: r.Audit, Registry: r.Registry, Policy: r.Policy, Complete: r.Complete, Summary: r.Summary}
}

// subject identifies a finding in any registry.
type subject struct{ check, prefix string }

func bySubject(r report.Report) map[subject]*report.Finding {
	m := make(map[subject]*report.Finding, len(r.Findings))
	for i, f := range r.Findings {
		m[subject{f.Check, f.Prefix}] = &r.Findings[i]
	}
	return m
}

func (d *Diff) add(kind Kind, before, after *report.Finding) {
	if kind == "" {
		return
	}
	last := after
	if last == nil {
		last = before
	}
	d.Findings = append(d.Findings, FindingChange{
		Kind: kind, Check: last.Check, Prefix: last.Prefix, Severity: last.Severity, Before: before, After: after,
	})
}

// kindOf returns how a finding has changed; empty if it has not.
func kindOf(before, after *report.Finding) Kind {
	switch {
	case quiet(before) && quiet(after), same(*before, *after):
		return ""
	case after.Outcome == report.Error && before.Outcome != report.Error:
		return Undecided
	case after.Open() && !before.Open():
		return New
	case before.Open() && !after.Open():
		return Resolved
	}
	return Changed
}

// kindOfGone is kindOf for a finding that the later report does not have.
func kindOfGone(before *report.Finding, after report.Report) Kind {
	// Findings of waivers follow from other findings, which may be undecided.
	unseen := !after.ListRead() || !after.Complete && report.IsWaiverCheck(before.Check)
	switch {
	case quiet(before), unseen && before.Outcome == report.Error:
		return ""
	case unseen:
		return Undecided
	}
	return kindOf(before, &report.Finding{})
}

// quiet reports whether a finding is nothing to report: a pass, a skip, or no
// finding at all.
func quiet(f *report.Finding) bool {
	return f.Outcome == report.Pass || f.Outcome == report.Skip || f.Outcome == ""
}

// same reports whether two findings of one subject are equal.
func same(a, b report.Finding) bool {
	return a.Outcome == b.Outcome && a.Severity == b.Severity && a.Message == b.Message && a.Facts == b.Facts &&
		reflect.DeepEqual(a.Waiver, b.Waiver)
}
