package outside

import (
	"cmp"
	"fmt"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Subject is what a finding is about.
func Subject(f report.Finding) string { return cmp.Or(Name(f.Prefix), "(registry)") }

// Check names the check of a finding; it is not empty, which some formats
// forbid.
func Check(f report.Finding) string { return cmp.Or(Name(f.Check), "(unnamed)") }

// Message is what a finding says; it is not empty, which some formats forbid.
func Message(f report.Finding) string {
	text := Text(f.Message)
	switch {
	case text != "":
		return text
	case f.Outcome == report.Pass:
		return "The check passes."
	case f.Outcome == report.Skip:
		return "The check does not apply."
	}
	return "No message."
}

// Waived says until when a finding is waived, by whom and why.
func Waived(w report.Waiver) string {
	return "Waived until " + Name(w.Expires) + " by " + Name(w.Owner) + ": " + Text(w.Reason)
}

// Incomplete says why a report is incomplete, a sentence for each reason. Where
// it is complete there is none.
func Incomplete(r report.Report) []string {
	if r.Complete {
		return nil
	}
	var reasons []string
	for _, f := range r.Faults {
		if f.Kind != ptc.FaultUnsupported {
			reasons = append(reasons, Text(f.Error()))
		}
	}
	switch n := r.Summary.Outcomes[report.Error]; {
	case n == 1:
		reasons = append(reasons, "1 check could not tell.")
	case n > 1:
		reasons = append(reasons, fmt.Sprintf("%d checks could not tell.", n))
	case len(reasons) == 0:
		reasons = []string{"The report says of itself that it is incomplete."}
	}
	return reasons
}

// Unsupported says that the Region has no pull through cache, where a report
// says so: then it has nothing else to tell, and is complete all the same.
func Unsupported(r report.Report) (message string, ok bool) {
	for _, f := range r.Faults {
		if f.Kind == ptc.FaultUnsupported {
			return cmp.Or(Text(f.Message), "The Region has no pull through cache."), r.Complete
		}
	}
	return "", false
}
