package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

func TestRequiredRules(t *testing.T) {
	ecr := ptc.Rule{Prefix: "base", Upstream: ptc.Upstream{Registry: ptc.ECR, URL: "444455556666.dkr.ecr.eu-west-1.amazonaws.com", Prefix: "prod"}, RoleARN: "arn:aws:iam::111122223333:role/ptc"}
	tests := []struct {
		name, entry string
		rules       []ptc.Rule
		want        string // outcome and message
		fix         string
	}{
		{"there", "prefix: hub, upstreamRegistry: docker-hub, upstreamUrl: registry-1.docker.io, credential: required, role: forbidden", []ptc.Rule{hub}, "pass", ""},
		{"upstream prefix ROOT, and none", "prefix: hub, upstreamPrefix: ROOT", []ptc.Rule{hub}, "pass", ""},
		{
			"upstream prefix and host name in other spellings", "prefix: quay/, upstreamPrefix: acme/, upstreamUrl: Quay.io",
			[]ptc.Rule{{Prefix: "quay", Upstream: ptc.Upstream{Registry: ptc.Quay, URL: "quay.io", Prefix: "acme"}}},
			"pass", "",
		},
		{"nothing asked", "prefix: hub", []ptc.Rule{hub}, "pass", ""},
		{"of another account", "prefix: k8s, accounts: [\"444455556666\"]", nil, "skip", ""},
		{"of another Region", "prefix: k8s, regions: [us-east-1]", nil, "skip", ""},
		{
			"missing", "prefix: k8s, upstreamRegistry: k8s, reason: Clusters need it., accounts: [\"111122223333\"], regions: [eu-west-1]",
			[]ptc.Rule{hub},
			"fail: The policy requires this rule, but it does not exist. It is required because: Clusters need it.",
			"aws ecr create-pull-through-cache-rule --ecr-repository-prefix k8s --region eu-west-1 --upstream-registry-url registry.k8s.io --upstream-registry k8s",
		},
		{
			"missing, and needs a credential", "prefix: hub, upstreamRegistry: docker-hub", nil,
			"fail: The policy requires this rule, but it does not exist.",
			`Write the upstream's username and token to credential.json, as {"username": "...", "accessToken": "..."}, then
aws secretsmanager create-secret --name ecr-pullthroughcache/hub --secret-string file://credential.json --region eu-west-1
aws ecr create-pull-through-cache-rule --ecr-repository-prefix hub --region eu-west-1 --upstream-registry-url registry-1.docker.io --upstream-registry docker-hub --credential-arn "$(aws secretsmanager describe-secret --secret-id ecr-pullthroughcache/hub --region eu-west-1 --query ARN --output text)"`,
		},
		{
			"missing, and needs a role", "prefix: base, upstreamUrl: 444455556666.dkr.ecr.eu-west-1.amazonaws.com, upstreamPrefix: prod, role: required", nil,
			"fail: The policy requires this rule, but it does not exist.",
			`Create role ecr-pull-through-cache, which ECR can assume and which can pull from the upstream, then
aws ecr create-pull-through-cache-rule --ecr-repository-prefix base --region eu-west-1 --upstream-registry-url 444455556666.dkr.ecr.eu-west-1.amazonaws.com --upstream-registry ecr --upstream-repository-prefix prod --custom-role-arn arn:aws:iam::111122223333:role/ecr-pull-through-cache`,
		},
		{
			"missing, with an unknown upstream", "prefix: any", nil,
			"fail: The policy requires this rule, but it does not exist.",
			"Create the rule with the upstream that you need.",
		},
		{
			"missing, upstream with a URL for each customer", "prefix: any, upstreamRegistry: ecr", nil,
			"fail: The policy requires this rule, but it does not exist.",
			"Create the rule with the upstream that you need.",
		},
		{
			"another upstream", "prefix: hub, upstreamRegistry: quay",
			[]ptc.Rule{hub},
			`fail: This rule differs from what the policy requires: its upstreamRegistry is "docker-hub", not "quay".`,
			`An update cannot change the upstream or remove a credential or role. Delete the rule, and create it again:
aws ecr delete-pull-through-cache-rule --ecr-repository-prefix hub --region eu-west-1
aws ecr create-pull-through-cache-rule --ecr-repository-prefix hub --region eu-west-1 --upstream-registry-url quay.io --upstream-registry quay`,
		},
		{
			"everything differs", "prefix: base, upstreamRegistry: docker-hub, upstreamUrl: registry-1.docker.io, upstreamPrefix: library, credential: required, role: forbidden",
			[]ptc.Rule{ecr},
			`fail: This rule differs from what the policy requires: its upstreamRegistry is "ecr", not "docker-hub"; its upstreamUrl is "444455556666.dkr.ecr.eu-west-1.amazonaws.com", not "registry-1.docker.io"; its upstreamPrefix is "prod", not "library"; a credential is required; a role is forbidden.`,
			`Write the upstream's username and token to credential.json, as {"username": "...", "accessToken": "..."}, then
aws secretsmanager create-secret --name ecr-pullthroughcache/base --secret-string file://credential.json --region eu-west-1
An update cannot change the upstream or remove a credential or role. Delete the rule, and create it again:
aws ecr delete-pull-through-cache-rule --ecr-repository-prefix base --region eu-west-1
aws ecr create-pull-through-cache-rule --ecr-repository-prefix base --region eu-west-1 --upstream-registry-url registry-1.docker.io --upstream-registry docker-hub --upstream-repository-prefix library --credential-arn "$(aws secretsmanager describe-secret --secret-id ecr-pullthroughcache/base --region eu-west-1 --query ARN --output text)"`,
		},
		{
			"no credential", "prefix: hub, credential: required",
			[]ptc.Rule{{Prefix: "hub", Upstream: hub.Upstream}},
			"fail: This rule differs from what the policy requires: a credential is required.",
			`Write the upstream's username and token to credential.json, as {"username": "...", "accessToken": "..."}, then
aws secretsmanager create-secret --name ecr-pullthroughcache/hub --secret-string file://credential.json --region eu-west-1
aws ecr update-pull-through-cache-rule --ecr-repository-prefix hub --region eu-west-1 --credential-arn "$(aws secretsmanager describe-secret --secret-id ecr-pullthroughcache/hub --region eu-west-1 --query ARN --output text)"`,
		},
		{
			"a forbidden credential", "prefix: quay, credential: forbidden",
			[]ptc.Rule{{Prefix: "quay", Upstream: quay.Upstream, CredentialARN: hub.CredentialARN}},
			"fail: This rule differs from what the policy requires: a credential is forbidden.",
			`An update cannot change the upstream or remove a credential or role. Delete the rule, and create it again:
aws ecr delete-pull-through-cache-rule --ecr-repository-prefix quay --region eu-west-1
aws ecr create-pull-through-cache-rule --ecr-repository-prefix quay --region eu-west-1 --upstream-registry-url quay.io --upstream-registry quay`,
		},
		{
			"the rule keeps its URL", "prefix: base, upstreamRegistry: ecr, upstreamPrefix: test, role: forbidden",
			[]ptc.Rule{ecr},
			`fail: This rule differs from what the policy requires: its upstreamPrefix is "prod", not "test"; a role is forbidden.`,
			`An update cannot change the upstream or remove a credential or role. Delete the rule, and create it again:
aws ecr delete-pull-through-cache-rule --ecr-repository-prefix base --region eu-west-1
aws ecr create-pull-through-cache-rule --ecr-repository-prefix base --region eu-west-1 --upstream-registry-url 444455556666.dkr.ecr.eu-west-1.amazonaws.com --upstream-registry ecr --upstream-repository-prefix test`,
		},
		{
			"properties that are not required stay", "prefix: base, upstreamPrefix: test",
			[]ptc.Rule{ecr},
			`fail: This rule differs from what the policy requires: its upstreamPrefix is "prod", not "test".`,
			`An update cannot change the upstream or remove a credential or role. Delete the rule, and create it again:
aws ecr delete-pull-through-cache-rule --ecr-repository-prefix base --region eu-west-1
aws ecr create-pull-through-cache-rule --ecr-repository-prefix base --region eu-west-1 --upstream-registry-url 444455556666.dkr.ecr.eu-west-1.amazonaws.com --upstream-registry ecr --upstream-repository-prefix test --custom-role-arn arn:aws:iam::111122223333:role/ptc`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			in.Rules = tt.rules
			findings := mustLoad(t, head+"requiredRules: [{"+tt.entry+"}]\n").Evaluate(t.Context(), in)
			if len(findings) != 1 {
				t.Fatalf("findings %v", briefs(findings))
			}
			f := findings[0]
			got := string(f.Outcome)
			if f.Message != "" {
				got += ": " + f.Message
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if diff := cmp.Diff(tt.fix, f.Remediation); diff != "" {
				t.Errorf("remediation differs (-want +got):\n%s", diff)
			}
			if f.Check != "required-rule" || f.Severity != report.High || (f.Outcome == report.Fail) != (len(f.References) > 0) {
				t.Errorf("finding %+v", f)
			}
		})
	}
}
