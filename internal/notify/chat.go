package notify

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"ptcaudit/internal/report"
)

// customNotification is a custom notification of Amazon Q Developer in chat
// applications:
// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
type customNotification struct {
	Version  string       `json:"version"`
	Source   string       `json:"source"`
	ID       string       `json:"id"`
	Content  chatContent  `json:"content"`
	Metadata chatMetadata `json:"metadata"`
}

type chatContent struct {
	TextType    string   `json:"textType"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
	Keywords    []string `json:"keywords,omitempty"`
}

type chatMetadata struct {
	// ThreadID is that of the registry, so that a failure and its resolution are
	// in one thread.
	ThreadID          string            `json:"threadId"`
	Summary           string            `json:"summary"`
	EventType         string            `json:"eventType"`
	RelatedResources  []string          `json:"relatedResources,omitempty"`
	AdditionalContext map[string]string `json:"additionalContext,omitempty"`
}

// chat writes the custom notification: the counts of the mail, and its
// findings, a line each, as many as a chat shows.
func chat(c content) string {
	status := report.Status("")
	if statuses := c.attributes.Status; len(statuses) > 0 {
		status = statuses[0]
	}
	n := customNotification{
		Version: "1.0",
		Source:  "custom",
		ID:      c.id,
		Content: chatContent{
			TextType:    "client-markdown",
			Title:       chatTitle(c.subject),
			Description: c.chatDescription(),
			NextSteps:   c.chatSteps(),
		},
		Metadata: chatMetadata{
			ThreadID:         "ptcaudit/" + c.account + "/" + c.region,
			Summary:          c.summary + ".",
			EventType:        string(status),
			RelatedResources: c.attributes.Prefixes[:min(len(c.attributes.Prefixes), maxResources)],
		},
	}
	for _, s := range c.attributes.Status {
		n.Content.Keywords = append(n.Content.Keywords, string(s))
	}
	severity := string(c.attributes.Severity)
	for _, k := range []string{severity, c.account, c.region} {
		if k != "" {
			n.Content.Keywords = append(n.Content.Keywords, k)
		}
	}
	n.Metadata.AdditionalContext = map[string]string{}
	for k, v := range map[string]string{"account": c.account, "region": c.region, "policy": c.policy, "severity": severity, "evidence": c.evidence} {
		if v != "" {
			n.Metadata.AdditionalContext[k] = v
		}
	}
	return encode(n)
}

// chatDescription is the body of a chat message, in the markup that Slack and
// Microsoft Teams have in common: stars and code spans.
func (c content) chatDescription() string {
	var b strings.Builder
	runes := 0
	add := func(line string, keep int) bool {
		n := utf8.RuneCountInString(line) + 1
		if runes+n > maxDescription-keep {
			return false
		}
		b.WriteString(line + "\n")
		runes += n
		return true
	}
	add(escape(c.summary)+".", 0)
	add(escape(c.about()), 0)
	if c.again != "" {
		add(escape("Sent again: "+c.again+"."), 0)
	}
	last := ""
	if c.evidence != "" {
		last = leadEvidence + code(brief(c.evidence))
	}
	// Room is kept for the lines at the end.
	room := utf8.RuneCountInString(last) + 1 + len("10000000 earlier changes: see the mail.\n10000000 more: see the mail.\n")
	listed := 0
	for _, t := range c.changes.shown[max(0, len(c.changes.shown)-maxChatChanges):] {
		if add(escape(brief(changeLine(t, c.at, false))), room) {
			listed++
		}
	}
	if earlier := c.changes.all - listed; earlier > 0 {
		add(count(earlier, "1 earlier change: see the mail.", "%d earlier changes: see the mail."), 0)
	}

	section, left := "", c.chatLines()
	for e := range c.chatEntries() {
		line := e.line
		if e.section != section {
			line = "*" + e.section + "*\n" + line
		}
		if !add(line, room) { // the rest would be out of order
			break
		}
		section = e.section
		left--
	}
	if left > 0 {
		add(fmt.Sprintf("%d more: see the mail.", left), 0)
	}
	if last != "" {
		add(last, 0)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// chatLines counts all lines of the list, including those that do not fit.
func (c content) chatLines() int {
	n := len(c.faults.shown) + c.findings.all + c.unexplained.all + c.rules.all
	if !c.recovered.IsZero() {
		n++
	}
	return n
}

// entry is one line of a chat message, under the title of its section.
type entry struct{ section, line string }

// chatEntries are the lines of a chat message, in the order of the mail. They
// are made one at a time, since a chat shows only the first ones.
func (c content) chatEntries() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		goOn := true
		add := func(section, line string) { goOn = goOn && yield(entry{section, line}) }
		findings := func(statuses ...report.Status) {
			for _, f := range c.findings.shown {
				if goOn && slices.Contains(statuses, f.Status) {
					add(titleOf(f.Status), c.chatFinding(f))
				}
			}
		}
		findings(report.Failed, report.Changed)
		faults := func(title string, ofStore bool) {
			for _, f := range c.faults.shown {
				if _, atStore := f.step(); atStore == ofStore {
					add(title, chatFault(f))
				}
			}
		}
		faults(titleNotChecked, false)
		findings(report.CouldNotAudit)
		faults(titleFaults, true)
		for _, r := range c.unexplained.shown {
			add(titleUnexplained, chatRule(r))
		}
		if !c.recovered.IsZero() {
			add(titleOf(report.Resolved), "• "+c.recovery())
		}
		findings(report.Resolved, report.Reminder, Open)
		for _, r := range c.rules.shown {
			add(titleRules, chatRule(r))
		}
	}
}

// chatFault is a fault in a line.
func chatFault(f Fault) string {
	s := f.sentence()
	if f.Message != "" {
		s += " " + f.source() + " " + quoted(brief(oneLine(f.Message, maxText)))
	}
	return "• " + escape(f.label()) + " " + code(subjects(f.Count, f.Prefixes)) + ": " + escape(s) + " " + code(f.code())
}

// chatRule is the change of a rule in a line.
func chatRule(c report.RuleChange) string {
	fields := make([]string, 0, len(c.Fields))
	for _, f := range c.Fields {
		is, was := fieldChange(f)
		fields = append(fields, strings.Trim(is+", "+was, ", "))
	}
	line := "• " + escape(strings.ToUpper(string(c.Kind))) + " " + code(report.SubjectOf(c.Prefix))
	if len(fields) > 0 {
		line += ": " + escape(brief(strings.Join(fields, "; ")))
	}
	return line
}

// chatFinding is a finding in a line.
func (c content) chatFinding(f Finding) string {
	var sentences []string
	add := func(lead, s string) {
		if s == "" {
			return
		}
		if s = lead + brief(s); !strings.ContainsAny(s[len(s)-1:], `.!?"`) {
			s += "."
		}
		sentences = append(sentences, s)
	}
	first, rest := f.sentence()
	add("", first)
	switch f.Status {
	case report.Resolved:
		add("It failed ", duration(f.Since, c.at))
	case Open:
		add("Failing ", duration(f.Since, c.at))
	default:
		add("", rest)
		add("Why now: ", f.Why)
		add("Failing ", duration(f.Since, c.at))
	}
	label := f.Severity.Label()
	if f.Status == report.CouldNotAudit {
		label = titleNotChecked
	}
	return "• " + label + " " + code(report.SubjectOf(f.Prefix)) + ": " + escape(strings.Join(sentences, " ")) + " " + code(f.Check)
}

// chatTitle is the subject. The brackets of its tag are ours, and stay.
func chatTitle(subject string) string {
	tag, rest, _ := strings.Cut(subject, "] ")
	return tag + "] " + escape(rest)
}

// chatSteps are the fixes of all failures without duplicates, and how to find out
// why no change events arrive.
func (c content) chatSteps() []string {
	var steps []string
	seen := map[string]bool{}
	add := func(lead, step string) {
		if step = lead + markup(step); step != lead && !seen[step] && len(steps) < maxNextSteps {
			steps, seen[step] = append(steps, step), true
		}
	}
	for _, f := range c.findings.shown {
		if f.Status == report.Failed || f.Status == report.Changed || f.Status == report.Reminder {
			add(code(report.SubjectOf(f.Prefix))+" ", f.Remediation)
		}
	}
	for _, f := range c.faults.shown {
		add("", f.fix(c.account, c.region))
	}
	if c.unexplained.all > 0 {
		for _, step := range c.unexplainedSteps() {
			add("", step)
		}
	}
	return steps
}
