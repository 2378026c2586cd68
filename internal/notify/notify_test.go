package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/notify"
)

var update = flag.Bool("update", false, "rewrite golden files")

// inFull are the examples that are shown as chat and programs get them too.
var inFull = map[string]bool{
	"failed": true, "changed": true, "resolved": true, "reminder": true, "could-not-audit": true,
	"unexplained": true, "all-sections": true, "hostile": true,
}

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
