package policy

import (
	"cmp"
	"fmt"
	"strings"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
)

// mend says how to make the required rule: of nothing where rule is nil,
// otherwise of the one that is there, keeping what is not asked for.
func (want requiredRule) mend(rule *ptc.Rule, reg ptc.Registry) string {
	now := ptc.Rule{}
	if rule != nil {
		now = *rule
	}
	upstream := want.upstream(now.Upstream)
	sameUpstream := upstream.Registry == now.Upstream.Registry

	var text []string
	credential, role := "", ""
	if want.Credential == needed || want.Credential == "" && (upstream.Authenticated() || sameUpstream && now.CredentialARN != "") {
		credential = expr.Quote(now.CredentialARN)
		if now.CredentialARN == "" || !sameUpstream {
			secret := ptc.SecretPrefix + want.Prefix
			text = append(text,
				`Write the upstream's username and token to credential.json, as {"username": "...", "accessToken": "..."}, then`,
				command("aws secretsmanager create-secret", "--name", secret, "--secret-string", "file://credential.json", "--region", reg.Region))
			credential = fmt.Sprintf(`"$(%s --query ARN --output text)"`,
				command("aws secretsmanager describe-secret", "--secret-id", secret, "--region", reg.Region))
		}
	}
	if want.Role == needed || want.Role == "" && sameUpstream {
		role = now.RoleARN
		if want.Role == needed && role == "" {
			role = fmt.Sprintf("arn:%s:iam::%s:role/ecr-pull-through-cache", reg.Partition(), reg.Account)
			text = append(text, "Make role ecr-pull-through-cache, which ECR can assume and which may pull from the upstream, then")
		}
	}
	identity := []string{"--ecr-repository-prefix", want.Prefix, "--region", reg.Region}
	var additions string
	if credential != "" {
		additions += " --credential-arn " + credential
	}
	if role != "" {
		additions += " --custom-role-arn " + expr.Quote(role)
	}

	// An update adds a credential or a role and can do nothing else:
	// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdatePullThroughCacheRule.html
	kept := want
	kept.Credential, kept.Role = "", ""
	removes := want.Credential == forbidden && now.CredentialARN != "" || want.Role == forbidden && now.RoleARN != ""
	if rule != nil && !removes && len(kept.differences(now)) == 0 {
		return strings.Join(append(text, command("aws ecr update-pull-through-cache-rule", identity...)+additions), "\n")
	}
	if rule != nil {
		text = append(text,
			"An update cannot change what the rule fetches, nor remove anything from it. Delete it, and create it again:",
			command("aws ecr delete-pull-through-cache-rule", identity...))
	}
	if upstream.URL == "" {
		return strings.Join(append(text, "Create the rule for the upstream that you want."), "\n")
	}
	create := append(identity, "--upstream-registry-url", upstream.URL)
	if upstream.Registry != "" {
		create = append(create, "--upstream-registry", upstream.Registry)
	}
	if upstream.Prefix != "" {
		create = append(create, "--upstream-repository-prefix", upstream.Prefix)
	}
	return strings.Join(append(text, command("aws ecr create-pull-through-cache-rule", create...)+additions), "\n")
}

// upstream is the one that is required, and in what is not asked for the one
// that the rule has now. Its URL is empty where nobody but the reader knows it.
func (want requiredRule) upstream(now ptc.Upstream) ptc.Upstream {
	u := ptc.Upstream{
		Registry: cmp.Or(want.UpstreamRegistry, ptc.UpstreamOfURL(want.UpstreamURL)),
		URL:      want.UpstreamURL,
		Prefix:   cmp.Or(want.UpstreamPrefix, now.Prefix),
	}
	known, ok := ptc.LookupUpstream(u.Registry)
	switch {
	case u.URL != "":
	case !ok, known.Matches(now.URL):
		return ptc.Upstream{Registry: cmp.Or(u.Registry, now.Registry), URL: now.URL, Prefix: u.Prefix}
	case !strings.Contains(known.URL, "<"):
		u.URL = known.URL
	}
	return u
}

// command is a command line whose arguments survive a shell.
func command(program string, args ...string) string {
	words := []string{program}
	for _, a := range args {
		words = append(words, expr.Quote(a))
	}
	return strings.Join(words, " ")
}
