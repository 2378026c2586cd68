package report_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

func TestDiffRules(t *testing.T) {
	at := time.Date(2026, 11, 21, 22, 49, 31, 0, time.UTC)
	rule := func(prefix, url, secret string, created time.Time) report.Rule {
		return report.NewRule(ptc.Rule{Prefix: prefix, Upstream: ptc.Upstream{URL: url}, CredentialARN: secret, CreatedAt: created}, ptc.Validation{})
	}
	judged := rule("same", "quay.io", "", at)
	judged.Validation = &report.Validation{Applicable: true, Failure: "no"}
	judged.UpdatedAt = at.Add(time.Hour)
	judged.Upstream.Prefix = "ROOT" // the same as none

	got := report.DiffRules(
		[]report.Rule{rule("removed", "ghcr.io", "", at), rule("same", "quay.io", "", at), rule("swapped", "quay.io", "", at), rule("again", "quay.io", "", at)},
		[]report.Rule{judged, rule("swapped", "ghcr.io", "arn", at), rule("added", "quay.io", "", at), rule("again", "quay.io", "", at.Add(time.Minute))},
	)
	want := []report.RuleChange{
		{Prefix: "added", Kind: report.Added, Fields: []report.FieldChange{{"upstream.url", "", "quay.io"}, {"createdAt", "", "2026-11-21T22:49:31Z"}}},
		{Prefix: "again", Kind: report.Altered, Fields: []report.FieldChange{{"createdAt", "2026-11-21T22:49:31Z", "2026-11-21T22:50:31Z"}}},
		{Prefix: "removed", Kind: report.Removed, Fields: []report.FieldChange{{"upstream.url", "ghcr.io", ""}, {"createdAt", "2026-11-21T22:49:31Z", ""}}},
		{Prefix: "swapped", Kind: report.Altered, Fields: []report.FieldChange{{"upstream.url", "quay.io", "ghcr.io"}, {"credential.arn", "", "arn"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := report.DiffRules(nil, nil); len(got) != 0 {
		t.Errorf("nothing became %v", got)
	}
}
