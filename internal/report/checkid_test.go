package report_test

import (
	"testing"

	"ptcaudit/internal/report"
)

func TestIsWaiverCheck(t *testing.T) {
	for id, want := range map[string]bool{
		report.CheckWaiverExpired:    true,
		report.CheckWaiverEnding:     true,
		report.CheckWaiverUnused:     true,
		report.CheckRequiredRule:     false,
		report.CheckValidationPassed: false,
		"waiver-has-ticket":          false, // a user's own
		"waiver-":                    false,
		"":                           false,
	} {
		if got := report.IsWaiverCheck(id); got != want {
			t.Errorf("IsWaiverCheck(%q) = %v, want %v", id, got, want)
		}
	}
}
