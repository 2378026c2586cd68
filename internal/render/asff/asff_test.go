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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/asff"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
	"ptcaudit/internal/stand/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

func render(t *testing.T, r report.Report) []byte { return renderSince(t, nil, r) }

func renderSince(t *testing.T, before *report.Report, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := asff.Render(&b, r, asff.Options{Before: before}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func indented(t *testing.T, r report.Report) []byte { return indent(t, render(t, r)) }

// indent makes it easier to read and to compare.
func indent(t *testing.T, written []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, written, "", "  "); err != nil {
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

// TestTheAPIAcceptsTheOutput: every line is valid by the model of AWS's client,
// and has as many findings of each outcome as the report.
func TestTheAPIAcceptsTheOutput(t *testing.T) {
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

// TestTheCLIAcceptsEachLine runs the loop that the comment of Render shows.
func TestTheCLIAcceptsEachLine(t *testing.T) {
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

// TestIDsAreStable: the id of a finding does not depend on its outcome.
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
	before, fixed := samples.Realistic(), samples.Realistic()
	for i := range fixed.Findings {
		f := &fixed.Findings[i]
		f.Outcome, f.Message, f.Facts, f.Waiver = report.Pass, "", "other", nil
	}
	if diff := cmp.Diff(ids(before), ids(fixed)); diff != "" {
		t.Error(diff)
	}
}

// since is an earlier report, and a later one in which a rule is gone and two
// checks are no longer in the policy. One of their findings was waived.
func since() (before, r report.Report) {
	before, r = samples.Realistic(), samples.Realistic()
	r.Audit.ID, r.Audit.StartedAt = "later", r.Audit.StartedAt.Add(time.Hour)
	r.Faults = nil
	r.Rules = slices.DeleteFunc(r.Rules, func(rule report.Rule) bool { return rule.Prefix == "docker-hub" })
	r.Findings = slices.DeleteFunc(r.Findings, func(f report.Finding) bool {
		return f.Prefix == "docker-hub" || f.Prefix == "ghcr" || f.Check == "rule-quota" || f.Check == "root-prefix"
	})
	r.Finish()
	return before, r
}

// What an earlier report has and a complete one has not is resolved, as the
// same finding.
func TestVanished(t *testing.T) {
	tests := []struct {
		name   string
		change func(before, r *report.Report)
		want   []string
	}{
		{"complete", func(*report.Report, *report.Report) {}, []string{"rule-quota", "validation-passed"}},
		{"twice in the earlier report", func(before, _ *report.Report) {
			before.Findings = append(before.Findings, before.Findings...)
		}, []string{"rule-quota", "validation-passed"}},
		{"incomplete", func(_, r *report.Report) { r.Complete = false }, nil},
		{"unsupported", func(_, r *report.Report) { r.Faults = []ptc.Fault{{Kind: ptc.FaultUnsupported}} }, nil},
		{"of another registry", func(before, _ *report.Report) { before.Registry.Region = "eu-central-1" }, nil},
		{"of a later audit", func(before, r *report.Report) { before.Audit.StartedAt = r.Audit.FinishedAt.Add(time.Hour) }, nil},
		{"the same", func(before, r *report.Report) { *before = *r }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, r := since()
			had := outcomes(t, render(t, before))
			tt.change(&before, &r)
			plain, got := outcomes(t, render(t, r)), outcomes(t, renderSince(t, &before, r))
			var resolved []string
			for id, o := range got {
				switch {
				case o == plain[id]:
				case o.state != "PASSED RESOLVED ARCHIVED" || had[id].check != o.check:
					t.Errorf("%s is %v, and was %v", id, o, had[id])
				default:
					resolved = append(resolved, o.check)
				}
			}
			slices.Sort(resolved)
			if diff := cmp.Diff(tt.want, resolved); diff != "" {
				t.Error(diff)
			}
			if len(got) != len(plain)+len(resolved) {
				t.Errorf("%d findings, %d without the earlier report", len(got), len(plain))
			}
		})
	}
}

type outcome struct{ check, state string }

// outcomes are what was written, by id.
func outcomes(t *testing.T, written []byte) map[string]outcome {
	t.Helper()
	var findings []struct {
		ID, GeneratorID, RecordState string
		Compliance, Workflow         struct{ Status string }
	}
	if err := json.Unmarshal(written, &findings); err != nil {
		t.Fatal(err)
	}
	out := map[string]outcome{}
	for _, f := range findings {
		if _, twice := out[f.ID]; twice {
			t.Errorf("%s is there twice", f.ID)
		}
		out[f.ID] = outcome{strings.TrimPrefix(f.GeneratorID, "ptcaudit/"), f.Compliance.Status + " " + f.Workflow.Status + " " + f.RecordState}
	}
	return out
}

func TestGoldenVanished(t *testing.T) {
	before, r := since()
	written := renderSince(t, &before, r)
	got, file := indent(t, written), filepath.Join("testdata", "vanished.json")
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("output differs (-want +got); -update rewrites it:\n%s", diff)
	}
	hostile := samples.Hostile()
	gone := hostile
	gone.Faults, gone.Findings = nil, nil
	gone.Finish()
	read := samples.ReadBack[counts](t, toolbox.Python(t), "testdata/read.py", map[string][]byte{"vanished": written, "hostile": renderSince(t, &hostile, gone)})
	plain, open := samples.Count(r), samples.Count(hostile).Open
	if got, want := read["vanished"].States["PASSED RESOLVED ARCHIVED"], plain.Pass+2; got != want {
		t.Errorf("%d have passed, want %d", got, want)
	}
	if diff := cmp.Diff(map[string]int{"PASSED RESOLVED ARCHIVED": open}, read["hostile"].States); diff != "" {
		t.Error(diff)
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := asff.Render(failing{want}, samples.Realistic(), asff.Options{}); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
