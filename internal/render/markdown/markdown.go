// Package markdown writes a report as GitHub Flavored Markdown, for a pull
// request's comment or a job's summary: https://github.github.com/gfm/
//
// Whatever comes from outside stands in code spans and code blocks. There,
// nothing is markup, and GitHub makes no mention, reference or link of it,
// which no escape would keep it from.
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
	// in bytes here, of which there are no fewer. It has no page that says so:
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

// head says how bad it is, and of what.
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
		b.WriteString("**INCOMPLETE**: not everything could be checked, so more may be wrong than stands here.\n\n")
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
	for _, severity := range slices.Backward(report.Severities()) {
		if n := r.Summary.Failed[severity]; n > 0 {
			fmt.Fprintf(b, "%s%d %s", separator, n, severity)
			separator = ", "
		}
	}
	fmt.Fprintf(b, ". Policy %s, %s", untrusted.CodeSpan(untrusted.Name(r.Policy.Name)), report.Minute(r.Audit.StartedAt))
	if !r.Audit.AsOf.IsZero() {
		fmt.Fprintf(b, ", judged as of %s", report.Minute(r.Audit.AsOf))
	}
	b.WriteString(".\n")
	if r.Audit.WithoutValidation {
		b.WriteString("Where nobody asked ECR whether a rule works, that was not held against it.\n")
	}
}

// blocks are all findings that say something, what matters most first. Each
// stays whole when a comment is cut.
func blocks(r report.Report) []string {
	var out []string
	said := report.NotificationOf(r, report.Informational)
	for _, f := range said.New {
		out = append(out, full(strings.ToUpper(string(f.Severity)), f))
	}
	for _, f := range said.Undecided {
		out = append(out, full("COULD NOT TELL", f))
	}
	out = append(out, list("Waived", r, func(f report.Finding) (why string, ok bool) {
		if f.Outcome != report.Fail || f.Waiver == nil {
			return "", false
		}
		return f.Waiver.Text(), true
	})...)
	return append(out, list("Not in force yet", r, func(f report.Finding) (why string, ok bool) {
		return f.Text(), f.Outcome == report.Pending
	})...)
}

// list has a line for each finding about which nothing needs to be done now,
// and says why.
func list(title string, r report.Report, listed func(report.Finding) (why string, ok bool)) []string {
	var out []string
	head := "\n#### " + title + "\n\n"
	for _, f := range r.Findings {
		if why, ok := listed(f); ok {
			line := fmt.Sprintf("- %s %s %s: %s\n", strings.ToUpper(string(f.Severity)), untrusted.CodeSpan(f.Subject()), untrusted.CodeSpan(f.ID()), untrusted.CodeSpan(why))
			out = append(out, head+line)
			head = ""
		}
	}
	return out
}

// full is a finding with what to do about it.
func full(label string, f report.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n#### %s %s %s\n\n%s\n", label, untrusted.CodeSpan(f.Subject()), untrusted.CodeSpan(f.ID()), untrusted.CodeSpan(f.Text()))
	if lines := untrusted.Lines(f.Remediation, untrusted.MaxFix); len(lines) > 0 {
		fmt.Fprintf(&b, "\nFix:\n\n%s", untrusted.CodeBlock(lines))
	}
	if links := untrusted.Links(f.References); len(links) > 0 {
		fmt.Fprintf(&b, "\nSee <%s>\n", strings.Join(links, ">, <"))
	}
	return b.String()
}

// tail counts what needs no words of its own.
func tail(b *strings.Builder, s report.Summary) {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Outcomes[report.Pass], "passed"},
		{s.Outcomes[report.Fail] - s.Waived, "failed"},
		{s.Waived, "waived"},
		{s.Outcomes[report.Error], "could not be told"},
		{s.Outcomes[report.Pending], "not in force yet"},
		{s.Outcomes[report.Skip], "did not apply"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) > 0 {
		fmt.Fprintf(b, "\nChecks: %s.\n", strings.Join(parts, ", "))
	}
}
