package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
)

// fix returns how to make the required rule: from nothing if rule is nil,
// otherwise of the one that is there, keeping what is not asked for.
func (want requiredRule) fix(rule *ptc.Rule, reg ptc.Registry) string {
	var now ptc.Rule
	if rule != nil {
		now = *rule
	}
	upstream := want.upstream(now.Upstream)
	if upstream.Registry != now.Upstream.Registry {
		now.CredentialARN, now.RoleARN = "", "" // what served another upstream
	}
	prepare, credential := want.credentialFor(upstream, now.CredentialARN, reg)
	prepareRole, role := want.roleFor(now.RoleARN, reg)
	lines := slices.Concat(prepare, prepareRole)
	additions := credential + role
	identity := []string{"--ecr-repository-prefix", want.Prefix, "--region", reg.Region}

	if rule != nil && want.canUpdate(*rule) {
		return strings.Join(append(lines, command("aws ecr update-pull-through-cache-rule", identity...)+additions), "\n")
	}
	if rule != nil {
		lines = append(lines,
			"An update cannot change what a rule fetches, nor take anything from it. Delete the rule, and create it again:",
			command("aws ecr delete-pull-through-cache-rule", identity...))
	}
	if upstream.URL == "" { // only the policy's author knows it
		return strings.Join(append(lines, "Create the rule for the upstream that you mean."), "\n")
	}
	args := append(slices.Clone(identity), "--upstream-registry-url", upstream.URL)
	if upstream.Registry != "" {
		args = append(args, "--upstream-registry", upstream.Registry)
	}
	if upstream.Prefix != "" {
		args = append(args, "--upstream-repository-prefix", upstream.Prefix)
	}
	return strings.Join(append(lines, command("aws ecr create-pull-through-cache-rule", args...)+additions), "\n")
}

// canUpdate says that an update makes what is required of a rule: it can add
// a credential and a role, and do nothing else:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdatePullThroughCacheRule.html
func (want requiredRule) canUpdate(r ptc.Rule) bool {
	if want.Credential == forbidden && r.CredentialARN != "" || want.Role == forbidden && r.RoleARN != "" {
		return false
	}
	want.Credential, want.Role = "", ""
	return len(want.differences(r)) == 0
}

// credentialFor is the option that gives the rule a credential, and what to do
// before: the one that it has, or a secret of its own.
func (want requiredRule) credentialFor(upstream ptc.Upstream, now string, reg ptc.Registry) (prepare []string, option string) {
	switch {
	case want.Credential == forbidden, want.Credential == "" && now == "" && !upstream.Authenticated():
		return nil, ""
	case now != "":
		return nil, " --credential-arn " + expr.Quote(now)
	}
	secret := ptc.SecretPrefix + want.Prefix
	prepare = []string{
		`Write the upstream's username and token to credential.json, as {"username": "...", "accessToken": "..."}, then`,
		command("aws secretsmanager create-secret", "--name", secret, "--secret-string", "file://credential.json", "--region", reg.Region),
	}
	arn := command("aws secretsmanager describe-secret", "--secret-id", secret, "--region", reg.Region, "--query", "ARN", "--output", "text")
	return prepare, fmt.Sprintf(` --credential-arn "$(%s)"`, arn)
}

// roleFor is the option that gives the rule a role, and what to do before.
func (want requiredRule) roleFor(now string, reg ptc.Registry) (prepare []string, option string) {
	switch {
	case want.Role == forbidden, want.Role == "" && now == "":
		return nil, ""
	case now != "":
		return nil, " --custom-role-arn " + expr.Quote(now)
	}
	const name = "ecr-pull-through-cache"
	return []string{"Make role " + name + ", which ECR can assume and which may pull from the upstream, then"},
		fmt.Sprintf(" --custom-role-arn arn:%s:iam::%s:role/%s", reg.Partition(), reg.Account, name)
}

// upstream is the one that is required, and in what is not asked for the one
// that the rule has now. Its URL is empty where it can be neither.
func (want requiredRule) upstream(now ptc.Upstream) ptc.Upstream {
	u := ptc.Upstream{
		Registry: cmp.Or(want.UpstreamRegistry, ptc.UpstreamOfURL(want.UpstreamURL)),
		URL:      want.UpstreamURL,
		Prefix:   cmp.Or(want.UpstreamPrefix, now.Prefix),
	}
	known, ok := ptc.LookupUpstream(u.Registry)
	switch {
	case u.URL != "":
	case !ok:
		u.Registry, u.URL = now.Registry, now.URL
	case known.Matches(now.URL):
		u.URL = now.URL
	case !strings.Contains(known.URL, "<"): // one for all customers
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
