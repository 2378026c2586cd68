package notify

import (
	"strings"
	"time"

	"ptcaudit/internal/report"
)

// Leads of the lines that name an address or a place: see Wrap.
const (
	leadReference = "See "
	leadEvidence  = "Evidence: "
)

// head names a finding: how bad, where, which check; and since when, where
// nothing else is said of it.
func (d *draft) head(f Finding) string {
	s := pad(strings.ToUpper(string(f.Severity)), len(report.Critical)) + "  " + subject(f.Prefix) + "  " + f.Check
	if since, _, _ := strings.Cut(d.since(f), ","); since != "" && f.Status == Open {
		s += "  since " + since
	}
	return s
}

// failing says what is wrong, why it is said, and how to mend it. What a
// message quotes may hold a "Mend:" of its own, but not at a line's begin.
func (d *draft) failing(w *writer, f Finding) {
	w.say("    ", f.Message)
	if f.Why != "" {
		w.say("    ", "Why now: "+f.Why)
	}
	if since := d.since(f); since != "" {
		w.say("    ", "Failing since "+since+".")
	}
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
			w.say(indent, lead+line)
		}
		indent, lead = "      ", ""
	}
	for _, r := range f.References {
		w.line("    " + leadReference + r)
	}
}

// resolved says why a finding is none any more, and how long it was one.
func (d *draft) resolved(w *writer, f Finding) {
	w.say("    ", resolution(f))
	if since := d.since(f); since != "" {
		w.say("    ", "It failed since "+since+".")
	}
}

// resolution is why a finding is none any more.
func resolution(f Finding) string {
	switch {
	case f.Waiver != nil:
		return "Waived until " + f.Waiver.Expires + " by " + f.Waiver.Owner + ": " + f.Waiver.Reason
	case f.Message != "":
		return f.Message
	case f.Outcome == report.Pass:
		return "Mended: the check passes."
	case f.Outcome == report.Skip:
		return "The check does not apply any more."
	default:
		return "It is not found any more."
	}
}

// since is since when a finding failed and for how long; empty where that is
// not known, or just now.
func (d *draft) since(f Finding) string {
	if f.Since.IsZero() {
		return ""
	}
	return lasting(f.Since, d.statement.At)
}

// lasting is when something began, and how long ago that was; empty where it
// was less than a minute.
func lasting(since, now time.Time) string {
	took := now.Sub(since)
	switch {
	case took < time.Minute:
		return ""
	case took < time.Hour:
		return since.Format("2006-01-02 15:04 UTC") + ", for " + count(int(took/time.Minute), "1 minute", "%d minutes")
	case took < 48*time.Hour:
		return since.Format("2006-01-02 15:04 UTC") + ", for " + count(int(took/time.Hour), "1 hour", "%d hours")
	default:
		return since.Format(time.DateOnly) + ", for " + count(int(took/(24*time.Hour)), "1 day", "%d days")
	}
}

// subject is what a finding is about.
func subject(prefix string) string {
	if prefix == "" {
		return "(registry)"
	}
	return prefix
}
