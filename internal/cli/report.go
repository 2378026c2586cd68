package cli

import (
	"fmt"
	"io"
	"os"

	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
)

type reportCommand struct {
	File   string    `arg:"" help:"A report that audit or eval wrote with --output json; - is standard input."`
	Output outputs   `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json, to standard output or to a file; may be repeated (default text)."`
	FailOn threshold `placeholder:"SEVERITY" help:"Exit with 1 where the report has a failure this severe or worse, and with 3 where it is incomplete."`
}

// Help is shown below the summary.
func (*reportCommand) Help() string {
	return `Renders a report that was saved, without asking anybody again.

    ptcaudit audit --region eu-west-1 --output json=report.json
    ptcaudit report report.json
    ptcaudit report report.json --fail-on high --output json | jq '.summary'`
}

// Run renders the report.
func (r *reportCommand) Run(c *command) error {
	data, err := c.readFile(r.File)
	if err != nil {
		return usage(err)
	}
	saved, err := report.Decode(data)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", sourceOf(r.File), err))
	}
	if err := c.writeReport(r.Output, saved); err != nil || r.FailOn == "" {
		return err
	}
	return code(verdict(saved, r.FailOn))
}

// threshold is a severity on the command line; empty where none was given.
type threshold report.Severity

// UnmarshalText reads the flag's value.
func (t *threshold) UnmarshalText(text []byte) error {
	severity, err := report.ParseSeverity(string(text))
	*t = threshold(severity)
	return err
}

// verdict is the exit code of an audit.
func verdict(r report.Report, failOn threshold) int {
	switch {
	case !r.Complete:
		return ExitIncomplete
	case r.Summary.Highest != "" && r.Summary.Highest.AtLeast(report.Severity(failOn)):
		return ExitFindings
	}
	return ExitOK
}

// reportFormats are those of a report.
var reportFormats = []string{"json", "text"}

func (c *command) writeReport(to outputs, r report.Report) error {
	return c.write(to, renderers{
		"json": func(w io.Writer, _ terminal) error { return r.Encode(w) },
		"text": func(w io.Writer, t terminal) error {
			return text.Render(w, r, text.Options{Width: t.width, Color: t.color})
		},
	})
}

// readFile reads a file that was named on the command line.
func (c *command) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(c.in)
	}
	return os.ReadFile(name) //nolint:gosec // the user names it
}

// sourceOf names what readFile reads, for messages.
func sourceOf(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}
