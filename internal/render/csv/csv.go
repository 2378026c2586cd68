// Package csv writes a report as comma-separated values, one row for each
// finding: https://www.rfc-editor.org/rfc/rfc4180. Spreadsheets would treat some
// cells as formulas; untrusted.Cell prevents that.
package csv

import (
	"encoding/csv"
	"io"
	"strings"
	"time"

	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// columns are the names of the columns. More may come at the end.
var columns = []string{
	"account", "region", "audit", "started", "policy",
	"check", "prefix", "outcome", "severity", "waived",
	"message", "remediation", "references", "owner", "reason", "expires", "fingerprint",
}

// Render writes r to w: a header, a row for each reason why the report is
// incomplete (outcome error, no check), and a row for each finding. A Region
// without the API is one row with outcome skip. Times are UTC. The columns
// owner, reason and expires describe the waiver.
func Render(w io.Writer, r report.Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	write := func(cells ...string) {
		for i := range cells {
			cells[i] = untrusted.Cell(cells[i])
		}
		_ = out.Write(cells) // Error has it
	}
	write(columns...)
	row := func(cells ...string) {
		write(append([]string{
			untrusted.Name(r.Registry.Account), untrusted.Name(r.Registry.Region), untrusted.Name(r.Audit.ID),
			r.Audit.StartedAt.UTC().Format(time.RFC3339), untrusted.Name(r.Policy.Name),
		}, cells...)...)
	}
	for _, reason := range r.Incomplete() {
		row("", "", string(report.Error), string(report.Critical), "no", reason, "", "", "", "", "", "")
	}
	if message, ok := r.Unsupported(); ok {
		row("", "", string(report.Skip), "", "no", message, "", "", "", "", "", "")
	}
	for _, f := range r.Findings {
		waived, waiver := "no", report.Waiver{}
		if f.Waiver != nil {
			waived, waiver = "yes", *f.Waiver
		}
		row(untrusted.Name(f.Check), untrusted.Name(f.Prefix), string(f.Outcome), string(f.Severity), waived,
			untrusted.Text(f.Message), strings.Join(untrusted.Lines(f.Remediation, untrusted.MaxFix), "\n"), strings.Join(untrusted.Links(f.References), " "),
			untrusted.Name(waiver.Owner), untrusted.Text(waiver.Reason), untrusted.Name(waiver.Expires), untrusted.Name(f.Fingerprint))
	}
	out.Flush()
	return out.Error()
}
