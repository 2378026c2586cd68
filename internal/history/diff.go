// Package history is what became of registries over time: two reports
// compared, and all the audits of a period with the failures that came and
// went in it. It is derived from the evidence whenever somebody asks, and
// stored nowhere. It is pure: it knows the nouns, the ledger and the standard
// library, fetches nothing, and never reaches the AWS SDK.
package history

import (
	"cmp"
	"reflect"
	"slices"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// DiffVersion stands in every difference. It changes when a reader of the old
// form could misread the new one.
const DiffVersion = "ptcaudit/diff/v1"

// Diff is what differs between two reports. They may be of two registries: a
// finding is known by its check and prefix. Lists are sorted and never null.
type Diff struct {
	SchemaVersion string `json:"schemaVersion"`
	Before        Side   `json:"before"`
	After         Side   `json:"after"`
	// RulesCompared is false where one of the audits could not read the rules:
	// then nothing is known of what became of them.
	RulesCompared bool                `json:"rulesCompared"`
	Rules         []report.RuleChange `json:"rules"`
	Findings      []FindingChange     `json:"findings"`
}

// Side is one of the two reports, in short.
type Side struct {
	Audit    report.Audit   `json:"audit"`
	Registry ptc.Registry   `json:"registry"`
	Policy   report.Policy  `json:"policy"`
	Complete bool           `json:"complete"`
	Summary  report.Summary `json:"summary"`
}

// Kind says what became of a finding.
type Kind string

// The kinds, in the order in which they are told.
const (
	// New: it fails, and did not before.
	New Kind = "new"
	// Undecided: whether it fails could not be told any more.
	Undecided Kind = "undecided"
	// Changed: it is as bad as before, in another way; or a waiver is another.
	Changed Kind = "changed"
	// Resolved: it failed before, and does not any more, or is waived.
	Resolved Kind = "resolved"
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{New, Undecided, Changed, Resolved} }

// FindingChange is what became of one finding.
type FindingChange struct {
	Kind   Kind   `json:"kind"`
	Check  string `json:"check"`
	Prefix string `json:"prefix"`
	// Severity is the later one.
	Severity report.Severity `json:"severity"`
	// Before and After are absent where the report has no such finding.
	Before *report.Finding `json:"before,omitempty"`
	After  *report.Finding `json:"after,omitempty"`
}

// Equal says that rules and findings are the same, and equally complete.
func (d Diff) Equal() bool {
	return d.RulesCompared && len(d.Rules) == 0 && len(d.Findings) == 0 && d.Before.Complete == d.After.Complete
}

// Compare says what differs between two reports. Findings that pass, or whose
// check does not apply, are as good as none. What an incomplete report does not
// have is not taken for resolved.
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

// subject is what a finding is about, in any registry.
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

// kindOf says what became of a finding; empty where nothing did that matters.
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

// kindOfGone says what became of a finding that a later report does not have.
func kindOfGone(before *report.Finding, after report.Report) Kind {
	// The findings of waivers follow from others, which may be undecided.
	unseen := !after.ListRead() || !after.Complete && report.IsWaiverCheck(before.Check)
	switch {
	case quiet(before), unseen && before.Outcome == report.Error:
		return ""
	case unseen:
		return Undecided
	}
	return kindOf(before, &report.Finding{})
}

// quiet says that there is nothing to tell of a finding. There is nothing to
// tell of one that is not there.
func quiet(f *report.Finding) bool {
	return f.Outcome == report.Pass || f.Outcome == report.Skip || f.Outcome == ""
}

// same says that two findings of one subject tell the same.
func same(a, b report.Finding) bool {
	return a.Outcome == b.Outcome && a.Severity == b.Severity && a.Message == b.Message && a.Facts == b.Facts &&
		reflect.DeepEqual(a.Waiver, b.Waiver)
}
