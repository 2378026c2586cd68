package ocsf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/ocsf"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
	"ptcaudit/internal/stand/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

func render(t *testing.T, r report.Report) []byte { return renderSince(t, nil, r) }

func renderSince(t *testing.T, before *report.Report, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := ocsf.Render(&b, r, ocsf.Options{Before: before}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) { samples.Golden(t, *update, "jsonl", render) }

type counts struct {
	Audit  string         // compliance and status of the audit itself
	States map[string]int // compliance and status
}

// Every event is valid by the schema of its class, and they count up to what
// the report counts.
func TestIsValid(t *testing.T) {
	corpus, written := samples.Corpus(), map[string][]byte{}
	delete(corpus, "huge") // slow to validate, and has but more of the same
	for name, r := range corpus {
		written[name] = render(t, r)
	}
	for name, got := range samples.ReadBack[counts](t, toolbox.Formats(t), "testdata/read.py", written) {
		r := corpus[name]
		want := counts{Audit: "Pass Resolved", States: map[string]int{}}
		switch {
		case !r.Complete:
			want.Audit = "Warning New"
		case len(r.Faults) > 0:
			want.Audit = "Not applicable Resolved"
		}
		n := samples.Count(r)
		for state, n := range map[string]int{
			"Fail New": n.Open, "Fail Suppressed": n.Waived, "Warning New": n.Undecided, "Pending New": n.Pending,
			"Pass Resolved": n.Pass, "Not applicable Resolved": n.Skip,
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

// TestUIDsAreStable: the id of a finding does not depend on its outcome, and each
// event has its own id.
func TestUIDsAreStable(t *testing.T) {
	type uids struct{ finding, event string }
	all := func(r report.Report) []uids {
		var out []uids
		for dec := json.NewDecoder(bytes.NewReader(render(t, r))); ; {
			var e struct {
				FindingInfo struct{ UID string } `json:"finding_info"`
				Metadata    struct{ UID string }
			}
			if err := dec.Decode(&e); errors.Is(err, io.EOF) {
				return out
			} else if err != nil {
				t.Fatal(err)
			}
			out = append(out, uids{e.FindingInfo.UID, e.Metadata.UID})
		}
	}
	before, fixed := samples.Realistic(), samples.Realistic()
	fixed.Audit.ID = "another"
	for i := range fixed.Findings {
		f := &fixed.Findings[i]
		f.Outcome, f.Message, f.Facts, f.Waiver = report.Pass, "", "other", nil
	}
	now := all(fixed)
	for i, uid := range all(before) {
		if uid.finding != now[i].finding || uid.event == now[i].event {
			t.Errorf("%v became %v", uid, now[i])
		}
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
				case o.state != "Pass Resolved" || had[id].check != o.check:
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

// outcomes are what was written, by the finding's id.
func outcomes(t *testing.T, written []byte) map[string]outcome {
	t.Helper()
	out := map[string]outcome{}
	for dec := json.NewDecoder(bytes.NewReader(written)); ; {
		var e struct {
			Status      string
			Compliance  struct{ Control, Status string }
			FindingInfo struct{ UID string } `json:"finding_info"`
		}
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		if _, twice := out[e.FindingInfo.UID]; twice {
			t.Errorf("%s is there twice", e.FindingInfo.UID)
		}
		out[e.FindingInfo.UID] = outcome{e.Compliance.Control, e.Compliance.Status + " " + e.Status}
	}
}

func TestGoldenVanished(t *testing.T) {
	before, r := since()
	got, file := renderSince(t, &before, r), filepath.Join("testdata", "vanished.jsonl")
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
	read := samples.ReadBack[counts](t, toolbox.Formats(t), "testdata/read.py", map[string][]byte{"vanished": got, "hostile": renderSince(t, &hostile, gone)})
	plain, open := samples.Count(r), samples.Count(hostile).Open
	if got, want := read["vanished"].States["Pass Resolved"], plain.Pass+2; got != want {
		t.Errorf("%d have passed, want %d", got, want)
	}
	if diff := cmp.Diff(map[string]int{"Pass Resolved": open}, read["hostile"].States); diff != "" {
		t.Error(diff)
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := ocsf.Render(failing{want}, samples.Realistic(), ocsf.Options{}); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
