package notify

import (
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// draft is a notification whose texts are cleaned, before it is known how much
// of it fits.
type draft struct {
	notification report.Notification
	account      string
	region       string
	policy       string
	evidence     string
	subject      string
	summary      string // of all that is said, without its full stop

	faults      []Fault // folded, the most frequent first
	unexplained []report.RuleChange
	changes     []report.Trigger // as Message has them
	findings    []Finding        // as sections follow each other; the first maxFindings
	rules       []report.RuleChange
	recovered   time.Time

	// All that there was, before anything was bounded.
	allFindings, allRules int
	attributes            Attributes
	id                    string
}

// section is one part of a notification.
type section struct {
	status   report.Status
	findings []report.Finding
}

// sections are the parts of a notification in their order in the mail.
func sections(s report.Notification) []section {
	return []section{
		{report.CouldNotAudit, s.Undecided},
		{report.Failed, s.New},
		{report.Changed, s.Altered},
		{report.Resolved, s.Resolved},
		{report.Reminder, s.Reminded},
		{Open, s.Open},
	}
}

func newDraft(s report.Notification) *draft {
	d := &draft{
		notification: s,
		account:      id(s.Registry.Account, maxPlace),
		region:       id(s.Registry.Region, maxPlace),
		policy:       clean(s.Policy.Name, maxID),
		evidence:     strings.ReplaceAll(oneLine(s.Evidence, maxRemediation), " ", "%20"),
		faults:       fold(s.Faults),
		unexplained:  cleanRules(s.Unexplained),
		changes:      []report.Trigger{},
		findings:     []Finding{},
		recovered:    moment(s.Recovered),
		id:           identity(s),
	}
	d.attributes = Attributes{
		Schema: Schema, Status: s.Statuses(), Severity: s.Severity(), Account: d.account, Region: d.region,
		Checks: []string{}, Prefixes: []string{},
	}
	if d.attributes.Status == nil {
		d.attributes.Status = []report.Status{}
	}
	for _, f := range d.faults {
		for _, p := range f.Prefixes {
			d.attributes.Prefixes = addName(d.attributes.Prefixes, p)
		}
	}
	for _, c := range d.unexplained {
		d.attributes.Prefixes = addName(d.attributes.Prefixes, c.Prefix)
	}
	rules := apart(s)
	d.rules, d.allRules = cleanRules(rules), len(rules)
	for _, t := range latest(s) {
		d.changes = append(d.changes, cleanTrigger(t))
	}
	for _, section := range sections(s) {
		bySeverity := slices.Clone(section.findings)
		slices.SortStableFunc(bySeverity, func(a, b report.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
		d.allFindings += len(bySeverity)
		for _, f := range bySeverity {
			if section.status != Open {
				d.attributes.Checks = addName(d.attributes.Checks, id(f.Check, maxID))
				d.attributes.Prefixes = addName(d.attributes.Prefixes, id(f.Prefix, maxPrefix))
			}
			if len(d.findings) < maxFindings {
				d.findings = append(d.findings, d.finding(section.status, f))
			}
		}
	}
	said := d.phrases()
	d.subject = d.entitle(said)
	d.summary = d.summarize(said)
	return d
}

// addName adds a name to a list that holds each once, while there is room.
func addName(list []string, name string) []string {
	if name == "" || len(list) >= maxAttributes || slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// finding is one of the notification's, with what is known of it beside.
func (d *draft) finding(status report.Status, f report.Finding) Finding {
	note := d.notification.Notes[f.Fingerprint]
	return Finding{Status: status, Finding: cleanFinding(f), Why: clean(note.Why, maxText), Since: moment(note.Since)}
}

func cleanFinding(f report.Finding) report.Finding {
	f.Check = id(f.Check, maxID)
	f.Prefix = id(f.Prefix, maxPrefix)
	f.Outcome = report.Outcome(id(string(f.Outcome), maxID))
	f.Severity = report.Severity(id(string(f.Severity), maxID))
	f.Message = clean(f.Message, maxText)
	f.Remediation = block(f.Remediation, maxRemediation)
	f.Fingerprint = id(f.Fingerprint, maxID)
	f.Facts = id(f.Facts, maxID)
	var references []string
	for _, r := range f.References[:min(len(f.References), maxReferences)] {
		references = append(references, address(r, maxName))
	}
	f.References = references
	if f.Waiver != nil {
		f.Waiver = &report.Waiver{
			Owner: clean(f.Waiver.Owner, maxName), Reason: clean(f.Waiver.Reason, maxText), Expires: id(f.Waiver.Expires, maxID),
			AnyUpstream: f.Waiver.AnyUpstream,
		}
	}
	return f
}

// latest are the changes that a message has room for: those that touch what it
// says before others, later ones before earlier ones; in the order of time.
func latest(s report.Notification) []report.Trigger {
	if len(s.Changes) <= maxChanges {
		return s.Changes
	}
	said := map[string]bool{}
	for _, section := range sections(s) {
		for _, f := range section.findings {
			said[f.Prefix] = said[f.Prefix] || section.status != Open
		}
	}
	kept := map[int]bool{}
	for _, touching := range []bool{true, false} {
		for i, t := range slices.Backward(s.Changes) {
			// Which rules use a secret is not known here.
			if touches := t.Secret != "" || said[ptc.CleanPrefix(t.Prefix)]; touches == touching && len(kept) < maxChanges {
				kept[i] = true
			}
		}
	}
	out := make([]report.Trigger, 0, len(kept))
	for i, t := range s.Changes {
		if kept[i] {
			out = append(out, t)
		}
	}
	return out
}

func cleanTrigger(t report.Trigger) report.Trigger {
	t.Kind = report.TriggerKind(id(string(t.Kind), maxID))
	t.Time = moment(t.Time)
	t.EventID = id(t.EventID, maxID)
	t.Call = id(t.Call, maxID)
	t.Prefix = id(t.Prefix, maxPrefix)
	t.Secret = id(t.Secret, maxName)
	if t.Actor != nil {
		t.Actor = &report.Actor{Name: id(t.Actor.Name, maxID), ARN: id(t.Actor.ARN, maxName), Address: id(t.Actor.Address, maxID)}
	}
	return t
}

func cleanRules(changes []report.RuleChange) []report.RuleChange {
	var out []report.RuleChange
	for _, c := range changes[:min(len(changes), maxRules)] {
		cleaned := report.RuleChange{Prefix: id(c.Prefix, maxPrefix), Kind: report.ChangeKind(id(string(c.Kind), maxID))}
		for _, f := range c.Fields[:min(len(c.Fields), maxFields)] {
			cleaned.Fields = append(cleaned.Fields, report.FieldChange{Field: id(f.Field, maxID), Before: id(f.Before, maxName), After: id(f.After, maxName)})
		}
		out = append(out, cleaned)
	}
	return out
}

// moment is a time that JSON can hold, UTC.
func moment(t time.Time) time.Time {
	t = t.UTC()
	switch year := t.Year(); {
	case year < 1:
		return time.Time{}.Add(1)
	case year > 9999:
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t
}

// size counts the items that can be left out: see compose.
func (d *draft) size() int {
	return len(d.faults) + len(d.unexplained) + len(d.changes) + len(d.findings) + len(d.rules)
}

// compose writes the message with the first n items: faults are the last to
// be left out, before them what no event told of, changes, findings as they
// follow each other, and what became of the rules.
func (d *draft) compose(n int) Message {
	take := func(all int) int {
		k := min(n, all)
		n -= k
		return k
	}
	m := Message{
		ID:         d.id,
		Statuses:   d.attributes.Status,
		Severity:   d.attributes.Severity,
		Account:    d.account,
		Region:     d.region,
		First:      d.notification.First,
		Subject:    d.subject,
		Recovered:  d.recovered,
		Evidence:   d.evidence,
		Attributes: d.attributes,
	}
	m.Faults = d.faults[:take(len(d.faults))]
	m.Unexplained = d.unexplained[:take(len(d.unexplained))]
	m.Changes = d.changes[len(d.changes)-take(len(d.changes)):]
	m.Findings = d.findings[:take(len(d.findings))]
	m.Omitted = d.allFindings - len(m.Findings)
	m.Rules = d.rules[:take(len(d.rules))]
	if len(m.Statuses) > 0 {
		m.Status = m.Statuses[0]
	}
	m.Text = d.text(m)
	m.chat = d.chat(m)
	return m
}
