package notify_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/snsstub"
)

// hold checks what is true of every message, whatever there is to say.
func hold(t *testing.T, s report.Statement) notify.Message {
	t.Helper()
	m := notify.Compose(s)
	e := m.Envelope()
	holdLimits(t, e)
	parts := holdParts(t, m, e)
	holdText(t, m)
	holdCounts(t, s, m)
	holdChat(t, m, parts["https"])
	return m
}

// holdLimits: SNS takes the message, to a standard topic and to a FIFO one.
func holdLimits(t *testing.T, e notify.Envelope) {
	t.Helper()
	if e.Size() > notify.MaxSize {
		t.Errorf("size %d is above %d", e.Size(), notify.MaxSize)
	}
	p := snsstub.Publication{
		TopicARN: "arn:aws:sns:eu-west-1:111122223333:audit.fifo", GroupID: e.Group, DeduplicationID: e.ID,
		Subject: e.Subject, Structure: "json", Message: e.Body, Attributes: map[string]snsstub.Attribute{},
	}
	for _, a := range e.Attributes {
		p.Attributes[a.Name] = snsstub.Attribute{Type: a.Type, Value: a.Value}
	}
	if err := p.Check(); err != nil {
		t.Errorf("SNS would refuse it: %v", err)
	}
	if e.Subject == "" {
		t.Error("no subject")
	}
}

// holdParts: every protocol's part decodes, and says what the message says.
func holdParts(t *testing.T, m notify.Message, e notify.Envelope) map[string]string {
	t.Helper()
	var parts map[string]string
	if err := json.Unmarshal([]byte(e.Body), &parts); err != nil {
		t.Fatalf("body: %v", err)
	}
	if parts["default"] != m.Text || parts["sms"] != m.Subject || parts["sqs"] != parts["lambda"] {
		t.Error("the parts do not agree")
	}
	var said notify.Message
	if err := json.Unmarshal([]byte(parts["sqs"]), &said); err != nil {
		t.Fatalf("sqs part: %v", err)
	}
	if diff := cmp.Diff(m, said, cmpopts.IgnoreUnexported(notify.Message{}, notify.Fault{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("sqs part (-message +part):\n%s", diff)
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

// ownLine is what may begin at the left margin of a mail. Only an actor's line
// begins with a word from outside, and that is no title and no field.
var ownLine = regexp.MustCompile(`^(COULD NOT AUDIT|NEW|CHANGED|RESOLVED|REMINDER|STILL OPEN)$` +
	`|^(Nothing to report|Could not audit|Reminder: \d+ failures?|\d+ (new failures?|changed failures?|resolved|reminders?|still open))` +
	`|^Registry |^Evidence: \S+$|^\d+ more (is|are) left out|^\d+ earlier changes? (is|are) not listed here\.$` +
	`|^("[^"]*"|Somebody|arn:\S+|[\w+=,.@/-]*[a-z][\w+=,.@/-]*)( \(\S+\))? (created|updated|deleted|wrote|restored|called|deployed|asked) .*\.$`)

// holdText: no line of the mail is forged, and nothing in it is invisible.
func holdText(t *testing.T, m notify.Message) {
	t.Helper()
	for line := range strings.Lines(m.Text) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, "  ") && !ownLine.MatchString(line) {
			t.Errorf("a line that is not ours begins at the margin: %q", line)
		}
	}
	titles := 0
	for _, title := range []string{"COULD NOT AUDIT", "NEW", "CHANGED", "RESOLVED", "REMINDER", "STILL OPEN"} {
		if n := strings.Count("\n"+m.Text, "\n"+title+"\n"); n > 1 {
			t.Errorf("title %s stands %d times", title, n)
		} else {
			titles += n
		}
	}
	if len(m.Findings) == 0 && len(m.Faults) == 0 && titles > 1 {
		t.Errorf("%d titles over nothing", titles)
	}
	if i := strings.IndexFunc(m.Text, invisible); i >= 0 {
		t.Errorf("invisible: %q", m.Text[i:min(len(m.Text), i+20)])
	}
}

func invisible(r rune) bool {
	return r != '\n' && !unicode.IsGraphic(r) || unicode.In(r, unicode.Bidi_Control, unicode.Join_Control, unicode.Variation_Selector)
}

var headLine = regexp.MustCompile(`(?m)^  (CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL) +(\S+)  (\S*)$`)

// holdCounts: what is shown and what is said to be left out is all there is,
// shown is what matters most, and the text shows what the data has.
func holdCounts(t *testing.T, s report.Statement, m notify.Message) {
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
	}
	heads := headLine.FindAllStringSubmatch(m.Text, -1)
	if len(heads) != len(decided) {
		t.Fatalf("the text has %d findings, the data %d", len(heads), len(decided))
	}
	for i, f := range decided {
		prefix := f.Prefix
		if prefix == "" {
			prefix = "(registry)"
		}
		if heads[i][1] != strings.ToUpper(string(f.Severity)) || heads[i][2] != prefix || heads[i][3] != f.Check {
			t.Errorf("finding %d: the text has %q, the data %+v", i, heads[i][0], f)
		}
	}
}

// holdChat: it is bounded, has no markup but ours, and accounts for every
// finding.
func holdChat(t *testing.T, m notify.Message, part string) {
	t.Helper()
	var chat struct {
		Version, Source string
		Content         struct {
			Title, Description string
			NextSteps          []string
		}
		Metadata struct{ ThreadID string }
	}
	if err := json.Unmarshal([]byte(part), &chat); err != nil {
		t.Fatalf("https part: %v", err)
	}
	if chat.Version != "1.0" || chat.Source != "custom" || chat.Metadata.ThreadID == "" || chat.Content.Title == "" {
		t.Errorf("not a custom notification: %s", part)
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
	listed := len(regexp.MustCompile("(?m)^• [A-Z]+ `").FindAllString(chat.Content.Description, -1))
	if all := len(m.Findings) + m.Omitted; listed+left != all {
		t.Errorf("chat lists %d and leaves out %d, of %d:\n%s", listed, left, all, chat.Content.Description)
	}
}

// big is n of something, spread over the sections.
func big(n int, of func(i int) report.Finding) report.Statement {
	s := report.Statement{Registry: registry, Policy: report.Policy{Name: "default"}, At: at}
	sections := []*[]report.Finding{&s.New, &s.Altered, &s.Resolved, &s.Reminded, &s.Open, &s.Undecided}
	for i := range n {
		f := of(i)
		to := sections[i%len(sections)]
		*to = append(*to, f)
	}
	return s
}

func TestAnyStatementFits(t *testing.T) {
	megabyte := strings.Repeat("no route to host; ", 1<<16)
	severity := func(i int) report.Severity { return report.Severities()[i%5] }
	worst := strings.Repeat(`"\`, 1000) + strings.Repeat("\U0001F984", 4000) // each costs four bytes in the sqs part
	trigger := func(text string) report.Trigger {
		return report.Trigger{
			Kind: report.ChangeTrigger, Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), EventID: text, Call: text, Prefix: text, Secret: text,
			Actor: &report.Actor{Name: text, ARN: text, Address: text},
		}
	}
	finding := func(i int, text string) report.Finding {
		return report.Finding{
			Check: "check-" + text, Prefix: text + "x", Outcome: report.Fail, Severity: severity(i), Message: text, Remediation: text + "\n" + text,
			References: []string{text, text, text, text, text, text}, Waiver: &report.Waiver{Owner: text, Reason: text, Expires: text}, Fingerprint: text, Facts: text,
		}
	}
	for name, s := range map[string]report.Statement{
		"nothing":         {},
		"a registry":      {Registry: registry, At: at},
		"10,000 smallest": big(10000, func(i int) report.Finding { return report.Finding{Severity: severity(i)} }),
		"10,000 findings": big(10000, func(i int) report.Finding {
			return finding2(fmt.Sprintf("team-%d/hub", i), severity(i), "ECR cannot use it.")
		}),
		"10,000 of one section": func() report.Statement {
			s := big(0, nil)
			for i := range 10000 {
				s.New = append(s.New, finding2(fmt.Sprintf("team-%d/hub", i), severity(i), "ECR cannot use it."))
			}
			return s
		}(),
		"1 MB failures":   big(12, func(i int) report.Finding { return finding(i, megabyte) }),
		"worst to encode": big(300, func(i int) report.Finding { return finding(i, worst) }),
		"worst faults and changes": func() report.Statement {
			s := big(30, func(i int) report.Finding { return finding(i, worst) })
			for i := range 60 {
				s.Changes = append(s.Changes, trigger(worst))
				s.Faults = append(s.Faults,
					ptc.Fault{Operation: fmt.Sprint(i, worst), Prefix: fmt.Sprint(i), Kind: ptc.FaultKind(worst), Code: worst, Message: worst, RequestID: worst},
					ptc.Fault{Operation: "LoadPolicy", Kind: ptc.FaultMalformed, Message: strings.Repeat(worst+"\n", 50)})
			}
			s.Registry = ptc.Registry{Account: worst, Region: worst}
			s.Policy.Name, s.Evidence = worst, worst
			return s
		}(),
		"10,000 faults": func() report.Statement {
			s := big(100, func(i int) report.Finding { return finding2(fmt.Sprint("p", i), severity(i), "m") })
			for i := range 10000 {
				s.Faults = append(s.Faults, ptc.Fault{Operation: "ValidatePullThroughCacheRule", Prefix: fmt.Sprint("prefix-", i), Kind: ptc.FaultThrottled, Message: fmt.Sprint("number ", i)})
			}
			return s
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			m := hold(t, s)
			t.Logf("%d bytes, %d findings, %d left out, %v", m.Envelope().Size(), len(m.Findings), m.Omitted, time.Since(began))
		})
	}
}

func finding2(prefix string, severity report.Severity, message string) report.Finding {
	return finding("validation-passed", prefix, severity, message, "Mend it.")
}

// TestCutKeepsTheWorst fills the message as far as it goes, with what matters
// most.
func TestCutKeepsTheWorst(t *testing.T) {
	s := report.Statement{Registry: registry, Policy: report.Policy{Name: "default"}, At: at}
	for i := range 2000 {
		s.New = append(s.New, finding2(fmt.Sprintf("team-%04d/hub", i), report.Severities()[i%5], "ECR cannot use it."))
		s.Open = append(s.Open, finding2(fmt.Sprintf("open-%04d/hub", i), report.Critical, "ECR cannot use it."))
	}
	m := hold(t, s)
	if m.Omitted == 0 || m.Envelope().Size() < notify.MaxSize-2000 {
		t.Errorf("%d bytes with %d left out: there was room", m.Envelope().Size(), m.Omitted)
	}
	criticals := 0
	for i, f := range m.Findings {
		if f.Severity == report.Critical {
			criticals++
		}
		if want := min(i/400, 4); f.Severity != report.Severities()[4-want] {
			t.Fatalf("finding %d is %s", i, f.Severity)
		}
	}
	if want := min(400, len(m.Findings)); criticals != want {
		t.Errorf("%d criticals, want %d", criticals, want)
	}
	if want := "See them all with: ptcaudit audit --region eu-west-1 --policy default\n"; !strings.Contains(strings.ReplaceAll(m.Text, "\n  ", " "), want) {
		t.Errorf("the text ends with %q", m.Text[len(m.Text)-200:])
	}
	s.Evidence = "s3://evidence/111122223333/eu-west-1/x.json.gz"
	if m := hold(t, s); !strings.Contains(m.Text, "The evidence has them all.\nEvidence: s3://evidence/") {
		t.Errorf("the text ends with %q", m.Text[len(m.Text)-200:])
	}
	// Attributes tell of all that fails, as far as there is room.
	if got := len(m.Attributes.Prefixes); got != 250 {
		t.Errorf("%d prefixes", got)
	}
}

func TestExamplesHold(t *testing.T) {
	for name, s := range examples() {
		t.Run(name, func(t *testing.T) { hold(t, s) })
	}
}

// TestID tells what a FIFO topic may drop from what it may not.
func TestID(t *testing.T) {
	base := func() report.Statement { return examples()["all-sections"] }
	want := notify.Compose(base()).ID()
	for _, tc := range []struct {
		name   string
		change func(s *report.Statement)
		same   bool
	}{
		{"later", func(s *report.Statement) { s.At = s.At.Add(time.Minute) }, true},
		{"in another order", func(s *report.Statement) { slices.Reverse(s.Changes) }, true},
		{"in other words", func(s *report.Statement) { s.New[0].Message = "x"; s.Faults[0].Message = "request id 7" }, true},
		{"another registry", func(s *report.Statement) { s.Registry.Region = "eu-west-2" }, false},
		{"another status of the same finding", func(s *report.Statement) { s.Altered, s.Resolved = s.Resolved, s.Altered }, false},
		{"resolved", func(s *report.Statement) { s.Resolved, s.New = s.New, nil }, false},
		{"other facts", func(s *report.Statement) { s.New[0].Facts = "x" }, false},
		{"another severity", func(s *report.Statement) { s.New[0].Severity = report.Low }, false},
		{"one more change", func(s *report.Statement) {
			s.Changes = append(s.Changes, change("UpdatePullThroughCacheRule", "docker-hub", "", 40))
		}, false},
		{"another fault", func(s *report.Statement) { s.Faults[0].Prefix = "x" }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := base()
			tc.change(&s)
			if got := notify.Compose(s).ID(); (got == want) != tc.same {
				t.Errorf("same id: %v, want %v", got == want, tc.same)
			}
		})
	}
}

// TestSubject has every form of a subject, and what becomes of long names.
func TestSubject(t *testing.T) {
	one := func(prefix string) []report.Finding { return []report.Finding{finding2(prefix, report.High, "m")} }
	two := append(one("quay"), one("docker-hub")...)
	fault := func(operation, prefix, code string, kind ptc.FaultKind) ptc.Fault {
		return ptc.Fault{Operation: operation, Prefix: prefix, Kind: kind, Code: code}
	}
	const tail = " - ECR pull through cache, 111122223333 eu-west-1"
	for _, tc := range []struct {
		want string
		s    report.Statement
	}{
		{"[HIGH] 2 new failures, 1 resolved" + tail, report.Statement{New: two, Resolved: one("ghcr")}},
		{"[HIGH] 2 new failures on quay" + tail, report.Statement{New: append(one("quay"), one("quay")...)}},
		{"[HIGH] 1 new failure" + tail, report.Statement{New: one("")}},
		{"[HIGH] 1 new failure on thirdparty/registry.k8s.io" + " - ECR pull through cache, 111122223333 eu-west-1", report.Statement{New: one("thirdparty/registry.k8s.io")}},
		{"[HIGH] 1 changed failure on quay, 2 resolved" + tail, report.Statement{Altered: one("quay"), Resolved: two}},
		{"[HIGH] 1 new failure, 2 reminders" + tail, report.Statement{New: one(""), Reminded: two}},
		{"[HIGH] Reminder: 1 failure on quay" + tail, report.Statement{Reminded: one("quay")}},
		{"[RESOLVED] 1 failure on quay" + tail, report.Statement{Resolved: one("quay")}},
		{"[RESOLVED] 2 failures, 1 still open" + tail, report.Statement{Resolved: two, Open: one("ghcr")}},
		{"[LOW] 1 new failure, 1 resolved" + tail, report.Statement{
			New: []report.Finding{finding2("", report.Low, "m")}, Resolved: []report.Finding{finding2("", report.Critical, "m")},
		}},
		{"[CRITICAL] Could not audit: access denied" + tail, report.Statement{Faults: []ptc.Fault{fault("DescribePullThroughCacheRules", "", "AccessDeniedException", ptc.FaultDenied)}}},
		{"[CRITICAL] Could not audit: no valid credentials" + tail, report.Statement{Faults: []ptc.Fault{fault("DescribePullThroughCacheRules", "", "ExpiredTokenException", ptc.FaultDenied)}}},
		{"[CRITICAL] Could not audit: throttled" + tail, report.Statement{Faults: []ptc.Fault{fault("DescribePullThroughCacheRules", "", "ThrottlingException", ptc.FaultThrottled)}}},
		{"[CRITICAL] Could not audit: policy is broken" + tail, report.Statement{Faults: []ptc.Fault{fault("LoadPolicy", "", "", ptc.FaultMalformed)}}},
		{"[CRITICAL] Could not audit: environment is broken" + tail, report.Statement{Faults: []ptc.Fault{fault("LoadConfig", "", "", ptc.FaultMalformed)}}},
		{"[CRITICAL] Could not audit quay, 1 new failure" + tail, report.Statement{
			Faults: []ptc.Fault{fault("ValidatePullThroughCacheRule", "quay", "", ptc.FaultTimeout)}, New: one("ghcr"),
		}},
		{"[CRITICAL] Could not audit 2 rules" + tail, report.Statement{
			Faults:    []ptc.Fault{fault("ValidatePullThroughCacheRule", "quay", "", ptc.FaultTimeout), fault("ValidatePullThroughCacheRule", "ghcr", "", ptc.FaultThrottled)},
			Undecided: one("quay"),
		}},
		{"[CRITICAL] Could not audit: 1 check undecided" + tail, report.Statement{Undecided: one("")}},
		{"[CRITICAL] Could not audit team-data..., 1 new failure" + tail, report.Statement{Undecided: one("team-data-science/registry-mir"), New: one("ghcr")}},
		{"[CRITICAL] Could not audit 1 rule, 2 new failures, 1 changed failure, 2 resolved" + tail, report.Statement{
			Undecided: one("team-data-science/registry-mir"), New: two, Altered: one("a"), Resolved: two, Reminded: two,
		}},
	} {
		t.Run(tc.want, func(t *testing.T) {
			tc.s.Registry = registry
			m := hold(t, tc.s)
			if len(tc.want) > 99 || strings.Contains(tc.want, "...") || strings.Count(tc.want, ",") > 3 {
				t.Log(m.Subject)
				return
			}
			if m.Subject != tc.want {
				t.Errorf("subject %q, want %q", m.Subject, tc.want)
			}
		})
	}
}

func FuzzCompose(f *testing.F) {
	for name := range examples() {
		f.Add(name, "docker-hub", "jane", 3, 2)
	}
	f.Add("a\nRESOLVED\nSubject: x\u202e\xed\xa0\x80`<!channel>[a](https://b)*_~", "p\n", "NEW", 1000, 40)
	f.Add(strings.Repeat(`"\`, 1000), "\u2028", "Registry x.", 100, 100)
	f.Fuzz(func(t *testing.T, text, name, who string, n, m int) {
		n, m = min(max(n, 0), 3000), min(max(m, 0), 200)
		s := big(n, func(i int) report.Finding {
			return report.Finding{
				Check: name, Prefix: name + text, Outcome: report.Fail, Severity: report.Severities()[(i+len(text))%5],
				Message: text, Remediation: text + "\n" + name, References: []string{text}, Waiver: &report.Waiver{Owner: who, Reason: text, Expires: name},
			}
		})
		for i := range m {
			s.Faults = append(s.Faults, ptc.Fault{Operation: name, Prefix: who[:min(i%3, len(who))], Kind: ptc.FaultKind(text), Code: who, Message: text})
			s.Changes = append(s.Changes, report.Trigger{Time: at, Call: name, Prefix: text, Secret: who, Actor: &report.Actor{Name: who, ARN: text, Address: name}})
		}
		s.Policy.Name, s.Evidence = text, who
		s.Registry = ptc.Registry{Account: name, Region: who}
		hold(t, s)
	})
}

func BenchmarkCompose(b *testing.B) {
	for _, n := range []int{2, 50, 250, 10000} {
		s := big(n, func(i int) report.Finding {
			f := hub
			f.Prefix, f.Severity = fmt.Sprintf("team-%d/hub", i), report.Severities()[i%5]
			return f
		})
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				notify.Compose(s).Envelope()
			}
		})
	}
}
