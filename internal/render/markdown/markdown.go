// Package markdown writes a report as GitHub Flavored Markdown, for a comment on a
// pull request or the summary of a job: https://github.github.com/gfm/
//
// All text from outside is in code spans and code blocks. Nothing in them is
// markup, and GitHub makes no mention, reference or link from it. Escaping cannot
// prevent that outside of code.
package markdown

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

const (
	// title begins every comment, so that a job finds its own to replace it.
	title = "### ECR pull through cache: "
	// limit is the longest comment that GitHub takes, in characters; counted
	// in bytes here, which are at least as many. No page documents it:
	// the API answers "body is too long (maximum is 65536 characters)".
	limit = 65536
	// reserve is room for what comes after the last finding.
	reserve = 1024
	// maxReasons bounds how many reasons are listed why a report is
	// incomplete.
	maxReasons = 10
)

// Render writes r to w, at most 65,536 characters: findings that do not fit
// are left out, the least severe first, and counted.
func Render(w io.Writer, r report.Report) error {
	var b strings.Builder
	if message, ok := r.Unsupported(); ok {
		fmt.Fprintf(&b, title+"not supported in %s\n\n%s\n", untrusted.CodeSpan(r.Registry.String()), untrusted.CodeSpan(message))
	} else {
		write(&b, r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func write(b *strings.Builder, r report.Report) {
	head(b, r)
	leftOut := 0
	for _, block := range blocks(r) {
		if leftOut > 0 || b.Len()+len(block) > limit-reserve {
			leftOut++
			continue
		}
		b.WriteString(block)
	}
	if leftOut > 0 {
		fmt.Fprintf(b, "\n**%d more left out**, the least severe, since a comment may have no more.\n", leftOut)
	}
	tail(b, r.Summary)
}

// head is the verdict, and what was audited.
func head(b *strings.Builder, r report.Report) {
	open := r.Summary.Outcomes[report.Fail] - r.Summary.Waived
	verdict := "no failures"
	switch {
	case open > 0:
		verdict = report.Count(open, "failure")
	case !r.Complete:
		verdict = "incomplete"
	}
	fmt.Fprintf(b, title+"%s in %s\n\n", verdict, untrusted.CodeSpan(r.Registry.String()))
	if reasons := r.Incomplete(); reasons != nil {
		b.WriteString("**INCOMPLETE**: not everything could be checked, so there may be more failures than these.\n\n")
		for _, reason := range reasons[:min(len(reasons), maxReasons)] {
			fmt.Fprintf(b, "- %s\n", untrusted.CodeSpan(reason))
		}
		if more := len(reasons) - maxReasons; more > 0 {
			fmt.Fprintf(b, "- and %d more\n", more)
		}
		b.WriteByte('\n')
	}
	b.WriteString(report.Count(r.Summary.Rules, "rule"))
	separator := ": "
	if open > 0 {
		separator = ", " + report.Count(open, "failure") + ": "
	}
	for _, severity := range slices.Backward(report.Severities()) {
		if n := r.Summary.Failed[severity]; n > 0 {
			fmt.Fprintf(b, "%s%d %s", separator, n, severity)
			separator = ", "
		}
	}
	fmt.Fprintf(b, ". Policy %s, %s", untrusted.CodeSpan(untrusted.Name(r.Policy.Name)), report.Minute(r.Audit.StartedAt))
	if !r.Audit.AsOf.IsZero() {
		fmt.Fprintf(b, ", evaluated as of %s", report.Minute(r.Audit.AsOf))
	}
	b.WriteString(".\n")
	if r.Audit.WithoutValidation {
		b.WriteString("Rules were not validated by ECR (`--without-validation`).\n")
	}
}

// blocks are all findings that a reader needs, the most important first. Each
// stays whole when a comment is cut.
func blocks(r report.Report) []string {
	var out []string
	findings := report.NotificationOf(r, report.Informational)
	for _, f := range findings.New {
		out = append(out, full(f.Label(), f))
	}
	for _, f := range findings.Undecided {
		out = append(out, full(report.NotChecked, f))
	}
	out = append(out, list("Waived", r, func(f report.Finding) bool { return f.Outcome == report.Fail && f.Waiver != nil })...)
	return append(out, list("Not in force yet", r, func(f report.Finding) bool { return f.Outcome == report.Pending })...)
}

// list has a line for each finding that needs no action now.
func list(title string, r report.Report, listed func(report.Finding) bool) []string {
	var out []string
	head := "\n#### " + title + "\n\n"
	for _, f := range r.Findings {
		if listed(f) {
			line := fmt.Sprintf("- %s %s%s\n", f.Severity.Label(), untrusted.CodeSpan(f.Headline()), note(f))
			out = append(out, head+line)
			head = ""
		}
	}
	return out
}

// note is what a list has after a finding: its waiver, or the rest of its
// message.
func note(f report.Finding) string {
	text := f.Detail()
	if f.Waiver != nil {
		text = f.Waiver.Text()
	}
	if text == "" {
		return ""
	}
	return ": " + untrusted.CodeSpan(text)
}

// full is a finding with its fix.
func full(label string, f report.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n#### %s %s\n", label, untrusted.CodeSpan(f.Headline()))
	if detail := f.Detail(); detail != "" {
		fmt.Fprintf(&b, "\n%s\n", untrusted.CodeSpan(detail))
	}
	if lines := untrusted.Lines(f.Remediation, untrusted.MaxFix); len(lines) > 0 {
		fmt.Fprintf(&b, "\nFix:\n\n%s", untrusted.CodeBlock(lines))
	}
	if links := untrusted.Links(f.References); len(links) > 0 {
		fmt.Fprintf(&b, "\nSee <%s>\n", strings.Join(links, ">, <"))
	}
	return b.String()
}

// tail counts all outcomes.
func tail(b *strings.Builder, s report.Summary) {
	if counts := s.Counts(); counts != "" {
		fmt.Fprintf(b, "\nChecks: %s.\n", counts)
	}
}
