// Package text writes a report for a person at a terminal: first what could not be
// checked, then the findings with their fixes. In the same way it writes a history
// of reports, and which findings each waiver of a policy covers. It does not use
// AWS or the policy.
package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// Widths in columns.
const (
	// DefaultWidth is used if the width of the terminal is unknown.
	DefaultWidth = 80
	// minWidth is the narrowest layout; a narrower terminal wraps by itself.
	minWidth = 60
	// maxProse keeps sentences readable on a wide terminal.
	maxProse = 100
)

// Options say how to write.
type Options struct {
	// Width of the terminal in columns; 0 is DefaultWidth.
	Width int
	// Color marks severities and verdicts with ANSI colours. The text has the same
	// meaning without colours.
	Color bool
}

// Render writes r to w.
func Render(w io.Writer, r report.Report, o Options) error {
	p := newPrinter(o)
	p.report(r)
	return p.writeTo(w)
}

// printer writes a report. Its methods write whole sections, each of which
// begins with an empty line.
type printer struct {
	out   strings.Builder
	width int
	paint painter
}

func newPrinter(o Options) *printer {
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	return &printer{width: max(o.Width, minWidth), paint: painter(o.Color)}
}

func (p *printer) writeTo(w io.Writer) error {
	_, err := io.WriteString(w, p.out.String())
	return err
}

func (p *printer) report(r report.Report) {
	if fault, ok := unsupported(r); ok {
		p.line("", fmt.Sprintf("Registry %s: %s", r.Registry, quoted(fault.Message)))
		return
	}
	p.head(r)
	p.faults(r.Faults)
	p.rules(r)
	p.failures(r.Findings)
	p.notChecked(r.Findings)
	p.waived(r.Findings)
	p.pending(r.Findings)
	p.tail(r.Summary)
}

// unsupported finds the fault of a Region without pull through cache. Such a
// report is complete and has no findings.
func unsupported(r report.Report) (ptc.Fault, bool) {
	if len(r.Faults) == 1 && r.Faults[0].Kind == ptc.FaultUnsupported {
		return r.Faults[0], true
	}
	return ptc.Fault{}, false
}

func (p *printer) head(r report.Report) {
	switch {
	case r.Complete:
		p.prose("", p.verdict(r.Summary, p.paint.good("no failures")))
	case len(r.Rules)+len(r.Findings) == 0:
		p.prose("", p.paint.warning("NOT AUDITED")+": nothing is known about this registry.")
	default:
		p.prose("", p.paint.warning("INCOMPLETE")+": not everything could be checked, so there may be more failures than these.")
		p.prose("", p.verdict(r.Summary, "no failures seen"))
	}
	about := fmt.Sprintf("Registry %s, policy %s, %s", r.Registry, name(r.Policy.Name), report.Minute(r.Audit.StartedAt))
	if asOf := r.Audit.AsOf; !asOf.IsZero() {
		about += ", evaluated as of " + report.Minute(asOf)
	}
	p.prose("", about+".")
	if r.Audit.WithoutValidation {
		p.prose("", "Rules were not validated by ECR (--without-validation).")
	}
	for _, t := range r.Triggers {
		if t.Actor != nil {
			p.prose("", actor(t))
		}
	}
}

// verdict is the headline: how many failures, by severity. none is the text if
// there are no failures.
func (p *printer) verdict(s report.Summary, none string) string {
	failed := s.Outcomes[report.Fail] - s.Waived
	var parts []string
	for _, severity := range slices.Backward(report.Severities()) {
		if n := s.Failed[severity]; n > 0 {
			parts = append(parts, p.paint.severity(severity, fmt.Sprintf("%d %s", n, severity)))
		}
	}
	rules := report.Count(s.Rules, "rule")
	if failed == 0 {
		return rules + ", " + none + "."
	}
	return rules + ", " + p.paint.strong(report.Count(failed, "failure")) + ": " + strings.Join(parts, ", ") + "."
}

// actor is a sentence about who made the change that a trigger reports.
func actor(t report.Trigger) string {
	who := word(t.Actor.Name)
	if arn := word(t.Actor.ARN); who == "" {
		who = arn
	} else if arn != "" {
		who += " (" + arn + ")"
	}
	subject := word(t.Prefix + t.Secret)
	s := fmt.Sprintf("%s called %s on %s at %s", who, word(t.Call), subject, report.Second(t.Time))
	if t.Actor.Address != "" {
		s += " from " + word(t.Actor.Address)
	}
	return s + "."
}

// faults lists why the audit is incomplete. Equal faults of many rules are one
// entry.
func (p *printer) faults(faults []ptc.Fault) {
	if len(faults) == 0 {
		return
	}
	p.section("FAULTS")
	for len(faults) > 0 {
		f := faults[0]
		var alike, others []ptc.Fault
		for _, other := range faults {
			if other.Operation == f.Operation && other.Kind == f.Kind && other.Code == f.Code && other.Message == f.Message {
				alike = append(alike, other)
			} else {
				others = append(others, other)
			}
		}
		p.fault(alike)
		faults = others
	}
}

// fault writes faults that differ in their prefix only.
func (p *printer) fault(alike []ptc.Fault) {
	f := alike[0]
	what := p.paint.warning(name(string(f.Kind))) + " " + name(f.Operation)
	var prefixes []string
	for _, one := range alike {
		if one.Prefix != "" {
			prefixes = append(prefixes, word(one.Prefix))
		}
	}
	if len(prefixes) > 0 {
		what += " of " + strings.Join(prefixes, ", ")
	}
	p.prose("  ", what)
	message := f.Message
	if f.Code != "" {
		message = f.Code + ": " + message
	}
	p.prose("    ", untrusted.Quote(message))
	if f.RequestID != "" {
		p.prose("    ", "Request id: "+name(f.RequestID))
	}
	if advice := report.Advice(f); advice != "" {
		p.prose("    ", "Fix: "+advice)
	}
}

func (p *printer) failures(findings []report.Finding) {
	open := slices.DeleteFunc(with(findings, report.Fail), func(f report.Finding) bool { return !f.Open() })
	if len(open) == 0 {
		return
	}
	slices.SortStableFunc(open, func(a, b report.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	p.section("FAILURES")
	p.findings(open, func(f report.Finding) string {
		return p.paint.severity(f.Severity, f.Label())
	})
}

// notChecked findings are as prominent as failures: a check without a result
// has not passed.
func (p *printer) notChecked(findings []report.Finding) {
	undecided := with(findings, report.Error)
	if len(undecided) == 0 {
		return
	}
	p.section(report.NotChecked)
	p.findings(undecided, func(f report.Finding) string { return p.paint.severity(f.Severity, f.Severity.Label()) })
}

// findings writes a list in full, with how to fix each. Labels are aligned.
func (p *printer) findings(findings []report.Finding, label func(report.Finding) string) {
	for i, lead := range labels(findings, label) {
		f := findings[i]
		if i > 0 {
			p.blank()
		}
		p.headline(lead, f)
		p.prose("    ", f.Detail())
		p.fix("    ", f.Remediation)
		for _, reference := range f.References {
			p.line("    ", p.paint.faint("See "+name(reference)))
		}
	}
}

// labels are the aligned labels of findings.
func labels(findings []report.Finding, label func(report.Finding) string) []string {
	out := make([]string, len(findings))
	for i, f := range findings {
		out[i] = label(f)
	}
	return align(out)
}

// headline writes what a finding begins with. Further lines are aligned
// with the first, right of the label.
func (p *printer) headline(label string, f report.Finding) {
	words := f.Headline()
	if f.Prefix != "" {
		words = p.paint.strong(f.Subject()) + strings.TrimPrefix(words, f.Subject())
	}
	p.hanging("  "+label+"  ", words)
}

// hanging writes sentences after a lead. Wrapped lines are aligned with the
// first.
func (p *printer) hanging(lead, s string) {
	indent := text.StringWidthWithoutEscSequences(lead)
	for _, line := range Wrap(s, min(p.width-indent, maxProse)) {
		p.line(lead, line)
		lead = strings.Repeat(" ", indent)
	}
}

// fix writes how to fix a finding. Its lines are sentences and commands, and
// the commands must survive copying into a shell.
func (p *printer) fix(indent, steps string) {
	lead := "Fix: "
	for _, step := range untrusted.Lines(steps, untrusted.MaxFix) {
		switch {
		case report.IsCommand(step):
			if lead != "" {
				p.line(indent, strings.TrimSpace(lead))
			}
			for _, part := range WrapCommand(step, p.width-len(indent)-2) {
				p.line(indent+"  ", p.paint.command(part))
			}
			lead = ""
		default:
			p.prose(indent, lead+step)
			lead = ""
		}
	}
}

func (p *printer) waived(findings []report.Finding) {
	waived := slices.DeleteFunc(with(findings, report.Fail), report.Finding.Open)
	if len(waived) == 0 {
		return
	}
	p.section("WAIVED")
	p.brief(waived, func(f report.Finding) string {
		return f.Waiver.Text()
	})
}

func (p *printer) pending(findings []report.Finding) {
	pending := with(findings, report.Pending)
	if len(pending) == 0 {
		return
	}
	p.section("NOT IN FORCE YET")
	p.brief(pending, report.Finding.Detail)
}

// brief writes a list without fixes.
func (p *printer) brief(findings []report.Finding, detail func(report.Finding) string) {
	severity := func(f report.Finding) string { return f.Severity.Label() }
	for i, lead := range labels(findings, severity) {
		p.headline(lead, findings[i])
		p.prose("    ", detail(findings[i]))
	}
}

// tail counts all outcomes.
func (p *printer) tail(s report.Summary) {
	if counts := s.Counts(); counts != "" {
		p.blank()
		p.prose("", "Checks: "+counts+".")
	}
}

func (p *printer) section(title string) {
	p.blank()
	p.line("", p.paint.strong(title))
}

func (p *printer) blank() { p.out.WriteByte('\n') }

// line writes s without wrapping, because s is to be copied, or is short.
func (p *printer) line(indent, s string) {
	p.out.WriteString(strings.TrimRight(indent+s, " "))
	p.out.WriteByte('\n')
}

// prose writes sentences, wrapped between words.
func (p *printer) prose(indent, s string) {
	for _, line := range Wrap(s, min(p.width-len(indent), maxProse)) {
		p.line(indent, line)
	}
}

func with(findings []report.Finding, outcome report.Outcome) []report.Finding {
	var out []report.Finding
	for _, f := range findings {
		if f.Outcome == outcome {
			out = append(out, f)
		}
	}
	return out
}
