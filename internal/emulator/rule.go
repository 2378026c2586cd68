package emulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// ruleLimit is the quota of rules in a registry:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
const ruleLimit = 50

// rootPrefix catches every repository name that no other rule catches:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html
const rootPrefix = "ROOT"

// registryKey is what isolates registries.
type registryKey struct{ account, region string }

// registry is the state of one registry.
type registry struct {
	registryKey
	pageSize  int
	behaviour Behaviour
	unlisted  SecretState
	rules     map[string]*rule   // by prefix without a trailing slash
	secrets   map[string]*secret // by ARN
	created   int                // secrets made so far
}

// rule is one pull through cache rule.
type rule struct {
	prefix         string // as it was given
	url            string
	upstream       string
	credentialARN  string
	roleARN        string
	upstreamPrefix string
	registryID     string
	createdAt      time.Time
	updatedAt      time.Time // zero: never
	// validation is the result of the fixture. It holds until the rule or its
	// secret is written to.
	validation *Validation
}

func newRegistry(f Registry) *registry {
	r := &registry{
		registryKey: registryKey{f.Account, f.Region},
		pageSize:    f.PageSize,
		behaviour:   f.Behaviour.withDefaults(),
		unlisted:    f.UnlistedSecrets,
		rules:       map[string]*rule{},
		secrets:     map[string]*secret{},
	}
	if r.unlisted == "" {
		r.unlisted = SecretOK
	}
	for _, s := range f.Secrets {
		r.secrets[s.ARN] = newSecret(s)
	}
	for _, in := range f.Rules {
		ru := &rule{
			prefix:         in.EcrRepositoryPrefix,
			url:            in.UpstreamRegistryURL,
			upstream:       in.UpstreamRegistry,
			credentialARN:  in.CredentialArn,
			roleARN:        in.CustomRoleArn,
			upstreamPrefix: in.UpstreamRepositoryPrefix,
			registryID:     in.RegistryID,
			createdAt:      in.CreatedAt.Time,
			updatedAt:      in.UpdatedAt.Time,
			validation:     in.Validation,
		}
		if ru.upstream == "" {
			ru.upstream = upstreamOf(ru.url).name
		}
		if ru.registryID == "" {
			ru.registryID = f.Account
		}
		r.rules[cleanPrefix(ru.prefix)] = ru
	}
	return r
}

// cleanPrefix drops the trailing slash, which ECR assumes anyway.
func cleanPrefix(s string) string { return strings.TrimSuffix(s, "/") }

// rule finds the rule that a call names.
func (r *registry) rule(c *call, prefix string) (*rule, *apiError) {
	if found, ok := r.rules[cleanPrefix(prefix)]; ok {
		return found, nil
	}
	return nil, errorf("PullThroughCacheRuleNotFoundException", "The pull through cache rule with repository prefix '%s' was not found in the registry with id '%s'", prefix, c.account)
}

// sorted lists the prefixes of all rules in a fixed order, so that pages
// neither overlap nor leave anything out while rules come and go.
func (r *registry) sorted() []string { return slices.Sorted(maps.Keys(r.rules)) }

// members of answers, in the words of the API. Each operation has its own set:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PullThroughCacheRule.html
func (ru *rule) members(names ...string) object {
	all := object{}
	all.set("ecrRepositoryPrefix", ru.prefix)
	all.set("upstreamRegistryUrl", ru.url)
	all.set("upstreamRegistry", ru.upstream)
	all.set("credentialArn", ru.credentialARN)
	all.set("customRoleArn", ru.roleARN)
	all.set("upstreamRepositoryPrefix", ru.upstreamPrefix)
	all.set("registryId", ru.registryID)
	if !ru.createdAt.IsZero() {
		all["createdAt"] = ru.createdAt
	}
	if !ru.updatedAt.IsZero() {
		all["updatedAt"] = ru.updatedAt
	}
	out := object{}
	for _, name := range names {
		if v, ok := all[name]; ok {
			out[name] = v
		}
	}
	return out
}

// failure is why ECR cannot use the rule; empty if it can. AWS does not publish
// these texts, so they are our own.
func (r *registry) failure(ru *rule) string {
	switch {
	case ru.credentialARN != "":
		return secretFailures[r.stateOf(ru.credentialARN)]
	case upstreamNamed(ru.upstream).authenticated:
		return "The upstream registry requires authentication. Specify a valid Secrets Manager ARN."
	case ru.roleARN == "" && r.foreign(ru.url):
		return "The upstream registry belongs to another account. Specify a role that Amazon ECR can assume."
	}
	return ""
}

// foreign reports whether url is an ECR private registry of another account.
func (r *registry) foreign(url string) bool {
	m := ecrURL.FindStringSubmatch(url)
	return m != nil && m[1] != "" && m[1] != r.account
}
