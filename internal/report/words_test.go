package report_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

func TestIncompleteGivesReasons(t *testing.T) {
	denied := ptc.Fault{Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultDenied, Code: "AccessDeniedException", Message: "no\nway"}
	tests := []struct {
		name   string
		report report.Report
		want   []string
	}{
		{"complete", report.Report{Complete: true}, nil},
		{"fault", report.Report{Faults: []ptc.Fault{denied}}, []string{"DescribePullThroughCacheRules: AccessDeniedException: no way"}},
		{"undecided", report.Report{Summary: report.Summary{Outcomes: map[report.Outcome]int{report.Error: 2}}}, []string{"NOT CHECKED: 2 findings."}},
		{"no reason", report.Report{}, []string{"The report is marked as incomplete and gives no reason."}},
		{"unsupported, and something else", report.Report{Faults: []ptc.Fault{{Kind: ptc.FaultUnsupported}, denied}}, []string{"DescribePullThroughCacheRules: AccessDeniedException: no way"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.report.Incomplete()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnsupported(t *testing.T) {
	fault := []ptc.Fault{{Kind: ptc.FaultUnsupported, Message: "Not here."}}
	if message, ok := (report.Report{Complete: true, Faults: fault}).Unsupported(); !ok || message != "Not here." {
		t.Errorf("%q, %t", message, ok)
	}
	if _, ok := (report.Report{Faults: fault}).Unsupported(); ok {
		t.Error("an incomplete report has something else to tell")
	}
	if _, ok := (report.Report{Complete: true}).Unsupported(); ok {
		t.Error("unsupported without a fault")
	}
}
