package text_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/history"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
)

// others writes the other outputs about a report: its difference from another
// report, its history, the summary of the history, and its waivers. file is the
// name of a file and of an object.
func others(t *testing.T, r report.Report, file string, o text.Options) map[string]string {
	t.Helper()
	before := mixed()
	h := history.Begin(before.Audit.StartedAt.Add(-time.Hour), before.Audit.StartedAt.AddDate(0, 0, 2))
	later := r
	later.Audit.StartedAt = before.Audit.StartedAt.Add(40 * time.Minute)
	h.AddReport("a", before)
	h.AddReport("b", later)
	h.AddChanges(r.Registry, r.Triggers)
	h.AddUnreadable(file)
	h.Finish(h.To)
	var uses []policy.WaiverUse
	for _, f := range r.Findings {
		use := policy.WaiverUse{State: policy.WaiverEnding, Check: f.Check, Prefixes: []string{f.Prefix}, Accounts: []string{f.Message}, File: file, Findings: []report.Finding{f}}
		if f.Waiver != nil {
			use.Waiver = *f.Waiver
		}
		uses = append(uses, use)
	}
	out := map[string]string{}
	for name, write := range map[string]func(w io.Writer) error{
		"diff":    func(w io.Writer) error { return text.Diff(w, history.Compare(before, later), o) },
		"back":    func(w io.Writer) error { return text.Diff(w, history.Compare(later, before), o) },
		"history": func(w io.Writer) error { return text.History(w, *h, o) },
		"summary": func(w io.Writer) error { return text.Summary(w, *h, "0.1.0", o) },
		"waivers": func(w io.Writer) error { return text.Waivers(w, r, uses, o) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		out[name] = b.String()
	}
	return out
}

func TestOutsideTextCannotMisleadOthers(t *testing.T) {
	for name, got := range others(t, hostile(), hostile().Findings[0].Message, text.Options{Width: 80}) {
		for _, r := range got {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r)) {
				t.Errorf("%s: output holds %U:\n%s", name, r, got)
				break
			}
		}
		for line := range strings.Lines(got) {
			if strings.HasPrefix(line, "No failures") {
				t.Errorf("%s: forged line %q", name, line)
			}
		}
		if len(got) > 16<<10 {
			t.Errorf("%s: %d bytes of output: the megabytes from outside were not cut", name, len(got))
		}
	}
}

func TestOthersFitAndNeedNoColour(t *testing.T) {
	for of, r := range reports() {
		colored := others(t, r, "acme.yaml", text.Options{Width: 78, Color: true})
		for name, plain := range others(t, r, "acme.yaml", text.Options{Width: 78}) {
			if diff := cmp.Diff(plain, escapes.ReplaceAllString(colored[name], "")); diff != "" {
				t.Errorf("%s of %s: coloured text differs (-plain +coloured):\n%s", name, of, diff)
			}
			for line := range strings.Lines(plain) {
				if line = strings.TrimSuffix(line, "\n"); len([]rune(line)) > 78 && len(strings.Fields(line)) > 4 {
					t.Errorf("%s of %s: %d columns: %q", name, of, len([]rune(line)), line)
				}
			}
		}
	}
}
