package policy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// waiver is an exception from a check. It has an owner, a reason and an end.
type waiver struct {
	Check string `json:"check"`
	// Prefixes are globs; empty for a check with the scope registry.
	Prefixes []string `json:"prefixes,omitempty"`
	where
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	// Expires is the last day on which the waiver applies.
	Expires day `json:"expires"`
	// AnyUpstream keeps the waiver in effect if the upstream changes.
	AnyUpstream bool `json:"anyUpstream,omitempty"`

	place Place
	entry Error // its place, for a recommendation
}

// inForce reports whether a waiver applies at t: until the end of its last day.
func (w waiver) inForce(t time.Time) bool { return t.Before(w.Expires.ends()) }

// endingWithin is how long before its end a waiver is a finding.
const endingWithin = 14 * 24 * time.Hour

// endsSoon reports whether a waiver that applies at t ends within endingWithin.
func (w waiver) endsSoon(t time.Time) bool { return !w.inForce(t.Add(endingWithin)) }

// matches reports whether a waiver is for a finding, whether it has expired or
// not.
func (w waiver) matches(reg ptc.Registry, f report.Finding) bool {
	return w.Check == f.Check && w.covers(reg) &&
		(len(w.Prefixes) == 0 || slices.ContainsFunc(w.Prefixes, func(glob string) bool {
			ok, _ := path.Match(glob, f.Prefix) // the glob was checked when it was read
			return ok
		}))
}

// String describes a waiver in a message.
func (w waiver) String() string {
	return fmt.Sprintf("the waiver of %s by %s (%s)", w.Check, w.Owner, w.Reason)
}

// waive adds one entry.
func (r *resolver) waive(e waiverEntry) {
	if !e.IsSet() {
		return
	}
	e.Require("a waiver", "check", "owner", "reason", "expires")
	w := waiver{
		Check:       e.Check.Value,
		where:       readWhere(e.Accounts, e.Regions),
		Owner:       line(e.Owner, "owner"),
		Reason:      line(e.Reason, "reason"),
		Expires:     date(e.Expires),
		AnyUpstream: e.AnyUpstream.Value,
		place:       Place{r.file.path, e.Line()},
		entry:       e.Error(""),
	}
	for _, t := range e.Prefixes {
		if t.IsSet() {
			w.Prefixes = append(w.Prefixes, glob(t))
		}
	}
	r.waivers = append(r.waivers, w)
	d, ok := r.known(e.Check)
	switch {
	case !ok:
	case r.lockedAbove(d):
		e.Check.Fault("%s is locked by %s and cannot be waived", d.ID, d.lockedBy.path)
	case report.IsWaiverCheck(d.ID):
		e.Check.Fault("%s cannot be waived: fix the waiver that it reports, or disable the check", d.ID)
	case d.Scope == expr.RegistryScope && e.Has("prefixes"):
		e.Check.Fault("%s is about the registry as a whole: its waiver has no prefixes", d.ID)
	case d.Scope == expr.RuleScope && !e.Has("prefixes"):
		e.Check.Fault("a waiver of %s needs prefixes", d.ID)
	}
}

// waivers marks the findings that waivers cover, and adds the findings about
// waivers.
func (e *evaluation) waivers() {
	used := make([]bool, len(e.policy.Waivers))
	expired, ending := map[string]*aboutWaivers{}, map[string]*aboutWaivers{}
	for i, f := range e.findings {
		if f.Outcome != report.Fail && f.Outcome != report.Pending && f.Outcome != report.Error {
			continue
		}
		// If several waivers cover a finding, the one that ends last counts.
		var last *waiver
		for j, w := range e.policy.Waivers {
			if w.matches(e.in.Registry, f) {
				used[j] = true // with an error it is unknown, so the waiver is not reported as unused
				if last == nil || w.Expires > last.Expires {
					last = &e.policy.Waivers[j]
				}
			}
		}
		switch {
		case last == nil, f.Outcome == report.Error:
		case last.inForce(e.in.Now):
			said := last.waiver()
			e.findings[i].Waiver = &said
			if last.endsSoon(e.in.Now) {
				tell(ending, f, *last)
			}
		case f.Outcome == report.Fail:
			tell(expired, f, *last)
		}
	}
	unused := map[string]*aboutWaivers{}
	for j, w := range e.policy.Waivers {
		if !used[j] && w.isJust(e.in.Registry) {
			prefixes := w.Prefixes
			if len(prefixes) == 0 {
				prefixes = []string{""}
			}
			for _, prefix := range prefixes {
				tell(unused, report.Finding{Prefix: prefix}, w)
			}
		}
	}
	e.addWaiverFindings(report.CheckWaiverExpired, expired, "expired on %s and no longer applies", "Fix what it waived, or agree on a new date and write it into the policy.")
	e.addWaiverFindings(report.CheckWaiverEnding, ending, "expires on %s, and its check still fails", "Fix what it waives, or agree on a new date and write it into the policy.")
	e.addWaiverFindings(report.CheckWaiverUnused, unused, "(until %s) is not used", "Remove it from the policy.")
}

// aboutWaivers collects the messages about the waivers of one subject.
type aboutWaivers struct {
	waivers  []waiver
	severity report.Severity // the highest of the waived findings
	facts    string
}

func tell(about map[string]*aboutWaivers, f report.Finding, w waiver) {
	a := about[f.Prefix]
	if a == nil {
		a = &aboutWaivers{facts: f.Facts}
		about[f.Prefix] = a
	}
	a.waivers = append(a.waivers, w)
	a.severity = report.Highest(a.severity, f.Severity)
}

// addWaiverFindings adds a finding for each subject that has a message.
func (e *evaluation) addWaiverFindings(check string, about map[string]*aboutWaivers, message, remediation string) {
	c, enabled := e.policy.check(check)
	if !enabled {
		return
	}
	for prefix, a := range about {
		f := e.finding(c, prefix)
		f.Outcome, f.Facts = report.Fail, a.facts
		f.Severity = cmp.Or(f.Severity, a.severity)
		var said []string
		for _, w := range a.waivers {
			said = append(said, w.String()+" "+fmt.Sprintf(message, w.Expires))
		}
		f.Message = strings.ToUpper(said[0][:1]) + strings.Join(said, "; ")[1:] + "."
		f.Remediation = remediation
		e.findings = append(e.findings, f)
	}
}
