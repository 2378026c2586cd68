package history

import "time"

// Gap is a period without a complete audit.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// longGap is how long a registry may have no complete audit before that counts
// as a Gap.
const longGap = 24 * time.Hour

// gaps returns the periods without a complete audit between from and to.
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
