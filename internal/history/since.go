package history

import "ptcaudit/internal/report"

// Since gives the failures of a report, at or above a severity, that are new
// since an earlier report of the same registry, and counts those that are not.
// A failure is the same if its check and prefix are, its facts (upstream,
// credential, role) are unchanged, and it was at least as severe before.
func Since(before, r report.Report, threshold report.Severity) (fresh []report.Finding, known int) {
	had := map[string]report.Finding{}
	for _, f := range before.Findings {
		if f.Open() {
			had[f.Fingerprint] = f
		}
	}
	for _, f := range r.Findings {
		if !f.Open() || !f.Severity.AtLeast(threshold) {
			continue
		}
		if b, ok := had[f.Fingerprint]; ok && b.Facts == f.Facts && b.Severity.AtLeast(f.Severity) {
			known++
			continue
		}
		fresh = append(fresh, f)
	}
	return fresh, known
}
