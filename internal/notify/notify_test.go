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

// inFull are the examples that are shown as chat and programs get them too.
var inFull = map[string]bool{
	"failed": true, "changed": true, "resolved": true, "reminder": true, "could-not-audit": true,
	"unexplained": true, "all-sections": true, "hostile": true,
}

// TestGolden shows every message as its readers get it.
func TestGolden(t *testing.T) {
	for name, notification := range examples() {
		t.Run(name, func(t *testing.T) {
			m := notify.Compose(notification)
			golden(t, name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			if !inFull[name] {
				return
			}
			golden(t, name+".chat.json", indent(t, m.Chat()))
			said, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".said.json", indent(t, said))
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

// TestWrap: sentences are broken between words, and what is copied is not.
func TestWrap(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"short", "  LOW   quay  known\n", "  LOW   quay  known\n"},
		{"sentence", "    One two three four five.\n", "    One two three\n      four five.\n"},
		{"at the margin", "One two three four five six.\n", "One two three four\n  five six.\n"},
		{"long word", "  See what arn:aws:iam::111122223333:role/Admin does.\n", "  See what\n    arn:aws:iam::111122223333:role/Admin\n    does.\n"},
		{"command", "      aws ecr delete-pull-through-cache-rule\n", "      aws ecr delete-pull-through-cache-rule\n"},
		{"command of two lines", "  aws ecr validate-it \\\n  --ecr-repository-prefix quay\n  One two three four.\n", "  aws ecr validate-it \\\n  --ecr-repository-prefix quay\n  One two three\n    four.\n"},
		{"reference", "    See https://docs.aws.amazon.com/\n", "    See https://docs.aws.amazon.com/\n"},
		{"no reference", "    See whether it is there.\n", "    See whether it\n      is there.\n"},
		{"evidence", "Evidence: s3://bucket/with/a/long/key\n", "Evidence: s3://bucket/with/a/long/key\n"},
		{"accents", "\u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9\n", "\u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9\n"},
		{"nothing", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, notify.Wrap(tc.text, 19)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestManyChanges: of a thousand changes, all that touch what is said are told
// with who made them, however early they came.
func TestManyChanges(t *testing.T) {
	s := notification(func(s *report.Notification) {
		for n := range 1000 {
			c := change("CreatePullThroughCacheRule", fmt.Sprintf("team-%03d/hub", n), "", 0)
			c.EventID = fmt.Sprint(n)
			if n < 30 {
				c.Actor = &report.Actor{Name: "mallory", ARN: "arn:aws:iam::111122223333:role/Build"}
			}
			s.Changes = append(s.Changes, c)
		}
		for n := range 30 {
			s.New = append(s.New, finding("upstream-allowed", fmt.Sprintf("team-%03d/hub", n), report.High, "It is not allowed.", ""))
		}
		s.Changes[0].Prefix += "/" // the API takes both
		s.Changes[40] = change("PutSecretValue", "", "ecr-pullthroughcache/hub", 0)
	})
	m := hold(t, s)
	told := map[string]bool{}
	if !strings.Contains(m.Text, "jane (arn:aws:iam::111122223333:role/Admin) wrote secret ecr-pullthroughcache/hub") {
		t.Error("who wrote a secret, which rules may use, is not told")
	}
	for _, c := range m.Changes {
		told[strings.TrimSuffix(c.Prefix, "/")] = true
	}
	for _, f := range m.Findings {
		if !told[f.Prefix] {
			t.Errorf("nobody is said to have changed %s", f.Prefix)
		}
	}
	head, _, _ := strings.Cut(m.Text, "\nNEW\n")
	if !strings.Contains(head, "mallory (arn:aws:iam::111122223333:role/Build) created 30 more from ") || !strings.Contains(head, "team-029/hub.\n") {
		t.Errorf("who made the first changes is not told:\n%s", head)
	}
	if want := "900 earlier changes are not listed here.\n"; !strings.HasSuffix(head, want) {
		t.Errorf("the changes do not end with %q:\n%s", want, head)
	}
}

// TestSince says since when at no finer grain than matters.
func TestSince(t *testing.T) {
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
		m := hold(t, s)
		if got := strings.Contains(m.Text, "Failing"); got != (tc.want != "") || !strings.Contains(m.Text, tc.want) {
			t.Errorf("since %v is not said as %q:\n%s", tc.since, tc.want, m.Text)
		}
		if !m.Findings[0].Since.Equal(tc.since) {
			t.Errorf("since %v is %v in the data", tc.since, m.Findings[0].Since)
		}
	}
}

// TestStores: what to do about a store depends on what it said.
func TestStores(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault ptc.Fault
		want  string
	}{
		{"bucket denies", ptc.Fault{Operation: "GetLedger", Kind: ptc.FaultDenied, Code: "AccessDenied"}, "Allow s3:GetObject there, and s3:ListBucket on the bucket, to the role"},
		{"folder denies", ptc.Fault{Operation: "PutLedger", Kind: ptc.FaultDenied}, "Let the role that the auditor runs as read and write there."},
		{"token expired", ptc.Fault{Operation: "PutEvidence", Kind: ptc.FaultDenied, Code: "ExpiredToken"}, "Give the auditor valid credentials"},
		{"slow", ptc.Fault{Operation: "PutEvidence", Kind: ptc.FaultTimeout, Retryable: true}, "Nothing, if it was a moment"},
		{"no bucket", ptc.Fault{Operation: "PutEvidence", Kind: ptc.FaultUnavailable, Code: "NoSuchBucket"}, "Look whether the bucket or folder is there"},
		{"newer", ptc.Fault{Operation: "GetLedger", Kind: ptc.FaultMalformed}, "deploy that version again"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := hold(t, notification(func(s *report.Notification) { s.Faults = []ptc.Fault{tc.fault} }))
			if !strings.Contains(m.Text, tc.want) {
				t.Errorf("the text does not say %q:\n%s", tc.want, m.Text)
			}
			if strings.Contains(m.Text, "nothing was checked") || !strings.Contains(m.Subject, "] Could not ") || strings.Contains(m.Subject, "audit") {
				t.Errorf("subject %q of an audit that is sound", m.Subject)
			}
		})
	}
}
