package asff_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/render/asff"
	"ptcaudit/internal/render/samples"
	"ptcaudit/internal/report"
	"ptcaudit/internal/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

func render(t *testing.T, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := asff.Render(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// indented is easier to read and to compare.
func indented(t *testing.T, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, render(t, r), "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

func TestGolden(t *testing.T) { samples.Golden(t, *update, "json", indented) }

type counts struct {
	Batches int
	Audit   string         // compliance of the audit itself
	States  map[string]int // compliance, workflow, record
}

// AWS's own client finds every call as its model wants it, and counts what the
// report counts.
func TestIsWhatTheAPITakes(t *testing.T) {
	corpus, written := samples.Corpus(), map[string][]byte{}
	for name, r := range corpus {
		written[name] = render(t, r)
	}
	for name, got := range samples.ReadBack[counts](t, toolbox.Python(t), "testdata/read.py", written) {
		r := corpus[name]
		want := counts{Batches: (len(r.Findings) + 100) / 100, Audit: "PASSED", States: map[string]int{}}
		if !r.Complete || len(r.Faults) > 0 {
			want.Audit = "NOT_AVAILABLE"
		}
		n := samples.Count(r)
		for state, n := range map[string]int{
			"FAILED NEW ACTIVE": n.Open, "FAILED NEW ARCHIVED": n.Waived, "NOT_AVAILABLE NEW ACTIVE": n.Undecided, "WARNING NEW ACTIVE": n.Pending,
			"PASSED RESOLVED ARCHIVED": n.Pass, "NOT_AVAILABLE RESOLVED ARCHIVED": n.Skip,
		} {
			if n > 0 {
				want.States[state] = n
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-report +read):\n%s", name, diff)
		}
	}
}

// The AWS CLI sends each line, the way the documentation of Render says.
func TestTheCLITakesEachLine(t *testing.T) {
	aws := toolbox.AWS(t)
	var sent []int
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct{ Findings []any }
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		sent = append(sent, len(call.Findings))
		_, _ = io.WriteString(w, `{"FailedCount": 0, "SuccessCount": 100, "FailedFindings": []}`)
	}))
	defer hub.Close()
	file := filepath.Join(t.TempDir(), "report.asff")
	if err := os.WriteFile(file, render(t, samples.Huge()), 0o600); err != nil {
		t.Fatal(err)
	}
	// Two of its sixteen calls are enough: each takes a second to start.
	const loop = `head -n 1 "$0" >first && tail -n 1 "$0" >>first
while read -r batch; do
  "$1" securityhub batch-import-findings --findings file:///dev/stdin <<<"$batch" || exit
done <first`
	cmd := exec.CommandContext(t.Context(), "bash", "-c", loop, file, aws)
	cmd.Dir = filepath.Dir(file)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+hub.URL, "AWS_DEFAULT_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=111122223333", "AWS_SECRET_ACCESS_KEY=any",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if diff := cmp.Diff([]int{100, 1}, sent); diff != "" {
		t.Error(diff)
	}
}

// A finding is the same one whatever becomes of it.
func TestIDsAreStable(t *testing.T) {
	ids := func(r report.Report) []string {
		var findings []struct{ ID string }
		if err := json.Unmarshal(render(t, r), &findings); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range findings {
			out = append(out, f.ID)
		}
		return out
	}
	before, mended := samples.Realistic(), samples.Realistic()
	for i := range mended.Findings {
		f := &mended.Findings[i]
		f.Outcome, f.Message, f.Facts, f.Waiver = report.Pass, "", "other", nil
	}
	if diff := cmp.Diff(ids(before), ids(mended)); diff != "" {
		t.Error(diff)
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := asff.Render(failing{want}, samples.Realistic()); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
