package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/notify"
)

var update = flag.Bool("update", false, "rewrite golden files")

// inFull are the examples that are shown as chat and programs get them too.
var inFull = map[string]bool{"failed": true, "all-sections": true, "hostile": true, "could-not-list": true}

// TestGolden shows every message as its readers get it.
func TestGolden(t *testing.T) {
	for name, statement := range examples() {
		t.Run(name, func(t *testing.T) {
			m := notify.Compose(statement)
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

// TestWidth: a line is longer than a terminal only where it is copied, or
// where it tells who did what.
func TestWidth(t *testing.T) {
	copied := regexp.MustCompile(`^ +(aws |See )|^Evidence: |^("[^"]*"|jane|rotation) \(`)
	for name, s := range examples() {
		for line := range strings.Lines(notify.Compose(s).Text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 78 && !copied.MatchString(line) {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
}
