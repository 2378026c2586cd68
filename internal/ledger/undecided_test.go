package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

func TestUndecided(t *testing.T) {
	const describe = "fault DescribePullThroughCacheRules"
	broken := findings(fail(validation, "hub", "a"))
	unsure := findings(undecided(validation, "hub"))
	for name, s := range map[string]story{
		"once, and that it is over": {
			{at: 0, faults: noList, want: []string{describe}},
			{at: 1 * hour, faults: noList},
			{at: 2 * hour, rules: hub, want: []string{"recovered since 0s"}},
			{at: 3 * hour, rules: hub},
			{at: 4 * hour, faults: noList, want: []string{describe}},
		},
		"again after a week": {
			{at: 0, faults: noList, want: []string{describe}},
			{at: week - 1, faults: noList},
			{at: week, faults: noList, want: []string{describe}},
			{at: week + hour, faults: noList},
		},
		"a subject more": {
			{rules: hub, faults: faults("hub"), findings: unsure, want: []string{"undecided validation-passed hub", "fault ValidatePullThroughCacheRule hub"}},
			{at: 1 * hour, rules: hub, faults: faults("hub", "quay"), findings: unsure, want: []string{
				"undecided validation-passed hub", "fault ValidatePullThroughCacheRule hub", "fault ValidatePullThroughCacheRule quay",
			}},
			{at: 2 * hour, rules: hub, faults: faults("hub"), findings: unsure},
			{at: 3 * hour, rules: hub, faults: faults("quay")},
			{at: 4 * hour, rules: hub, findings: broken, want: []string{"new validation-passed hub", "recovered since 0s"}},
		},
		"another reason": {
			{at: 0, faults: noList, want: []string{describe}},
			{at: 1 * hour, faults: listDenied, want: []string{describe}},
			{at: 2 * hour, faults: listDenied},
			{at: 3 * hour, faults: noList},
			{at: 4 * hour, rules: hub, want: []string{"recovered since 0s"}},
		},
		"another reason for one rule": {
			{rules: hub, faults: faults("hub"), want: []string{"fault ValidatePullThroughCacheRule hub"}},
			{at: hour, rules: hub, faults: []fault{{Operation: ptc.OpValidateRule, Prefix: "hub", Kind: ptc.FaultDenied}}, want: []string{"fault ValidatePullThroughCacheRule hub"}},
		},
		"two that take turns": {
			{rules: hub, faults: faults("hub"), want: []string{"fault ValidatePullThroughCacheRule hub"}},
			{at: 1 * hour, rules: hub, faults: faults("quay"), want: []string{"fault ValidatePullThroughCacheRule quay"}},
			{at: 2 * hour, rules: hub, faults: faults("hub")},
			{at: 3 * hour, rules: hub, faults: faults("quay")},
			{at: week + 1*hour, rules: hub, faults: faults("quay"), want: []string{"fault ValidatePullThroughCacheRule quay"}},
			{at: week + 2*hour, rules: hub, faults: faults("hub"), want: []string{"fault ValidatePullThroughCacheRule hub"}},
		},
		"held back while another try follows": {
			{rules: hub, faults: faults("hub"), findings: unsure, hold: true},
			{at: minute, rules: hub, faults: faults("hub"), findings: unsure, hold: true},
			{at: 2 * minute, rules: hub, faults: faults("hub"), findings: unsure, want: []string{
				"undecided validation-passed hub", "fault ValidatePullThroughCacheRule hub",
			}},
			{at: hour, rules: hub, findings: findings(pass(validation, "hub")), want: []string{"recovered since 0s"}},
		},
		"held back and over": {
			{rules: hub, faults: faults("hub"), findings: unsure, hold: true},
			{at: minute, rules: hub, findings: findings(pass(validation, "hub"))},
			{at: hour, faults: noList, hold: true},
			{at: 2 * hour, faults: noList, want: []string{describe}},
			{at: 3 * hour, rules: hub, want: []string{"recovered since 1h0m0s"}},
		},
		"holds back only what could not be checked": {
			{
				rules: hub, faults: faults("hub"), findings: findings(fail(allowed, "hub", "a"), undecided(validation, "hub")), hold: true,
				want: []string{"new upstream-allowed hub"},
			},
			{
				at: minute, rules: hub, faults: faults("hub"), findings: findings(fail(allowed, "hub", "a"), undecided(validation, "hub")),
				want: []string{"open upstream-allowed hub", "undecided validation-passed hub", "fault ValidatePullThroughCacheRule hub"},
			},
		},
		"a reminder waits for the last try, too": {
			{faults: noList, want: []string{describe}},
			{at: week, faults: noList, hold: true},
			{at: week + minute, faults: noList, want: []string{describe}},
		},
		"known faults are not repeated beside news": {
			{rules: hub, faults: faults("quay"), want: []string{"fault ValidatePullThroughCacheRule quay"}},
			{at: hour, rules: hub, faults: faults("quay"), findings: broken, want: []string{"new validation-passed hub"}},
		},
		"below any threshold": {
			{rules: hub, findings: findings(severity(report.Informational, undecided(validation, "hub"))), min: report.Critical, want: []string{"undecided validation-passed hub"}},
		},
		"a Region without the API is complete, and knows nothing": {
			{faults: noList, want: []string{describe}},
			{at: hour, faults: unsupported},
			{at: 2 * hour, rules: hub, want: []string{"recovered since 0s"}},
		},
	} {
		t.Run(name, func(t *testing.T) { s.run(t) })
	}
}

func TestSubjectsStandOnce(t *testing.T) {
	l := (step{rules: hub, faults: faults("hub")}).compare(ledger.Ledger{})
	l = (step{at: hour, rules: hub, faults: faults("hub", "quay")}).compare(l)
	want := []string{"ValidatePullThroughCacheRule timeout hub", "ValidatePullThroughCacheRule timeout quay"}
	if diff := cmp.Diff(want, l.Unaudited.Subjects); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
