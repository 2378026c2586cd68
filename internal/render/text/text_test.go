package text_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
)

var update = flag.Bool("update", false, "rewrite golden files")

var (
	registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	started  = time.Date(2026, 11, 21, 22, 50, 3, 0, time.UTC)
)

const secretARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/"

// audited is a finished report of rules and findings.
func audited(rules []report.Rule, findings []report.Finding, faults ...ptc.Fault) report.Report {
	r := report.Report{
		Audit:    report.Audit{ID: "01", StartedAt: started, FinishedAt: started.Add(2 * time.Second), Version: "v1.0.0"},
		Registry: registry,
		Policy:   report.Policy{Name: "acme", Digest: "d1"},
		Rules:    rules, Findings: findings, Faults: faults,
	}
	r.Finish()
	return r
}

func rule(prefix, url string, status ptc.ValidationStatus, with ...func(*ptc.Rule)) report.Rule {
	r := ptc.Rule{Prefix: prefix, Upstream: ptc.Upstream{Registry: ptc.UpstreamOfURL(url), URL: url}, CreatedAt: started.Add(-1000 * time.Hour)}
	for _, f := range with {
		f(&r)
	}
	return report.NewRule(r, ptc.Validation{Status: status})
}

func secret(name string) func(*ptc.Rule) {
	return func(r *ptc.Rule) { r.CredentialARN = secretARN + name + "-AbCdEf" }
}

func mixed() report.Report {
	waiver := &report.Waiver{Owner: "platform@acme.example", Reason: "The migration to ecr-public ends in March.", Expires: "2027-03-31"}
	r := audited([]report.Rule{
		rule("docker-hub", "registry-1.docker.io", ptc.ValidationInvalid, secret("hub")),
		rule("ghcr", "ghcr.io", ptc.ValidationUnknown, secret("github/platform-team")),
		rule("quay", "quay.io", ptc.ValidationNotApplicable),
		rule("team-a/mirrors/chainguard-prod", "cgr.dev", ptc.ValidationValid, secret("chainguard")),
		rule("shared", "444455556666.dkr.ecr.ap-southeast-2.amazonaws.com", ptc.ValidationValid, func(r *ptc.Rule) {
			r.Upstream.Prefix, r.RoleARN = "base", "arn:aws:iam::111122223333:role/ecr/pull-through-cache"
		}),
		rule("ROOT", "public.ecr.aws", ptc.ValidationValid, func(r *ptc.Rule) { r.Upstream.Prefix = "ROOT" }),
	}, []report.Finding{
		{
			Check: "validation-passed", Prefix: "docker-hub", Outcome: report.Fail, Severity: report.Critical,
			Message:     `ECR cannot use this rule (registry-1.docker.io). ECR says: "The authentication to the upstream registry failed. Verify that the credentials are valid."`,
			Remediation: "Put a working token into the secret ecr-pullthroughcache/hub, then ask ECR again:\naws ecr validate-pull-through-cache-rule --ecr-repository-prefix docker-hub --region eu-west-1",
			References:  []string{"https://docs.aws.amazon.com/AmazonECR/latest/userguide/error-pullthroughcache.html"},
		},
		{
			Check: "upstream-allowed", Prefix: "quay", Outcome: report.Fail, Severity: report.High,
			Message:     "quay is not on the list of allowed upstreams.",
			Remediation: "Delete the rule, or allow the upstream in the policy:\naws ecr delete-pull-through-cache-rule --ecr-repository-prefix quay --region eu-west-1",
		},
		{
			Check: "required-rule", Prefix: "kubernetes", Outcome: report.Fail, Severity: report.High,
			Message:     "No rule has the prefix kubernetes. Every cluster pulls its system images through it.",
			Remediation: "aws ecr create-pull-through-cache-rule --ecr-repository-prefix kubernetes --upstream-registry k8s --upstream-registry-url registry.k8s.io --region eu-west-1",
		},
		{Check: "rule-quota", Outcome: report.Fail, Severity: report.Low, Message: "46 of 50 rules are in use."},
		{
			Check: "overlapping-prefixes", Prefix: "shared", Outcome: report.Fail, Severity: report.Informational,
			Message: "Another rule lies above or below this one.",
		},
		{
			Check: "validation-passed", Prefix: "ghcr", Outcome: report.Error, Severity: report.Critical,
			Message:     "ECR did not say whether the rule works.",
			Remediation: "Allow the auditor's role ecr:ValidatePullThroughCacheRule.",
		},
		{Check: "root-prefix", Prefix: "ROOT", Outcome: report.Fail, Severity: report.Medium, Message: "ROOT catches everything.", Waiver: waiver},
		{Check: "team-prefix", Prefix: "team-a/mirrors/chainguard-prod", Outcome: report.Pending, Severity: report.Medium, Message: "The prefix belongs to no team. In force from 2027-01-01."},
		{Check: "prefix-syntax", Prefix: "quay", Outcome: report.Pass, Severity: report.Medium},
		{Check: "role-account", Prefix: "quay", Outcome: report.Skip, Severity: report.High},
	}, ptc.Fault{
		Operation: "ValidatePullThroughCacheRule", Prefix: "ghcr", Kind: ptc.FaultDenied, Code: "AccessDeniedException", RequestID: "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE",
		Message: "User: arn:aws:sts::111122223333:assumed-role/ptcaudit/session is not authorized to perform: ecr:ValidatePullThroughCacheRule",
	})
	r.Triggers = []report.Trigger{{
		Kind: report.ChangeTrigger, Time: started.Add(-32 * time.Second), Call: "CreatePullThroughCacheRule", Prefix: "quay",
		Actor: &report.Actor{Name: "jane", ARN: "arn:aws:iam::111122223333:role/Admin", Address: "198.51.100.7"},
	}}
	return r
}

// hostile holds what an upstream or a caller might write to mislead a reader.
func hostile() report.Report {
	return audited([]report.Rule{
		rule("evil", "quay.io\x1b[2J", ptc.ValidationInvalid, func(r *ptc.Rule) { r.CredentialARN = "\x1b]0;owned\x07not-an-arn" }),
	}, []report.Finding{
		{
			Check: "validation-passed", Prefix: "evil", Outcome: report.Fail, Severity: report.Critical,
			Message:     "ECR says: \"bad\r\n\nRESOLVED\nNo failures in 1 rule.\x1b[1A\x1b[2K \u202eteg\u2066 \u2028next\u0085line\u200bzero\xff\"",
			Remediation: "Look:\naws ecr describe-pull-through-cache-rules\x1b[31m\r--region eu-west-1\x07",
		},
		{Check: "upstream-url", Prefix: "evil", Outcome: report.Fail, Severity: report.High, Message: strings.Repeat("spam ", 1<<18)},
	}, ptc.Fault{Operation: "ValidatePullThroughCacheRule", Prefix: "evil", Kind: ptc.FaultUnavailable, Code: "<html>", Message: "<b>\n\tFAILED\u202e</b>" + strings.Repeat("y", 1<<20)})
}

func reports() map[string]report.Report {
	sound := audited([]report.Rule{
		rule("docker-hub", "registry-1.docker.io", ptc.ValidationValid, secret("hub")),
		rule("quay", "quay.io", ptc.ValidationValid),
	}, []report.Finding{
		{Check: "validation-passed", Prefix: "docker-hub", Outcome: report.Pass, Severity: report.Critical},
		{Check: "role-account", Prefix: "quay", Outcome: report.Skip, Severity: report.High},
	})
	offline := audited([]report.Rule{rule("docker-hub", "registry-1.docker.io", ptc.ValidationNotApplicable, secret("hub"))}, []report.Finding{
		{Check: "validation-passed", Prefix: "docker-hub", Outcome: report.Skip, Severity: report.Critical},
	})
	offline.Audit.WithoutValidation = true
	offline.Audit.AsOf = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	unlisted := audited(nil, nil, ptc.Fault{
		Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultDenied, Code: "AccessDeniedException",
		Message: "User: arn:aws:sts::111122223333:assumed-role/ptcaudit/session is not authorized to perform: ecr:DescribePullThroughCacheRules on resource: *",
	})
	unsupported := audited(nil, nil, ptc.Fault{
		Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultUnsupported, Message: "ECR has no pull through cache rules in this Region.",
	})
	return map[string]report.Report{
		"mixed": mixed(), "sound": sound, "empty": audited(nil, nil), "offline": offline,
		"unlisted": unlisted, "unsupported": unsupported, "hostile": hostile(),
	}
}

func render(t *testing.T, r report.Report, o text.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := text.Render(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	type variant struct {
		name    string
		options text.Options
	}
	for name, r := range reports() {
		variants := []variant{{"80", text.Options{Width: 80}}}
		if name == "mixed" {
			variants = append(variants, variant{"60", text.Options{Width: 60}}, variant{"120", text.Options{Width: 120}}, variant{"color", text.Options{Width: 80, Color: true}})
		}
		for _, v := range variants {
			file := filepath.Join("testdata", name+"."+v.name+".txt")
			t.Run(name+" "+v.name, func(t *testing.T) {
				got := render(t, r, v.options)
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("output differs (-want +got); -update rewrites it:\n%s", diff)
				}
			})
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestColourIsNotNeeded: without its escape sequences the text is the same.
func TestColourIsNotNeeded(t *testing.T) {
	for name, r := range reports() {
		plain, colored := render(t, r, text.Options{Width: 80}), render(t, r, text.Options{Width: 80, Color: true})
		if diff := cmp.Diff(plain, escapes.ReplaceAllString(colored, "")); diff != "" {
			t.Errorf("%s: coloured text differs (-plain +coloured):\n%s", name, diff)
		}
	}
}

func TestLinesFitTheTerminal(t *testing.T) {
	all := reports()
	delete(all, "unsupported") // one line at any width
	for name, r := range all {
		for _, width := range []int{60, 72, 80, 100, 120, 200} {
			for line := range strings.Lines(render(t, r, text.Options{Width: width})) {
				line = strings.TrimSuffix(line, "\n")
				words := strings.Fields(line)
				// Never broken: a word, an option with its value.
				if len([]rune(line)) > width && len(words) > 3 {
					t.Errorf("%s: %d columns at width %d: %q", name, len([]rune(line)), width, line)
				}
			}
		}
	}
}

func TestOutsideTextCannotMislead(t *testing.T) {
	got := render(t, hostile(), text.Options{Width: 80})
	for _, r := range got {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r)) {
			t.Fatalf("output holds %U:\n%s", r, got)
		}
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "RESOLVED") || strings.HasPrefix(line, "No failures") {
			t.Errorf("forged line %q", line)
		}
	}
	if len(got) > 8<<10 {
		t.Errorf("%d bytes of output: the megabytes from outside were not cut", len(got))
	}
}

// A command that was wrapped is the same command to a shell.
func TestCommandsSurviveCopying(t *testing.T) {
	commands := []string{
		"aws ecr create-pull-through-cache-rule --ecr-repository-prefix team/quay --upstream-registry quay --upstream-registry-url quay.io --region eu-west-1",
		`aws secretsmanager put-secret-value --secret-id ecr-pullthroughcache/hub --secret-string '{"username": "u", "accessToken": "a --b \"c\""}' --region eu-west-1`,
		`aws ecr a-long-enough-operation --escaped \" --still-the-same\ --word --region eu-west-1 --more options --to wrap`,
		`aws ecr update-pull-through-cache-rule --ecr-repository-prefix "a  b --c" --custom-role-arn arn:aws:iam::111122223333:role/a`,
	}
	for _, command := range commands {
		for _, width := range []int{60, 80, 120} {
			r := audited(nil, []report.Finding{{Check: "c", Prefix: "p", Outcome: report.Fail, Severity: report.Low, Remediation: "Run this:\n" + command}})
			got := render(t, r, text.Options{Width: width})
			_, got, _ = strings.Cut(got, "Run this:\n")
			got, _, _ = strings.Cut(got, "\n\n")
			if joined := join(got); joined != command {
				t.Errorf("width %d:\n%s\njoins to %q\nwant     %q", width, got, joined, command)
			}
		}
	}
}

// join reads lines as a shell does: a backslash at the end of a line joins it
// with the next, and spaces between words are one.
func join(lines string) string {
	joined := regexp.MustCompile(` \\\n +`).ReplaceAllString(lines, " ")
	return strings.TrimSpace(joined)
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := fmt.Errorf("disk full")
	if err := text.Render(failing{want}, mixed(), text.Options{}); err != want { //nolint:errorlint // the very error, not one like it
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func FuzzRender(f *testing.F) {
	f.Add("docker-hub", "a\x1b[2J\nRESOLVED", "aws ecr x --a 'b\\", 60)
	f.Add("", "\u202e\u2028", "Do:\naws ecr --b \"c", 80)
	f.Add("\xff", strings.Repeat("x", 1000), "\r\n\n", -1)
	f.Fuzz(func(t *testing.T, name, message, remediation string, width int) {
		r := audited([]report.Rule{rule(name, message, ptc.ValidationInvalid, func(r *ptc.Rule) {
			r.CredentialARN, r.RoleARN, r.Upstream.Prefix = name, message, remediation
		})}, []report.Finding{
			{Check: name, Prefix: name, Outcome: report.Fail, Severity: report.High, Message: message, Remediation: remediation, References: []string{message}},
			{Check: name, Prefix: name, Outcome: report.Error, Severity: report.High, Message: message},
			{Check: name, Prefix: name, Outcome: report.Pending, Severity: report.High, Message: message},
			{Check: name, Prefix: name, Outcome: report.Fail, Severity: report.High, Waiver: &report.Waiver{Owner: name, Reason: message, Expires: remediation}},
		}, ptc.Fault{Operation: name, Prefix: message, Kind: ptc.FaultKind(message), Message: remediation, RequestID: name})
		r.Triggers = []report.Trigger{{Call: name, Prefix: message, Actor: &report.Actor{Name: name, ARN: message, Address: remediation}}}
		got := render(t, r, text.Options{Width: min(width, 1000)})
		for line := range strings.Lines(got) {
			for _, c := range strings.TrimSuffix(line, "\n") {
				if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
					t.Fatalf("%q holds %U", line, c)
				}
			}
		}
		if !strings.HasPrefix(got, "INCOMPLETE: ") {
			t.Errorf("begins with %q", strings.SplitN(got, "\n", 2)[0])
		}
	})
}
