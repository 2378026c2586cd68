// Package csv writes a report as comma-separated values, one row for each
// finding: https://www.rfc-editor.org/rfc/rfc4180. People open such files with
// spreadsheets, which take some cells for formulas, so whatever could be one is
// made text:
// https://owasp.org/www-community/attacks/CSV_Injection
package csv

import (
	"encoding/csv"
	"io"
	"regexp"
	"strings"
	"time"

	"ptcaudit/internal/render/outside"
	"ptcaudit/internal/report"
)

// columns are the names of the columns. More may come at the end.
var columns = []string{
	"account", "region", "audit", "started", "policy",
	"check", "prefix", "outcome", "severity", "waived",
	"message", "remediation", "references", "owner", "reason", "expires", "fingerprint",
}

// Render writes r to w: a header, a row for each finding, and before them one
// with outcome error and no check for each reason why the report is
// incomplete. A Region without the API is one such row with outcome skip.
// Times are UTC. The columns owner, reason and expires are those of the waiver.
func Render(w io.Writer, r report.Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	write := func(cells ...string) {
		for i := range cells {
			cells[i] = harmless(cells[i])
		}
		_ = out.Write(cells) // Error has it
	}
	write(columns...)
	row := func(cells ...string) {
		write(append([]string{
			outside.Name(r.Registry.Account), outside.Name(r.Registry.Region), outside.Name(r.Audit.ID),
			r.Audit.StartedAt.UTC().Format(time.RFC3339), outside.Name(r.Policy.Name),
		}, cells...)...)
	}
	for _, reason := range outside.Incomplete(r) {
		row("", "", string(report.Error), string(report.Critical), "no", reason, "", "", "", "", "", "")
	}
	if message, ok := outside.Unsupported(r); ok {
		row("", "", string(report.Skip), "", "no", message, "", "", "", "", "", "")
	}
	for _, f := range r.Findings {
		waived, waiver := "no", report.Waiver{}
		if f.Waiver != nil {
			waived, waiver = "yes", *f.Waiver
		}
		row(outside.Name(f.Check), outside.Name(f.Prefix), string(f.Outcome), string(f.Severity), waived,
			outside.Text(f.Message), strings.Join(outside.Lines(f.Remediation, outside.MaxRemediation), "\n"), strings.Join(outside.Links(f.References), " "),
			outside.Name(waiver.Owner), outside.Text(waiver.Reason), outside.Name(waiver.Expires), outside.Name(f.Fingerprint))
	}
	out.Flush()
	return out.Error()
}

// formula is what begins one. A spreadsheet in a country that writes decimals
// with a comma takes the semicolon for the end of a cell, and then a line break
// for the end of a row; some take the wide forms of East Asia for the narrow
// ones.
var formula = regexp.MustCompile(`(^|[;\n])([ '"]*)([=+\-@＝＋－＠])`)

// harmless is a cell that is no formula anywhere: an apostrophe before it says
// that it is text.
func harmless(cell string) string { return formula.ReplaceAllString(cell, `$1$2'$3`) }
