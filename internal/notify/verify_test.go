package notify_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/snsstub"
)

// verify checks what holds for the message of any notification.
func verify(t rapid.TB, s report.Notification) notify.Message {
	t.Helper()
	m := notify.Compose(s)
	for _, form := range notify.Forms() {
		verifyLimits(t, m.Envelope(form))
	}
	verifyForms(t, m)
	verifyText(t, m)
	verifyWidth(t, m)
	verifyTerminal(t, m)
	verifyCounts(t, s, m)
	verifyFindings(t, s, m)
	verifyRules(t, s, m)
	verifyChat(t, s, m, m.Envelope(notify.ForChat).Body)
	return m
}

// verifyLimits: SNS accepts the message.
func verifyLimits(t rapid.TB, e notify.Envelope) {
	t.Helper()
	if e.Size() > notify.MaxSize {
		t.Errorf("size %d is above %d", e.Size(), notify.MaxSize)
	}
	p := snsstub.Publication{
		TopicARN: "arn:aws:sns:eu-west-1:111122223333:audit",
		Subject:  e.Subject, Message: e.Body, Attributes: map[string]snsstub.Attribute{},
	}
	for _, a := range e.Attributes {
		p.Attributes[a.Name] = snsstub.Attribute{Type: a.Type, Value: a.Value}
	}
	if err := p.Check(); err != nil {
		t.Errorf("SNS would refuse it: %v", err)
	}
	if e.Subject == "" {
		t.Errorf("no subject")
	}
}

// verifyForms: the body of each form agrees with the message, and all forms have
// the same subject and attributes.
func verifyForms(t rapid.TB, m notify.Message) {
	t.Helper()
	people, programs, chat := m.Envelope(notify.ForPeople), m.Envelope(notify.ForPrograms), m.Envelope(notify.ForChat)
	if people.Body != m.Text || chat.Body != string(m.Chat()) {
		t.Errorf("a body is not the form's text")
	}
	var decoded notify.Message
	if err := json.Unmarshal([]byte(programs.Body), &decoded); err != nil {
		t.Fatalf("body for programs: %v", err)
	}
	if diff := cmp.Diff(m, decoded, cmpopts.IgnoreUnexported(notify.Message{}, notify.Fault{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("body for programs (-message +body):\n%s", diff)
	}
	for _, other := range []notify.Envelope{programs, chat} {
		if diff := cmp.Diff(people, other, cmpopts.IgnoreFields(notify.Envelope{}, "Body")); diff != "" {
			t.Errorf("the forms differ in more than their body (-people +other):\n%s", diff)
		}
	}
	if diff := cmp.Diff(m.Statuses, m.Attributes.Status); diff != "" || m.Severity != m.Attributes.Severity {
		t.Errorf("attributes %+v of a message that is %s, %v", m.Attributes, m.Severity, m.Statuses)
	}
	for _, a := range people.Attributes {
		if a.Type != "String.Array" {
			continue
		}
		var list []string
		if err := json.Unmarshal([]byte(a.Value), &list); err != nil || len(list) == 0 {
			t.Errorf("attribute %s: %v, %d elements", a.Name, err, len(list))
		}
	}
}

const (
	notChecked    = "NOT CHECKED"
	auditorFaults = "AUDITOR FAULTS"
)

var titles = []string{"NEW", "CHANGED", notChecked, auditorFaults, "RULES CHANGED WITHOUT AN EVENT", "RESOLVED", "REMINDER", "STILL OPEN", "RULE CHANGES SINCE THE LAST AUDIT"}

// ownLine matches what may begin at the left margin of a mail.
var ownLine = regexp.MustCompile(`^(` + strings.Join(titles, "|") + `)$` +
	`|^(First audit of this registry: |Nothing to report\.|Nothing checked: |Evidence not stored|State not (read|written)|Audits work again|Reminder: \d+ failures?|\d+ (new failures?|changed failures?|rules? not checked|checks? without a result|resolved|reminders?|still open|rules? changed))` +
	`|^Later messages report only what changes\.$` +
	`|^Registry |^Evidence: \S+$|^\d+ more findings? (does|do) not fit|^\d+ earlier changes? (is|are) not listed here\.$` +
	`|^(Changed|Deployed|Requested) by: `)

// verifyText: no line of the mail is forged, and nothing in it is invisible.
func verifyText(t rapid.TB, m notify.Message) {
	t.Helper()
	for line := range strings.Lines(m.Text) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, "  ") && !ownLine.MatchString(line) {
			t.Errorf("a line from outside begins at the margin: %q", line)
		}
	}
	found := 0
	for _, title := range titles {
		if n := strings.Count("\n"+m.Text, "\n"+title+"\n"); n > 1 {
			t.Errorf("title %s stands %d times", title, n)
		} else {
			found += n
		}
	}
	incomplete := slices.Contains(m.Statuses, report.CouldNotAudit)
	if got := strings.Contains(m.Text, "\n"+notChecked+"\n") || strings.Contains(m.Text, "\n"+auditorFaults+"\n"); got != incomplete {
		t.Errorf("the text says that something was not checked: %v, want %v", got, incomplete)
	}
	if len(m.Findings)+len(m.Faults)+len(m.Unexplained)+len(m.Rules) == 0 && found > 4 {
		t.Errorf("%d titles over nothing", found)
	}
	for _, text := range []string{m.Text, m.Subject} {
		if i := strings.IndexFunc(text, invisible); i >= 0 {
			t.Errorf("invisible: %q", text[i:min(len(text), i+20)])
		}
	}
}

func invisible(r rune) bool {
	return r != '\n' && !unicode.IsGraphic(r) || unicode.In(r, unicode.Bidi_Control, unicode.Join_Control, unicode.Variation_Selector)
}

var copied = regexp.MustCompile(`^ +(aws |ptcaudit |docker |See \S+$)|^Evidence: \S+$`)

// verifyWidth: mail servers do not break the lines.
func verifyWidth(t rapid.TB, m notify.Message) {
	t.Helper()
	for line := range strings.Lines(m.Text) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 998 && strings.Contains(strings.TrimSpace(line), " ") && !copied.MatchString(line) {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
	}
}

// verifyCounts: subject and summary count what is reported, and the subject
// begins with the worst.
func verifyCounts(t rapid.TB, s report.Notification, m notify.Message) {
	t.Helper()
	summary, _, _ := strings.Cut(m.Text, "\nRegistry ")
	summary = strings.ReplaceAll(summary, "\n", "")
	failures := `(\d+) new failures?\b`
	if s.First {
		failures = `(\d+) failures?\b`
	}
	for _, c := range []struct {
		pattern string
		want    int
	}{
		{failures, len(s.New)},
		{`(\d+) changed failures?\b`, len(s.Altered)},
		{`(\d+) resolved\b`, len(s.Resolved)},
		{`(?:(\d+) reminders?\b|[Rr]eminder: (\d+) failures?\b)`, len(s.Reminded)},
		{`(\d+) still open\b`, len(s.Open)},
		{`(\d+) rules? changed without an event\b`, len(s.Unexplained)},
	} {
		pattern := regexp.MustCompile(c.pattern)
		number := func(text string) (int, bool) {
			match := pattern.FindStringSubmatch(text)
			if match == nil {
				return 0, false
			}
			n, _ := strconv.Atoi(strings.Join(match[1:], ""))
			return n, true
		}
		if n, there := number(summary); there != (c.want > 0) || n != c.want {
			t.Errorf("summary %q does not count %d of %s", summary, c.want, c.pattern)
		}
		if n, there := number(m.Subject); there && n != c.want && !strings.Contains(m.Subject, "(+"+strconv.Itoa(c.want-1)+" new failure") {
			t.Errorf("subject %q does not count %d of %s", m.Subject, c.want, c.pattern)
		}
	}
	for words, want := range map[string]bool{
		"udits work again":  !s.Recovered.IsZero(),
		"Nothing to report": len(s.Statuses()) == 0 && len(s.Open) == 0,
	} {
		if got := strings.Contains(summary, words); got != want {
			t.Errorf("summary %q says %q: %v, want %v", summary, words, got, want)
		}
	}
	if tag, open := strings.HasPrefix(m.Subject, "[RESOLVED]"), len(s.Open) > 0; tag && open {
		t.Errorf("subject %q, although %d findings are open", m.Subject, len(s.Open))
	}
	if !tagged.MatchString(m.Subject) {
		t.Errorf("subject %q has no severity or status in front", m.Subject)
	}
	if _, what, _ := strings.Cut(m.Subject, "] "); len(s.New) > 0 && len(m.Findings) > 0 && !strings.Contains(what, "failure") && !strings.Contains(what, "othing checked: ") {
		worst := m.Findings[0]
		if lead := worst.Prefix + ": "; worst.Prefix != "" && !strings.HasPrefix(what, lead) {
			t.Errorf("subject %q hides %d new failures", m.Subject, len(s.New))
		}
	}
}

var tagged = regexp.MustCompile(`^\[(CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL|RESOLVED|OK|(\d+ RESOLVED, )?\d+ OPEN)\] \S`)

var headLine = regexp.MustCompile(`(?m)^  (CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL) +(\S+|\(registry\)): .* \[(\S*)\]$`)

// verifyFindings: findings are shown or counted as left out, the worst first;
// text and attributes agree with the data.
func verifyFindings(t rapid.TB, s report.Notification, m notify.Message) {
	t.Helper()
	all := 0
	for _, list := range [][]report.Finding{s.Undecided, s.New, s.Altered, s.Resolved, s.Reminded, s.Open} {
		all += len(list)
	}
	if len(m.Findings)+m.Omitted != all {
		t.Errorf("%d findings and %d left out, of %d", len(m.Findings), m.Omitted, all)
	}
	if leftOut := fmt.Sprintf("\n%d more finding", m.Omitted); (m.Omitted > 0) != strings.Contains(m.Text, leftOut) {
		t.Errorf("%d are left out: the text contains %q: %v", m.Omitted, leftOut, strings.Contains(m.Text, leftOut))
	}
	var decided []notify.Finding
	for i, f := range m.Findings {
		if f.Status != report.CouldNotAudit {
			decided = append(decided, f)
		}
		if i > 0 && f.Status == m.Findings[i-1].Status && f.Severity.Rank() > m.Findings[i-1].Severity.Rank() {
			t.Errorf("%s after %s", f.Severity, m.Findings[i-1].Severity)
		}
		if f.Status == notify.Open {
			continue
		}
		if !slices.Contains(m.Statuses, f.Status) {
			t.Errorf("a finding is %s, the message %v", f.Status, m.Statuses)
		}
		for name, list := range map[string][]string{f.Check: m.Attributes.Checks, f.Prefix: m.Attributes.Prefixes} {
			if name != "" && len(list) < 250 && !slices.Contains(list, name) {
				t.Errorf("%q is not among the attributes %q", name, list)
			}
		}
	}
	heads := headLine.FindAllStringSubmatch(m.Text, -1)
	if len(heads) != len(decided) {
		t.Fatalf("the text has %d findings, the data %d", len(heads), len(decided))
	}
	for i, f := range decided {
		if heads[i][1] != strings.ToUpper(string(f.Severity)) || heads[i][2] != orRegistry(f.Prefix) || heads[i][3] != f.Check {
			t.Errorf("finding %d: the text has %q, the data %+v", i, heads[i][0], f)
		}
	}
}

func orRegistry(prefix string) string {
	if prefix == "" {
		return "(registry)"
	}
	return prefix
}

// apart counts the changes of rules that are not among the unexplained ones.
func apart(s report.Notification) int {
	n := 0
	for _, c := range s.Rules {
		if !slices.ContainsFunc(s.Unexplained, func(u report.RuleChange) bool { return cmp.Equal(c, u, cmpopts.EquateEmpty()) }) {
			n++
		}
	}
	return n
}

var ruleLine = regexp.MustCompile(`(?m)^  ((?:ADDED|REMOVED|ALTERED)[A-Z?]*) +(\S+)$`)

// verifyRules: the text names at most ten rules of each list in the data, and
// counts the others.
func verifyRules(t rapid.TB, s report.Notification, m notify.Message) {
	t.Helper()
	var want []string
	for _, list := range []struct {
		all   int
		shown []report.RuleChange
		left  string
	}{
		{len(s.Unexplained), m.Unexplained, "changed without an event."},
		{apart(s), m.Rules, "changed."},
	} {
		shown := list.shown[:min(len(list.shown), 10)]
		for _, c := range shown {
			want = append(want, strings.ToUpper(string(c.Kind))+" "+orRegistry(c.Prefix))
		}
		left := list.all - len(shown)
		counted := fmt.Sprintf("\n  %d more rules have %s\n", left, list.left)
		if left == 1 {
			counted = "\n  1 more rule has " + list.left + "\n"
		}
		if left > 0 && !strings.Contains(m.Text, counted) {
			t.Errorf("%d changes of rules are neither shown nor counted", left)
		}
	}
	for _, c := range m.Unexplained {
		if c.Prefix != "" && len(m.Attributes.Prefixes) < 250 && !slices.Contains(m.Attributes.Prefixes, c.Prefix) {
			t.Errorf("%q is not among the attributes %q", c.Prefix, m.Attributes.Prefixes)
		}
	}
	var got []string
	for _, line := range ruleLine.FindAllStringSubmatch(m.Text, -1) {
		got = append(got, line[1]+" "+line[2])
	}
	if !slices.Equal(want, got) {
		t.Errorf("the text has the rules %q, the data %q", got, want)
	}
}

// findingSections are the sections of a chat message whose lines are findings.
var findingSections = map[string]bool{"NEW": true, "CHANGED": true, "RESOLVED": true, "REMINDER": true, "STILL OPEN": true}

var chatHead = regexp.MustCompile("^• ([A-Z]+) `([^`]*)`: .* `([^`]*)`\n?$")

// verifyChat: it is bounded, has no markup but ours, lists what the mail lists
// in the same order, and counts the rest.
func verifyChat(t rapid.TB, s report.Notification, m notify.Message, part string) {
	t.Helper()
	var chat struct {
		Version, Source, ID string
		Content             struct {
			Title, Description  string
			NextSteps, Keywords []string
		}
		Metadata struct{ ThreadID, Summary, EventType string }
	}
	if err := json.Unmarshal([]byte(part), &chat); err != nil {
		t.Fatalf("https part: %v", err)
	}
	if chat.Version != "1.0" || chat.Source != "custom" || chat.Metadata.ThreadID == "" || chat.Content.Title == "" {
		t.Errorf("not a custom notification: %s", part)
	}
	if chat.ID != m.ID || chat.Metadata.EventType != string(m.Status) || !strings.HasPrefix(strings.ReplaceAll(m.Text, "\n  ", " "), chat.Metadata.Summary) {
		t.Errorf("the chat has id %q, type %q and summary %q of a message %q, %q: %q", chat.ID, chat.Metadata.EventType, chat.Metadata.Summary, m.ID, m.Status, m.Text)
	}
	for _, status := range m.Statuses {
		if !slices.Contains(chat.Content.Keywords, string(status)) {
			t.Errorf("%s is not among the keywords %q", status, chat.Content.Keywords)
		}
	}
	if n := utf8.RuneCountInString(chat.Content.Description); n > 2800 {
		t.Errorf("description has %d characters", n)
	}
	for _, text := range append(chat.Content.NextSteps, chat.Content.Description, chat.Content.Title) {
		outside := regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "")
		outside = regexp.MustCompile(`(?m)^(• )?\*[A-Z ]+\*`).ReplaceAllString(outside, "")
		if i := strings.IndexAny(strings.TrimPrefix(outside, "["), "`<>*~["); i >= 0 {
			t.Errorf("markup %q in %q", outside[i:], text)
		}
		if strings.ContainsAny(text, "<>") || strings.Contains(outside, "://") {
			t.Errorf("mention or link in %q", text)
		}
	}
	left := 0
	if match := regexp.MustCompile(`(?m)^(\d+) more: see the mail\.$`).FindStringSubmatch(chat.Content.Description); match != nil {
		_, _ = fmt.Sscan(match[1], &left)
	}
	all := len(m.Faults) + len(m.Findings) + m.Omitted + len(s.Unexplained) + apart(s)
	if !s.Recovered.IsZero() {
		all++
	}
	if listed := strings.Count("\n"+chat.Content.Description, "\n• "); listed+left != all {
		t.Errorf("chat lists %d and leaves out %d, of %d:\n%s", listed, left, all, chat.Content.Description)
	}
	decided := slices.DeleteFunc(slices.Clone(m.Findings), func(f notify.Finding) bool { return f.Status == report.CouldNotAudit })
	i, section := 0, ""
	for line := range strings.Lines(chat.Content.Description) {
		if title := regexp.MustCompile(`^\*([A-Z ]+)\*$`).FindStringSubmatch(strings.TrimSpace(line)); title != nil {
			section = title[1]
		}
		head := chatHead.FindStringSubmatch(line)
		if head == nil || !findingSections[section] {
			continue
		}
		f := decided[i]
		if head[1] != strings.ToUpper(string(f.Severity)) || head[2] != orRegistry(f.Prefix) || head[3] != f.Check {
			t.Errorf("finding %d: the chat has %q, the data %+v", i, head[0], f)
		}
		i++
	}
}
