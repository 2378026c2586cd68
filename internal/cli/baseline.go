package cli

import (
	"fmt"
	"strings"

	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// baseline is the flag that has a report fail only on what is new.
type baseline struct {
	Baseline string `placeholder:"REPORT" help:"Fail only on failures that this saved report does not have, or has on another upstream, credential or role, or less severe. What is not found any more is resolved in asff and ocsf."`
}

// judge gives the exit code of a report, and says on standard error what of it
// is new since the baseline; nil where there is none.
func (b baseline) judge(c *command, before *report.Report, r report.Report, failOn threshold) error {
	if before == nil {
		return code(verdict(r, failOn))
	}
	if before.Registry != r.Registry {
		return usage(fmt.Errorf("--baseline %s is of registry %s, not %s", b.Baseline, before.Registry, r.Registry))
	}
	fresh, known := sinceBaseline(*before, r, report.Severity(failOn))
	if !c.quiet {
		said := fmt.Sprintf("%d known from %s, ", known, b.Baseline)
		if len(fresh) == 0 {
			said += "none new"
		} else {
			said += fmt.Sprintf("%d new: %s", len(fresh), strings.Join(fresh, ", "))
		}
		_, _ = fmt.Fprintf(c.err, "ptcaudit: failures: %s\n", untrusted.Verbatim(said))
	}
	switch {
	case !r.Complete:
		return code(ExitIncomplete)
	case len(fresh) > 0:
		return code(ExitFindings)
	}
	return nil
}

// read reads the baseline, before there is a result to lose; nil where none is
// named.
func (b baseline) read(c *command) (*report.Report, error) {
	if b.Baseline == "" {
		return nil, nil
	}
	data, err := c.readFile(b.Baseline)
	if err != nil {
		return nil, usage(err)
	}
	before, err := report.Decode(data)
	if err != nil {
		return nil, usage(fmt.Errorf("--baseline %s: %w", b.Baseline, err))
	}
	return &before, nil
}

// sinceBaseline names the failures at or above a severity that an earlier
// report does not have, and counts those that it has.
func sinceBaseline(before, r report.Report, failOn report.Severity) (fresh []string, known int) {
	had := map[string]report.Finding{}
	for _, f := range before.Findings {
		if f.Open() {
			had[f.Fingerprint] = f
		}
	}
	for _, f := range r.Findings {
		if !f.Open() || !f.Severity.AtLeast(failOn) {
			continue
		}
		if b, ok := had[f.Fingerprint]; ok && b.Facts == f.Facts && b.Severity.AtLeast(f.Severity) {
			known++
			continue
		}
		name := f.Check
		if f.Prefix != "" {
			name = f.Prefix + " " + name
		}
		fresh = append(fresh, name)
	}
	return fresh, known
}
