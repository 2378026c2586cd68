package notify_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/report"
)

// example matches a block of README.md and the golden file that it shows.
var example = regexp.MustCompile("(?s)(<!-- (testdata/[^ ]+) -->\n```[a-z]*\n)(.*?)(```\n)")

// TestREADMEShowsTheMessagesAsTheyAre, one of each status. -update rewrites
// its examples.
func TestREADMEShowsTheMessagesAsTheyAre(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[report.Status]bool{}
	got := example.ReplaceAllStringFunc(string(readme), func(block string) string {
		match := example.FindStringSubmatch(block)
		golden, err := os.ReadFile(match[2]) //nolint:gosec // a file of this folder
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(match[2]), filepath.Ext(match[2]))
		shown[notify.Compose(examples()[name]).Status] = true
		return match[1] + string(golden) + match[4]
	})
	for _, status := range []report.Status{report.Failed, report.Changed, report.Reminder, report.Resolved, report.CouldNotAudit} {
		if !shown[status] {
			t.Errorf("README.md shows no message with status %s", status)
		}
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(readme), got); diff != "" {
		t.Errorf("README.md differs from the golden files; run `go test ./internal/notify -run README -update` (-README +golden):\n%s", diff)
	}
}

// TestREADMEDescribesEveryKey of the JSON form and every attribute.
func TestREADMEDescribesEveryKey(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{notify.Message{}, notify.Finding{}, report.Finding{}, notify.Fault{}, notify.Attributes{}, report.Trigger{}, report.RuleChange{}, report.FieldChange{}} {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(v)) {
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if key != "" && key != "-" && !strings.Contains(string(readme), "`"+key+"`") {
				t.Errorf("README.md does not describe the key %s of %T", key, v)
			}
		}
	}
}
