package notify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// big is a notification with n findings, spread over the sections.
func big(n int, of func(i int) report.Finding) report.Notification {
	s := report.Notification{Registry: registry, Policy: report.Policy{Name: "default"}, At: at}
	sections := []*[]report.Finding{&s.New, &s.Altered, &s.Resolved, &s.Reminded, &s.Open, &s.Undecided}
	for i := range n {
		f := of(i)
		to := sections[i%len(sections)]
		*to = append(*to, f)
	}
	return s
}

// TestLargestNotificationsFit into what SNS accepts.
func TestLargestNotificationsFit(t *testing.T) {
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
	for name, s := range map[string]report.Notification{
		"nothing":         {},
		"a registry":      {Registry: registry, At: at},
		"10,000 smallest": big(10000, func(i int) report.Finding { return report.Finding{Severity: severity(i)} }),
		"10,000 findings": big(10000, func(i int) report.Finding {
			return finding2(fmt.Sprintf("team-%d/hub", i), severity(i), "ECR cannot use it.")
		}),
		"10,000 of one section": func() report.Notification {
			s := big(0, nil)
			for i := range 10000 {
				s.New = append(s.New, finding2(fmt.Sprintf("team-%d/hub", i), severity(i), "ECR cannot use it."))
			}
			return s
		}(),
		"1 MB failures":   big(12, func(i int) report.Finding { return finding(i, megabyte) }),
		"worst to encode": big(300, func(i int) report.Finding { return finding(i, worst) }),
		"worst faults and changes": func() report.Notification {
			s := big(30, func(i int) report.Finding { return finding(i, worst) })
			for i := range 60 {
				s.Changes = append(s.Changes, trigger(worst))
				s.Faults = append(s.Faults,
					ptc.Fault{Operation: fmt.Sprint(i, worst), Prefix: fmt.Sprint(i), Kind: ptc.FaultKind(worst), Code: worst, Message: worst, RequestID: worst},
					ptc.Fault{Operation: "LoadPolicy", Kind: ptc.FaultMalformed, Message: strings.Repeat(worst+"\n", 50)})
			}
			for i := range 120 {
				c := report.RuleChange{Prefix: fmt.Sprint(i, worst), Kind: report.Altered}
				for range 12 {
					c.Fields = append(c.Fields, report.FieldChange{Field: worst, Before: worst, After: worst})
				}
				s.Rules, s.Unexplained = append(s.Rules, c), append(s.Unexplained, c)
			}
			s.Rules[0].Kind = report.Added
			s.Registry = ptc.Registry{Account: worst, Region: worst}
			s.Policy.Name, s.Evidence = worst, worst
			return s
		}(),
		"rules only": func() report.Notification {
			s := big(6, func(i int) report.Finding { return finding2(fmt.Sprint("p", i), severity(i), "m") })
			for i := range 100 {
				c := report.RuleChange{Prefix: fmt.Sprint("rule-", i), Kind: report.Altered}
				for range 10 {
					c.Fields = append(c.Fields, report.FieldChange{Field: "role.arn", Before: worst, After: worst})
				}
				s.Rules = append(s.Rules, c)
			}
			return s
		}(),
		"10,000 faults": func() report.Notification {
			s := big(100, func(i int) report.Finding { return finding2(fmt.Sprint("p", i), severity(i), "m") })
			for i := range 10000 {
				s.Faults = append(s.Faults, ptc.Fault{Operation: "ValidatePullThroughCacheRule", Prefix: fmt.Sprint("prefix-", i), Kind: ptc.FaultThrottled, Message: fmt.Sprint("number ", i)})
			}
			return s
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			m := verify(t, s)
			t.Logf("%d bytes, %d findings, %d left out, %v", m.Envelope(notify.ForPrograms).Size(), len(m.Findings), m.Omitted, time.Since(began))
		})
	}
}

func finding2(prefix string, severity report.Severity, message string) report.Finding {
	return finding("validation-passed", prefix, severity, message, "Fix it.")
}

// TestTooManyFindingsLeaveOutTheLeastSevere and fill the message otherwise.
func TestTooManyFindingsLeaveOutTheLeastSevere(t *testing.T) {
	s := report.Notification{Registry: registry, Policy: report.Policy{Name: "default"}, At: at}
	for i := range 2000 {
		s.New = append(s.New, finding2(fmt.Sprintf("team-%04d/hub", i), report.Severities()[i%5], "ECR cannot use it."))
		s.Open = append(s.Open, finding2(fmt.Sprintf("open-%04d/hub", i), report.Critical, "ECR cannot use it."))
	}
	m := verify(t, s)
	if m.Omitted == 0 || m.Envelope(notify.ForPrograms).Size() < notify.MaxSize-2000 {
		t.Errorf("%d bytes with %d left out: there was room", m.Envelope(notify.ForPrograms).Size(), m.Omitted)
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
	if want := "To list all of them, run: ptcaudit audit --region eu-west-1 --policy default\n"; !strings.Contains(strings.ReplaceAll(m.Text, "\n  ", " "), want) {
		t.Errorf("the text ends with %q", m.Text[len(m.Text)-200:])
	}
	s.Evidence = "s3://evidence/111122223333/eu-west-1/x.json.gz"
	if m := verify(t, s); !strings.Contains(m.Text, "The evidence has all of them.\nEvidence: s3://evidence/") {
		t.Errorf("the text ends with %q", m.Text[len(m.Text)-200:])
	}
	// Attributes cover all that fails, as far as there is room.
	if got := len(m.Attributes.Prefixes); got != 250 {
		t.Errorf("%d prefixes", got)
	}
}

// TestExamplesAreSound checks what holds for every message.
func TestExamplesAreSound(t *testing.T) {
	for name, s := range examples() {
		t.Run(name, func(t *testing.T) { verify(t, s) })
	}
}

// TestIDIsTheSameOnlyForTheSameContent because programs drop repeated ids.
func TestIDIsTheSameOnlyForTheSameContent(t *testing.T) {
	base := func() report.Notification { return examples()["all-sections"] }
	want := notify.Compose(base()).ID
	for _, tc := range []struct {
		name   string
		change func(s *report.Notification)
		same   bool
	}{
		{"later", func(s *report.Notification) { s.At = s.At.Add(time.Minute) }, true},
		{"in another order", func(s *report.Notification) { slices.Reverse(s.Changes) }, true},
		{"in other words", func(s *report.Notification) { s.New[0].Message = "x"; s.Faults[0].Message = "request id 7" }, true},
		{"another registry", func(s *report.Notification) { s.Registry.Region = "eu-west-2" }, false},
		{"another status of the same finding", func(s *report.Notification) { s.Altered, s.Resolved = s.Resolved, s.Altered }, false},
		{"resolved", func(s *report.Notification) { s.Resolved, s.New = s.New, nil }, false},
		{"other facts", func(s *report.Notification) { s.New[0].Facts = "x" }, false},
		{"another severity", func(s *report.Notification) { s.New[0].Severity = report.Low }, false},
		{"one more change", func(s *report.Notification) {
			s.Changes = append(s.Changes, change("UpdatePullThroughCacheRule", "docker-hub", "", 40))
		}, false},
		{"with another note", func(s *report.Notification) { s.Notes = nil }, true},
		{"with other evidence", func(s *report.Notification) { s.Evidence = "" }, true},
		{"after another message", func(s *report.Notification) { s.Seq++ }, false},
		{"another change of a rule", func(s *report.Notification) { s.Rules = s.Rules[1:] }, false},
		{"another field of a rule", func(s *report.Notification) { s.Rules = []report.RuleChange{quaySwapped} }, false},
		{"no event arrived", func(s *report.Notification) { s.Rules, s.Unexplained = s.Unexplained, s.Rules }, false},
		{"not recovered", func(s *report.Notification) { s.Recovered = time.Time{} }, false},
		{"another fault", func(s *report.Notification) { s.Faults[0].Prefix = "x" }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := base()
			tc.change(&s)
			if got := notify.Compose(s).ID; (got == want) != tc.same {
				t.Errorf("same id: %v, want %v", got == want, tc.same)
			}
		})
	}
}

// TestSubjectBeginsWithTheWorst failure, and names its rule if that fits.
func TestSubjectBeginsWithTheWorst(t *testing.T) {
	const tail = " - 111122223333 eu-west-1"
	failing := func(prefix string, severity report.Severity, message string) report.Finding {
		return finding("validation-passed", prefix, severity, message, "Fix it.")
	}
	cannot := failing("docker-hub", report.Critical, hub.Message)
	several := func(n int) []report.Finding {
		out := []report.Finding{}
		for i := range n {
			out = append(out, failing(fmt.Sprintf("team-%d", i), report.High, "It is wrong."))
		}
		return out
	}
	one := func(prefix string) []report.Finding {
		return []report.Finding{failing(prefix, report.High, "It is wrong.")}
	}
	fault := func(operation, prefix, code string, kind ptc.FaultKind) []ptc.Fault {
		return []ptc.Fault{{Operation: operation, Prefix: prefix, Kind: kind, Code: code}}
	}
	throttled := fault(ptc.OpValidateRule, "azure", "ThrottlingException", ptc.FaultThrottled)
	long := "team-data-science/docker-hub"
	for _, tc := range []struct {
		name string
		want string
		n    report.Notification
	}{
		{"one failure", "[CRITICAL] docker-hub: ECR cannot use this rule", report.Notification{New: []report.Finding{cannot}}},
		{"two failures", "[CRITICAL] docker-hub: ECR cannot use this rule (+1 new failure)", report.Notification{New: append(one("quay"), cannot)}},
		{"a failure of the registry", "[HIGH] It is wrong", report.Notification{New: one("")}},
		{"failures and a throttle", "[CRITICAL] 8 new failures, azure not checked", report.Notification{
			New: append(several(7), cannot), Faults: throttled,
		}},
		{"a failure and a throttle", "[CRITICAL] docker-hub: ECR cannot use this rule, azure not checked", report.Notification{New: []report.Finding{cannot}, Faults: throttled}},
		{"a low failure and a throttle", "[CRITICAL] ghcr: It is wrong, azure not checked", report.Notification{
			New: []report.Finding{failing("ghcr", report.Low, "It is wrong.")}, Faults: throttled,
		}},
		{"what is resolved gives way", "[CRITICAL] docker-hub: ECR cannot use this rule (+1 new failure)", report.Notification{
			New: append(one("quay"), cannot), Resolved: several(12), Recovered: at,
		}},
		{"a long sentence is cut between words", "[HIGH] " + long + ": This sentence is far too long for..", report.Notification{
			New: []report.Finding{failing(long, report.High, "This sentence is far too long for any subject.")},
		}},
		{"a sentence in another script", "[HIGH] 1 new failure on quay", report.Notification{New: []report.Finding{failing("quay", report.High, "\u898f\u5247\u304c\u9055\u3044\u307e\u3059\u3002")}}},
		{"no message", "[HIGH] 1 new failure on quay", report.Notification{New: []report.Finding{failing("quay", report.High, "")}}},
		{"a changed failure", "[HIGH] 1 changed failure on quay, 2 resolved", report.Notification{Altered: one("quay"), Resolved: several(2)}},
		{"a change without an event", "[HIGH] quay changed without an event", report.Notification{Unexplained: []report.RuleChange{quayAdded}}},
		{"changes without events", "[HIGH] 2 rules changed without an event, 1 resolved on ghcr", report.Notification{
			Unexplained: []report.RuleChange{quayAdded, hubSecret}, Resolved: one("ghcr"),
		}},
		{"audits work again", "[RESOLVED] Audits work again", report.Notification{Recovered: at}},
		{"audits work again, and something is open", "[1 OPEN] Worst open: HIGH ghcr", report.Notification{Recovered: at, Open: one("ghcr")}},
		{"audits work again, and something is resolved", "[RESOLVED] 2 failures, audits work again", report.Notification{Recovered: at, Resolved: several(2)}},
		{"resolved", "[RESOLVED] 1 failure on quay", report.Notification{Resolved: one("quay")}},
		{"resolved, and something critical is open", "[1 RESOLVED, 9 OPEN] Worst open: CRITICAL docker-hub", report.Notification{
			Resolved: one("quay"), Open: append(several(8), cannot),
		}},
		{"resolved, and a failure", "[LOW] ghcr: It is wrong, 1 resolved on docker-hub", report.Notification{
			New: []report.Finding{failing("ghcr", report.Low, "It is wrong.")}, Resolved: []report.Finding{cannot},
		}},
		{"a reminder", "[HIGH] Reminder: 1 failure on quay", report.Notification{Reminded: one("quay")}},
		{"a reminder beside a failure", "[HIGH] ghcr: It is wrong, 2 reminders", report.Notification{New: one("ghcr"), Reminded: several(2)}},
		{"the first audit", "[CRITICAL] First audit: 2 failures, azure not checked", report.Notification{First: true, New: append(one("quay"), cannot), Faults: throttled}},
		{"the first audit finds one failure", "[CRITICAL] First audit: 1 failure on docker-hub", report.Notification{First: true, New: []report.Finding{cannot}}},
		{"evidence not stored", "[CRITICAL] quay: It is wrong, evidence not stored", report.Notification{
			New: one("quay"), Faults: append(fault(ptc.OpPutLedger, "", "", ptc.FaultTimeout), fault(ptc.OpPutEvidence, "", "", ptc.FaultDenied)...),
		}},
		{"state not read", "[CRITICAL] State not read", report.Notification{Faults: fault(ptc.OpGetLedger, "", "", ptc.FaultDenied)}},
		{"throttled", "[CRITICAL] Nothing checked: throttled, evidence not stored", report.Notification{
			Faults: append(fault(ptc.OpPutEvidence, "", "", ptc.FaultDenied), fault(ptc.OpDescribeRules, "", "ThrottlingException", ptc.FaultThrottled)...),
		}},
		{"denied", "[CRITICAL] Nothing checked: access denied", report.Notification{Faults: fault(ptc.OpDescribeRules, "", "AccessDeniedException", ptc.FaultDenied)}},
		{"expired", "[CRITICAL] Nothing checked: no valid credentials", report.Notification{Faults: fault(ptc.OpDescribeRules, "", "ExpiredTokenException", ptc.FaultDenied)}},
		{"invalid policy", "[CRITICAL] Nothing checked: the policy is invalid", report.Notification{Faults: fault(ptc.OpLoadPolicy, "", "", ptc.FaultMalformed)}},
		{"invalid configuration", "[CRITICAL] Nothing checked: the configuration is invalid", report.Notification{Faults: fault(ptc.OpLoadConfig, "", "", ptc.FaultMalformed)}},
		{"two rules not checked", "[CRITICAL] 2 rules not checked", report.Notification{
			Faults:    append(fault(ptc.OpValidateRule, "quay", "", ptc.FaultTimeout), throttled...),
			Undecided: one("quay"),
		}},
		{"a check without a result", "[CRITICAL] 1 check without a result", report.Notification{Undecided: one("")}},
		{"nothing", "[OK] Nothing to report", report.Notification{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.n.Registry = registry
			if m := verify(t, tc.n); m.Subject != tc.want+tail {
				t.Errorf("subject %q, want %q", m.Subject, tc.want+tail)
			}
		})
	}
}

// text draws what people, programs and attackers write: mostly short.
func text(t *rapid.T) string {
	s := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "docker-hub", "team-a/quay", "ROOT", "a\nRESOLVED\n  CRITICAL  quay  rule-quota", "Subject: x\r\n", "aws ecr x \\", "See https://evil.example",
			"\u202e\u2066x\u2069", "\xff\xed\xa0\x80", "<!channel> <https://evil.example|x> [x](https://evil.example) *b* `c` _d_ ~e~ @here", `"\`, "Evidence: s3://x",
			"arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", "jane (arn) created quay at 22:50 UTC.", "•", "%s%d%!",
		}),
		rapid.String(),
		rapid.StringMatching(`[a-z0-9/._-]{2,30}`),
	).Draw(t, "text")
	if rapid.IntRange(0, 40).Draw(t, "long") == 0 {
		s = strings.Repeat(s, rapid.IntRange(1, 3000).Draw(t, "times"))
	}
	return s
}

// moment draws a time, also one that JSON cannot hold.
func moment(t *rapid.T) time.Time {
	return rapid.SampledFrom([]time.Time{
		{},
		at, at.Add(-time.Second), at.Add(-90 * time.Minute), at.Add(-day), at.Add(-1000 * day), at.Add(time.Hour),
		time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.FixedZone("x", 3600)),
	}).Draw(t, "moment")
}

// length draws the length of a list: mostly short, sometimes far too long.
func length(t *rapid.T, most int) int {
	return rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, 3), rapid.IntRange(0, 3), rapid.IntRange(0, most)).Draw(t, "length")
}

func list[T any](t *rapid.T, most int, one func(t *rapid.T) T) []T {
	few := make([]T, 0, 8)
	for range min(length(t, most), 8) {
		few = append(few, one(t))
	}
	var out []T
	for i := range length(t, most) { // drawing thousands takes too long
		if len(few) > 0 {
			out = append(out, few[i%len(few)])
		}
	}
	return out
}

// anyNotification draws a notification, including some that no ledger makes.
func anyNotification(t *rapid.T) report.Notification {
	s := report.Notification{
		Registry: rapid.SampledFrom([]ptc.Registry{registry, registry, {}, {Account: text(t), Region: text(t)}}).Draw(t, "registry"),
		Policy:   report.Policy{Name: text(t)},
		At:       moment(t),
		Seq:      rapid.Int64().Draw(t, "seq"),
		Evidence: rapid.SampledFrom([]string{"", evidence, text(t)}).Draw(t, "evidence"),
		Notes:    map[string]report.Note{},
	}
	if rapid.Bool().Draw(t, "recovers") {
		s.Recovered = moment(t)
	}
	findings := func(most int) []report.Finding {
		return list(t, most, func(t *rapid.T) report.Finding {
			f := report.Finding{
				Check: text(t), Prefix: text(t), Severity: rapid.SampledFrom(report.Severities()).Draw(t, "severity"),
				Outcome: rapid.SampledFrom([]report.Outcome{report.Fail, report.Pass, report.Skip, report.Error, report.Pending}).Draw(t, "outcome"),
				Message: text(t), Remediation: text(t) + "\n" + text(t), Fingerprint: text(t), Facts: text(t), References: []string{text(t)},
			}
			if rapid.Bool().Draw(t, "waived") {
				f.Waiver = &report.Waiver{Owner: text(t), Reason: text(t), Expires: text(t)}
			}
			s.Notes[f.Fingerprint] = report.Note{Why: text(t), Since: moment(t)}
			return f
		})
	}
	s.New, s.Altered, s.Resolved = findings(1500), findings(60), findings(60)
	s.Reminded, s.Open, s.Undecided = findings(60), findings(300), findings(60)
	if s.First = rapid.Bool().Draw(t, "first"); s.First { // then nothing was reported before
		s.Altered, s.Resolved, s.Reminded, s.Open, s.Recovered = nil, nil, nil, nil, time.Time{}
	}
	s.Faults = list(t, 200, func(t *rapid.T) ptc.Fault {
		return ptc.Fault{
			Operation: rapid.SampledFrom([]string{"ValidatePullThroughCacheRule", "DescribePullThroughCacheRules", "PutEvidence", "GetLedger", "PutLedger", "LoadPolicy", text(t)}).Draw(t, "operation"),
			Kind: rapid.SampledFrom([]ptc.FaultKind{
				ptc.FaultDenied, ptc.FaultThrottled, ptc.FaultUnavailable, ptc.FaultTimeout, ptc.FaultMalformed, ptc.FaultUnsupported, ptc.FaultKind(text(t)),
			}).Draw(t, "kind"),
			Prefix: rapid.SampledFrom([]string{"", "quay", text(t)}).Draw(t, "prefix"),
			Code:   rapid.SampledFrom([]string{"", "AccessDenied", text(t)}).Draw(t, "code"), Message: text(t), RequestID: text(t), Retryable: rapid.Bool().Draw(t, "retryable"),
		}
	})
	s.Changes = list(t, 1000, func(t *rapid.T) report.Trigger {
		c := report.Trigger{
			Kind: rapid.SampledFrom([]report.TriggerKind{report.ChangeTrigger, report.SecretTrigger, report.DeploymentTrigger, report.ManualTrigger}).Draw(t, "kind"),
			Time: moment(t), EventID: text(t), Prefix: text(t), Secret: rapid.SampledFrom([]string{"", text(t)}).Draw(t, "secret"),
			Call: rapid.SampledFrom([]string{"CreatePullThroughCacheRule", "PutSecretValue", "", text(t)}).Draw(t, "call"),
		}
		if rapid.Bool().Draw(t, "acted") {
			c.Actor = &report.Actor{Name: text(t), ARN: text(t), Address: text(t)}
		}
		return c
	})
	rules := func(t *rapid.T) report.RuleChange {
		return report.RuleChange{
			Prefix: text(t), Kind: rapid.SampledFrom([]report.ChangeKind{report.Added, report.Removed, report.Altered}).Draw(t, "kind"),
			Fields: list(t, 20, func(t *rapid.T) report.FieldChange {
				return report.FieldChange{Field: rapid.SampledFrom([]string{"upstream.url", "createdAt", text(t)}).Draw(t, "field"), Before: text(t), After: text(t)}
			}),
		}
	}
	s.Unexplained = list(t, 150, rules)
	s.Rules = list(t, 150, rules)
	if rapid.Bool().Draw(t, "overlap") {
		s.Rules = append(s.Rules, s.Unexplained...)
	}
	return s
}

// TestAnyNotificationMakesASoundMessage however large or hostile it is: SNS
// accepts it, it decodes, and its forms agree.
func TestAnyNotificationMakesASoundMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { verify(t, anyNotification(t)) })
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
		verify(t, s)
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
				notify.Compose(s).Envelope(notify.ForPrograms)
			}
		})
	}
}
