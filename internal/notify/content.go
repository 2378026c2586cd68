package notify

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// content is a notification with cleaned texts and bounded lists. Every form of
// the message is written from content only.
type content struct {
	id       string
	account  string
	region   string
	policy   string
	evidence string
	at       time.Time
	first    bool   // the first audit of the registry
	again    string // why everything is sent again
	subject  string
	summary  string // counts of everything; without a full stop

	faults      list[Fault] // equal faults as one, the most frequent first
	unexplained list[report.RuleChange]
	changes     list[report.Trigger] // the earliest first
	findings    list[Finding]        // in the order of the sections
	undecided   int                  // findings without a result, shown or not
	rules       list[report.RuleChange]
	recovered   time.Time

	attributes Attributes
}

// list is the part of a list that fits into a message.
type list[T any] struct {
	shown []T
	all   int // the length of the whole list
}

func (l list[T]) left() int { return l.all - len(l.shown) }

// section is the findings of one status.
type section struct {
	status   report.Status
	findings []report.Finding
}

// sections are the parts of a notification that hold findings, in the order of
// the message: failures come before checks without a result.
func sections(n report.Notification) []section {
	return []section{
		{report.Failed, n.New},
		{report.Changed, n.Altered},
		{report.CouldNotAudit, n.Undecided},
		{report.Resolved, n.Resolved},
		{report.Reminder, n.Reminded},
		{Open, n.Open},
	}
}

func newContent(n report.Notification) content {
	c := content{
		id:        identity(n),
		account:   id(n.Registry.Account, maxPlace),
		region:    id(n.Registry.Region, maxPlace),
		policy:    clean(n.Policy.Name, maxID),
		evidence:  strings.ReplaceAll(oneLine(n.Evidence, maxRemediation), " ", "%20"),
		at:        moment(n.At),
		first:     n.First,
		again:     clean(n.Again, maxText),
		undecided: len(n.Undecided),
		recovered: moment(n.Recovered),
	}
	c.subject, c.summary = subjectOf(n), summaryOf(n)
	c.faults = fold(n.Faults)
	c.unexplained = cleanRules(n.Unexplained)
	c.rules = cleanRules(explained(n))
	c.changes = list[report.Trigger]{shown: []report.Trigger{}, all: len(n.Changes)}
	for _, t := range relevant(n) {
		c.changes.shown = append(c.changes.shown, cleanTrigger(t))
	}
	c.findings.shown = []Finding{}
	for _, s := range sections(n) {
		c.findings.all += len(s.findings)
		for _, f := range worstFirst(s.findings)[:min(len(s.findings), maxFindings-len(c.findings.shown))] {
			note := n.Notes[f.Fingerprint]
			c.findings.shown = append(c.findings.shown, Finding{Status: s.status, Finding: cleanFinding(f), Why: clean(note.Why, maxText), Since: moment(note.Since)})
		}
	}
	c.attributes = attributesOf(n, c)
	return c
}

// worstFirst is findings by severity; equally severe ones keep their order.
func worstFirst(findings []report.Finding) []report.Finding {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b report.Finding) int { return cmp.Compare(b.Severity.Rank(), a.Severity.Rank()) })
	return sorted
}

// attributesOf covers all of n, including items that c leaves out.
func attributesOf(n report.Notification, c content) Attributes {
	a := Attributes{
		Schema: Schema, Status: n.Statuses(), Severity: n.Severity(), Account: c.account, Region: c.region,
		Checks: []string{}, Prefixes: []string{},
	}
	if a.Status == nil {
		a.Status = []report.Status{}
	}
	for _, f := range c.faults.shown {
		for _, prefix := range f.Prefixes {
			a.Prefixes = addName(a.Prefixes, prefix)
		}
	}
	for _, r := range c.unexplained.shown {
		a.Prefixes = addName(a.Prefixes, r.Prefix)
	}
	for _, s := range sections(n) {
		if s.status == Open {
			continue
		}
		for _, f := range worstFirst(s.findings) {
			a.Checks = addName(a.Checks, id(f.Check, maxID))
			a.Prefixes = addName(a.Prefixes, id(f.Prefix, maxPrefix))
		}
	}
	return a
}

// addName adds a name to a list that holds each name once, if there is room.
func addName(names []string, name string) []string {
	if name == "" || len(names) >= maxAttributes || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// size counts the items that cut can leave out.
func (c content) size() int {
	return len(c.faults.shown) + len(c.unexplained.shown) + len(c.changes.shown) + len(c.findings.shown) + len(c.rules.shown)
}

// cut is c with n items. It leaves out rule changes first, then the last findings,
// then the earliest changes, then unexplained rule changes, and faults last.
func (c content) cut(n int) content {
	take := func(all int) int {
		k := min(n, all)
		n -= k
		return k
	}
	c.faults.shown = c.faults.shown[:take(len(c.faults.shown))]
	c.unexplained.shown = c.unexplained.shown[:take(len(c.unexplained.shown))]
	c.changes.shown = c.changes.shown[len(c.changes.shown)-take(len(c.changes.shown)):]
	c.findings.shown = c.findings.shown[:take(len(c.findings.shown))]
	c.rules.shown = c.rules.shown[:take(len(c.rules.shown))]
	return c
}

// relevant are at most maxChanges changes, in the order of time. It prefers
// changes of rules in the message to others, and later changes to earlier ones.
func relevant(n report.Notification) []report.Trigger {
	if len(n.Changes) <= maxChanges {
		return n.Changes
	}
	about := map[string]bool{}
	for _, s := range sections(n) {
		for _, f := range s.findings {
			about[f.Prefix] = about[f.Prefix] || s.status != Open
		}
	}
	kept := map[int]bool{}
	for _, touching := range []bool{true, false} {
		for i, t := range slices.Backward(n.Changes) {
			// It is not known here which rules use a secret.
			if touches := t.Secret != "" || about[ptc.CleanPrefix(t.Prefix)]; touches == touching && len(kept) < maxChanges {
				kept[i] = true
			}
		}
	}
	out := make([]report.Trigger, 0, len(kept))
	for i, t := range n.Changes {
		if kept[i] {
			out = append(out, t)
		}
	}
	return out
}

// explained are the rule changes that are not among the unexplained ones.
func explained(n report.Notification) []report.RuleChange {
	return slices.DeleteFunc(slices.Clone(n.Rules), func(c report.RuleChange) bool {
		return slices.ContainsFunc(n.Unexplained, func(u report.RuleChange) bool {
			return c.Prefix == u.Prefix && c.Kind == u.Kind && slices.Equal(c.Fields, u.Fields)
		})
	})
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

func cleanRules(changes []report.RuleChange) list[report.RuleChange] {
	out := list[report.RuleChange]{all: len(changes)}
	for _, c := range changes[:min(len(changes), maxRules)] {
		cleaned := report.RuleChange{Prefix: id(c.Prefix, maxPrefix), Kind: report.ChangeKind(id(string(c.Kind), maxID))}
		for _, f := range c.Fields[:min(len(c.Fields), maxFields)] {
			cleaned.Fields = append(cleaned.Fields, report.FieldChange{Field: id(f.Field, maxID), Before: id(f.Before, maxName), After: id(f.After, maxName)})
		}
		out.shown = append(out.shown, cleaned)
	}
	return out
}

// moment is t in UTC, within the years that JSON can hold.
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
