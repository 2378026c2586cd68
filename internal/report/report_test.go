package report_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}

func finding(check, prefix string, outcome report.Outcome, severity report.Severity) report.Finding {
	return report.Finding{Check: check, Prefix: prefix, Outcome: outcome, Severity: severity, Fingerprint: report.Fingerprint(registry, check, prefix)}
}

func TestFinishDerivesCompleteAndSummary(t *testing.T) {
	waived := finding("root-prefix", "ROOT", report.Fail, report.Critical)
	waived.Waiver = &report.Waiver{Owner: "a@b.example", Reason: "r", Expires: "2027-01-01"}
	tests := []struct {
		name     string
		faults   []ptc.Fault
		findings []report.Finding
		complete bool
		want     report.Summary
	}{
		{
			name:     "nothing found",
			complete: true,
			want:     report.Summary{Outcomes: map[report.Outcome]int{}, Failed: map[report.Severity]int{}},
		},
		{
			name: "waived failures count apart",
			findings: []report.Finding{
				waived,
				finding("upstream-url", "quay", report.Fail, report.High),
				finding("upstream-url", "hub", report.Pass, report.High),
				finding("rule-quota", "", report.Pending, report.Low),
				finding("role-account", "hub", report.Skip, report.High),
			},
			complete: true,
			want: report.Summary{
				Outcomes: map[report.Outcome]int{report.Fail: 2, report.Pass: 1, report.Pending: 1, report.Skip: 1},
				Failed:   map[report.Severity]int{report.High: 1}, Waived: 1, Highest: report.High,
			},
		},
		{
			name:     "a check that could not tell",
			findings: []report.Finding{finding("validation-passed", "hub", report.Error, report.Critical)},
			want:     report.Summary{Outcomes: map[report.Outcome]int{report.Error: 1}, Failed: map[report.Severity]int{}},
		},
		{
			name:   "a fault",
			faults: []ptc.Fault{{Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultDenied}},
			want:   report.Summary{Outcomes: map[report.Outcome]int{}, Failed: map[report.Severity]int{}},
		},
		{
			name:     "a Region without the API",
			faults:   []ptc.Fault{{Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultUnsupported}},
			complete: true,
			want:     report.Summary{Outcomes: map[report.Outcome]int{}, Failed: map[report.Severity]int{}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := report.Report{Faults: tt.faults, Findings: tt.findings}
			r.Finish()
			if r.Complete != tt.complete {
				t.Errorf("complete = %t, want %t", r.Complete, tt.complete)
			}
			if diff := cmp.Diff(tt.want, r.Summary); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEqualContentGivesEqualBytes(t *testing.T) {
	build := func(shuffle func(n int, swap func(i, j int))) []byte {
		r := report.Report{
			Registry: registry,
			Triggers: []report.Trigger{{Kind: report.ChangeTrigger, EventID: "a"}, {Kind: report.ChangeTrigger, EventID: "b"}},
			Faults:   []ptc.Fault{{Operation: "V", Prefix: "a"}, {Operation: "V", Prefix: "b"}, {Operation: "D"}},
			Rules:    []report.Rule{{Prefix: "a"}, {Prefix: "b"}, {Prefix: "ROOT"}},
			Findings: []report.Finding{
				finding("x", "a", report.Fail, report.Low), finding("y", "a", report.Pass, report.Low),
				finding("x", "b", report.Pass, report.Low), finding("q", "", report.Pass, report.Low),
			},
		}
		shuffle(len(r.Triggers), func(i, j int) { r.Triggers[i], r.Triggers[j] = r.Triggers[j], r.Triggers[i] })
		shuffle(len(r.Faults), func(i, j int) { r.Faults[i], r.Faults[j] = r.Faults[j], r.Faults[i] })
		shuffle(len(r.Rules), func(i, j int) { r.Rules[i], r.Rules[j] = r.Rules[j], r.Rules[i] })
		shuffle(len(r.Findings), func(i, j int) { r.Findings[i], r.Findings[j] = r.Findings[j], r.Findings[i] })
		r.Finish()
		var b bytes.Buffer
		if err := r.Encode(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	want := build(func(int, func(i, j int)) {})
	for seed := range uint64(20) {
		if diff := cmp.Diff(string(want), string(build(rand.New(rand.NewPCG(seed, 1)).Shuffle))); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

func TestEmptyReportHasNoNulls(t *testing.T) {
	var r report.Report
	r.Finish()
	var b bytes.Buffer
	if err := r.Encode(&b); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), []byte("null")) {
		t.Errorf("null in %s", b.String())
	}
}

func TestRuleKeepsItsFacts(t *testing.T) {
	created := time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC)
	rules := []ptc.Rule{
		{
			Prefix: "hub", Upstream: ptc.Upstream{Registry: ptc.DockerHub, URL: "registry-1.docker.io"},
			CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", CreatedAt: created, UpdatedAt: created.Add(time.Hour),
		},
		{
			Prefix: "ROOT", Upstream: ptc.Upstream{Registry: ptc.ECR, URL: "444455556666.dkr.ecr.eu-central-1.amazonaws.com", Prefix: "ROOT"},
			RoleARN: "arn:aws:iam::111122223333:role/ecr/ptc", CreatedAt: created, UpdatedAt: created,
		},
	}
	for _, rule := range rules {
		for _, v := range []ptc.Validation{{}, {Status: ptc.ValidationValid}, {Status: ptc.ValidationInvalid, Failure: "no"}, {Status: ptc.ValidationNotApplicable}} {
			data, err := json.Marshal(report.NewRule(rule, v))
			if err != nil {
				t.Fatal(err)
			}
			var back report.Rule
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			gotRule, gotValidation := back.Facts()
			if diff := cmp.Diff(rule, gotRule); diff != "" {
				t.Errorf("rule (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(v, gotValidation); diff != "" {
				t.Errorf("validation (-want +got):\n%s", diff)
			}
		}
	}
}

func TestNewRuleReadsNamesOutOfARNsAndURLs(t *testing.T) {
	got := report.NewRule(ptc.Rule{
		Prefix:        "ROOT",
		Upstream:      ptc.Upstream{Registry: ptc.ECR, URL: "444455556666.dkr.ecr.eu-central-1.amazonaws.com"},
		CredentialARN: "arn:aws:secretsmanager:eu-west-1:999900001111:secret:ecr-pullthroughcache/hub-AbCdEf",
		RoleARN:       "arn:aws:iam::222233334444:role/ptc",
	}, ptc.Validation{})
	want := report.Rule{
		Prefix: "ROOT", IsRoot: true,
		Upstream:   report.Upstream{Registry: "ecr", URL: "444455556666.dkr.ecr.eu-central-1.amazonaws.com", Account: "444455556666", Region: "eu-central-1", Known: true},
		Credential: report.Credential{ARN: "arn:aws:secretsmanager:eu-west-1:999900001111:secret:ecr-pullthroughcache/hub-AbCdEf", Account: "999900001111", Region: "eu-west-1", Name: "ecr-pullthroughcache/hub"},
		Role:       report.Role{ARN: "arn:aws:iam::222233334444:role/ptc", Account: "222233334444", Name: "ptc"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFactsFollowWhatIsJudged(t *testing.T) {
	base := ptc.Rule{Prefix: "a", Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io"}}
	same := base
	same.Prefix, same.UpdatedAt = "b", time.Unix(1, 0)
	if report.FactsOf(base) != report.FactsOf(same) {
		t.Error("prefix or time changed the facts")
	}
	const secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub"
	for name, pair := range map[string][2]ptc.Rule{
		"no upstream prefix and ROOT":         {base, {Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io", Prefix: "ROOT"}}},
		"host names in two cases":             {base, {Upstream: ptc.Upstream{Registry: "quay", URL: "Quay.IO."}}},
		"the whole and the partial ARN":       {{CredentialARN: secret + "-AbCdE1"}, {CredentialARN: secret}},
		"upstream prefixes, one with a slash": {{Upstream: ptc.Upstream{Prefix: "x"}}, {Upstream: ptc.Upstream{Prefix: "x/"}}},
	} {
		if report.FactsOf(pair[0]) != report.FactsOf(pair[1]) {
			t.Errorf("not the same facts: %s", name)
		}
	}
	for name, other := range map[string]ptc.Rule{
		"upstream":   {Upstream: ptc.Upstream{Registry: "k8s", URL: "quay.io"}},
		"url":        {Upstream: ptc.Upstream{Registry: "quay", URL: "quay.example"}},
		"prefix":     {Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io", Prefix: "x"}},
		"credential": {Upstream: base.Upstream, CredentialARN: "arn"},
		"role":       {Upstream: base.Upstream, RoleARN: "arn"},
	} {
		if report.FactsOf(base) == report.FactsOf(other) {
			t.Errorf("another %s gives the same facts", name)
		}
	}
}

func TestNotificationOf(t *testing.T) {
	waived := finding("root-prefix", "ROOT", report.Fail, report.Critical)
	waived.Waiver = &report.Waiver{}
	change := report.Trigger{Kind: report.ChangeTrigger, Actor: &report.Actor{Name: "jane"}}
	r := report.Report{
		Registry: registry,
		Triggers: []report.Trigger{{Kind: report.ScheduleTrigger}, change},
		Faults:   []ptc.Fault{{Operation: "V", Kind: ptc.FaultUnsupported}},
		Findings: []report.Finding{
			finding("low", "a", report.Fail, report.Low),
			finding("informational", "a", report.Fail, report.Informational),
			finding("critical", "b", report.Fail, report.Critical),
			waived,
		},
	}
	r.Finish()
	got := report.NotificationOf(r, report.Low)
	want := report.Notification{
		Registry: registry,
		New:      []report.Finding{finding("critical", "b", report.Fail, report.Critical), finding("low", "a", report.Fail, report.Low)},
		Changes:  []report.Trigger{change},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]report.Status{report.Failed}, got.Statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if got.Severity() != report.Critical {
		t.Errorf("severity = %s", got.Severity())
	}
}

func TestStatuses(t *testing.T) {
	f := []report.Finding{finding("c", "p", report.Fail, report.Low)}
	tests := []struct {
		name         string
		notification report.Notification
		want         []report.Status
		severity     report.Severity
	}{
		{"nothing", report.Notification{Open: f}, nil, ""},
		{"undecided counts as critical", report.Notification{Undecided: f, New: f}, []report.Status{report.CouldNotAudit, report.Failed}, report.Critical},
		{"fault", report.Notification{Faults: []ptc.Fault{{}}}, []report.Status{report.CouldNotAudit}, report.Critical},
		{"unexplained changes are high", report.Notification{Unexplained: []report.RuleChange{{}}}, []report.Status{report.Changed}, report.High},
		{"what recovers was critical", report.Notification{Recovered: time.Unix(1, 0)}, []report.Status{report.Resolved}, report.Critical},
		{"all others, in order", report.Notification{Resolved: f, Reminded: f, Altered: f, New: f}, []report.Status{report.Failed, report.Changed, report.Reminder, report.Resolved}, report.Low},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.notification.Statuses()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := tt.notification.Severity(); got != tt.severity {
				t.Errorf("severity = %q, want %q", got, tt.severity)
			}
		})
	}
}

func TestParseSeverity(t *testing.T) {
	for _, s := range report.Severities() {
		if got, err := report.ParseSeverity(string(s)); err != nil || got != s {
			t.Errorf("ParseSeverity(%s) = %s, %v", s, got, err)
		}
	}
	if _, err := report.ParseSeverity("HIGH"); err == nil {
		t.Error("upper case is taken")
	}
	if !report.High.AtLeast(report.High) || report.Low.AtLeast(report.Medium) || report.Severity("x").AtLeast(report.Informational) {
		t.Error("severities are in the wrong order")
	}
}
