package html_test

import (
	"testing"
	"time"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/html"
	"ptcaudit/internal/report"
)

const day = 24 * time.Hour

var started = time.Date(2026, 11, 21, 22, 50, 3, 0, time.UTC)

// acme is the report of a company with two dozen rules and most kinds of
// failures, by the policy in testdata, and the Options of its page. If asked is
// false, the validation result of one rule is missing.
func acme(t *testing.T, asked bool) (report.Report, html.Options) {
	t.Helper()
	const (
		account = "111122223333"
		failure = "The authentication to the upstream registry failed. Verify that the credentials in the secret are correct."
	)
	secret := func(name string) string {
		return "arn:aws:secretsmanager:eu-west-1:" + account + ":secret:" + ptc.SecretPrefix + name + "-Qk3xTz"
	}
	valid := ptc.Validation{Status: ptc.ValidationValid}
	rows := []struct {
		prefix, url, upstreamPrefix, secret, role string
		verdict                                   ptc.Validation
		age                                       time.Duration
	}{
		{"ROOT", "public.ecr.aws", "ROOT", "", "", valid, 600 * day},
		{"build/chainguard", "cgr.dev", "", "chainguard", "", valid, 233 * day},
		{"build/docker", "registry-1.docker.io", "", "docker-hub", "", valid, 120 * day},
		{"build/ghcr", "ghcr.io", "", "github", "", valid, 83 * day},
		{"build/kubernetes", "registry.k8s.io", "", "", "", valid, 83 * day},
		{"data/docker", "registry-1.docker.io", "", "data-hub", "", ptc.Validation{Status: ptc.ValidationInvalid, Failure: failure}, 410 * day},
		{"data/ghcr", "ghcr.io", "", "docker-hub", "", valid, 300 * day},
		{"data/gitlab", "registry.gitlab.com", "", "gitlab", "", valid, 44 * day},
		{"data/public", "public.ecr.aws", "", "", "", valid, 410 * day},
		{"docker-hub", "registry-1.docker.io", "", "docker-hub", "", ptc.Validation{Status: ptc.ValidationInvalid, Failure: failure}, 627 * day},
		{"ecr-public", "public.ecr.aws", "", "", "", valid, 627 * day},
		{"edge/azure", "acmeedge.azurecr.io", "", "edge-azure", "", valid, 2 * day},
		{"edge/kubernetes", "registry.k8s.io", "", "", "", valid, 12 * day},
		{"ghcr", "ghcr.io", "", "github", "", valid, 627 * day},
		{"gitlab", "registry.gitlab.com", "", "gitlab", "", valid, 522 * day},
		{"ml/ghcr", "ghcr.io", "", "github", "", valid, 61 * day},
		{"ml/nvidia", "444455556666.dkr.ecr.eu-central-1.amazonaws.com", "nvidia", "", "pull-through-cache", valid, 61 * day},
		{"ml/public", "public.ecr.aws", "", "github", "", valid, 61 * day},
		{"quay", "quay.io", "", "", "", ptc.Validation{Status: ptc.ValidationNotApplicable}, 580 * day},
		{"sandbox/docker", "registry-1.docker.io", "", "docker-hub", "", valid, 9 * day},
		{"shared", "444455556666.dkr.ecr.eu-central-1.amazonaws.com", "base", "", "pull-through-cache", valid, 303 * day},
		{"shared/tools", "777788889999.dkr.ecr.us-east-1.amazonaws.com", "tools", "", "pull-through-cache", valid, 21 * day},
		{"web/docker", "registry-1.docker.io", "", "docker-hub", "", valid, 150 * day},
		{"web/public", "public.ecr.aws", "", "", "", valid, 150 * day},
	}
	in := policy.Input{
		Registry: ptc.Registry{Account: account, Region: "eu-west-1"}, Now: started, Validations: map[string]ptc.Validation{},
	}
	r := report.Report{
		Audit:    report.Audit{ID: "20261121T225003Z-5f1c9a", StartedAt: started, FinishedAt: started.Add(1412 * time.Millisecond), Version: "v1.4.0"},
		Registry: in.Registry,
		Triggers: []report.Trigger{
			{Kind: report.ScheduleTrigger, Time: started.Add(-40 * time.Second)},
			{
				Kind: report.ChangeTrigger, Time: started.Add(-32 * time.Second), Call: "CreatePullThroughCacheRule", Prefix: "edge/azure",
				Actor: &report.Actor{Name: "jane", ARN: "arn:aws:iam::111122223333:role/Admin", Address: "198.51.100.7"},
			},
		},
	}
	for _, row := range rows {
		rule := ptc.Rule{
			Prefix:    row.prefix,
			Upstream:  ptc.Upstream{Registry: ptc.UpstreamOfURL(row.url), URL: row.url, Prefix: row.upstreamPrefix},
			CreatedAt: started.Add(-row.age), UpdatedAt: started.Add(-row.age / 2),
		}
		if row.secret != "" {
			rule.CredentialARN = secret(row.secret)
		}
		if row.role != "" {
			rule.RoleARN = "arn:aws:iam::" + account + ":role/" + row.role
		}
		if !asked && row.prefix == "ml/ghcr" {
			row.verdict = ptc.Validation{}
			r.Faults = append(r.Faults, ptc.Fault{
				Operation: "ValidatePullThroughCacheRule", Prefix: row.prefix, Kind: ptc.FaultDenied, Code: "AccessDeniedException",
				Message:   "User: arn:aws:sts::111122223333:assumed-role/ptcaudit/session is not authorized to perform: ecr:ValidatePullThroughCacheRule",
				RequestID: "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE",
			})
		}
		in.Rules = append(in.Rules, rule)
		in.Validations[row.prefix] = row.verdict
		r.Rules = append(r.Rules, report.NewRule(rule, row.verdict))
	}
	p, err := policy.Load("testdata/acme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r.Policy, r.Findings = p.Ref(), p.Evaluate(t.Context(), in)
	r.Finish()

	o := html.Options{Since: map[string]time.Time{}}
	for i, f := range r.Findings {
		o.Since[f.Fingerprint] = started.Add(-time.Duration(i%9) * 61 * time.Hour).Add(-32 * time.Second)
	}
	// Thirty audits, two a day, in which things went wrong and were fixed;
	// of the last but eight little could be seen.
	for i := 1; i < 30; i++ {
		earlier := report.Report{Audit: report.Audit{ID: started.Add(-time.Duration(i) * day / 2).Format(time.RFC3339), StartedAt: started.Add(-time.Duration(i) * day / 2)}, Registry: r.Registry, Complete: i != 8}
		failed := map[report.Severity]int{
			report.Critical: max(0, 2-i/2) + i%9/7, report.High: 2 + i/11, report.Medium: 1 + i%7/3,
			report.Low: 9 - i/4, report.Informational: 3 + i/20,
		}
		if i == 8 {
			failed = map[report.Severity]int{report.Medium: 1, report.Low: 3}
		}
		n := 0
		for _, count := range failed {
			n += count
		}
		earlier.Summary = report.Summary{Failed: failed, Outcomes: map[report.Outcome]int{report.Fail: n + 2}, Waived: 2}
		o.History = append(o.History, earlier)
	}
	return r, o
}
