package cli

import (
	"context"
	"encoding/json"
	"io"

	"ptcaudit/internal/history"
	"ptcaudit/internal/render/text"
)

type diffCommand struct {
	Before string `arg:"" help:"A saved report; a stored one, by its place (s3://… or file:///…) or its key; or the id of an audit. - is standard input."`
	After  string `arg:"" help:"Another, likewise."`
	evidenceFlags
	Output outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json, to standard output or to a file; may be repeated (default text)."`
}

// Help is shown below the summary.
func (*diffCommand) Help() string {
	return `Compares two reports: rules that were added, removed or altered, field by field, and failures that are new, resolved or changed. What an incomplete report does not have is not taken for resolved.

    ptcaudit diff monday.json today.json
    ptcaudit diff VXFWZ2M7XKJQ today.json --evidence s3://acme-evidence
    ptcaudit diff production.json staging.json --output json | jq '.findings[]'

The exit code is 0 where rules and findings are equal, 1 where they differ, 2 where one is no report or is not there, and 3 where the evidence cannot be read.`
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

// writeJSON writes indented JSON with a line break at its end.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
