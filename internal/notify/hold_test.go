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

// hold checks what is true of every message, whatever there is to say.
func hold(t rapid.TB, s report.Notification) notify.Message {
	t.Helper()
	m := notify.Compose(s)
	e := m.Envelope()
	holdLimits(t, e)
	parts := holdParts(t, m, e)
	holdText(t, m)
	holdWidth(t, m)
	holdCounts(t, s, m)
	holdFindings(t, s, m)
	holdRules(t, s, m)
	holdChat(t, s, m, parts["https"])
	return m
}

// holdLimits: SNS takes the message.
func holdLimits(t rapid.TB, e notify.Envelope) {
	t.Helper()
	if e.Size() > notify.MaxSize {
		t.Errorf("size %d is above %d", e.Size(), notify.MaxSize)
	}
	p := snsstub.Publication{
		TopicARN: "arn:aws:sns:eu-west-1:111122223333:audit",
		Subject:  e.Subject, Structure: "json", Message: e.Body, Attributes: map[string]snsstub.Attribute{},
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

// holdParts: every protocol's part decodes, and says what the message says.
func holdParts(t rapid.TB, m notify.Message, e notify.Envelope) map[string]string {
	t.Helper()
	var parts map[string]string
	if err := json.Unmarshal([]byte(e.Body), &parts); err != nil {
		t.Fatalf("body: %v", err)
	}
	if parts["default"] != m.Text || parts["sms"] != m.Subject || parts["sqs"] != parts["lambda"] {
		t.Errorf("the parts do not agree")
	}
	var said notify.Message
	if err := json.Unmarshal([]byte(parts["sqs"]), &said); err != nil {
		t.Fatalf("sqs part: %v", err)
	}
	if diff := cmp.Diff(m, said, cmpopts.IgnoreUnexported(notify.Message{}, notify.Fault{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("sqs part (-message +part):\n%s", diff)
	}
	if diff := cmp.Diff(m.Statuses, m.Attributes.Status); diff != "" || m.Severity != m.Attributes.Severity {
		t.Errorf("attributes %+v of a message that is %s, %v", m.Attributes, m.Severity, m.Statuses)
	}
	for _, a := range e.Attributes {
		if a.Type != "String.Array" {
			continue
		}
		var list []string
		if err := json.Unmarshal([]byte(a.Value), &list); err != nil || len(list) == 0 {
			t.Errorf("attribute %s: %v, %d elements", a.Name, err, len(list))
		}
	}
	return parts
}

var titles = []string{"COULD NOT AUDIT", "NEW", "CHANGED", "CHANGED WITHOUT AN EVENT", "RESOLVED", "REMINDER", "STILL OPEN", "RULES SINCE THE LAST AUDIT"}

// ownLine is what may begin at the left margin of a mail. Only an actor's line
// begins with a word from outside, and that is no title and no field.
var ownLine = regexp.MustCompile(`^(` + strings.Join(titles, "|") + `)$` +
	`|^(Nothing to report|Could not (audit|keep|read|write)|Can be audited again|Reminder: \d+ failures?|\d+ (new failures?|changed failures?|resolved|reminders?|still open|rules? changed))` +
	`|^Registry |^Evidence: \S+$|^\d+ more (is|are) left out|^\d+ earlier changes? (is|are) not listed here\.$` +
	`|^("[^"]*"|Somebody|arn:\S+|[\w+=,.@/-]*[a-z][\w+=,.@/-]*)( \(\S+\))? (created|updated|deleted|wrote|restored|called|deployed|asked)\b.*\.$`)

// holdText: no line of the mail is forged, and nothing in it is invisible.
func holdText(t rapid.TB, m notify.Message) {
	t.Helper()
	for line := range strings.Lines(m.Text) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, "  ") && !ownLine.MatchString(line) {
			t.Errorf("a line that is not ours begins at the margin: %q", line)
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
	couldNot := slices.Contains(m.Statuses, report.CouldNotAudit)
	if got := strings.Contains(m.Text, "\nCOULD NOT AUDIT\n"); got != couldNot {
		t.Errorf("the text says that something could not be audited: %v, want %v", got, couldNot)
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

// holdWidth: mail servers take the lines as they are, and a terminal loses no
// word.
func holdWidth(t rapid.TB, m notify.Message) {
	t.Helper()
	for line := range strings.Lines(m.Text) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 998 && strings.Contains(strings.TrimSpace(line), " ") && !copied.MatchString(line) {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
	}
	wrapped := notify.Wrap(m.Text, 78)
	if !slices.Equal(strings.Fields(m.Text), strings.Fields(wrapped)) {
		t.Errorf("a terminal shows other words:\n%s", wrapped)
	}
	goesOn := false
	for line := range strings.Lines(wrapped) {
		line = strings.TrimSuffix(line, "\n")
		if goesOn = goesOn || copied.MatchString(line); !goesOn && utf8.RuneCountInString(line) > 78 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("%d columns: %q", utf8.RuneCountInString(line), line)
		}
		goesOn = goesOn && strings.HasSuffix(line, `\`)
	}
}

// holdCounts: subject and summary count what there is to say, and what matters
// most stands where a telephone still shows it.
func holdCounts(t rapid.TB, s report.Notification, m notify.Message) {
	t.Helper()
	summary, _, _ := strings.Cut(m.Text, "\nRegistry ")
	summary = strings.ReplaceAll(summary, "\n", "")
	for _, c := range []struct {
		pattern string
		want    int
	}{
		{`(\d+) new failures?\b`, len(s.New)},
		{`(\d+) changed failures?\b`, len(s.Altered)},
		{`(\d+) resolved\b`, len(s.Resolved)},
		{`(?:(\d+) reminders?\b|Reminder: (\d+) failures?\b)`, len(s.Reminded)},
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
		if n, there := number(m.Subject); there && n != c.want {
			t.Errorf("subject %q does not count %d of %s", m.Subject, c.want, c.pattern)
		}
	}
	for words, want := range map[string]bool{
		"ould not ":           len(s.Faults)+len(s.Undecided) > 0,
		"an be audited again": !s.Recovered.IsZero(),
		"Nothing to report":   len(s.Statuses()) == 0 && len(s.Open) == 0,
	} {
		if got := strings.Contains(summary, words); got != want {
			t.Errorf("summary %q says %q: %v, want %v", summary, words, got, want)
		}
	}
	if !foremost.MatchString(m.Subject[:min(len(m.Subject), 50)]) {
		t.Errorf("what matters is not in the first 50 characters of %q", m.Subject)
	}
}

var foremost = regexp.MustCompile(`^\[(CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL|RESOLVED|OK)\] ` +
	`(Could not (keep|read|write) |Could not audit: [A-Za-z0-9 ]+|Could not audit \S|\d+ new failures?\b|\d+ changed failures?\b|\d+ rules? changed\b|\S+ changed\b|Can be audited again\b|\d+ failures?\b|\d+ resolved\b|\d+ reminders?\b|Reminder: \d+|Nothing to report)`)

var headLine = regexp.MustCompile(`(?m)^  (CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL) +(\S+)  (\S*)(?:  since \S+.*)?$`)

// holdFindings: what is shown and what is said to be left out is all there is,
// shown is what matters most, and the text and the attributes have what the
// data has.
func holdFindings(t rapid.TB, s report.Notification, m notify.Message) {
	t.Helper()
	all := 0
	for _, list := range [][]report.Finding{s.Undecided, s.New, s.Altered, s.Resolved, s.Reminded, s.Open} {
		all += len(list)
	}
	if len(m.Findings)+m.Omitted != all {
		t.Errorf("%d findings and %d left out, of %d", len(m.Findings), m.Omitted, all)
	}
	if leftOut := fmt.Sprintf("\n%d more", m.Omitted); (m.Omitted > 0) != strings.Contains(m.Text, leftOut) {
		t.Errorf("%d are left out, which the text does not say, or says of nothing", m.Omitted)
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

// holdRules: the text names the rules of the data, ten of each list at most,
// and counts the others.
func holdRules(t rapid.TB, s report.Notification, m notify.Message) {
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
		says := fmt.Sprintf("\n  %d more rules have %s\n", left, list.left)
		if left == 1 {
			says = "\n  1 more rule has " + list.left + "\n"
		}
		if left > 0 && !strings.Contains(m.Text, says) {
			t.Errorf("%d changes of rules are not told of", left)
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

var chatHead = regexp.MustCompile("^• ([A-Z]+) `([^`]*)` `([^`]*)`(?::|\n|$)")

// holdChat: it is bounded, has no markup but ours, says what the mail says in
// its order, and accounts for all of it.
func holdChat(t rapid.TB, s report.Notification, m notify.Message, part string) {
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
	i, section := 0, ""
	for line := range strings.Lines(chat.Content.Description) {
		if title := regexp.MustCompile(`^\*([A-Z ]+)\*$`).FindStringSubmatch(strings.TrimSpace(line)); title != nil {
			section = title[1]
		}
		head := chatHead.FindStringSubmatch(line)
		if head == nil || section == titles[0] {
			continue
		}
		f := m.Findings[i]
		if head[1] != strings.ToUpper(string(f.Severity)) || head[2] != orRegistry(f.Prefix) || head[3] != f.Check {
			t.Errorf("finding %d: the chat has %q, the data %+v", i, head[0], f)
		}
		i++
	}
}
