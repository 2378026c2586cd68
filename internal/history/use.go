package history

import (
	"time"

	"ptcaudit/internal/report"
)

// PolicyUse is a policy and when it was used.
type PolicyUse struct {
	report.Policy
	Use
}

// VersionUse is a version of the tool and when it was used.
type VersionUse struct {
	Version string `json:"version"`
	Use
}

// WaiverUse is a waiver and when it covered a failure.
type WaiverUse struct {
	Subject
	report.Waiver
	Use
}

// Use counts the audits that used something. First and Last are when the first
// and the last of them began.
type Use struct {
	Audits int       `json:"audits"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

// used counts the policy and the version of a report, and the waivers that covered
// a failure. A failure that is still open has a waiver that is bound to other
// facts: that waiver is not counted.
func (r *Registry) used(now report.Report) {
	at := now.Audit.StartedAt
	r.Policies = count(r.Policies, at, PolicyUse{Policy: now.Policy}, func(u PolicyUse) report.Policy { return u.Policy }, func(u *PolicyUse) *Use { return &u.Use })
	r.Versions = count(r.Versions, at, VersionUse{Version: now.Audit.Version}, func(u VersionUse) string { return u.Version }, func(u *VersionUse) *Use { return &u.Use })
	for _, f := range now.Findings {
		if f.Waiver == nil || f.Outcome != report.Fail || r.failing(f) != nil {
			continue
		}
		r.Waivers = count(r.Waivers, at, WaiverUse{Subject: subjectOf(f), Waiver: *f.Waiver},
			func(u WaiverUse) WaiverUse { return WaiverUse{Subject: u.Subject, Waiver: u.Waiver} }, func(u *WaiverUse) *Use { return &u.Use })
	}
}

// count adds one use to the entry with the same key, or adds the entry.
func count[T any, K comparable](list []T, at time.Time, entry T, key func(T) K, use func(*T) *Use) []T {
	for i := range list {
		if key(list[i]) == key(entry) {
			u := use(&list[i])
			u.Audits++
			u.Last = at
			return list
		}
	}
	*use(&entry) = Use{Audits: 1, First: at, Last: at}
	return append(list, entry)
}
