package cli

import (
	"context"
	"io"

	"ptcaudit/internal/history"
	"ptcaudit/internal/render/text"
)

type diffCommand struct {
	Before string `arg:"" help:"The earlier report: a file, the URL (s3://… or file:///…) or key of a stored report, or the ID of an audit. - is standard input."`
	After  string `arg:"" help:"The later report, in the same forms."`
	evidenceFlags
	Output outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json; on standard output, or in FILE. Repeat it for both (default: text)."`
}

// Help is shown below the summary.
func (*diffCommand) Help() string {
	return `Compares two reports: rules that were added, removed or altered, field by field, and failures that are new, resolved or changed. If a report is incomplete, a failure that it lacks does not count as resolved.

    ptcaudit diff monday.json today.json
    ptcaudit diff VXFWZ2M7XKJQ today.json --evidence s3://acme-evidence
    ptcaudit diff production.json staging.json --output json | jq '.findings[]'

Exit codes: 0 rules and findings are equal, 1 they differ, 2 a report is missing or invalid, 3 the evidence could not be read.`
}

// Run compares.
func (d *diffCommand) Run(ctx context.Context, c *command) error {
	if err := d.Output.check(plainFormats...); err != nil {
		return err
	}
	before, err := d.report(ctx, c, d.Before)
	if err != nil {
		return err
	}
	after, err := d.report(ctx, c, d.After)
	if err != nil {
		return err
	}
	difference := history.Compare(before, after)
	err = c.write(d.Output, renderers{
		"json": func(w io.Writer, _ terminal) error { return writeJSON(w, difference) },
		"text": func(w io.Writer, t terminal) error {
			return text.Diff(w, difference, text.Options{Width: t.width, Color: t.color})
		},
	})
	if err != nil || difference.Equal() {
		return err
	}
	return code(ExitFindings)
}
