package ledger

import (
	"time"

	"ptcaudit/internal/report"
)

// Binding binds a waiver to the facts that it first covered. If what the check
// looks at changes later, for example the upstream, the waiver does not cover that.
type Binding struct {
	report.Waiver
	// Facts are the Facts of the finding when the waiver first covered it.
	Facts string `json:"facts,omitempty"`
}

// bind returns the binding of the finding's waiver. A waiver that was changed in
// any way is a new one, and binds to the current facts.
func (e Entry) bind(f report.Finding) *Binding {
	if e.Waiver != nil && e.Waiver.Waiver == *f.Waiver {
		return e.Waiver
	}
	return &Binding{*f.Waiver, f.Facts}
}

// covers reports whether the waiver covers a finding with these facts.
func (b Binding) covers(facts string) bool { return b.AnyUpstream || b.Facts == facts }

// over reports whether the waiver's last day has ended.
func (b Binding) over(now time.Time) bool {
	day, err := time.Parse(time.DateOnly, b.Expires)
	return err != nil || !now.Before(day.AddDate(0, 0, 1))
}
