package history

import "time"

// Gap is a time without a complete audit.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// longGap is how long a registry may go without a complete audit until it is
// told.
const longGap = 24 * time.Hour

// gaps are the times without a complete audit.
func (r *Registry) gaps(from, to time.Time) []Gap {
	out := []Gap{}
	last := from
	add := func(at time.Time) {
		if at.Sub(last) > longGap {
			out = append(out, Gap{last, at})
		}
		last = at
	}
	for _, a := range r.Audits {
		if a.Complete {
			add(a.StartedAt)
		}
	}
	add(to)
	return out
}
