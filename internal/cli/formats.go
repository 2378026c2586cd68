package cli

import (
	"io"
	"os"
	"path/filepath"
	"slices"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/render/asff"
	"ptcaudit/internal/render/csv"
	"ptcaudit/internal/render/github"
	"ptcaudit/internal/render/html"
	"ptcaudit/internal/render/junit"
	"ptcaudit/internal/render/markdown"
	"ptcaudit/internal/render/ocsf"
	"ptcaudit/internal/render/sarif"
	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

// formats are what audit, eval and report write a report in, by the name that
// --output has for each. A new format is a line here.
var formats = []struct {
	name  string
	write func(w io.Writer, r report.Report, t terminal, k background) error
}{
	{"text", func(w io.Writer, r report.Report, t terminal, _ background) error {
		return text.Render(w, r, text.Options{Width: t.width, Color: t.color})
	}},
	{"json", func(w io.Writer, r report.Report, _ terminal, _ background) error { return r.Encode(w) }},
	{"markdown", func(w io.Writer, r report.Report, _ terminal, _ background) error { return markdown.Render(w, r) }},
	{"html", func(w io.Writer, r report.Report, _ terminal, k background) error { return html.Render(w, r, k.past) }},
	{"csv", func(w io.Writer, r report.Report, _ terminal, _ background) error { return csv.Render(w, r) }},
	{"junit", func(w io.Writer, r report.Report, _ terminal, _ background) error { return junit.Render(w, r) }},
	{"sarif", func(w io.Writer, r report.Report, _ terminal, k background) error {
		return sarif.Render(w, r, sarif.Options{Checks: k.checks(), Place: k.place})
	}},
	{"github", func(w io.Writer, r report.Report, _ terminal, k background) error {
		return github.Render(w, r, github.Options{Place: k.place})
	}},
	{"asff", func(w io.Writer, r report.Report, _ terminal, k background) error {
		return asff.Render(w, r, asff.Options{Before: k.before})
	}},
	{"ocsf", func(w io.Writer, r report.Report, _ terminal, k background) error {
		return ocsf.Render(w, r, ocsf.Options{Before: k.before})
	}},
}

// reportFormats are the names of all formats.
var reportFormats = func() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}()

// plainFormats are those of what is no report.
var plainFormats = []string{"text", "json"}

// background is what may be at hand beside a report: the policy that it was judged
// by, and what was before it.
type background struct {
	placedPolicy
	past html.Options
	// before is the baseline; nil where none is named.
	before *report.Report
}

// writeReport writes a report in every format that was asked for.
func (c *command) writeReport(to outputs, r report.Report, k background) error {
	all := renderers{}
	for _, f := range formats {
		all[f.name] = func(w io.Writer, t terminal) error { return f.write(w, r, t, k) }
	}
	return c.write(to, all)
}

// placedPolicy is a policy, and where its values are written. Of the zero one
// nothing is known.
type placedPolicy struct {
	*policy.Policy
	places policy.Places
}

// checks are what the policy says of its checks, by id.
func (p placedPolicy) checks() map[string]sarif.Check {
	out := map[string]sarif.Check{}
	if p.Policy == nil {
		return out
	}
	for _, c := range p.Checks {
		out[c.ID] = sarif.Check{Title: c.Title, Why: c.Why, References: c.References}
	}
	return out
}

// place is where the policy asks for what a finding is about: the required
// rule, else the check, else, where the check is a shipped one, the policy that
// extends it. A policy that is shipped itself is no file of the user's.
func (p placedPolicy) place(f report.Finding) (file string, line int) {
	check := "checks." + f.Check + "."
	keys := []string{check + "assert", check + "match", check + "severity", check + "title", "name"}
	if f.Check == report.CheckRequiredRule {
		keys = append([]string{"requiredRules." + f.Prefix}, keys...)
	}
	for _, key := range keys {
		if at, known := p.places[key]; known && !slices.Contains(policies.Names(), at.File) {
			return fromHere(at.File), at.Line
		}
	}
	return "", 0
}

// fromHere names a file as seen from the working directory, which in a
// pipeline is the repository; one that lies elsewhere keeps its name.
func fromHere(file string) string {
	if dir, err := os.Getwd(); err == nil && filepath.IsAbs(file) {
		if relative, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(relative) {
			file = relative
		}
	}
	return filepath.ToSlash(file)
}
