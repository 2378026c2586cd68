package notify

import (
	"fmt"
	"slices"
	"strings"

	"ptcaudit/internal/report"
)

// text writes the mail. Only lines of our own begin at its left margin:
// whatever comes from outside is further right, or follows words of ours.
func (d *draft) text(m Message) string {
	var w writer
	w.say("", d.summary+".")
	w.say("", d.about())
	d.changed(&w, m)

	if len(d.faults) > 0 || len(d.notification.Undecided) > 0 {
		w.title("COULD NOT AUDIT")
		d.couldNot(&w, m)
	}
	d.section(&w, m, report.Failed, d.failing)
	d.section(&w, m, report.Changed, d.failing)
	d.untold(&w, m)
	d.section(&w, m, report.Resolved, d.resolved)
	d.section(&w, m, report.Reminder, d.failing)
	d.section(&w, m, Open, nil)
	d.became(&w, m)

	if m.Omitted > 0 || d.evidence != "" {
		w.line("")
	}
	if m.Omitted > 0 {
		w.say("", count(m.Omitted, "1 more is", "%d more are")+" left out, the least severe, since a message may have no more. "+d.whereAll())
	}
	if d.evidence != "" {
		w.line(leadEvidence + d.evidence)
	}
	return w.text.String()
}

// section writes the findings of one status under their title.
func (d *draft) section(w *writer, m Message, status report.Status, write func(w *writer, f Finding)) {
	title := heading(status)
	begin := func() {
		if title != "" {
			w.title(title)
			title = ""
		}
	}
	if status == report.Resolved && !d.recovered.IsZero() {
		begin()
		w.say("  ", d.recovery())
	}
	for _, f := range m.Findings {
		if f.Status == status {
			begin()
			if status == Open { // a line each
				w.line("  " + d.head(f))
				continue
			}
			w.item(d.head(f))
			write(w, f)
		}
	}
}

// recovery says that the registry can be audited again.
func (d *draft) recovery() string {
	if took, since := lasting(d.recovered, d.notification.At); took != "" {
		return "It can be audited again, after " + took + ". It could not since " + since + "."
	}
	return "It can be audited again."
}

// heading is the title of a section.
func heading(s report.Status) string {
	switch s {
	case report.CouldNotAudit:
		return "UNDECIDED"
	case report.Failed:
		return "NEW"
	case Open:
		return "STILL OPEN"
	case report.Changed, report.Resolved, report.Reminder:
		return string(s)
	default:
		return escape(string(s))
	}
}

// summarize counts all that is said, as a sentence without its full stop.
func (d *draft) summarize(said []phrase) string {
	if n := len(d.notification.Open); n > 0 {
		said = append(slices.Clip(said), phrase{words: fmt.Sprintf("%d still open", n)})
	}
	if len(said) == 0 {
		return "Nothing to report"
	}
	name := ""
	if len(d.notification.Faults) > 0 || len(d.notification.Undecided) > 0 {
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
	if at := d.notification.At; !at.IsZero() {
		about += ", " + report.Minute(at)
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
	return "See them all with: " + command
}
