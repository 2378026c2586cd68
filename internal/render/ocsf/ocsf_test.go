package ocsf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/render/ocsf"
	"ptcaudit/internal/render/samples"
	"ptcaudit/internal/report"
	"ptcaudit/internal/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

func render(t *testing.T, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := ocsf.Render(&b, r); err != nil {
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

// A finding is the same one whatever becomes of it, and each of its events is
// one of its own.
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
	before, mended := samples.Realistic(), samples.Realistic()
	mended.Audit.ID = "another"
	for i := range mended.Findings {
		f := &mended.Findings[i]
		f.Outcome, f.Message, f.Facts, f.Waiver = report.Pass, "", "other", nil
	}
	now := all(mended)
	for i, uid := range all(before) {
		if uid.finding != now[i].finding || uid.event == now[i].event {
			t.Errorf("%v became %v", uid, now[i])
		}
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := ocsf.Render(failing{want}, samples.Realistic()); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
