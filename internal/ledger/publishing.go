package ledger

import (
	"slices"

	"ptcaudit/internal/report"
)

// Publishing is l while the holder of a lease says a notification, which Compare
// made of it. If that is the last that is heard of the holder, nobody knows
// whether it was said. So the ledger holds neither: the next audit says again
// what still holds, in the same words, and what does not hold any more is said
// to be over, as whoever was told must learn. Nobody is left to believe what is
// not so.
func (l Ledger) Publishing(s report.Notification, lease Lease) Ledger {
	l = l.canonical()
	l.Registry, l.Lease = s.Registry, &lease
	at := make(map[key]int, len(l.Findings))
	for i, e := range l.Findings {
		at[e.key()] = i
	}
	for _, f := range slices.Concat(s.New, s.Altered) {
		i, known := at[key{f.Prefix, f.Check}]
		if !known {
			i = len(l.Findings)
			l.Findings = append(l.Findings, Entry{Check: f.Check, Prefix: f.Prefix, State: Open, Since: s.Notes[f.Fingerprint].Since})
		}
		if l.Findings[i].State == Closed { // it would be forgotten with its waiver
			l.Findings[i].State, l.Findings[i].Since = Open, s.Notes[f.Fingerprint].Since
		}
		if l.Findings[i].Notified == nil {
			l.Findings[i].Unsure = &Notified{At: s.At, Severity: f.Severity, Facts: f.Facts}
		}
	}
	for _, f := range s.Resolved {
		// Should it fail again, it is said although it was said to fail.
		if i, known := at[key{f.Prefix, f.Check}]; known && l.Findings[i].Notified != nil {
			l.Findings[i].Touched = true
		}
	}
	if len(s.Faults) > 0 || len(s.Undecided) > 0 || !s.Recovered.IsZero() {
		u := Unaudited{Since: s.At, NotifiedAt: s.At} // of no subject: any is news
		if l.Unaudited != nil {
			u.Since = l.Unaudited.Since
		}
		l.Unaudited = &u
	}
	return l.canonical()
}
