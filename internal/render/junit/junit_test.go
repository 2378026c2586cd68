package junit_test

import (
	"bytes"
	"errors"
	"flag"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/render/junit"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
	"ptcaudit/internal/stand/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

func render(t *testing.T, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := junit.Render(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) { samples.Golden(t, *update, "xml", render) }

// counts are what testdata/read.py prints.
type counts struct {
	Suites, Tests, Failures, Errors, Skipped int
	// Audit is the outcome of the audit's own test case.
	Audit string
}

// Every report is valid by the schema, and a reader that is not ours counts in
// it what the report counts.
func TestIsReadBack(t *testing.T) {
	corpus, written := samples.Corpus(), map[string][]byte{}
	for name, r := range corpus {
		written[name] = render(t, r)
	}
	for name, got := range samples.ReadBack[counts](t, toolbox.Formats(t), "testdata/read.py", written) {
		r := corpus[name]
		n := samples.Count(r)
		want := counts{
			Suites: 1, Tests: len(r.Findings) + 1,
			Failures: n.Open, Errors: n.Undecided, Skipped: n.Waived + n.Pending + n.Skip,
			Audit: "passed",
		}
		switch {
		case !r.Complete:
			want.Audit = "error"
			want.Errors++
		case len(r.Faults) > 0:
			want.Audit = "skipped"
			want.Skipped++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-report +read):\n%s", name, diff)
		}
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := junit.Render(failing{want}, samples.Realistic()); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
