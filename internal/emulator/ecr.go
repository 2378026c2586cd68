package emulator

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// The shapes of the API's model:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
var (
	prefixPattern     = regexp.MustCompile(`^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$`)
	credentialPattern = regexp.MustCompile(`^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$`)

	prefixShape     = member{min: 2, max: 30, pattern: prefixPattern}
	credentialShape = member{min: 50, max: 612, pattern: credentialPattern}
	roleShape       = member{max: 2048}
	registryIDShape = member{pattern: accountPattern}
	upstreamShape   = member{enum: upstreamNames()}
	prefixListShape = member{kind: textList, min: 1, max: 100, of: &prefixShape}
	maxResultsShape = member{kind: integer, min: 1, max: 1000}
)

// defaultPage is how many rules a page holds where maxResults is absent.
const defaultPage = 100

var ecrService = &service{
	name:      "ecr",
	target:    "AmazonEC2ContainerRegistry_V20150921",
	errorText: "message",
	operations: []*operation{
		{name: "CreatePullThroughCacheRule", mutates: true, run: createRule, input: []member{
			prefixShape.mandatory("ecrRepositoryPrefix"),
			member{}.mandatory("upstreamRegistryUrl"),
			registryIDShape.optional("registryId"),
			upstreamShape.optional("upstreamRegistry"),
			credentialShape.optional("credentialArn"),
			roleShape.optional("customRoleArn"),
			prefixShape.optional("upstreamRepositoryPrefix"),
		}},
		{name: "DescribePullThroughCacheRules", run: describeRules, input: []member{
			registryIDShape.optional("registryId"),
			prefixListShape.optional("ecrRepositoryPrefixes"),
			member{}.optional("nextToken"),
			maxResultsShape.optional("maxResults"),
		}},
		{name: "UpdatePullThroughCacheRule", mutates: true, run: updateRule, input: []member{
			prefixShape.mandatory("ecrRepositoryPrefix"),
			registryIDShape.optional("registryId"),
			credentialShape.optional("credentialArn"),
			roleShape.optional("customRoleArn"),
		}},
		{name: "DeletePullThroughCacheRule", mutates: true, run: deleteRule, input: []member{
			prefixShape.mandatory("ecrRepositoryPrefix"),
			registryIDShape.optional("registryId"),
		}},
		{name: "ValidatePullThroughCacheRule", run: validateRule, input: []member{
			prefixShape.mandatory("ecrRepositoryPrefix"),
			registryIDShape.optional("registryId"),
		}},
	},
}

func createRule(r *registry, c *call) (object, *apiError) {
	ru := &rule{
		prefix:         c.text("ecrRepositoryPrefix"),
		url:            c.text("upstreamRegistryUrl"),
		credentialARN:  c.text("credentialArn"),
		roleARN:        c.text("customRoleArn"),
		upstreamPrefix: c.text("upstreamRepositoryPrefix"),
		registryID:     r.account,
		createdAt:      c.now,
	}
	up := upstreamOf(ru.url)
	if named := c.text("upstreamRegistry"); up.name == "" || named != "" && named != up.name {
		return nil, errorf("UnsupportedUpstreamRegistryException", "The upstream registry URL %s is invalid.", ru.url)
	}
	ru.upstream = up.name
	if ru.upstreamPrefix == "" {
		ru.upstreamPrefix = rootPrefix
	}
	if err := r.checkPrefixes(ru); err != nil {
		return nil, err
	}
	if _, ok := r.rules[cleanPrefix(ru.prefix)]; ok {
		return nil, errorf("PullThroughCacheRuleAlreadyExistsException", "The pull through cache rule with repository prefix '%s' already exists in the registry with id '%s'", ru.prefix, c.account)
	}
	if len(r.rules) >= ruleLimit {
		return nil, errorf("LimitExceededException", "The registry with id '%s' already has the maximum of %d pull through cache rules", c.account, ruleLimit)
	}
	if up.authenticated && ru.credentialARN == "" {
		return nil, errorf("UnsupportedUpstreamRegistryException", "The specified upstream registry requires authentication. Specify a valid Secrets Manager ARN")
	}
	if r.behaviour.CrossAccountWithoutRole == Refuse && ru.roleARN == "" && r.foreign(ru.url) {
		return nil, errorf("InvalidParameterException", "A rule for an Amazon ECR registry of another account needs a custom role ARN")
	}
	if err := r.checkAccess(up, ru.credentialARN, ru.roleARN); err != nil {
		return nil, err
	}
	r.rules[cleanPrefix(ru.prefix)] = ru
	return ru.members("ecrRepositoryPrefix", "upstreamRegistryUrl", "upstreamRegistry", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix", "registryId", "createdAt"), nil
}

// checkPrefixes refuses prefixes that do not go together. "You can set the
// upstream repository prefix only when the Amazon ECR repository prefix has a
// non-ROOT value":
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html
func (r *registry) checkPrefixes(ru *rule) *apiError {
	root, anyPrefix := ru.prefix == rootPrefix, ru.upstreamPrefix == rootPrefix
	if root && !anyPrefix {
		return errorf("InvalidParameterException", "The upstream repository prefix can be set only when the Amazon ECR repository prefix is not %s", rootPrefix)
	}
	if r.behaviour.PublicUpstreamPrefix == Refuse && ru.upstream != ecrUpstream && (root || !anyPrefix) {
		return errorf("InvalidParameterException", "%s and an upstream repository prefix need an Amazon ECR private registry as upstream", rootPrefix)
	}
	return nil
}

// checkAccess refuses a credential or a role that ECR could not use.
func (r *registry) checkAccess(up upstream, credentialARN, roleARN string) *apiError {
	if credentialARN != "" {
		if !up.authenticated && r.behaviour.OpenUpstreamCredential == Refuse {
			return errorf("InvalidParameterException", "The upstream registry takes no credential")
		}
		if err := r.checkCredential(credentialARN); err != nil {
			return err
		}
	}
	if roleARN != "" {
		if up.name != ecrUpstream && r.behaviour.OtherUpstreamRole == Refuse {
			return errorf("InvalidParameterException", "The upstream registry takes no role")
		}
		// "This role must be in the same account as the registry":
		// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
		if m := rolePattern.FindStringSubmatch(roleARN); m == nil || m[1] != r.account {
			return errorf("InvalidParameterException", "The custom role ARN must be that of a role in the account of the registry, %s", r.account)
		}
	}
	return nil
}

func describeRules(r *registry, c *call) (object, *apiError) {
	prefixes := r.sorted()
	if wanted, ok := c.input["ecrRepositoryPrefixes"].([]string); ok {
		prefixes = nil
		for _, prefix := range wanted {
			if _, err := r.rule(c, prefix); err != nil {
				return nil, err
			}
			prefixes = append(prefixes, cleanPrefix(prefix))
		}
		slices.Sort(prefixes)
		prefixes = slices.Compact(prefixes)
	}
	if token := c.text("nextToken"); token != "" {
		last, ok := parsePageToken(token)
		if !ok {
			return nil, c.invalid("nextToken", "must be a token of an earlier answer")
		}
		i, found := slices.BinarySearch(prefixes, last)
		if found {
			i++
		}
		prefixes = prefixes[i:]
	}
	page := defaultPage
	if n, ok := c.input["maxResults"].(int64); ok {
		page = int(n)
	}
	if r.pageSize > 0 {
		page = min(page, r.pageSize)
	}
	out, items := object{}, []object{}
	if len(prefixes) > page {
		prefixes = prefixes[:page]
		out["nextToken"] = pageToken(prefixes[page-1])
	}
	for _, prefix := range prefixes {
		items = append(items, r.rules[prefix].members("ecrRepositoryPrefix", "upstreamRegistryUrl", "upstreamRegistry", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix", "registryId", "createdAt", "updatedAt"))
	}
	out["pullThroughCacheRules"] = items
	return out, nil
}

// pageMark begins what a page token holds: the last prefix of its page.
const pageMark = "after:"

func pageToken(last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(pageMark + last))
}

func parsePageToken(token string) (last string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	last, ok = strings.CutPrefix(string(b), pageMark)
	return last, ok && err == nil
}

func updateRule(r *registry, c *call) (object, *apiError) {
	ru, err := r.rule(c, c.text("ecrRepositoryPrefix"))
	if err != nil {
		return nil, err
	}
	credentialARN, roleARN := c.text("credentialArn"), c.text("customRoleArn")
	if credentialARN == "" && roleARN == "" {
		return nil, errorf("InvalidParameterException", "Invalid input: Please set either credential arn or role arn to update the credentials")
	}
	if err := r.checkAccess(upstreamNamed(ru.upstream), credentialARN, roleARN); err != nil {
		return nil, err
	}
	if credentialARN != "" {
		ru.credentialARN = credentialARN
	}
	if roleARN != "" {
		ru.roleARN = roleARN
	}
	ru.updatedAt, ru.validation = c.now, nil
	return ru.members("ecrRepositoryPrefix", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix", "registryId", "updatedAt"), nil
}

func deleteRule(r *registry, c *call) (object, *apiError) {
	ru, err := r.rule(c, c.text("ecrRepositoryPrefix"))
	if err != nil {
		return nil, err
	}
	delete(r.rules, cleanPrefix(ru.prefix))
	return ru.members("ecrRepositoryPrefix", "upstreamRegistryUrl", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix", "registryId", "createdAt"), nil
}

func validateRule(r *registry, c *call) (object, *apiError) {
	ru, err := r.rule(c, c.text("ecrRepositoryPrefix"))
	if err != nil {
		return nil, err
	}
	refuse := r.behaviour.ValidateOpenUpstream == Refuse
	if ru.upstream == ecrUpstream {
		refuse = r.behaviour.ValidateECRUpstream == Refuse
	}
	if refuse && !upstreamNamed(ru.upstream).authenticated {
		return nil, errorf("InvalidParameterException", "The upstream registry of the pull through cache rule requires no authentication")
	}
	out := ru.members("ecrRepositoryPrefix", "upstreamRegistryUrl", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix", "registryId")
	result := ru.validation
	if result == nil {
		failure := r.failure(ru)
		result = &Validation{IsValid: failure == "", Failure: failure}
	}
	out["isValid"] = result.IsValid
	out.set("failure", result.Failure)
	return out, nil
}
