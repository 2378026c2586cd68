package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	want := report.Report{
		Registry: registry,
		Faults:   []ptc.Fault{{Operation: "ValidatePullThroughCacheRule", Prefix: "hub", Kind: ptc.FaultDenied, Message: "no"}},
		Rules:    []report.Rule{report.NewRule(ptc.Rule{Prefix: "hub"}, ptc.Validation{})},
		Findings: []report.Finding{finding("upstream-url", "hub", report.Fail, report.High)},
	}
	want.Finish()
	var b bytes.Buffer
	if err := want.Encode(&b); err != nil {
		t.Fatal(err)
	}
	got, err := report.Decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded report differs (-want +got):\n%s", diff)
	}
}

func TestDecodeTrustsNothingThatIsDerived(t *testing.T) {
	const head = `"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1"}`
	t.Run("incomplete stays incomplete", func(t *testing.T) {
		got, err := report.Decode([]byte(`{` + head + `,"complete":false}`))
		if err != nil || got.Complete {
			t.Errorf("got complete %v, error %v", got.Complete, err)
		}
	})
	t.Run("complete with a fault is incomplete", func(t *testing.T) {
		got, err := report.Decode([]byte(`{` + head + `,"complete":true,"faults":[{"kind":"denied"}]}`))
		if err != nil || got.Complete {
			t.Errorf("got complete %v, error %v", got.Complete, err)
		}
	})
	for name, tc := range map[string]struct{ in, want string }{
		"no JSON":         {`nope`, "invalid character"},
		"another schema":  {`{"schemaVersion":"ptcaudit/report/v2"}`, `schemaVersion is "ptcaudit/report/v2"`},
		"no schema":       {`{}`, `schemaVersion is ""`},
		"no registry":     {`{"schemaVersion":"ptcaudit/report/v1"}`, `" " is no registry`},
		"unknown outcome": {`{` + head + `,"findings":[{"check":"c","outcome":"failed","severity":"low"}]}`, `unknown outcome "failed"`},
		"no severity":     {`{` + head + `,"findings":[{"check":"c","outcome":"fail"}]}`, `unknown severity ""`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := report.Decode([]byte(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that contains %q", err, tc.want)
			}
		})
	}
}
