// Package notify turns what there is to say of a registry into one message
// for people, for chat and for programs, within the limits of Amazon SNS. It
// decides nothing about what is said or whether, and delivers nothing. It is
// pure: it knows the nouns and the standard library, and never reaches the
// AWS SDK.
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"ptcaudit/internal/report"
)

// Schema is the attribute that tells this message from others on a topic. It
// changes when a reader of the old form could misread the new one.
const Schema = "ptcaudit/message/v1"

// Message is one message. As JSON it is what queues and functions receive.
// Everything in it that comes from outside is cleaned: one line, visible
// characters only, bounded in length.
type Message struct {
	// Status is the first of Statuses: what the message is about.
	Status   report.Status   `json:"status"`
	Statuses []report.Status `json:"statuses"`
	// Severity is the highest of what is said; what could not be audited
	// counts as critical.
	Severity report.Severity `json:"severity"`
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	// Subject is ASCII, under 100 characters, without line breaks.
	Subject string `json:"subject"`
	// Text is the mail.
	Text string `json:"text"`
	// Findings are the ones in Text, in its order. See Omitted.
	Findings []Finding `json:"findings"`
	// Changes are the latest of those that led to the audit.
	Changes []report.Trigger `json:"changes"`
	// Faults are what kept the audit from being complete, equal ones folded.
	Faults []Fault `json:"faults,omitempty"`
	// Omitted counts the findings left out, so that the message is not too
	// large for SNS. Text says so too.
	Omitted int `json:"omitted,omitempty"`
	// Evidence is where the whole report is kept.
	Evidence   string     `json:"evidence,omitempty"`
	Attributes Attributes `json:"attributes"`

	chat string // the https part
	id   string
}

// Finding is a finding and what is said of it.
type Finding struct {
	// Status is FAILED, CHANGED, REMINDER, RESOLVED, COULD_NOT_AUDIT, or Open.
	Status report.Status `json:"status"`
	report.Finding
}

// Open is the status of a finding that is said for completeness only: it is
// known, and still fails.
const Open report.Status = "OPEN"

// Attributes are what subscribers filter on. They tell of all that is said,
// also of what is left out of a message that would be too large, except that
// the lists are bounded; an empty list is not sent. A registry that could not
// be audited at all has neither checks nor prefixes: a filter on those should
// let the status COULD_NOT_AUDIT through.
type Attributes struct {
	Schema   string          `json:"schema"`
	Status   []report.Status `json:"status"`
	Severity report.Severity `json:"severity"`
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	Checks   []string        `json:"checks"`
	Prefixes []string        `json:"prefixes"`
}

// Bounds of lists. Those of attributes are far above what a registry of at
// most ptc.RuleLimit rules needs.
const (
	maxChanges    = 50
	maxFaults     = 10
	maxAttributes = 250
	maxReferences = 5
	// maxFindings is more than fit into the smallest message.
	maxFindings = 1200
)

// Compose finds the words for a statement. Where they would be too much for
// SNS, whole findings are left out from the end, in all parts alike, until
// the message fits; only then, and only where somebody feeds the auditor
// nonsense, faults and changes.
func Compose(s report.Statement) Message {
	d := newDraft(s)
	size := d.size()
	m := d.compose(size)
	if m.Envelope().Size() <= MaxSize {
		return m
	}
	// The largest number of items that fit: Search wants the first that do not.
	n := sort.Search(size, func(n int) bool { return d.compose(n+1).Envelope().Size() > MaxSize })
	return d.compose(n)
}

// draft is a statement whose texts are cleaned, before it is known how much
// of it fits.
type draft struct {
	statement report.Statement
	account   string
	region    string
	policy    string
	evidence  string
	subject   string
	summary   string // of all that is said, without its full stop

	faults   []Fault          // folded, the most frequent first
	changes  []report.Trigger // the latest, oldest first
	findings []Finding        // as sections follow each other; the first maxFindings

	// All that there was, before anything was bounded.
	allChanges, allFindings int
	attributes              Attributes
	id                      string
}

// section is one part of a statement.
type section struct {
	status   report.Status
	findings []report.Finding
}

// sections are the parts of a statement in their order in the mail.
func sections(s report.Statement) []section {
	return []section{
		{report.CouldNotAudit, s.Undecided},
		{report.Failed, s.New},
		{report.Changed, s.Altered},
		{report.Resolved, s.Resolved},
		{report.Reminder, s.Reminded},
		{Open, s.Open},
	}
}

func newDraft(s report.Statement) *draft {
	d := &draft{
		statement: s,
		account:   id(s.Registry.Account, maxPlace),
		region:    id(s.Registry.Region, maxPlace),
		policy:    clean(s.Policy.Name, maxID),
		evidence:  strings.ReplaceAll(oneLine(s.Evidence, maxRemediation), " ", "%20"),
		faults:    fold(s.Faults),
		changes:   []report.Trigger{},
		findings:  []Finding{},
		id:        identity(s),
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
				d.findings = append(d.findings, Finding{section.status, cleanFinding(f)})
			}
		}
	}
	d.allChanges = len(s.Changes)
	for _, t := range s.Changes[max(0, len(s.Changes)-maxChanges):] {
		d.changes = append(d.changes, cleanTrigger(t))
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
		references = append(references, id(r, maxName))
	}
	f.References = references
	if f.Waiver != nil {
		f.Waiver = &report.Waiver{
			Owner: clean(f.Waiver.Owner, maxName), Reason: clean(f.Waiver.Reason, maxText), Expires: id(f.Waiver.Expires, maxID),
		}
	}
	return f
}

func cleanTrigger(t report.Trigger) report.Trigger {
	t.Kind = report.TriggerKind(id(string(t.Kind), maxID))
	t.Time = t.Time.UTC()
	if year := t.Time.Year(); year < 1 || year > 9999 { // JSON has no others
		t.Time = time.Time{}
	}
	t.EventID = id(t.EventID, maxID)
	t.Call = id(t.Call, maxID)
	t.Prefix = id(t.Prefix, maxPrefix)
	t.Secret = id(t.Secret, maxName)
	if t.Actor != nil {
		t.Actor = &report.Actor{Name: id(t.Actor.Name, maxID), ARN: id(t.Actor.ARN, maxName), Address: id(t.Actor.Address, maxID)}
	}
	return t
}

// size counts the items that can be left out: see compose.
func (d *draft) size() int { return len(d.faults) + len(d.changes) + len(d.findings) }

// compose writes the message with the first n items: faults are the last to
// be left out, then changes, then findings as they follow each other.
func (d *draft) compose(n int) Message {
	faults := d.faults[:min(n, len(d.faults))]
	n -= len(faults)
	changes := d.changes[max(0, len(d.changes)-n):]
	n -= len(changes)
	findings := d.findings[:min(n, len(d.findings))]

	m := Message{
		Statuses:   d.attributes.Status,
		Severity:   d.attributes.Severity,
		Account:    d.account,
		Region:     d.region,
		Subject:    d.subject,
		Findings:   findings,
		Changes:    changes,
		Faults:     faults,
		Omitted:    d.allFindings - len(findings),
		Evidence:   d.evidence,
		Attributes: d.attributes,
		id:         d.id,
	}
	if len(m.Statuses) > 0 {
		m.Status = m.Statuses[0]
	}
	m.Text = d.text(m)
	m.chat = d.chat(m)
	return m
}

// ID identifies what is said: two messages with the same one say the same of
// the same registry, whenever they say it. A FIFO topic drops the second.
func (m Message) ID() string { return m.id }

// identity hashes what a statement says, whatever the order and whatever the
// words: a status more, another severity, another change are another message.
func identity(s report.Statement) string {
	var said []string
	say := func(parts ...string) {
		var b strings.Builder
		for _, p := range parts { // with its length, so that no part passes for two
			b.WriteString(strconv.Itoa(len(p)) + ":" + p)
		}
		said = append(said, b.String())
	}
	say("registry", s.Registry.Account, s.Registry.Region)
	for _, status := range s.Statuses() {
		say("status", string(status))
	}
	for _, section := range sections(s) {
		for _, f := range section.findings {
			say("finding", string(section.status), f.Check, f.Prefix, string(f.Severity), string(f.Outcome), f.Facts)
		}
	}
	for _, f := range s.Faults {
		say("fault", f.Operation, f.Prefix, string(f.Kind), f.Code)
	}
	for _, t := range s.Changes {
		if t.EventID != "" {
			say("event", t.EventID)
		} else {
			say("change", t.Time.UTC().String(), t.Call, t.Prefix, t.Secret)
		}
	}
	slices.Sort(said)
	sum := sha256.Sum256([]byte(strings.Join(said, "\n")))
	return hex.EncodeToString(sum[:])
}

// encode is JSON without the escapes that are for HTML.
func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("notify: " + err.Error()) // strings, numbers, and times within JSON's range
	}
	return strings.TrimSuffix(b.String(), "\n")
}
