package policy

import (
	"cmp"
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// WaiverState says what a waiver does for a registry.
type WaiverState string

// The states of waivers, those first that somebody should look at.
const (
	// WaiverUnused: it is in force and covers nothing.
	WaiverUnused WaiverState = "unused"
	// WaiverExpired: it waives nothing any more.
	WaiverExpired WaiverState = "expired"
	// WaiverEnding: it covers something, and ends within 14 days.
	WaiverEnding WaiverState = "ending"
	// WaiverUnclear: what it is written for could not be decided.
	WaiverUnclear WaiverState = "unclear"
	// WaiverCovering: it covers something.
	WaiverCovering WaiverState = "covering"
	// WaiverElsewhere: it is for other registries.
	WaiverElsewhere WaiverState = "elsewhere"
)

// waiverStates are in the order in which waivers are listed.
var waiverStates = []WaiverState{WaiverUnused, WaiverExpired, WaiverEnding, WaiverUnclear, WaiverCovering, WaiverElsewhere}

// WaiverUse is a waiver of a policy, and what it does for one registry.
type WaiverUse struct {
	State WaiverState `json:"state"`
	Check string      `json:"check"`
	// Prefixes are globs; empty for a check of the registry as a whole.
	Prefixes []string `json:"prefixes"`
	// Accounts and Regions that it is for; empty is all.
	Accounts []string `json:"accounts"`
	Regions  []string `json:"regions"`
	report.Waiver
	// File and Line say where it is written.
	File string `json:"file"`
	Line int    `json:"line"`
	// Findings are those that it is written for and that do not pass, those
	// among them that could not be decided. An expired one would cover them.
	Findings []report.Finding `json:"findings"`
}

// WaiversFor lists the waivers of the policy with what each does for the registry
// of a report that the policy made, unused and ending ones first.
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

// state is what a waiver does at a time for a registry, in which it is written
// for some findings.
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

// waiver is what a finding says of the waiver that covers it.
func (w waiver) waiver() report.Waiver {
	return report.Waiver{Owner: w.Owner, Reason: w.Reason, Expires: string(w.Expires), AnyUpstream: w.AnyUpstream}
}
