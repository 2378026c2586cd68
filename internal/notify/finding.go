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
	s := pad(strings.ToUpper(string(f.Severity)), len(report.Critical)) + "  " + f.Subject() + "  " + f.Check
	if _, since := lasting(f.Since, d.notification.At); since != "" && f.Status == Open {
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
		w.say("    ", "Failing "+since+".")
	}
	indent, lead := "    ", "Mend: "
	continued := false
	for line := range strings.Lines(f.Remediation) {
		line = strings.TrimSuffix(line, "\n")
		if continued || report.IsCommand(line) { // copied, so in one piece
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
		w.say("    ", "It failed "+since+".")
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

// since is for how long a finding failed, and since when; empty where that is
// not known, or just now.
func (d *draft) since(f Finding) string {
	took, since := lasting(f.Since, d.notification.At)
	if took == "" {
		return ""
	}
	return "for " + took + ", since " + since
}

// lasting is how long ago something began, and when, no finer than that needs;
// empty where it is not known, or less than a minute ago.
func lasting(since, now time.Time) (took, begin string) {
	ago := now.Sub(since)
	switch {
	case since.IsZero(), ago < time.Minute:
		return "", ""
	case ago < time.Hour:
		return count(int(ago/time.Minute), "1 minute", "%d minutes"), report.Minute(since)
	case ago < 48*time.Hour:
		return count(int(ago/time.Hour), "1 hour", "%d hours"), report.Minute(since)
	default:
		return count(int(ago/(24*time.Hour)), "1 day", "%d days"), since.Format(time.DateOnly)
	}
}
