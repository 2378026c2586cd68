package html

import (
	"slices"
	"strconv"
	"time"

	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// groups holds the findings of the newest audit that a reader needs, those that
// require an action first.
func groups(past []report.Report, since map[string]time.Time) []group {
	all := []group{
		{ID: "failed", Title: "Failures"},
		{ID: "undecided", Title: "Not checked", Lead: "A check without a result has not passed."},
		{ID: "waived", Title: "Waived", Lead: "These fail too, but someone has approved an exception."},
		{ID: "pending", Title: "Not in force yet", Lead: "These will fail when their checks come into force."},
	}
	findings := slices.Clone(past[0].Findings)
	slices.SortStableFunc(findings, func(a, b report.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	for _, f := range findings {
		switch {
		case f.Open():
			all[0].Findings = append(all[0].Findings, newFinding(f, past, since))
		case f.Outcome == report.Error:
			all[1].Findings = append(all[1].Findings, newFinding(f, past, since))
		case f.Outcome == report.Fail:
			all[2].Findings = append(all[2].Findings, newFinding(f, past, since))
		case f.Outcome == report.Pending:
			all[3].Findings = append(all[3].Findings, newFinding(f, past, since))
		}
	}
	n := 0
	for _, g := range all {
		for i := range g.Findings {
			n++
			g.Findings[i].ID = "finding-" + strconv.Itoa(n)
		}
	}
	return slices.DeleteFunc(all, func(g group) bool { return len(g.Findings) == 0 })
}

func newFinding(f report.Finding, past []report.Report, since map[string]time.Time) finding {
	out := finding{
		Severity: f.Severity, Label: capital(untrusted.Name(string(f.Severity))), Rank: f.Severity.Rank(),
		Subject: f.Subject(), Check: f.ID(), Sentence: f.Lead(), Detail: f.Detail(), OfRegistry: f.Prefix == "",
		Steps: steps(f.Remediation), References: references(f.References),
	}
	if w := f.Waiver; w != nil {
		out.Waiver = &report.Waiver{Owner: untrusted.Name(w.Owner), Reason: text(w.Reason), Expires: untrusted.Name(w.Expires), AnyUpstream: w.AnyUpstream}
	}
	now, oldest := past[0].Audit.StartedAt, past[len(past)-1].Audit.StartedAt
	if first, known := since[f.Fingerprint]; known && !first.After(now) {
		out.Since, out.Age = day(first), age(now.Sub(first))
		// The first known audit found it, so it may have failed before.
		out.Before = len(past) > 1 && first.Equal(oldest)
		if out.Before && now.Sub(first) < time.Minute { // it may not be new
			out.Age = ""
		}
	}
	return out
}

// age is a time span in the largest unit that it fills.
func age(d time.Duration) string {
	switch day := 24 * time.Hour; {
	case d >= day:
		return report.Count(int(d/day), "day")
	case d >= time.Hour:
		return report.Count(int(d/time.Hour), "hour")
	case d >= time.Minute:
		return report.Count(int(d/time.Minute), "minute")
	}
	return "new"
}
