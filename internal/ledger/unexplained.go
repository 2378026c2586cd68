package ledger

import (
	"time"

	"ptcaudit/internal/report"
)

// Unexplained is a change of a rule that no event has told of yet.
type Unexplained struct {
	report.RuleChange
	// At is when the change was made, as far as is known.
	At time.Time `json:"at"`
	// After is the time from which on an event explains it.
	After time.Time `json:"after"`
}
