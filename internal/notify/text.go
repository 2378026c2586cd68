package notify

import (
	"fmt"
	"strings"

	"ptcaudit/internal/report"
)

// Titles of the sections that are about no status.
const (
	titleNotChecked  = report.NotChecked
	titleFaults      = "AUDITOR FAULTS" // everything was checked
	titleUnexplained = "RULES CHANGED WITHOUT AN EVENT"
	titleRules       = "RULE CHANGES SINCE THE LAST AUDIT"
)

// Leads of the lines that name an address or a place.
const (
	leadReference = "See "
	leadEvidence  = "Evidence: "
)

// title heads a section.
func titleOf(s report.Status) string {
	switch s {
	case report.CouldNotAudit:
		return titleNotChecked
	case report.Failed:
		return "NEW"
	case Open:
		return "STILL OPEN"
	default:
		return string(s)
	}
}

// text writes the mail. Text from outside never begins a line: it is indented, or
// follows our own words on the same line.
func text(c content) string {
	var w writer
	w.sentence("", c.summary+".")
	w.sentence("", c.about())
	if c.again != "" {
		w.sentence("", "Sent again: "+c.again+".")
	}
	if c.first {
		w.line("Later messages report only what changes.")
	}
	for i, line := range c.otherChanges() {
		if i == 0 {
			w.line("")
		}
		w.sentence("", line)
	}

	changes, _ := c.changesOf()
	failing := func(f Finding) { w.failing(c, f, changes[f.Prefix]) }
	w.section(c, report.Failed, failing)
	w.section(c, report.Changed, failing)
	w.notChecked(c)
	w.storeFaults(c)
	w.unexplained(c)
	w.section(c, report.Resolved, func(f Finding) { w.resolved(c, f, changes[f.Prefix]) })
	w.section(c, report.Reminder, func(f Finding) { w.failing(c, f, nil) })
	w.open(c)
	if c.rules.all > 0 {
		w.title(titleRules)
		w.ruleChanges(c.rules, "changed")
	}

	if c.findings.left() > 0 || c.evidence != "" {
		w.line("")
	}
	if left := c.findings.left(); left > 0 {
		w.sentence("", count(left, "1 more finding does", "%d more findings do")+" not fit into this message; the least severe are left out. "+c.whereAll())
	}
	if c.evidence != "" {
		w.line(leadEvidence + c.evidence)
	}
	return w.text.String()
}

// about is what was audited, with which policy, and when.
func (c content) about() string {
	s := "Registry " + strings.TrimSpace(c.account+" "+c.region)
	if c.policy != "" {
		s += ", policy " + c.policy
	}
	if !c.at.IsZero() {
		s += ", " + report.Minute(c.at)
	}
	return s + "."
}

// whereAll is where a reader finds all findings.
func (c content) whereAll() string {
	if c.evidence != "" {
		return "The evidence has all of them."
	}
	command := "ptcaudit audit"
	if c.region != "" {
		command += " --region " + c.region
	}
	if c.policy == "default" || c.policy == "strict" {
		command += " --policy " + c.policy
	} else {
		command += " --policy FILE"
	}
	return "To list all of them, run: " + command
}

// section writes the findings of one status under their title.
func (w *writer) section(c content, status report.Status, write func(f Finding)) {
	titled := false
	begin := func() {
		if !titled {
			w.title(titleOf(status))
			titled = true
		}
	}
	if status == report.Resolved && !c.recovered.IsZero() {
		begin()
		w.sentence("  ", c.recovery())
	}
	for _, f := range c.findings.shown {
		if f.Status == status {
			begin()
			write(f)
		}
	}
}

// recovery says that the registry can be audited again.
func (c content) recovery() string {
	if took, since := lasting(c.recovered, c.at); took != "" {
		return "The auditor can audit this registry again. It could not for " + took + ", since " + since + "."
	}
	return "The auditor can audit this registry again."
}

// head is the first line of a finding: severity, prefix, sentence, and the id of
// the check.
func (f Finding) head(sentence string) string {
	return pad(f.Severity.Label(), len(report.Critical)) + "  " + report.SubjectOf(f.Prefix) + ": " + sentence + " [" + f.Check + "]"
}

// failing writes a finding that fails: what, why now, who changed it, and how
// to fix it.
func (w *writer) failing(c content, f Finding, changes []report.Trigger) {
	first, rest := f.sentence()
	w.item(f.head(first))
	w.sentence("    ", rest)
	if f.Why != "" {
		w.sentence("    ", "Why now: "+f.Why)
	}
	if d := duration(f.Since, c.at); d != "" {
		w.sentence("    ", "Failing "+d+".")
	}
	w.changedBy(c, changes)
	w.steps("    ", "Fix:", f.Remediation)
	for _, r := range f.References {
		w.line("    " + leadReference + r)
	}
}

// resolved writes a finding that is over.
func (w *writer) resolved(c content, f Finding, changes []report.Trigger) {
	first, rest := f.sentence()
	w.item(f.head(first))
	w.sentence("    ", rest)
	if d := duration(f.Since, c.at); d != "" {
		w.sentence("    ", "It failed "+d+".")
	}
	w.changedBy(c, changes)
}

func (w *writer) changedBy(c content, changes []report.Trigger) {
	for _, t := range changes {
		w.sentence("    ", changeLine(t, c.at, true))
	}
}

// open writes the findings that were reported before, a line each.
func (w *writer) open(c content) {
	w.section(c, Open, func(f Finding) {
		first, _ := f.sentence()
		if _, since := lasting(f.Since, c.at); since != "" {
			first += " Failing since " + since + "."
		}
		w.line("  " + f.head(first))
	})
}

// steps writes a fix. Each command has its own line and is never broken, so that
// it can be copied.
func (w *writer) steps(indent, lead, fix string) {
	continued := false
	for line := range strings.Lines(fix) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case continued || report.IsCommand(line):
			if lead != "" {
				w.line(indent + lead)
			}
			w.line(indent + "  " + line)
			continued = strings.HasSuffix(line, `\`)
		case lead != "":
			w.sentence(indent, lead+" "+line)
		default:
			w.sentence(indent+"  ", line)
		}
		lead = ""
	}
}

// notChecked writes why the audit is incomplete, and which checks have no
// result.
func (w *writer) notChecked(c content) {
	titled := false
	item := func(s string) {
		if !titled {
			w.title(titleNotChecked)
			titled = true
		}
		w.item(s)
	}
	for _, f := range c.faults.shown {
		if _, ofStore := f.step(); !ofStore {
			item(f.head())
			w.fault(c, f)
		}
	}
	if left := c.faults.left(); left > 0 {
		item(count(left, "1 more kind of fault.", "%d more kinds of faults."))
	}
	left := c.undecided
	for _, g := range c.withoutResult() {
		item(titleNotChecked + "  " + subjects(g.count, g.prefixes) + ": " + g.sentence + " [" + g.check + "]")
		if g.count > 1 && len(g.prefixes) > 0 && !g.explained {
			w.sentence("    ", "Rules: "+listed(g.prefixes, g.count)+".")
		}
		w.sentence("    ", g.rest)
		left -= g.count
	}
	if left > 0 {
		item(count(left, "1 more check has no result.", "%d more checks have no result."))
	}
}

// storeFaults writes which steps of the auditor failed although everything was
// checked.
func (w *writer) storeFaults(c content) {
	titled := false
	for _, f := range c.faults.shown {
		if _, ofStore := f.step(); !ofStore {
			continue
		}
		if !titled {
			w.title(titleFaults)
			titled = true
		}
		w.item(f.head())
		w.fault(c, f)
	}
}

// head is the first line of a fault: kind, prefix, sentence, and code.
func (f Fault) head() string {
	return f.label() + "  " + subjects(f.Count, f.Prefixes) + ": " + f.sentence() + " [" + f.code() + "]"
}

// fault writes the rules of a fault, its message, and how to fix it.
func (w *writer) fault(c content, f Fault) {
	if f.Count > 1 && len(f.Prefixes) > 0 {
		w.sentence("    ", "Rules: "+listed(f.Prefixes, f.Count)+".")
	}
	if f.invalid() != "" {
		for line := range strings.Lines(f.Message) {
			w.sentence("      ", strings.TrimSuffix(line, "\n"))
		}
	} else {
		w.sentence("    ", f.quote())
	}
	w.steps("    ", "Fix:", f.fix(c.account, c.region))
}

// checkGroup is one check without a result, for all its rules.
type checkGroup struct {
	check          string
	prefixes       []string
	count          int
	sentence, rest string
	first          Finding
	explained      bool // by a fault in the list above
}

// withoutResult are the checks that have no result.
func (c content) withoutResult() []checkGroup {
	faulty := map[string]bool{}
	for _, f := range c.faults.shown {
		for _, prefix := range f.Prefixes {
			faulty[prefix] = true
		}
	}
	var groups []checkGroup
	index := map[string]int{}
	for _, f := range c.findings.shown {
		if f.Status != report.CouldNotAudit {
			continue
		}
		i, known := index[f.Check]
		if !known {
			i = len(groups)
			index[f.Check] = i
			groups = append(groups, checkGroup{check: f.Check, first: f, explained: true})
		}
		g := &groups[i]
		g.count++
		g.explained = g.explained && faulty[f.Prefix]
		if f.Prefix != "" {
			g.prefixes = append(g.prefixes, f.Prefix)
		}
		if f.Message != g.first.Message {
			g.rest = "Messages differ; this is the first, about " + report.SubjectOf(g.first.Prefix) + "."
		}
	}
	for i, g := range groups {
		first, rest := g.first.sentence()
		switch {
		case g.explained:
			groups[i].sentence, groups[i].rest = "The check needs ECR's validation result, which is missing (see above).", ""
		case g.rest == "":
			groups[i].sentence, groups[i].rest = first, rest
		default:
			groups[i].sentence = first
		}
	}
	return groups
}

// unexplained writes the changes of rules for which no event arrived, and how
// to find out why.
func (w *writer) unexplained(c content) {
	if c.unexplained.all == 0 {
		return
	}
	w.title(titleUnexplained)
	w.ruleChanges(c.unexplained, "changed without an event")
	for _, step := range c.unexplainedSteps() {
		w.line("")
		for line := range strings.Lines(step) {
			if line = strings.TrimSuffix(line, "\n"); report.IsCommand(line) {
				w.line("    " + line)
			} else {
				w.sentence("  ", line)
			}
		}
	}
}

// ruleChanges writes what changed in rules, field by field.
func (w *writer) ruleChanges(changes list[report.RuleChange], what string) {
	written := changes.shown[:min(len(changes.shown), maxListed)]
	for _, c := range written {
		w.line("  " + pad(strings.ToUpper(string(c.Kind)), len(report.Altered)) + "  " + report.SubjectOf(c.Prefix))
		if recreated(c) {
			w.sentence("    ", "Someone deleted the rule and created it again with the same settings.")
		}
		for _, f := range c.Fields {
			is, was := fieldChange(f)
			if s := is + ", " + was; is != "" && was != "" && len(s) <= maxField {
				w.sentence("    ", s)
			} else {
				w.sentence("    ", is)
				w.sentence("    ", was)
			}
		}
	}
	if left := changes.all - len(written); left > 0 {
		w.sentence("  ", count(left, "1 more rule has ", "%d more rules have ")+what+".")
	}
}

// subjects is the prefix of one item, or the number of several.
func subjects(n int, prefixes []string) string {
	switch {
	case len(prefixes) == 0:
		return report.SubjectOf("")
	case n == 1:
		return prefixes[0]
	default:
		return count(n, "1 rule", "%d rules")
	}
}

// listed names as many prefixes as fit into a line or two.
func listed(prefixes []string, all int) string {
	shown := prefixes[:min(len(prefixes), maxListed)]
	s := strings.Join(shown, ", ")
	if left := all - len(shown); left > 0 && len(shown) > 0 {
		s += fmt.Sprintf(" and %d more", left)
	}
	return s
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-len(s)))
}
