package notify

import (
	"fmt"
	"strings"
	"unicode"
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
		ID:      d.id,
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

// description is the text of a chat message, in markup that Slack and
// Microsoft Teams read alike: stars and code spans.
func (d *draft) description(m Message) string {
	var b strings.Builder
	runes := 0
	add := func(line string) bool {
		n := utf8.RuneCountInString(line) + 1
		if runes+n > maxDescription {
			return false
		}
		b.WriteString(line + "\n")
		runes += n
		return true
	}
	add(escape(d.summary) + ".")
	add(escape(d.about()))
	for _, t := range m.Changes[max(0, len(m.Changes)-3):] {
		add(escape(cut(d.actor(t)+" "+origin(t), maxChatText)))
	}
	for _, f := range m.Faults {
		line := fmt.Sprintf("• *COULD NOT AUDIT* %s %s: %s", code(subjects(f.Count, f.Prefixes)), code(f.what()), escape(f.means()))
		if f.Message != "" {
			line += " " + escape(quoted(cut(oneLine(f.Message, maxText), maxChatText)))
		}
		add(line)
	}
	section := report.Status("")
	left := m.Omitted
	for _, f := range m.Findings {
		if left > m.Omitted { // one did not fit: the rest would be out of order
			left++
			continue
		}
		line := ""
		if f.Status != section {
			line = "*" + heading(f.Status) + "*\n"
		}
		line += "• " + strings.ToUpper(string(f.Severity)) + " " + code(subject(f.Prefix)) + " " + code(f.Check)
		if f.Message != "" && f.Status != Open {
			line += ": " + escape(cut(f.Message, maxChatText))
		}
		// Room is kept for the line that says how many are left out.
		if runes+utf8.RuneCountInString(line)+1 > maxDescription-60 || !add(line) {
			left++
			continue
		}
		section = f.Status
	}
	if left > 0 {
		add(fmt.Sprintf("%d more: see the mail.", left))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// title is the subject: its tag is ours, and the brackets belong to it.
func title(subject string) string {
	tag, rest, _ := strings.Cut(subject, "] ")
	return tag + "] " + escape(rest)
}

// heading is the mail's title of a section.
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

// nextSteps say how to mend what fails, each way once.
func (d *draft) nextSteps(m Message) []string {
	var steps []string
	seen := map[string]bool{}
	add := func(step string) {
		if step != "" && !seen[step] && len(steps) < maxNextSteps {
			steps, seen[step] = append(steps, step), true
		}
	}
	for _, f := range m.Faults {
		add(escape(f.mend(d.account, d.region)))
	}
	for _, f := range m.Findings {
		if len(steps) == maxNextSteps {
			break
		}
		if f.Status != report.Failed && f.Status != report.Changed && f.Status != report.Reminder {
			continue
		}
		var lines []string
		for line := range strings.Lines(f.Remediation) {
			if line = strings.TrimSuffix(line, "\n"); isCommand(line) {
				lines = append(lines, code(line))
			} else {
				lines = append(lines, escape(line))
			}
		}
		if len(lines) > 0 {
			add(code(subject(f.Prefix)) + " " + strings.Join(lines, "\n"))
		}
	}
	return steps
}

// escape takes the markup out of a text. Neither Slack nor Teams has an escape
// that the other reads too, so what begins markup, a mention or a link is
// replaced by what looks like it: always, or where a word begins or ends.
// https://docs.slack.dev/messaging/formatting-message-text/
func escape(s string) string {
	inner := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	var b strings.Builder
	before := ' '
	for i, r := range s {
		like, always := lookalikes[r]
		if !always {
			_, size := utf8.DecodeRuneInString(s[i:])
			after, _ := utf8.DecodeRuneInString(s[i+size:])
			if edge, found := edgeLookalikes[r]; found && (!inner(before) || !inner(after)) {
				like = edge
			} else {
				like = r
			}
		}
		b.WriteRune(like)
		before = r
	}
	return strings.ReplaceAll(b.String(), "://", ": //")
}

var (
	lookalikes     = map[rune]rune{'*': '∗', '~': '∼', '`': '\'', '<': '‹', '>': '›', '[': '(', ']': ')'}
	edgeLookalikes = map[rune]rune{'_': '＿', '@': '＠'}
)

// code is text that is shown as it is, to be copied.
func code(s string) string {
	return "`" + strings.NewReplacer("`", "'", "<", "‹", ">", "›", "\n", " ").Replace(s) + "`"
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
