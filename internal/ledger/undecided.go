package ledger

import "time"

// Unaudited is a time in which audits are not complete.
type Unaudited struct {
	// Since is when the first of them began.
	Since time.Time `json:"since"`
	// SaidAt is when that was last said; zero where it was not yet.
	SaidAt time.Time `json:"saidAt,omitzero"`
	// Subjects are those that were said: an operation or a check, and a prefix.
	Subjects []string `json:"subjects"`
}
