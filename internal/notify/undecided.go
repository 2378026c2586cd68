package notify

import (
	"fmt"
	"slices"
	"strings"

	"ptcaudit/internal/report"
)

// maxListed is how many prefixes stand in one line.
const maxListed = 10

// couldNot lists faults, and what they left undecided.
func (d *draft) couldNot(w *writer, m Message) {
	for _, f := range m.Faults {
		w.item(f.label() + "  " + subjects(f.Count, f.Prefixes) + "  " + f.what())
		if f.Count > 1 {
			w.say("    ", listed(f.Prefixes, f.Count)+".")
		}
		w.say("    ", f.means())
		d.quote(w, f)
		if mend := f.mend(d.account, d.region); mend != "" {
			w.say("    ", "Mend: "+mend)
		}
	}
	if left := len(d.notification.Faults) - sum(m.Faults); left > 0 {
		w.line("  " + count(left, "1 more fault.", "%d more faults."))
	}
	undecided(w, m)
}

// quote shows what a fault says, and where to look it up.
func (d *draft) quote(w *writer, f Fault) {
	var facts []string
	if f.Code != "" {
		facts = append(facts, f.Code)
	}
	if f.RequestID != "" {
		facts = append(facts, "request "+f.RequestID)
	}
	suffix := ""
	if len(facts) > 0 {
		suffix = " (" + strings.Join(facts, ", ") + ")"
	}
	switch {
	case f.broken() != "":
		for line := range strings.Lines(f.Message) {
			w.say("      ", strings.TrimSuffix(line, "\n"))
		}
	case f.Message == "":
		if suffix != "" {
			w.say("    ", strings.TrimSpace(suffix))
		}
	default:
		w.say("    ", f.says()+" "+quoted(f.Message)+suffix)
	}
}

// quoted puts a text in quotes that it cannot end.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, "'") + `"` }

// undecided lists the checks that could not tell, one line a check.
func undecided(w *writer, m Message) {
	var checks []string
	byCheck := map[string][]Finding{}
	for _, f := range m.Findings {
		if f.Status != report.CouldNotAudit {
			continue
		}
		if byCheck[f.Check] == nil {
			checks = append(checks, f.Check)
		}
		byCheck[f.Check] = append(byCheck[f.Check], f)
	}
	faulty := map[string]bool{}
	for _, f := range m.Faults {
		for _, p := range f.Prefixes {
			faulty[p] = true
		}
	}
	for _, check := range checks {
		findings := byCheck[check]
		var prefixes []string
		follows := true
		for _, f := range findings {
			if f.Prefix != "" {
				prefixes = append(prefixes, f.Prefix)
			}
			follows = follows && faulty[f.Prefix]
		}
		w.item("UNDECIDED  " + subjects(len(findings), prefixes) + "  " + check)
		if follows {
			w.line("    For want of the above.")
			continue
		}
		if len(findings) > 1 {
			w.say("    ", listed(prefixes, len(findings))+".")
		}
		first := findings[0]
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.Message != first.Message }) {
			w.say("    ", "For "+first.Subject()+": "+first.Message)
		} else {
			w.say("    ", first.Message)
		}
	}
}

// subjects is what n things are about: one prefix, or how many.
func subjects(n int, prefixes []string) string {
	switch {
	case len(prefixes) == 0:
		return report.RegistrySubject
	case n == 1:
		return prefixes[0]
	default:
		return count(n, "1 rule", "%d rules")
	}
}

// listed names prefixes as far as they fit into a line or two.
func listed(prefixes []string, all int) string {
	shown := prefixes[:min(len(prefixes), maxListed)]
	list := strings.Join(shown, ", ")
	if left := all - len(shown); left > 0 && len(shown) > 0 {
		list += fmt.Sprintf(" and %d more", left)
	}
	return list
}

func sum(faults []Fault) int {
	n := 0
	for _, f := range faults {
		n += f.Count
	}
	return n
}
