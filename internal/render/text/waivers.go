package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/report"
)

// waiverTitles head the sections of waivers, with what to do about them.
var waiverTitles = []struct {
	state policy.WaiverState
	title string
}{
	{policy.WaiverUnused, "COVERS NOTHING: remove it"},
	{policy.WaiverExpired, "HAS ENDED: remove it, or agree on a new end"},
	{policy.WaiverEnding, "ENDS SOON: fix what it covers, or agree on a new end"},
	{policy.WaiverUnclear, report.NotChecked},
	{policy.WaiverCovering, "IN FORCE"},
	{policy.WaiverElsewhere, "FOR OTHER REGISTRIES"},
}

// Waivers writes the effect of a policy's waivers on the registry of a report.
func Waivers(w io.Writer, r report.Report, uses []policy.WaiverUse, o Options) error {
	p := newPrinter(o)
	at := r.Audit.StartedAt
	if !r.Audit.AsOf.IsZero() {
		at = r.Audit.AsOf
	}
	p.prose("", p.waiverCounts(uses))
	p.prose("", fmt.Sprintf("Registry %s, policy %s, as of %s.", r.Registry, name(r.Policy.Name), report.Minute(at)))
	for _, section := range waiverTitles {
		first := true
		for _, u := range uses {
			if u.State != section.state {
				continue
			}
			if first {
				p.section(section.title)
			}
			first = false
			p.waiver(u, at)
		}
	}
	return p.writeTo(w)
}

// waiverCounts is the headline: how many waivers, by state.
func (p *printer) waiverCounts(uses []policy.WaiverUse) string {
	if len(uses) == 0 {
		return "The policy has no waivers."
	}
	counts := map[policy.WaiverState]int{}
	for _, u := range uses {
		counts[u.State]++
	}
	var parts []string
	for _, c := range []struct {
		state policy.WaiverState
		what  string
		paint func(string) string
	}{
		{policy.WaiverUnused, "unused", p.paint.warning},
		{policy.WaiverExpired, "ended", p.paint.warning},
		{policy.WaiverEnding, "ending soon", p.paint.warning},
		{policy.WaiverUnclear, "unclear", p.paint.warning},
		{policy.WaiverCovering, "in force", p.paint.good},
		{policy.WaiverElsewhere, "for other registries", p.paint.faint},
	} {
		if n := counts[c.state]; n > 0 {
			parts = append(parts, c.paint(fmt.Sprintf("%d %s", n, c.what)))
		}
	}
	return report.Count(len(uses), "waiver") + ": " + strings.Join(parts, ", ") + "."
}

// waiver writes a waiver: its check and prefixes, its line in the policy, and the
// findings that it covers.
func (p *printer) waiver(u policy.WaiverUse, at time.Time) {
	prefixes := report.RegistrySubject
	if len(u.Prefixes) > 0 {
		prefixes = name(strings.Join(u.Prefixes, ", "))
	}
	p.line("  ", fmt.Sprintf("%s  %s  %s", p.paint.strong(name(u.Check)), prefixes, p.paint.faint(fmt.Sprintf("%s:%d", name(u.File), u.Line))))
	p.prose("    ", fmt.Sprintf("Until the end of %s%s, by %s: %s", name(u.Expires), inDays(u, at), name(u.Owner), name(u.Reason)))
	if where := append(append([]string{}, u.Accounts...), u.Regions...); len(where) > 0 {
		p.prose("    ", "Only for "+name(strings.Join(where, ", "))+".")
	}
	for _, f := range u.Findings {
		verb := map[report.Outcome]string{report.Fail: "Covers", report.Pending: "Will cover", report.Error: "Not checked:"}[f.Outcome]
		if u.State == policy.WaiverExpired {
			verb = "Covered"
		}
		p.prose("    ", fmt.Sprintf("%s %s %s", verb, f.Severity.Label(), f.FullText()))
	}
}

// inDays is how soon a waiver ends.
func inDays(u policy.WaiverUse, at time.Time) string {
	last, err := time.Parse(time.DateOnly, u.Expires)
	if u.State != policy.WaiverEnding || err != nil {
		return ""
	}
	switch days := int(last.Sub(at.UTC().Truncate(24*time.Hour)).Hours() / 24); days {
	case 0:
		return " (today)"
	case 1:
		return " (tomorrow)"
	default:
		return fmt.Sprintf(" (in %d days)", days)
	}
}
