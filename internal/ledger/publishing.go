package ledger

import (
	"slices"

	"ptcaudit/internal/report"
)

// Publishing returns the ledger to store while a notification that Compare made
// from l is being published under a lease. If the process is killed, it is
// unknown whether the notification was published. The ledger therefore marks its
// findings as unsure: the next audit notifies again what still holds, with the
// same message id, and notifies the rest as resolved. So subscribers always
// learn the current state.
func (l Ledger) Publishing(n report.Notification, lease Lease) Ledger {
	l = l.canonical()
	l.Registry, l.Lease = n.Registry, &lease
	at := make(map[key]int, len(l.Findings))
	for i, e := range l.Findings {
		at[e.key()] = i
	}
	for _, f := range slices.Concat(n.New, n.Altered) {
		i, known := at[key{f.Prefix, f.Check}]
		if !known {
			i = len(l.Findings)
			l.Findings = append(l.Findings, Entry{Check: f.Check, Prefix: f.Prefix, State: Open, Since: n.Notes[f.Fingerprint].Since})
		}
		if l.Findings[i].State == Closed { // a closed entry is removed with its waiver
			l.Findings[i].State, l.Findings[i].Since = Open, n.Notes[f.Fingerprint].Since
		}
		if l.Findings[i].Notified == nil {
			l.Findings[i].Unsure = &Notified{At: n.At, Severity: f.Severity, Facts: f.Facts}
		}
	}
	for _, f := range n.Resolved {
		// If it fails again, it is notified, although Notified is set.
		if i, known := at[key{f.Prefix, f.Check}]; known && l.Findings[i].Notified != nil {
			l.Findings[i].Touched = true
		}
	}
	if len(n.Faults) > 0 || len(n.Undecided) > 0 || !n.Recovered.IsZero() {
		u := Unaudited{Since: n.At, NotifiedAt: n.At} // no subjects, so that each is notified again
		if l.Unaudited != nil {
			u.Since = l.Unaudited.Since
		}
		l.Unaudited = &u
	}
	return l.canonical()
}
