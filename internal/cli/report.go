package cli

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"ptcaudit/internal/config"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

type reportCommand struct {
	File string `arg:"" help:"A report that audit or eval wrote with --output json; a stored one, by its place (s3://… or file:///…) or its key; or the id of an audit. - is standard input."`
	evidenceFlags
	Policy string  `short:"p" placeholder:"POLICY" help:"The policy that the report was made by: sarif and github then name its lines."`
	Output outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"${formats}, to standard output or to a file; may be repeated (default text)."`
	baseline
	FailOn threshold `placeholder:"SEVERITY" help:"Exit with 1 where the report has a failure this severe or worse, and with 3 where it is incomplete."`
}

// Help is shown below the summary.
func (*reportCommand) Help() string {
	return `Renders a report that was saved, or kept as evidence, without auditing again. A message names the place of its report.

    ptcaudit audit --region eu-west-1 --output json=report.json
    ptcaudit report report.json
    ptcaudit report report.json --fail-on high --output json | jq '.summary'
    ptcaudit report s3://evidence/111122223333/eu-west-1/2026/11/21/VXFWZ2.json.gz
    ptcaudit report report.json --evidence s3://evidence --output html=report.html

With evidence, the page (html) shows the month before the report: how many failures there were, and since when each stands.`
}

// Run renders the report.
func (r *reportCommand) Run(ctx context.Context, c *command) error {
	if err := r.Output.check(reportFormats...); err != nil {
		return err
	}
	before, err := r.read(c)
	if err != nil {
		return err
	}
	saved, err := r.report(ctx, c, r.File)
	if err != nil {
		return err
	}
	by, err := r.policy(c, saved)
	if err != nil {
		return err
	}
	past, unknown := r.past(ctx, c, saved)
	if err := cmp.Or(c.writeReport(r.Output, saved, background{placedPolicy: by, past: past, before: before}), unknown); err != nil || r.FailOn == "" && r.Baseline == "" {
		return err
	}
	return r.judge(c, before, saved, cmp.Or(r.FailOn, threshold(report.Low)))
}

// policy is the policy that a report was made by: the one that is named, or a
// shipped one that has not changed since; nothing where neither is known.
func (r *reportCommand) policy(c *command, saved report.Report) (placedPolicy, error) {
	if r.Policy == "" && !slices.Contains(policies.Names(), saved.Policy.Name) {
		return placedPolicy{}, nil
	}
	by, err := c.policy(cmp.Or(r.Policy, saved.Policy.Name), config.Config{})
	switch {
	case err != nil:
		return placedPolicy{}, err
	case by.Ref() == saved.Policy:
		return by, nil
	case r.Policy != "":
		return placedPolicy{}, usage(fmt.Errorf("--policy %s: the report was made by another, %s with digest %s", r.Policy, saved.Policy.Name, saved.Policy.Digest))
	}
	return placedPolicy{}, nil
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

// readFile reads a file that was named on the command line. One that is packed
// with gzip, as evidence is, comes unpacked.
func (c *command) readFile(name string) (data []byte, err error) {
	if name == "-" {
		data, err = io.ReadAll(c.in)
	} else {
		data, err = os.ReadFile(name) //nolint:gosec // the user names it
	}
	if err != nil || !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, err
	}
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sourceOf(name), err)
	}
	data, err = io.ReadAll(io.LimitReader(packed, maxUnpacked+1))
	if err == nil && len(data) > maxUnpacked {
		err = fmt.Errorf("it unpacks to more than %d MiB", maxUnpacked>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sourceOf(name), err)
	}
	return data, nil
}

// maxUnpacked bounds what a small file can unpack to, in bytes.
const maxUnpacked = 64 << 20

// sourceOf names what readFile reads, for messages.
func sourceOf(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}
