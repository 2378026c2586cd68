package ledger

import (
	"time"

	"ptcaudit/internal/report"
)

// Binding ties a waiver to the facts that it first covered. A rule that fetches
// from elsewhere since is another matter, which nobody agreed to.
type Binding struct {
	report.Waiver
	// Facts are those of the finding when the waiver first covered it.
	Facts string `json:"facts,omitempty"`
}

// bind is the binding of the waiver that a finding has. A waiver that differs
// in anything was agreed anew, and binds anew.
func (e Entry) bind(f report.Finding) *Binding {
	if e.Waiver != nil && e.Waiver.Waiver == *f.Waiver {
		return e.Waiver
	}
	return &Binding{*f.Waiver, f.Facts}
}

// covers says that the waiver covers a finding with these facts.
func (b Binding) covers(facts string) bool { return b.AnyUpstream || b.Facts == facts }

// over says that the waiver's last day has ended.
func (b Binding) over(now time.Time) bool {
	day, err := time.Parse(time.DateOnly, b.Expires)
	return err != nil || !now.Before(day.AddDate(0, 0, 1))
}

// waivedAt is, by prefix, the highest severity that waivers cover.
func waivedAt(findings []report.Finding) map[string]report.Severity {
	out := map[string]report.Severity{}
	for _, f := range findings {
		if f.Waiver != nil {
			out[f.Prefix] = report.Highest(out[f.Prefix], f.Severity)
		}
	}
	return out
}
