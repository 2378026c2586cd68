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

// Use is by how many audits something was used, and when these began.
type Use struct {
	Audits int       `json:"audits"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

// used counts what a report was made with, and which waivers covered what.
func (r *Registry) used(now report.Report) {
	at := now.Audit.StartedAt
	r.Policies = count(r.Policies, at, PolicyUse{Policy: now.Policy}, func(u PolicyUse) report.Policy { return u.Policy }, func(u *PolicyUse) *Use { return &u.Use })
	r.Versions = count(r.Versions, at, VersionUse{Version: now.Audit.Version}, func(u VersionUse) string { return u.Version }, func(u *VersionUse) *Use { return &u.Use })
	for _, f := range now.Findings {
		if f.Waiver == nil || f.Outcome != report.Fail {
			continue
		}
		r.Waivers = count(r.Waivers, at, WaiverUse{Subject: subjectOf(f), Waiver: *f.Waiver},
			func(u WaiverUse) WaiverUse { return WaiverUse{Subject: u.Subject, Waiver: u.Waiver} }, func(u *WaiverUse) *Use { return &u.Use })
	}
}

// count counts one more use, at a time, of the entry that has the same key.
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
