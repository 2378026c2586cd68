package notify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// width is how many columns a line of the mail has. Lines that are copied (a
// command, an address) are not broken.
const width = 78

// noBreak joins words that stay on one line: see writer.wrap.
const noBreak = "\u00a0"

// Bounds of what stands at once before a reader's eyes.
const (
	maxListed  = 10 // prefixes in one line
	maxWritten = 10 // changes
)

// text writes the mail. Only lines of our own begin at its left margin:
// whatever comes from outside is further right, or follows words of ours.
func (d *draft) text(m Message) string {
	var w writer
	w.wrap("", "  ", strings.ReplaceAll(strings.ReplaceAll(d.summary, " ", noBreak), ","+noBreak, ", ")+".")
	w.wrap("", "  ", d.about())
	d.changed(&w, m)

	if len(d.faults) > 0 || len(d.statement.Undecided) > 0 {
		w.title("COULD NOT AUDIT")
		d.couldNot(&w, m)
	}
	for _, s := range []struct {
		status report.Status
		title  string
		write  func(w *writer, f Finding)
	}{
		{report.Failed, "NEW", failing},
		{report.Changed, "CHANGED", failing},
		{report.Resolved, "RESOLVED", resolved},
		{report.Reminder, "REMINDER", failing},
		{Open, "STILL OPEN", func(*writer, Finding) {}},
	} {
		title := s.title
		for _, f := range m.Findings {
			if f.Status != s.status {
				continue
			}
			if title != "" {
				w.title(title)
				title = ""
			}
			w.line("  " + head(f))
			s.write(&w, f)
		}
	}

	if m.Omitted > 0 || d.evidence != "" {
		w.line("")
	}
	if m.Omitted > 0 {
		w.wrap("", "  ", count(m.Omitted, "1 more is", "%d more are")+" left out, the least severe, since a message may have no more. "+d.whereAll())
	}
	if d.evidence != "" {
		w.line("Evidence: " + d.evidence)
	}
	return w.text.String()
}

// summarize counts all that is said, as a sentence without its full stop.
func (d *draft) summarize(said []phrase) string {
	if n := len(d.statement.Open); n > 0 {
		said = append(slices.Clip(said), phrase{words: fmt.Sprintf("%d still open", n)})
	}
	if len(said) == 0 {
		return "Nothing to report"
	}
	name := ""
	if len(d.statement.Faults) > 0 || len(d.statement.Undecided) > 0 {
		name = said[0].prefix
	}
	return sentence(said, name)
}

// about says what was audited, against what, and when.
func (d *draft) about() string {
	about := "Registry " + strings.TrimSpace(d.account+" "+d.region)
	if d.policy != "" {
		about += ", policy " + d.policy
	}
	if at := d.statement.At; !at.IsZero() {
		about += ", " + at.UTC().Format("2006-01-02 15:04 UTC")
	}
	return about + "."
}

// whereAll says where the whole of it can be seen.
func (d *draft) whereAll() string {
	if d.evidence != "" {
		return "The evidence has them all."
	}
	command := "ptcaudit audit"
	if d.region != "" {
		command += " --region " + d.region
	}
	if d.policy == "default" || d.policy == "strict" {
		command += " --policy " + d.policy
	} else {
		command += " --policy FILE"
	}
	return "See them all with: " + strings.ReplaceAll(command, " ", noBreak)
}

// changed says who changed what: the latest changes, each with its call.
func (d *draft) changed(w *writer, m Message) {
	written := m.Changes[max(0, len(m.Changes)-maxWritten):]
	for _, t := range written {
		w.line(d.actor(t))
		if o := origin(t); o != "" {
			w.line("  " + o)
		}
	}
	if left := d.allChanges - len(written); left > 0 {
		w.line(count(left, "1 earlier change is", "%d earlier changes are") + " not listed here.")
	}
}

// plainName is a name that can begin a line: it cannot be taken for a title
// or a field of the mail. Any other stands in quotes.
var plainName = regexp.MustCompile(`^(arn:|[\w+=,.@/-]*[a-z])[\w+=,.@:/-]*$`)

// actor says who did what and when.
func (d *draft) actor(t report.Trigger) string {
	who := "Somebody"
	if a := t.Actor; a != nil && a.Name+a.ARN != "" {
		who = a.Name
		if who == "" {
			who = a.ARN
		}
		if !plainName.MatchString(who) {
			who = `"` + who + `"`
		}
		if a.Name != "" && a.ARN != "" && a.ARN != a.Name {
			who += " (" + a.ARN + ")"
		}
	}
	s := who + " " + deed(t)
	if !t.Time.IsZero() {
		layout := "15:04:05 UTC"
		if t.Time.Format("2006-01-02") != d.statement.At.UTC().Format("2006-01-02") {
			layout = "2006-01-02 15:04:05 UTC"
		}
		s += " at " + t.Time.Format(layout)
	}
	return s + "."
}

// deed is what a call did.
func deed(t report.Trigger) string {
	subject := t.Prefix
	if t.Secret != "" {
		name := t.Secret
		if short := ptc.SecretName(t.Secret); short != "" {
			name = short
		}
		subject = "secret " + name
	}
	if subject == "" && t.Kind == report.ChangeTrigger {
		subject = "a rule"
	}
	verb, known := map[string]string{
		"CreatePullThroughCacheRule": "created",
		"UpdatePullThroughCacheRule": "updated",
		"DeletePullThroughCacheRule": "deleted",
		"PutSecretValue":             "wrote",
		"UpdateSecret":               "updated",
		"DeleteSecret":               "deleted",
		"RestoreSecret":              "restored",
	}[t.Call]
	switch {
	case known && subject != "":
		return verb + " " + subject
	case t.Call != "" && subject != "":
		return "called " + t.Call + " on " + subject
	case t.Call != "":
		return "called " + t.Call
	case t.Kind == report.DeploymentTrigger:
		return "deployed"
	default:
		return "asked for this audit"
	}
}

// origin is the call and where it came from.
func origin(t report.Trigger) string {
	address := ""
	if t.Actor != nil && t.Actor.Address != "" {
		address = "from " + t.Actor.Address
	}
	if o := strings.TrimSpace(t.Call + " " + address); o != "" {
		return "(" + o + ")"
	}
	return ""
}

// couldNot lists faults, and what they left undecided.
func (d *draft) couldNot(w *writer, m Message) {
	for _, f := range m.Faults {
		w.line("  " + f.label() + "  " + subjects(f.Count, f.Prefixes) + "  " + f.what())
		if f.Count > 1 {
			w.wrap("    ", "      ", listed(f.Prefixes, f.Count)+".")
		}
		if means := f.means(); means != "" {
			w.wrap("    ", "      ", means)
		}
		d.quote(w, f)
		if mend := f.mend(d.account, d.region); mend != "" {
			w.wrap("    ", "      ", "Mend: "+mend)
		}
	}
	if left := len(d.statement.Faults) - sum(m.Faults); left > 0 {
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
			w.wrap("      ", "        ", line)
		}
	case f.Message == "":
		if suffix != "" {
			w.wrap("    ", "      ", strings.TrimSpace(suffix))
		}
	default:
		w.wrap("    ", "      ", f.says()+" "+quoted(f.Message)+suffix)
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
		w.line("  UNDECIDED  " + subjects(len(findings), prefixes) + "  " + check)
		if follows {
			w.line("    For want of the above.")
			continue
		}
		if len(findings) > 1 {
			w.wrap("    ", "      ", listed(prefixes, len(findings))+".")
		}
		first := findings[0]
		switch {
		case first.Message == "":
		case slices.ContainsFunc(findings, func(f Finding) bool { return f.Message != first.Message }):
			w.wrap("    ", "      ", "For "+subject(first.Prefix)+": "+first.Message)
		default:
			w.wrap("    ", "      ", first.Message)
		}
	}
}

// head names a finding: how bad, where, which check.
func head(f Finding) string {
	return fmt.Sprintf("%-*s  %s  %s", len(report.Critical), strings.ToUpper(string(f.Severity)), subject(f.Prefix), f.Check)
}

// failing says what is wrong and how to mend it.
func failing(w *writer, f Finding) {
	// What a message quotes may hold a "Mend:" of its own: no line of it but
	// the first is as far left as ours.
	w.wrap("    ", "      ", f.Message)
	indent, lead := "    ", "Mend: "
	continued := false
	for line := range strings.Lines(f.Remediation) {
		line = strings.TrimSuffix(line, "\n")
		if continued || isCommand(line) { // copied, so in one piece
			if lead != "" {
				w.line(indent + strings.TrimSpace(lead))
			}
			w.line("      " + line)
			continued = strings.HasSuffix(line, `\`)
		} else {
			w.wrap(indent, "      ", lead+line)
		}
		indent, lead = "      ", ""
	}
	for _, r := range f.References {
		w.line("    See " + r)
	}
}

// resolved says why a finding is none any more.
func resolved(w *writer, f Finding) {
	why := f.Message
	switch {
	case f.Waiver != nil:
		why = "Waived until " + f.Waiver.Expires + " by " + f.Waiver.Owner + ": " + f.Waiver.Reason
	case why != "":
	case f.Outcome == report.Pass:
		why = "Mended: the check passes."
	case f.Outcome == report.Skip:
		why = "The check does not apply any more."
	default:
		why = "It is not found any more."
	}
	w.wrap("    ", "      ", why)
}

// isCommand tells a line that is typed into a shell from a sentence.
func isCommand(line string) bool {
	for _, program := range []string{"aws ", "ptcaudit ", "docker "} {
		if strings.HasPrefix(line, program) {
			return true
		}
	}
	return false
}

// subject is what a finding is about.
func subject(prefix string) string {
	if prefix == "" {
		return "(registry)"
	}
	return prefix
}

// subjects is what n things are about: one prefix, or how many.
func subjects(n int, prefixes []string) string {
	switch {
	case len(prefixes) == 0:
		return subject("")
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

// writer writes lines of text.
type writer struct{ text strings.Builder }

func (w *writer) title(s string) { w.line(""); w.line(s) }

func (w *writer) line(s string) {
	w.text.WriteString(s)
	w.text.WriteByte('\n')
}

// wrap writes words, breaking the line before the width is reached. Words
// joined by a no-break space stay together: they are written with a blank.
func (w *writer) wrap(first, rest, s string) {
	line, words := first, 0
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' }) {
		word = strings.ReplaceAll(word, noBreak, " ")
		if words > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			w.line(line)
			line, words = rest, 0
		}
		if words > 0 {
			line += " "
		}
		line += word
		words++
	}
	if words > 0 {
		w.line(line)
	}
}
