package text

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/history"
	"ptcaudit/internal/report"
)

// Summary writes a history for an auditor who did not run the audits: how
// often they ran, with what gaps, under which policies, and what happened to
// each failure. version is that of the tool that writes it.
func Summary(w io.Writer, h history.History, version string, o Options) error {
	p := newPrinter(o)
	p.prose("", "Audits of the pull through cache rules of Amazon ECR")
	p.blank()
	p.prose("", fmt.Sprintf("From %s up to, but not including, %s. All times are UTC. Derived by ptcaudit %s from the evidence beside this file: one JSON report of every audit, as it was stored, compressed with gzip. SHA256SUMS has the checksum of every file; sha256sum -c SHA256SUMS compares them.",
		report.Minute(h.From), report.Minute(h.To), version))
	if len(h.Registries) == 0 {
		p.blank()
		p.prose("", "There were no audits.")
	}
	for _, r := range h.Registries {
		p.blank()
		p.registry(r)
		p.regularity(r)
		p.lifelines(r.Failures)
		p.waiverUses(r.Waivers)
		p.policyUses(r)
		p.events(r.Changes)
		p.unexplained(r.Audits)
		p.audits(r.Audits)
	}
	p.unreadable(h.Unreadable)
	p.unreadableBefore(h.UnreadableBefore)
	return p.writeTo(w)
}

// regularity is how often a registry was audited, and the gaps.
func (p *printer) regularity(r *history.Registry) {
	p.section("HOW OFTEN")
	why := map[report.TriggerKind]int{}
	var kinds []report.TriggerKind
	for _, a := range r.Audits {
		for _, kind := range a.Triggers {
			if why[kind] == 0 {
				kinds = append(kinds, kind)
			}
			why[kind]++
		}
	}
	var parts []string
	for _, kind := range kinds {
		parts = append(parts, fmt.Sprintf("%d by %s", why[kind], name(string(kind))))
	}
	if len(parts) > 0 {
		p.prose("  ", report.Count(len(r.Audits), "audit")+": "+strings.Join(parts, ", ")+". One audit can answer several.")
	}
	switch {
	case !slices.ContainsFunc(r.Audits, func(a history.Audit) bool { return a.Complete }):
		p.prose("  ", "There was no complete audit.")
		return
	case len(r.Gaps) == 0:
		p.prose("  ", "There were never more than 24 hours without a complete audit.")
		return
	}
	p.prose("  ", "Without a complete audit for more than 24 hours:")
	for _, g := range r.Gaps {
		p.line("    ", fmt.Sprintf("%s to %s, %s", report.Minute(g.From), report.Minute(g.To), hours(g.To.Sub(g.From))))
	}
}

func hours(d time.Duration) string { return report.Count(int(d.Round(time.Hour).Hours()), "hour") }

func (p *printer) waiverUses(uses []history.WaiverUse) {
	if len(uses) == 0 {
		return
	}
	p.section("WAIVERS THAT COVERED FAILURES")
	for _, u := range uses {
		p.line("  ", u.Severity.Label()+"  "+report.SubjectOf(u.Prefix)+" ["+name(u.Check)+"]")
		p.prose("    ", fmt.Sprintf("Until the end of %s, by %s: %s", name(u.Expires), name(u.Owner), name(u.Reason)))
		p.prose("    ", used(u.Use))
	}
}

// policyUses lists the policies and versions of the tool that were used.
func (p *printer) policyUses(r *history.Registry) {
	p.section("POLICIES AND VERSIONS")
	for _, u := range r.Policies {
		p.line("  ", fmt.Sprintf("policy %s, SHA-256 %s", name(u.Name), name(u.Digest)))
		p.prose("    ", used(u.Use))
	}
	for _, u := range r.Versions {
		p.line("  ", "ptcaudit "+name(u.Version))
		p.prose("    ", used(u.Use))
	}
}

func used(u history.Use) string {
	if u.Audits == 1 {
		return "In 1 audit, " + report.Minute(u.First) + "."
	}
	return fmt.Sprintf("In %d audits, %s to %s.", u.Audits, report.Minute(u.First), report.Minute(u.Last))
}
