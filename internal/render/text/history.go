package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"ptcaudit/internal/history"
	"ptcaudit/internal/report"
)

// History writes the audits of registries, the newest last, and the failures
// from first seen to resolved.
func History(w io.Writer, h history.History, o Options) error {
	p := newPrinter(o)
	if len(h.Registries) == 0 {
		p.prose("", fmt.Sprintf("No audits from %s to %s.", report.Minute(h.From), report.Minute(h.To)))
	}
	for i, r := range h.Registries {
		if i > 0 {
			p.blank()
		}
		p.registry(r)
		p.audits(r.Audits)
		p.lifelines(r.Failures)
		p.events(r.Changes)
		p.unexplained(r.Audits)
	}
	p.unreadable(h.Unreadable)
	return p.writeTo(w)
}

// registry writes the headline of a registry: how often it was audited, and the
// result of the last audit.
func (p *printer) registry(r *history.Registry) {
	if len(r.Audits) == 0 {
		p.prose("", fmt.Sprintf("Registry %s: no audits.", r.Registry))
		return
	}
	incomplete := 0
	for _, a := range r.Audits {
		if !a.Complete {
			incomplete++
		}
	}
	audits := report.Count(len(r.Audits), "audit")
	if incomplete > 0 {
		audits += ", " + p.paint.warning(fmt.Sprintf("%d incomplete", incomplete))
	}
	p.prose("", fmt.Sprintf("Registry %s: %s.", r.Registry, audits))
	p.prose("", "After the last audit: "+p.standing(r.Audits[len(r.Audits)-1]))
	if len(r.Audits) > 1 {
		p.line("", "Failures over time: "+p.sparkline(r.Audits))
	}
}

// standing is the result of an audit in words.
func (p *printer) standing(a history.Audit) string {
	none := p.paint.good("no failures")
	if !a.Complete {
		none = "no failures known"
	}
	return p.verdict(report.Summary{Rules: a.Summary.Rules, Outcomes: map[report.Outcome]int{report.Fail: failing(a)}, Failed: a.Failing}, none)
}

// minChangesWidth is the least width of the last column, in characters.
const minChangesWidth = 20

// auditColumns head the table of audits.
var auditColumns = []string{"AUDITED (UTC)", "WHY", "CRIT", "HIGH", "MED", "LOW", "INFO", "CHANGES"}

// audits writes the table. Only its last column is wrapped.
func (p *printer) audits(audits []history.Audit) {
	if len(audits) == 0 {
		return
	}
	columns := make([][]string, len(auditColumns)-1)
	for i, title := range auditColumns[:len(columns)] {
		columns[i] = append(columns[i], title)
	}
	for _, a := range audits {
		row := []string{a.StartedAt.UTC().Format("2006-01-02 15:04"), why(a.Triggers)}
		for _, severity := range slices.Backward(report.Severities()) {
			row = append(row, p.number(a, severity))
		}
		for i, cell := range row {
			columns[i] = append(columns[i], cell)
		}
	}
	for i, column := range columns {
		columns[i] = align(column)
		if i >= 2 { // numbers
			columns[i] = alignRight(column)
		}
	}
	p.blank()
	for row := range len(audits) + 1 {
		var cells []string
		for _, column := range columns {
			cells = append(cells, column[row])
		}
		lead := strings.Join(cells, " ") + "  "
		last := auditColumns[len(auditColumns)-1]
		if row > 0 {
			last = p.since(audits[row-1], row == 1)
		}
		width := text.StringWidthWithoutEscSequences(lead)
		for i, line := range Wrap(last, max(p.width-width, minChangesWidth)) {
			if i > 0 {
				lead = strings.Repeat(" ", width)
			}
			p.line("", lead+line)
		}
	}
}

// why names what an audit was triggered by.
func why(kinds []report.TriggerKind) string {
	if len(kinds) == 0 {
		return "-"
	}
	s := name(string(kinds[0]))
	if more := len(kinds) - 1; more > 0 {
		s += fmt.Sprintf(" +%d", more)
	}
	return s
}

// number is how many failures of a severity were known after an audit: a dash
// for zero, and a question mark if an incomplete audit found none.
func (p *printer) number(a history.Audit, severity report.Severity) string {
	switch n := a.Failing[severity]; {
	case n > 0:
		return p.paint.severity(severity, fmt.Sprint(n))
	case !a.Complete:
		return "?"
	}
	return "-"
}

// since is what changed since the audit before.
func (p *printer) since(a history.Audit, first bool) string {
	var parts []string
	if !a.Complete {
		parts = append(parts, p.paint.warning("INCOMPLETE"))
	}
	if first {
		parts = append(parts, "first audit in this list")
	}
	for _, c := range []struct {
		n    int
		what string
	}{{len(a.New), "new"}, {len(a.Changed), "changed"}, {len(a.Resolved), "resolved"}} {
		if c.n > 0 && (!first || c.what != "new") {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	parts = append(parts, ruleCounts(a.Rules)...)
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// lifelines writes the failures, each from when it was seen to when it was not.
func (p *printer) lifelines(failures []history.Failure) {
	if len(failures) == 0 {
		return
	}
	p.section("FAILURES")
	severities := make([]string, len(failures))
	for i, f := range failures {
		severities[i] = p.paint.severity(f.Severity, f.Severity.Label())
	}
	severities = align(severities)
	for i, f := range failures {
		p.line("  ", severities[i]+"  "+p.paint.strong(report.SubjectOf(f.Prefix))+" ["+name(f.Check)+"]")
		when := "Since " + report.Minute(f.FirstSeen)
		if f.Resolved.IsZero() {
			when += ", not resolved."
		} else {
			when += ", resolved " + report.Minute(f.Resolved) + ": " + quoted(f.How)
		}
		p.prose("    ", when)
	}
}

// events writes who changed what.
func (p *printer) events(changes []report.Trigger) {
	if len(changes) == 0 {
		return
	}
	p.section("CHANGES")
	for _, t := range changes {
		p.prose("  ", actor(t))
	}
}

// unexplained writes the changes of rules that no event reported.
func (p *printer) unexplained(audits []history.Audit) {
	first := true
	for _, a := range audits {
		for _, c := range a.Unexplained {
			if first {
				p.section("CHANGES WITHOUT AN EVENT")
			}
			first = false
			p.prose("  ", fmt.Sprintf("%s: rule %s %s.", report.Minute(a.StartedAt), name(c.Prefix), c.Kind))
		}
	}
}

// unreadable lists the evidence that could not be read.
func (p *printer) unreadable(keys []string) {
	if len(keys) == 0 {
		return
	}
	p.section("COULD NOT READ")
	for _, key := range keys {
		p.line("  ", p.paint.warning(name(key)))
	}
}

// unreadableBefore lists such evidence from before the period.
func (p *printer) unreadableBefore(keys []string) {
	if len(keys) == 0 {
		return
	}
	p.section("GAP BEFORE THE PERIOD")
	p.prose("  ", "These earlier records could not be read. They are not part of this period. A failure that is listed as new at its beginning may be older.")
	for _, key := range keys {
		p.line("  ", p.paint.warning(name(key)))
	}
}

// alignRight pads all to the width of the widest, on the left.
func alignRight(cells []string) []string {
	out := align(cells)
	for i, cell := range cells {
		out[i] = strings.Repeat(" ", text.StringWidthWithoutEscSequences(out[i])-text.StringWidthWithoutEscSequences(cell)) + cell
	}
	return out
}
