// Package text writes a report for a person at a terminal: what was found,
// what to do about it, and, before anything else, what could not be told. It
// writes what became of reports over time in the same way, and what the
// waivers of a policy do. It reads results, and makes none: it knows neither
// AWS nor the policy that was applied.
package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// Widths in columns.
const (
	// DefaultWidth is used where the width of the terminal is not known.
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
	// Color marks severities and verdicts with ANSI colours. Nothing is told
	// by colour alone.
	Color bool
}

// Render writes r to w.
func Render(w io.Writer, r report.Report, o Options) error {
	p := newPrinter(o)
	p.report(r)
	return p.writeTo(w)
}

// printer lays a report out. Its methods write whole sections, each of which
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
	p.undecided(r.Findings)
	p.waived(r.Findings)
	p.pending(r.Findings)
	p.tail(r.Summary)
}

// unsupported finds the fault that says that the Region has no pull through
// cache: such a report is complete and has nothing else to tell.
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
		p.prose("", p.paint.warning("NOT AUDITED")+": nothing could be learnt of this registry.")
	default:
		p.prose("", p.paint.warning("INCOMPLETE")+": not everything could be checked, so more may be wrong than stands here.")
		p.prose("", p.verdict(r.Summary, "no failures seen"))
	}
	about := fmt.Sprintf("Registry %s, policy %s, %s", r.Registry, name(r.Policy.Name), report.Minute(r.Audit.StartedAt))
	if asOf := r.Audit.AsOf; !asOf.IsZero() {
		about += ", judged as of " + report.Minute(asOf)
	}
	p.prose("", about+".")
	if r.Audit.WithoutValidation {
		p.prose("", "Where nobody asked ECR whether a rule works, that was not held against it.")
	}
	for _, t := range r.Triggers {
		if t.Actor != nil {
			p.prose("", actor(t))
		}
	}
}

// verdict is the first thing to read: how many failures, and how bad; none is
// what to say without any.
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

// actor says who made the change that a trigger tells of.
func actor(t report.Trigger) string {
	who := name(t.Actor.Name)
	if arn := name(t.Actor.ARN); who == "" {
		who = arn
	} else if arn != "" {
		who += " (" + arn + ")"
	}
	subject := name(t.Prefix + t.Secret)
	s := fmt.Sprintf("%s called %s on %s at %s", who, name(t.Call), subject, report.Second(t.Time))
	if t.Actor.Address != "" {
		s += " from " + name(t.Actor.Address)
	}
	return s + "."
}

// faults says what kept the audit from being complete. What happened alike to
// many rules is said once.
func (p *printer) faults(faults []ptc.Fault) {
	if len(faults) == 0 {
		return
	}
	p.section("COULD NOT AUDIT")
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
			prefixes = append(prefixes, name(one.Prefix))
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
	p.prose("    ", quoted(message))
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
		return p.paint.severity(f.Severity, strings.ToUpper(string(f.Severity)))
	})
}

// undecided findings are as prominent as failures: a check that could not be
// decided is not a check that passed.
func (p *printer) undecided(findings []report.Finding) {
	undecided := with(findings, report.Error)
	if len(undecided) == 0 {
		return
	}
	p.section("COULD NOT TELL")
	p.findings(undecided, func(report.Finding) string { return p.paint.warning("ERROR") })
}

// findings writes a list in full, with what to do about each. Labels and
// prefixes are aligned.
func (p *printer) findings(findings []report.Finding, label func(report.Finding) string) {
	labels, prefixes := make([]string, len(findings)), make([]string, len(findings))
	for i, f := range findings {
		labels[i], prefixes[i] = label(f), f.Subject()
	}
	labels, prefixes = align(labels), align(prefixes)
	for i, f := range findings {
		if i > 0 {
			p.blank()
		}
		p.line("  ", labels[i]+"  "+p.paint.strong(prefixes[i])+"  "+name(f.Check))
		p.prose("    ", quoted(f.Message))
		p.remediation("    ", f.Remediation)
		for _, reference := range f.References {
			p.line("    ", p.paint.faint("See "+name(reference)))
		}
	}
}

// remediation says how to mend a finding. Its lines are sentences, but for
// those that are commands: they must survive copying into a shell.
func (p *printer) remediation(indent, remediation string) {
	lead := "Fix: "
	for _, text := range untrusted.Lines(remediation, untrusted.MaxFix) {
		switch {
		case report.IsCommand(text):
			if lead != "" {
				p.line(indent, strings.TrimSpace(lead))
			}
			for _, part := range WrapCommand(text, p.width-len(indent)-2) {
				p.line(indent+"  ", p.paint.command(part))
			}
			lead = ""
		default:
			p.prose(indent, lead+text)
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
		return fmt.Sprintf("until %s by %s: %s", name(f.Waiver.Expires), name(f.Waiver.Owner), name(f.Waiver.Reason))
	})
}

func (p *printer) pending(findings []report.Finding) {
	pending := with(findings, report.Pending)
	if len(pending) == 0 {
		return
	}
	p.section("NOT IN FORCE YET")
	p.brief(pending, func(f report.Finding) string { return quoted(f.Message) })
}

// brief writes a list without what to do about it.
func (p *printer) brief(findings []report.Finding, detail func(report.Finding) string) {
	severities, prefixes := make([]string, len(findings)), make([]string, len(findings))
	for i, f := range findings {
		severities[i], prefixes[i] = strings.ToUpper(string(f.Severity)), f.Subject()
	}
	severities, prefixes = align(severities), align(prefixes)
	for i, f := range findings {
		p.line("  ", severities[i]+"  "+prefixes[i]+"  "+name(f.Check))
		p.prose("    ", detail(f))
	}
}

// tail counts what needs no words of its own.
func (p *printer) tail(s report.Summary) {
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
		p.blank()
		p.prose("", "Checks: "+strings.Join(parts, ", ")+".")
	}
}

func (p *printer) section(title string) {
	p.blank()
	p.line("", p.paint.strong(title))
}

func (p *printer) blank() { p.out.WriteByte('\n') }

// line writes s as it is, however long: what it holds is copied, or short.
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
