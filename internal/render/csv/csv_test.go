package csv_test

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/render/csv"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
	"ptcaudit/internal/stand/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

func render(t *testing.T, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := csv.Render(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) { samples.Golden(t, *update, "csv", render) }

// Python reads every report, counts in it what the report counts, and finds no
// formula, whichever of the two separators it believes in.
func TestIsReadBack(t *testing.T) {
	corpus, written := samples.Corpus(), map[string][]byte{}
	for name, r := range corpus {
		written[name] = render(t, r)
	}
	for name, got := range samples.ReadBack[map[string]int](t, toolbox.Formats(t), "testdata/read.py", written) {
		r := corpus[name]
		n := samples.Count(r)
		want := map[string]int{"doubts": len(r.Incomplete()), "unsupported": 0, "waived": n.Waived}
		if _, ok := r.Unsupported(); ok {
			want["unsupported"] = 1
		}
		for outcome, n := range map[report.Outcome]int{report.Fail: n.Open, report.Error: n.Undecided, report.Pending: n.Pending, report.Pass: n.Pass, report.Skip: n.Skip} {
			if n > 0 {
				want[string(outcome)] = n
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-report +read):\n%s", name, diff)
		}
	}
}

func TestFormulasAreText(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(1)": "'@SUM(1)", "＝1": "'＝1",
		"x;=1": "x;'=1", "x; =1": "x; '=1", `";=1`: `";'=1`, "'=1": "''=1",
		"docker-hub": "docker-hub", "a=b": "a=b", "see --region": "see --region",
	} {
		r := report.Report{Findings: []report.Finding{{Check: cell, Outcome: report.Fail, Severity: report.Low}}}
		r.Finish()
		got := string(render(t, r))
		if quoted := `"` + strings.ReplaceAll(want, `"`, `""`) + `"`; !strings.Contains(got, ","+want+",") && !strings.Contains(got, ","+quoted+",") {
			t.Errorf("%q is not written as %q:\n%s", cell, want, got)
		}
	}
}

// TestCommandsHaveTheirOwnLines: two commands are never joined.
func TestCommandsHaveTheirOwnLines(t *testing.T) {
	if got := string(render(t, samples.Realistic())); !strings.Contains(got, "--region eu-west-1\r\naws ecr validate-") {
		t.Error(got)
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := csv.Render(failing{want}, samples.Realistic()); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
