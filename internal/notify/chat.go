package notify

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"ptcaudit/internal/report"
)

// Bounds of a chat message, in characters. Amazon Q Developer documents none;
// a section of a Slack message has 3,000:
// https://docs.slack.dev/reference/block-kit/blocks/section-block/
const (
	maxDescription = 2800
	maxChatText    = 300
	maxNextSteps   = 5
	maxResources   = 20
	maxChatChanges = 3
)

// notification is a custom notification of Amazon Q Developer in chat
// applications:
// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
type notification struct {
	Version  string   `json:"version"`
	Source   string   `json:"source"`
	ID       string   `json:"id"`
	Content  content  `json:"content"`
	Metadata metadata `json:"metadata"`
}

type content struct {
	TextType    string   `json:"textType"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
	Keywords    []string `json:"keywords,omitempty"`
}

type metadata struct {
	// ThreadID is the registry's: what is resolved stands under what failed.
	ThreadID          string            `json:"threadId"`
	Summary           string            `json:"summary"`
	EventType         string            `json:"eventType"`
	RelatedResources  []string          `json:"relatedResources,omitempty"`
	AdditionalContext map[string]string `json:"additionalContext,omitempty"`
}

// chat writes the custom notification: the mail's counts, and its findings in
// a line each, as many as a chat shows.
func (d *draft) chat(m Message) string {
	n := notification{
		Version: "1.0",
		Source:  "custom",
		ID:      m.ID,
		Content: content{
			TextType:    "client-markdown",
			Title:       title(m.Subject),
			Description: d.description(m),
			NextSteps:   d.nextSteps(m),
		},
		Metadata: metadata{
			ThreadID:         "ptcaudit/" + d.account + "/" + d.region,
			Summary:          d.summary + ".",
			EventType:        string(m.Status),
			RelatedResources: m.Attributes.Prefixes[:min(len(m.Attributes.Prefixes), maxResources)],
		},
	}
	for _, status := range m.Statuses {
		n.Content.Keywords = append(n.Content.Keywords, string(status))
	}
	for _, k := range []string{string(m.Severity), d.account, d.region} {
		if k != "" {
			n.Content.Keywords = append(n.Content.Keywords, k)
		}
	}
	n.Metadata.AdditionalContext = map[string]string{}
	for k, v := range map[string]string{"account": d.account, "region": d.region, "policy": d.policy, "severity": string(m.Severity), "evidence": d.evidence} {
		if v != "" {
			n.Metadata.AdditionalContext[k] = v
		}
	}
	return encode(n)
}

// entry is one line of a chat message, under the title of its section.
type entry struct{ section, line string }

// description is the text of a chat message, in markup that Slack and
// Microsoft Teams read alike: stars and code spans.
func (d *draft) description(m Message) string {
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
	add(escape(d.summary)+".", 0)
	add(escape(d.about()), 0)
	last := ""
	if d.evidence != "" {
		last = "Evidence: " + code(brief(d.evidence))
	}
	// Room is kept for the lines at the end.
	room := utf8.RuneCountInString(last) + 1 + len("10000000 earlier changes: see the mail.\n10000000 more: see the mail.\n")
	told := 0
	for _, t := range m.Changes[max(0, len(m.Changes)-maxChatChanges):] {
		if add(escape(brief(d.actor(t)))+".", room) {
			told++
		}
	}
	if earlier := len(d.notification.Changes) - told; earlier > 0 {
		add(count(earlier, "1 earlier change: see the mail.", "%d earlier changes: see the mail."), 0)
	}

	section, left := "", d.lines(m)
	for e := range d.entries(m) {
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

// lines counts what there is to list, what is left out of m included.
func (d *draft) lines(m Message) int {
	n := len(m.Faults) + d.allFindings + len(d.notification.Unexplained) + d.allRules
	if !d.recovered.IsZero() {
		n++
	}
	return n
}

// entries are the lines of a chat message, in the order of the mail. A chat
// shows the first of them, so that each is written when it is asked for.
func (d *draft) entries(m Message) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		goOn := true
		add := func(section, line string) { goOn = goOn && yield(entry{section, line}) }
		findings := func(statuses ...report.Status) {
			for _, f := range m.Findings {
				if goOn && slices.Contains(statuses, f.Status) {
					add(heading(f.Status), d.chatFinding(f))
				}
			}
		}
		for _, f := range m.Faults {
			add("COULD NOT AUDIT", chatFault(f))
		}
		findings(report.CouldNotAudit, report.Failed, report.Changed)
		for _, c := range m.Unexplained {
			add(titleUntold, chatRule(c))
		}
		if !d.recovered.IsZero() {
			add(heading(report.Resolved), "• "+d.recovery())
		}
		findings(report.Resolved, report.Reminder, Open)
		for _, c := range m.Rules {
			add(titleRules, chatRule(c))
		}
	}
}

// chatFault says a fault in a line.
func chatFault(f Fault) string {
	line := fmt.Sprintf("• %s %s %s", escape(f.label()), code(subjects(f.Count, f.Prefixes)), code(f.what()))
	said := f.means()
	if f.Message != "" {
		said += " " + quoted(brief(oneLine(f.Message, maxText)))
	}
	if said = strings.TrimSpace(said); said != "" {
		line += ": " + escape(said)
	}
	return line
}

// chatRule says what became of a rule in a line.
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

// chatFinding says a finding in a line.
func (d *draft) chatFinding(f Finding) string {
	line := "• " + strings.ToUpper(string(f.Severity)) + " " + code(report.SubjectOf(f.Prefix)) + " " + code(f.Check)
	var said []string
	say := func(lead, s string) {
		if s == "" {
			return
		}
		if s = lead + brief(s); !strings.ContainsAny(s[len(s)-1:], `.!?"`) {
			s += "."
		}
		said = append(said, s)
	}
	switch f.Status {
	case report.Resolved:
		say("", resolution(f))
		say("It failed ", d.since(f))
	case Open:
		say("Failing ", d.since(f))
	default:
		say("", f.Message)
		say("Why now: ", f.Why)
		say("Failing ", d.since(f))
	}
	if len(said) > 0 {
		line += ": " + escape(strings.Join(said, " "))
	}
	return line
}

// title is the subject: its tag is ours, and the brackets belong to it.
func title(subject string) string {
	tag, rest, _ := strings.Cut(subject, "] ")
	return tag + "] " + escape(rest)
}

// nextSteps say how to mend what fails, each way once, and how to look where
// change events do not arrive.
func (d *draft) nextSteps(m Message) []string {
	var steps []string
	seen := map[string]bool{}
	add := func(lead, step string) {
		if step = lead + markup(step); step != lead && !seen[step] && len(steps) < maxNextSteps {
			steps, seen[step] = append(steps, step), true
		}
	}
	for _, f := range m.Faults {
		add("", f.mend(d.account, d.region))
	}
	if len(m.Unexplained) > 0 {
		for _, step := range d.untoldSteps() {
			add("", step)
		}
	}
	for _, f := range m.Findings {
		if f.Status == report.Failed || f.Status == report.Changed || f.Status == report.Reminder {
			add(code(report.SubjectOf(f.Prefix))+" ", f.Remediation)
		}
	}
	return steps
}
