package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var update = flag.Bool("update", false, "rewrite golden files")

// inFull are the examples whose chat and JSON forms have golden files, too.
var inFull = map[string]bool{
	"failed": true, "failed-required": true, "changed": true, "resolved": true, "reminder": true, "not-checked": true,
	"unexplained": true, "all-sections": true,
}

// TestEachExampleIsWrittenAsInItsGoldenFile compares every form.
func TestEachExampleIsWrittenAsInItsGoldenFile(t *testing.T) {
	for name, notification := range examples() {
		t.Run(name, func(t *testing.T) {
			m := notify.Compose(notification)
			golden(t, name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			if !inFull[name] {
				return
			}
			golden(t, name+".chat.json", indent(t, m.Chat()))
			data, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", indent(t, data))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func indent(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

// TestChangesOfFindingsAreKeptFirst however early they were made.
func TestChangesOfFindingsAreKeptFirst(t *testing.T) {
	n := notification(func(s *report.Notification) {
		for i := range 1000 {
			c := change(ptc.OpCreateRule, fmt.Sprintf("team-%03d/hub", i), "", 0)
			c.EventID = fmt.Sprint(i)
			if i < 30 {
				c.Actor = &report.Actor{Name: "mallory", ARN: "arn:aws:iam::111122223333:role/Build"}
			}
			s.Changes = append(s.Changes, c)
		}
		for i := range 30 {
			s.New = append(s.New, finding("upstream-allowed", fmt.Sprintf("team-%03d/hub", i), report.High, "It is not allowed.", ""))
		}
		s.Changes[0].Prefix += "/" // the API accepts both spellings
		s.Changes[40] = change(ptc.OpPutSecretValue, "", "ecr-pullthroughcache/hub", 0)
	})
	m := verify(t, n)
	changed := map[string]bool{}
	for _, c := range m.Changes {
		changed[strings.TrimSuffix(c.Prefix, "/")] = true
	}
	for _, f := range m.Findings {
		if !changed[f.Prefix] {
			t.Errorf("the change of %s is missing", f.Prefix)
		}
	}
	if got := strings.Count(m.Text, "\n    Changed by: mallory (arn:aws:iam::111122223333:role/Build), CreatePullThroughCacheRule at "); got != 30 {
		t.Errorf("%d of 30 findings name who changed their rule:\n%s", got, m.Text)
	}
	head, _, _ := strings.Cut(m.Text, "\nNEW\n")
	for _, want := range []string{
		"Changed by: jane (arn:aws:iam::111122223333:role/Admin), PutSecretValue of secret ecr-pullthroughcache/hub at ",
		"Changed by: jane (arn:aws:iam::111122223333:role/Admin), CreatePullThroughCacheRule 59 times from ",
		"\n900 earlier changes are not listed here.\n",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("the text does not say %q:\n%s", want, head)
		}
	}
}

// TestChangesOfARuleAreListedWithItsFinding, at most three of them.
func TestChangesOfARuleAreListedWithItsFinding(t *testing.T) {
	m := verify(t, notification(func(s *report.Notification) {
		s.New = []report.Finding{quay}
		for second := range 5 {
			s.Changes = append(s.Changes, change(ptc.OpUpdateRule, "quay", "", second))
		}
	}))
	if got := strings.Count(m.Text, "\n    Changed by: "); got != 3 {
		t.Errorf("%d changes beneath the finding, want 3:\n%s", got, m.Text)
	}
	if got := strings.Count(m.Text, "\nChanged by: "); got != 2 {
		t.Errorf("%d changes at the start, want 2:\n%s", got, m.Text)
	}
}

// TestDurationIsAsPreciseAsAReaderNeeds in the text, and exact in the data.
func TestDurationIsAsPreciseAsAReaderNeeds(t *testing.T) {
	for _, tc := range []struct {
		since time.Time
		want  string
	}{
		{time.Time{}, ""},
		{at.Add(time.Hour), ""},
		{ago(59 * time.Second), ""},
		{ago(time.Minute), "Failing for 1 minute, since 2026-11-21 22:49 UTC."},
		{ago(47 * time.Hour), "Failing for 47 hours, since 2026-11-19 23:50 UTC."},
		{ago(8*day - time.Second), "Failing for 7 days, since 2026-11-13."},
	} {
		s := notification(func(s *report.Notification) {
			s.Reminded = []report.Finding{quay}
			s.Notes = map[string]report.Note{quay.Fingerprint: {Since: tc.since}}
		})
		m := verify(t, s)
		if got := strings.Contains(m.Text, "Failing"); got != (tc.want != "") || !strings.Contains(m.Text, tc.want) {
			t.Errorf("since %v is not written as %q:\n%s", tc.since, tc.want, m.Text)
		}
		if !m.Findings[0].Since.Equal(tc.since) {
			t.Errorf("since %v is %v in the data", tc.since, m.Findings[0].Since)
		}
	}
}

// TestFixOfAStoreDependsOnItsFault because buckets and folders fail differently.
func TestFixOfAStoreDependsOnItsFault(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault ptc.Fault
		want  string
	}{
		{"bucket denies", ptc.Fault{Operation: ptc.OpGetLedger, Kind: ptc.FaultDenied, Code: "AccessDenied"}, "Allow s3:GetObject on the bucket's objects, and s3:ListBucket on the bucket, for the role"},
		{"folder denies", ptc.Fault{Operation: ptc.OpPutLedger, Kind: ptc.FaultDenied}, "Allow the role that the auditor runs as to read and write this bucket or folder."},
		{"token expired", ptc.Fault{Operation: ptc.OpPutEvidence, Kind: ptc.FaultDenied, Code: "ExpiredToken"}, "Give the auditor valid credentials"},
		{"slow", ptc.Fault{Operation: ptc.OpPutEvidence, Kind: ptc.FaultTimeout, Retryable: true}, "No action is needed if this happens once"},
		{"no bucket", ptc.Fault{Operation: ptc.OpPutEvidence, Kind: ptc.FaultUnavailable, Code: "NoSuchBucket"}, "Check that the bucket or folder exists"},
		{"newer", ptc.Fault{Operation: ptc.OpGetLedger, Kind: ptc.FaultMalformed}, "deploy that version again"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := verify(t, notification(func(s *report.Notification) { s.Faults = []ptc.Fault{tc.fault} }))
			if !strings.Contains(m.Text, tc.want) {
				t.Errorf("the text does not say %q:\n%s", tc.want, m.Text)
			}
			if strings.Contains(m.Text, "nothing was checked") || strings.Contains(m.Subject, "checked") {
				t.Errorf("subject %q, although everything was checked", m.Subject)
			}
		})
	}
}

// TestTextFromOutsideForgesNothing in any form of a message whose fields all
// imitate it.
func TestTextFromOutsideForgesNothing(t *testing.T) {
	m := verify(t, hostile())
	for _, forgery := range []string{"\nRESOLVED", "\nSubject:", "\n    Fix: run this", "\n  CRITICAL  docker-hub: Fixed."} {
		if strings.Contains(m.Text, forgery) {
			t.Errorf("the text has the forged line %q:\n%s", forgery, m.Text)
		}
	}
	for form, text := range map[string]string{"subject": m.Subject, "text": m.Text, "chat": string(m.Chat())} {
		for _, link := range []string{"https://evil", "<!channel>`", "\u202e", "\u200b", "\x1b"} {
			if strings.Contains(strings.ReplaceAll(text, m.Evidence, ""), link) {
				t.Errorf("the %s contains %q:\n%s", form, link, text)
			}
		}
	}
	if n := strings.Count(m.Text, "1 MB of text"); n > 100 {
		t.Errorf("a message of 1 MB is shown %d times a part of its length", n)
	}
}

// TestMessageDoesNotForgeTheLinesBeneathAFinding with what follows its first
// sentence.
func TestMessageDoesNotForgeTheLinesBeneathAFinding(t *testing.T) {
	for _, tc := range []struct{ name, message, want string }{
		{"two sentences", "It is wrong. ECR says: \"No.\"", "quay: It is wrong. [c]\n    ECR says: \"No.\"\n"},
		{"a forged fix", "It is wrong. Fix: run this.", "quay: It is wrong. Fix: run this. [c]\n"},
		{"a forged change", "It is wrong. Changed by: no one.", "quay: It is wrong. Changed by: no one. [c]\n"},
		{"no full stop", "It is wrong", "quay: It is wrong. [c]\n"},
		{"a full stop in quotes", `ECR says: "No. Never."`, "quay: ECR says: \"No. Never.\" [c]\n"},
		{"no message", "", "quay: The check has no message. [c]\n"},
		{"a long sentence", strings.Repeat("long ", 50) + "end.", "quay: " + strings.Repeat("long ", 40) + "… [c]\n    In full: " + strings.Repeat("long ", 50) + "end.\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := verify(t, notification(func(s *report.Notification) {
				s.New = []report.Finding{finding("c", "quay", report.High, tc.message, "")}
			}))
			if want := "\n  HIGH      " + tc.want; !strings.Contains(m.Text, want) {
				t.Errorf("the text does not contain %q:\n%s", want, m.Text)
			}
		})
	}
}
