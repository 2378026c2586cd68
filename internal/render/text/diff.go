package text

import (
	"fmt"
	"io"
	"strings"

	"ptcaudit/internal/history"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// Diff writes what differs between two reports.
func Diff(w io.Writer, d history.Diff, o Options) error {
	p := newPrinter(o)
	p.prose("", p.difference(d))
	p.prose("", "Before: "+sideOf(d.Before))
	p.prose("", "After:  "+sideOf(d.After))
	if a, b := d.Before.Policy, d.After.Policy; a.Digest != b.Digest {
		p.prose("", fmt.Sprintf("The policy has changed: %s, then %s.", policyOf(a), policyOf(b)))
	}
	if !d.RulesCompared {
		p.prose("", p.paint.warning("NOT COMPARED")+": one of the two audits could not read the rules.")
	}
	p.changedRules(d.Rules)
	for _, kind := range history.Kinds() {
		p.changedFindings(kind, d)
	}
	return p.writeTo(w)
}

// difference writes the headline: how much differs.
func (p *printer) difference(d history.Diff) string {
	if d.Equal() {
		return p.paint.good("No difference.")
	}
	counts := map[history.Kind]int{}
	for _, f := range d.Findings {
		counts[f.Kind]++
	}
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, what)
		}
	}
	add(counts[history.New], p.paint.strong(report.Count(counts[history.New], "new failure")))
	add(counts[history.Undecided], p.paint.warning(fmt.Sprintf("%d no longer checked", counts[history.Undecided])))
	add(counts[history.Changed], fmt.Sprintf("%d changed", counts[history.Changed]))
	add(counts[history.Resolved], p.paint.good(fmt.Sprintf("%d resolved", counts[history.Resolved])))
	parts = append(parts, ruleCounts(d.Rules)...)
	if len(parts) == 0 {
		return "No difference in rules and findings, as far as they could be checked."
	}
	return strings.Join(parts, ", ") + "."
}

// ruleCounts counts the rules that were added, removed and altered.
func ruleCounts(changes []report.RuleChange) []string {
	var parts []string
	for _, kind := range []report.ChangeKind{report.Added, report.Removed, report.Altered} {
		n := 0
		for _, c := range changes {
			if c.Kind == kind {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, report.Count(n, "rule")+" "+string(kind))
		}
	}
	return parts
}

// sideOf is one of the two reports in a line.
func sideOf(s history.Side) string {
	text := fmt.Sprintf("%s, policy %s, %s", s.Registry, name(s.Policy.Name), report.Minute(s.Audit.StartedAt))
	if !s.Complete {
		text += ", INCOMPLETE"
	}
	return text + "."
}

// policyOf names a policy as exactly as people compare it.
func policyOf(p report.Policy) string {
	return fmt.Sprintf("%s (digest %s)", name(p.Name), untrusted.Name(p.Digest[:min(len(p.Digest), shortDigest)]))
}

// shortDigest is how much of a digest people compare, in characters.
const shortDigest = 12

// changedRules lists the changes of rules, field by field.
func (p *printer) changedRules(changes []report.RuleChange) {
	if len(changes) == 0 {
		return
	}
	p.section("RULES")
	labels := make([]string, len(changes))
	for i, c := range changes {
		labels[i] = strings.ToUpper(string(c.Kind))
	}
	labels = align(labels)
	for i, c := range changes {
		p.line("  ", labels[i]+"  "+p.paint.strong(name(c.Prefix)))
		for _, f := range c.Fields {
			p.field(f, c.Kind)
		}
	}
}

// field writes one field of a rule before and after.
func (p *printer) field(f report.FieldChange, kind report.ChangeKind) {
	switch kind {
	case report.Added:
		p.line("    ", p.paint.good("+ ")+f.Field+": "+name(f.After))
	case report.Removed:
		p.line("    ", p.paint.bad("- ")+f.Field+": "+name(f.Before))
	default:
		for _, side := range []struct{ mark, value string }{{p.paint.bad("- "), f.Before}, {p.paint.good("+ "), f.After}} {
			value := name(side.value)
			if value == "" {
				value = "(none)"
			}
			p.line("    ", side.mark+f.Field+": "+value)
		}
	}
}

// kindTitles head the sections of findings.
var kindTitles = map[history.Kind]string{
	history.New:       "NEW",
	history.Undecided: "NO LONGER CHECKED",
	history.Changed:   "CHANGED",
	history.Resolved:  "RESOLVED",
}

func (p *printer) changedFindings(kind history.Kind, d history.Diff) {
	deleted := map[string]bool{}
	for _, c := range d.Rules {
		deleted[c.Prefix] = c.Kind == report.Removed
	}
	var findings []report.Finding
	became := map[string]string{}
	for _, c := range d.Findings {
		if c.Kind == kind {
			f := report.Finding{Check: c.Check, Prefix: c.Prefix, Severity: c.Severity, Message: messageOf(c)}
			findings = append(findings, f)
			became[f.Check+" "+f.Prefix] = whatBecame(c, deleted[c.Prefix])
		}
	}
	if len(findings) > 0 {
		p.section(kindTitles[kind])
		p.brief(findings, func(f report.Finding) string { return became[f.Check+" "+f.Prefix] })
	}
}

// messageOf is the message of a finding: the newer one, unless it is resolved.
func messageOf(c history.FindingChange) string {
	if c.Before != nil && (c.After == nil || c.Kind == history.Resolved) {
		return c.Before.Message
	}
	return c.After.Message
}

// whatBecame is a finding's outcome now, if its message does not have that;
// and of one that changed, what it was before.
func whatBecame(c history.FindingChange, deleted bool) string {
	switch {
	case c.Kind == history.Resolved && c.After == nil && deleted:
		return "The rule was deleted."
	case c.Kind == history.Resolved && c.After == nil:
		return "The policy no longer requires it."
	case c.Kind == history.New && c.Before != nil && !passes(c.Before):
		return "Before: " + lowerFirst(stands(c.Before)) + "."
	case c.Kind == history.New, c.Kind == history.Undecided && c.After != nil:
		return c.After.Detail()
	case c.Kind == history.Undecided:
		return "The audit could not read the facts that the check needs."
	case c.Kind == history.Resolved:
		return stands(c.After) + "."
	}
	before, after := stands(c.Before), stands(c.After)
	switch {
	case before != after:
		return fmt.Sprintf("%s, before: %s.", after, lowerFirst(before))
	case c.Before.Severity != c.After.Severity:
		return fmt.Sprintf("Severity %s, before: %s.", c.After.Severity, c.Before.Severity)
	case c.Before.Facts != c.After.Facts:
		return "What the check looks at has changed."
	}
	return "Before: " + quoted(c.Before.Message)
}

func passes(f *report.Finding) bool {
	return f.Outcome == report.Pass || f.Outcome == report.Skip
}

// stands is a finding's outcome in words.
func stands(f *report.Finding) string {
	if f == nil {
		return "Not found"
	}
	if f.Waiver != nil {
		return fmt.Sprintf("Waived until %s by %s (%s)", name(f.Waiver.Expires), name(f.Waiver.Owner), name(f.Waiver.Reason))
	}
	return map[report.Outcome]string{
		report.Pass:    "Passes",
		report.Fail:    "Fails",
		report.Error:   "Not checked",
		report.Skip:    "Does not apply",
		report.Pending: "Not in force yet",
	}[f.Outcome]
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
