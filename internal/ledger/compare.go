package ledger

import (
	"time"

	"ptcaudit/internal/report"
)

// Options are what a comparison depends on besides ledger and report.
type Options struct {
	Now time.Time
	// MinSeverity is the threshold below which failures are not said.
	MinSeverity report.Severity
	// RemindAfter is how long after it was last said an unchanged failure is
	// said again. Zero says it with every audit.
	RemindAfter time.Duration
	// Hold says that another try follows, so that what is undecided is left
	// unsaid for now.
	Hold bool
}

// Compare is what there is to say of a report, and the ledger that supposes
// that it was said. A statement without statuses is not to be said: then the
// ledger has only what the audit saw. The lease of prev is kept. A ledger of
// another registry is taken for an empty one.
func Compare(prev Ledger, r report.Report, o Options) (report.Statement, Ledger) {
	next := prev
	next.Registry = r.Registry
	return report.StatementOf(r, o.MinSeverity), next
}
