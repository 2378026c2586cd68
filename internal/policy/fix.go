package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
)

// fix returns the commands that create the required rule if rule is nil, or
// change rule to it. They keep every property that is not required.
func (want requiredRule) fix(rule *ptc.Rule, reg ptc.Registry) string {
	var now ptc.Rule
	if rule != nil {
		now = *rule
	}
	upstream := want.upstream(now.Upstream)
	if upstream.Registry != now.Upstream.Registry {
		now.CredentialARN, now.RoleARN = "", "" // those of another upstream
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
			"An update cannot change the upstream or remove a credential or role. Delete the rule, and create it again:",
			command("aws ecr delete-pull-through-cache-rule", identity...))
	}
	if upstream.URL == "" { // the policy does not name it
		return strings.Join(append(lines, "Create the rule with the upstream that you need."), "\n")
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

// canUpdate reports whether an update is enough. An update can set a credential
// and a role, and nothing else:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdatePullThroughCacheRule.html
func (want requiredRule) canUpdate(r ptc.Rule) bool {
	if want.Credential == forbidden && r.CredentialARN != "" || want.Role == forbidden && r.RoleARN != "" {
		return false
	}
	want.Credential, want.Role = "", ""
	return len(want.differences(r)) == 0
}

// credentialFor returns the option that sets the credential, and the steps before
// it. A rule keeps its credential; a rule without one gets a new secret.
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

// roleFor returns the option that sets the role, and the steps before it.
func (want requiredRule) roleFor(now string, reg ptc.Registry) (prepare []string, option string) {
	switch {
	case want.Role == forbidden, want.Role == "" && now == "":
		return nil, ""
	case now != "":
		return nil, " --custom-role-arn " + expr.Quote(now)
	}
	const name = "ecr-pull-through-cache"
	return []string{"Create role " + name + ", which ECR can assume and which can pull from the upstream, then"},
		fmt.Sprintf(" --custom-role-arn arn:%s:iam::%s:role/%s", reg.Partition(), reg.Account, name)
}

// upstream returns the required upstream. Properties that are not required are
// those of the rule now. The URL is empty if it is unknown.
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

// command returns a command line with its arguments quoted for a shell.
func command(program string, args ...string) string {
	words := []string{program}
	for _, a := range args {
		words = append(words, expr.Quote(a))
	}
	return strings.Join(words, " ")
}
