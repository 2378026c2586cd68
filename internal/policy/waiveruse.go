package policy

import (
	"cmp"
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// WaiverState is the effect of a waiver in a registry.
type WaiverState string

// The states of waivers. Those that need attention come first.
const (
	// WaiverUnused: the waiver applies, but covers no failure.
	WaiverUnused WaiverState = "unused"
	// WaiverExpired: the waiver no longer applies.
	WaiverExpired WaiverState = "expired"
	// WaiverEnding: the waiver covers a failure, and ends within 14 days.
	WaiverEnding WaiverState = "ending"
	// WaiverUnclear: the check that it waives could not be evaluated.
	WaiverUnclear WaiverState = "unclear"
	// WaiverCovering: the waiver covers a failure.
	WaiverCovering WaiverState = "covering"
	// WaiverElsewhere: the waiver is for other registries.
	WaiverElsewhere WaiverState = "elsewhere"
)

// waiverStates has the order in which waivers are listed.
var waiverStates = []WaiverState{WaiverUnused, WaiverExpired, WaiverEnding, WaiverUnclear, WaiverCovering, WaiverElsewhere}

// WaiverUse is a waiver of a policy and its effect in one registry.
type WaiverUse struct {
	State WaiverState `json:"state"`
	Check string      `json:"check"`
	// Prefixes are globs; empty for a check with the scope registry.
	Prefixes []string `json:"prefixes"`
	// Accounts and Regions that the waiver is for; empty means all.
	Accounts []string `json:"accounts"`
	Regions  []string `json:"regions"`
	report.Waiver
	// File and Line are the place of the waiver.
	File string `json:"file"`
	Line int    `json:"line"`
	// Findings are those that the waiver is for and that do not pass, those with
	// the outcome error included. An expired waiver no longer covers them.
	Findings []report.Finding `json:"findings"`
}

// WaiversFor lists the waivers of the policy with their effect in the registry of
// a report. The report must be of this policy. Unused waivers come first.
func (p *Policy) WaiversFor(r report.Report) []WaiverUse {
	at := r.Audit.StartedAt
	if !r.Audit.AsOf.IsZero() {
		at = r.Audit.AsOf
	}
	unlisted := !r.ListRead()
	out := make([]WaiverUse, 0, len(p.Waivers))
	for _, w := range p.Waivers {
		use := WaiverUse{
			Check:    w.Check,
			Prefixes: slices.Concat([]string{}, w.Prefixes),
			Accounts: slices.Concat([]string{}, w.Accounts),
			Regions:  slices.Concat([]string{}, w.Regions),
			Waiver:   w.waiver(),
			File:     w.place.File,
			Line:     w.place.Line,
			Findings: []report.Finding{},
		}
		for _, f := range r.Findings {
			if slices.Contains([]report.Outcome{report.Fail, report.Pending, report.Error}, f.Outcome) && w.matches(r.Registry, f) {
				use.Findings = append(use.Findings, f)
			}
		}
		use.State = w.state(r.Registry, at, use.Findings, unlisted)
		out = append(out, use)
	}
	slices.SortStableFunc(out, func(a, b WaiverUse) int {
		return cmp.Or(slices.Index(waiverStates, a.State)-slices.Index(waiverStates, b.State), cmp.Compare(a.Expires, b.Expires))
	})
	return out
}

// state is the effect of a waiver in a registry at a time, given the findings that
// it is for.
func (w waiver) state(reg ptc.Registry, at time.Time, findings []report.Finding, unlisted bool) WaiverState {
	decided := slices.ContainsFunc(findings, func(f report.Finding) bool { return f.Outcome != report.Error })
	switch {
	case !w.covers(reg):
		return WaiverElsewhere
	case !w.inForce(at):
		return WaiverExpired
	case !decided && (unlisted || len(findings) > 0):
		return WaiverUnclear
	case !decided:
		return WaiverUnused
	case w.endsSoon(at):
		return WaiverEnding
	}
	return WaiverCovering
}

// waiver is the waiver of a finding, as the report shows it.
func (w waiver) waiver() report.Waiver {
	return report.Waiver{Owner: w.Owner, Reason: w.Reason, Expires: string(w.Expires), AnyUpstream: w.AnyUpstream}
}
