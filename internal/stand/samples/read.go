package samples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"ptcaudit/internal/report"
)

// Corpus has all samples, the largest report, and 150 random reports, which are
// the same in each run.
func Corpus() map[string]report.Report {
	corpus := All()
	corpus["huge"] = Huge()
	for seed := range 150 {
		corpus[fmt.Sprintf("any-%03d", seed)] = Any().Example(seed)
	}
	return corpus
}

// ReadBack runs a Python script that reads the written reports with an independent
// library. It decodes the output of the script: a JSON object with the result of
// each report, by name. It fails if the script fails.
func ReadBack[T any](t *testing.T, python, script string, written map[string][]byte) map[string]T {
	t.Helper()
	dir := t.TempDir()
	for name, data := range written {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), python, script, dir) //nolint:gosec // a test names them
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var read map[string]T
	if err := json.Unmarshal(stdout.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if len(read) != len(written) {
		t.Fatalf("%d of %d were read", len(read), len(written))
	}
	return read
}
