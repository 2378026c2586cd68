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

func TestDecodeRefuses(t *testing.T) {
	const (
		start = `"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1"},"audit":{"startedAt":"2026-11-21T12:00:00Z"},"rules":[{"prefix":"hub"}],`
		head  = start + `"complete":true,`
		fail  = `"check":"c","prefix":"hub","outcome":"fail","severity":"low"`
	)
	waived := func(waiver string) string {
		return `{` + head + `"findings":[{` + fail + `,"waiver":{` + waiver + `}}]}`
	}
	for name, tc := range map[string]struct{ in, want string }{
		"no JSON":                   {`nope`, "invalid character"},
		"another schema":            {`{"schemaVersion":"ptcaudit/report/v2"}`, `schemaVersion is "ptcaudit/report/v2"`},
		"no schema":                 {`{}`, `it is not a report: use a file that was written with --output json`},
		"no registry":               {`{"schemaVersion":"ptcaudit/report/v1"}`, `invalid registry " "`},
		"an account with a path":    {`{"schemaVersion":"ptcaudit/report/v1","registry":{"account":"../../x","region":"eu-west-1"}}`, "invalid registry"},
		"a Region with a path":      {`{"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1/../../x"}}`, "invalid registry"},
		"unknown outcome":           {`{` + head + `"findings":[{"check":"c","outcome":"failed","severity":"low"}]}`, `unknown outcome "failed"`},
		"no severity":               {`{` + head + `"findings":[{"check":"c","outcome":"fail"}]}`, `unknown severity ""`},
		"no check":                  {`{` + head + `"findings":[{"outcome":"fail","severity":"low"}]}`, "has no check"},
		"incomplete without reason": {`{` + start + `"complete":false}`, "marked as incomplete"},
		"complete is missing":       {`{` + start + `"findings":[]}`, "complete is missing"},
		"complete with a fault":     {`{` + head + `"faults":[{"kind":"denied"}]}`, "marked as complete"},
		"complete, not checked":     {`{` + head + `"findings":[{"check":"c","outcome":"error","severity":"low"}]}`, "marked as complete"},
		"unknown kind of fault":     {`{` + start + `"complete":false,"faults":[{"kind":"harmless"}]}`, `unknown kind of fault "harmless"`},
		"unsupported, with a rule":  {`{` + head + `"faults":[{"kind":"unsupported"}]}`, "the Region has no pull through cache rules"},
		"a summary without failure": {`{` + head + `"findings":[{` + fail + `}],"summary":{"rules":1,"outcomes":{"pass":1}}}`, "summary does not match"},
		"a summary of other rules":  {`{` + head + `"summary":{"rules":2}}`, "summary does not match"},
		"a summary with a waiver":   {`{` + head + `"findings":[{` + fail + `}],"summary":{"rules":1,"outcomes":{"fail":1},"waived":1}}`, "summary does not match"},
		"no owner":                  {waived(`"owner":"","reason":"r","expires":"2026-12-31"`), "no owner or no reason"},
		"an invisible owner":        {waived(`"owner":"\u200b","reason":"r","expires":"2026-12-31"`), "no owner or no reason"},
		"a blank reason":            {waived(`"owner":"me","reason":" \n","expires":"2026-12-31"`), "no owner or no reason"},
		"a waiver that has ended":   {waived(`"owner":"me","reason":"r","expires":"1999-12-31"`), "ended on 1999-12-31"},
		"ended on the day before":   {waived(`"owner":"me","reason":"r","expires":"2026-11-20"`), "ended on 2026-11-20"},
		"a waiver without end":      {waived(`"owner":"me","reason":"r"`), "has no last day"},
		"a waiver of a pass":        {`{` + head + `"findings":[{"check":"c","prefix":"hub","outcome":"pass","severity":"low","waiver":{"owner":"me","reason":"r","expires":"2026-12-31"}}]}`, "does not fail"},
		"a waived waiver check":     {`{` + head + `"findings":[{"check":"waiver-expired","prefix":"hub","outcome":"fail","severity":"low","waiver":{"owner":"me","reason":"r","expires":"2026-12-31"}}]}`, "cannot be waived"},
		"a rule that is not listed": {`{` + head + `"findings":[{"check":"c","prefix":"gone","outcome":"fail","severity":"low"}]}`, `rule "gone", which is not listed`},
		"the same finding twice":    {`{` + head + `"findings":[{` + fail + `},{"check":"c","prefix":"hub","outcome":"pass","severity":"low"}]}`, "listed twice"},
		"another's fingerprint":     {`{` + head + `"findings":[{` + fail + `,"fingerprint":"00"}]}`, "the fingerprint"},
		"the same rule twice":       {`{"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1"},"complete":true,"rules":[{"prefix":"hub"},{"prefix":"hub/"}]}`, "listed twice"},
		"a rule without a prefix":   {`{"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1"},"complete":true,"rules":[{"prefix":""}]}`, "has no prefix"},
		"valid with a failure":      {`{"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1"},"complete":true,"rules":[{"prefix":"hub","validation":{"valid":true,"applicable":true,"failure":"denied"}}]}`, "is valid and has a failure"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := report.Decode([]byte(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) || got.SchemaVersion != "" {
				t.Errorf("error %v, want one that contains %q", err, tc.want)
			}
		})
	}
}

// The controls: what is sound is read, also if it was written by hand.
func TestDecodeReads(t *testing.T) {
	const head = `"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1"},"audit":{"startedAt":"2026-11-21T12:00:00Z"}`
	for name, in := range map[string]string{
		"incomplete with a fault":       `{` + head + `,"complete":false,"faults":[{"kind":"denied"}]}`,
		"a required rule is missing":    `{` + head + `,"complete":true,"findings":[{"check":"required-rule","prefix":"gone","outcome":"fail","severity":"low"}]}`,
		"a waiver on its last day":      `{` + head + `,"complete":true,"findings":[{"check":"c","outcome":"fail","severity":"low","waiver":{"owner":"me","reason":"r","expires":"2026-11-21"}}]}`,
		"as of a day before the end":    `{"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1"},"audit":{"startedAt":"2026-11-21T12:00:00Z","asOf":"2026-01-01T00:00:00Z"},"complete":true,"findings":[{"check":"c","outcome":"fail","severity":"low","waiver":{"owner":"me","reason":"r","expires":"2026-03-01"}}]}`,
		"a Region without the API":      `{` + head + `,"complete":true,"faults":[{"kind":"unsupported"}]}`,
		"a summary with counts of zero": `{` + head + `,"complete":true,"summary":{"outcomes":{"fail":0}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := report.Decode([]byte(in)); err != nil {
				t.Error(err)
			}
		})
	}
}
