package starter_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/starter"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}

func rule(prefix, url string) ptc.Rule {
	return ptc.Rule{Prefix: prefix, Upstream: ptc.Upstream{Registry: ptc.UpstreamOfURL(url), URL: url}}
}

func TestPolicyAllowsAndRequiresTheRules(t *testing.T) {
	hub := rule("docker-hub", "registry-1.docker.io")
	hub.CredentialARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"
	shared := rule("shared", "444455556666.dkr.ecr.eu-central-1.amazonaws.com")
	shared.RoleARN, shared.Upstream.Prefix = "arn:aws:iam::111122223333:role/ptc", "base"
	got := starter.Policy(registry, []ptc.Rule{shared, hub, rule("no", "quay.io"), rule("odd", "registry.example.com")},
		starter.Options{Name: "acme", Extends: "strict"})
	var lines []string
	for line := range strings.Lines(got) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	want := []string{
		"apiVersion: ptcaudit/v1",
		"name: acme",
		"extends: strict",
		"params:",
		"allowedUpstreams: [docker-hub, ecr, quay]",
		`allowedUpstreamAccounts: ["444455556666"]`,
		"allowedUpstreamRegions: [eu-central-1]",
		"allowedRegions: [eu-west-1]",
		`allowedPrefixes: ["no", docker-hub, odd, shared]`,
		"requiredRules:",
		"- {prefix: docker-hub, upstreamRegistry: docker-hub, credential: required}",
		`- {prefix: "no", upstreamRegistry: quay}`,
		`- {prefix: shared, upstreamRegistry: ecr, upstreamUrl: "444455556666.dkr.ecr.eu-central-1.amazonaws.com", upstreamPrefix: base, role: required}`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// For any answer of ECR, the policy can be loaded, and its required rules pass.
func FuzzPolicy(f *testing.F) {
	f.Add("docker-hub", "docker-hub", "registry-1.docker.io", "", "arn", "")
	f.Add("a\nwaivers: []", "ecr", "444455556666.dkr.ecr.eu-central-1.amazonaws.com", "base", "", "arn")
	f.Add("yes", "quay", "quay.io # {", "\"", "", "")
	f.Fuzz(func(t *testing.T, prefix, name, url, upstreamPrefix, secret, role string) {
		r := ptc.Rule{Prefix: prefix, Upstream: ptc.Upstream{Registry: name, URL: url, Prefix: upstreamPrefix}, CredentialARN: secret, RoleARN: role}
		text := starter.Policy(registry, []ptc.Rule{r}, starter.Options{Name: "mine", Extends: "default"})
		in := policy.Input{Registry: registry, Rules: []ptc.Rule{r}, Now: time.Unix(0, 0)}
		file := filepath.Join(t.TempDir(), "mine.yaml")
		for range 2 { // the second time with remarks, which are comments
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := policy.Load(file)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			findings := p.Evaluate(t.Context(), in)
			for _, found := range findings {
				if found.Check == "required-rule" && found.Outcome != report.Pass {
					t.Errorf("required-rule has the outcome %s: %s\n%s", found.Outcome, found.Message, text)
				}
			}
			if len(p.Waivers) > 0 {
				t.Errorf("the policy has a waiver:\n%s", text)
			}
			text += starter.Remarks(findings, in.Now)
		}
	})
}
