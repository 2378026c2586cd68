// Package github writes a report as annotations of GitHub Actions. GitHub shows
// them in the log of a job and on the page of its run:
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
package github

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// shown is how many annotations of a kind GitHub shows of one step; it drops
// the others silently:
// https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md#limitations
const shown = 10

// Options are facts that are not in a report.
type Options struct {
	// Place is the part of the policy that a finding comes from: a file of the
	// repository, to which the annotation is attached, and its line, from 1.
	// An empty file and a line of 0 mean unknown. Place is nil if there is no
	// policy.
	Place func(report.Finding) (file string, line int)
}

// The kinds of annotations.
const (
	isError   = "error"
	isWarning = "warning"
	isNotice  = "notice"
)

// Render writes r to w: why it is incomplete, then failures with the most
// severe first, checks without a result, and findings that are not in force
// yet. Critical and high are errors, medium is a warning, lower ones are
// notices. Waived findings are only counted, in the last line.
func Render(w io.Writer, r report.Report, o Options) error {
	p := printer{Options: o, written: map[string]int{}}
	registry := untrusted.Name(r.Registry.String())
	if reasons := r.Incomplete(); reasons != nil {
		p.annotate(isError, "INCOMPLETE "+registry, "", "Not everything could be checked, so there may be more failures than these.\n"+strings.Join(reasons, "\n"))
	}
	if message, ok := r.Unsupported(); ok {
		p.annotate(isNotice, registry, "", message)
	}
	findings := report.NotificationOf(r, report.Informational)
	for _, f := range findings.New {
		p.finding(kind(f.Severity), f)
	}
	for _, f := range findings.Undecided {
		p.finding(isError, f)
	}
	for _, f := range r.Findings {
		if f.Outcome == report.Pending {
			p.finding(isNotice, f)
		}
	}
	fmt.Fprintf(&p.out, "%s. Checks: %s.\n", report.Count(r.Summary.Rules, "rule"), cmp.Or(r.Summary.Counts(), "none"))
	if max(p.written[isError], p.written[isWarning], p.written[isNotice]) > shown {
		fmt.Fprintf(&p.out, "GitHub shows the first %d errors, warnings and notices of a step on the job's page. All of them are above.\n", shown)
	}
	_, err := io.WriteString(w, p.out.String())
	return err
}

func kind(s report.Severity) string {
	switch s {
	case report.Critical, report.High:
		return isError
	case report.Medium:
		return isWarning
	default:
		return isNotice
	}
}

type printer struct {
	Options
	out     strings.Builder
	written map[string]int // by kind
}

// finding is one finding with its fix.
func (p *printer) finding(kind string, f report.Finding) {
	lines := []string{f.Headline()}
	if detail := f.Detail(); detail != "" {
		lines = append(lines, detail)
	}
	for i, line := range untrusted.Lines(f.Remediation, untrusted.MaxFix) {
		if i == 0 {
			line = "Fix: " + line
		}
		lines = append(lines, line)
	}
	for _, link := range untrusted.Links(f.References) {
		lines = append(lines, "See "+link)
	}
	place := ""
	if p.Place != nil {
		if file, line := p.Place(f); file != "" {
			place = ",file=" + untrusted.WorkflowProperty(file)
			if line > 0 {
				place += ",line=" + strconv.Itoa(line)
			}
		}
	}
	p.annotate(kind, f.Label()+" "+f.Subject(), place, strings.Join(lines, "\n"))
}

// annotate writes one command. place are its further properties.
func (p *printer) annotate(kind, title, place, message string) {
	p.written[kind]++
	p.out.WriteString("::" + kind + " title=" + untrusted.WorkflowProperty(title) + place + "::" + untrusted.WorkflowMessage(message) + "\n")
}
