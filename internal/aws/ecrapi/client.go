// Package ecrapi lists the pull through cache rules of a registry and lets Amazon
// ECR validate them. It is the only package that imports the ECR client. No type
// of the SDK leaves it, and every error is a *ptc.Fault or ptc.ErrRuleNotFound.
// The caller needs the IAM permissions ecr:DescribePullThroughCacheRules and
// ecr:ValidatePullThroughCacheRule.
package ecrapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"ptcaudit/internal/aws/fault"
	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/ptc"
)

// DefaultCallTimeout is how long one attempt of a call may take if Options has no
// timeout. It is long, because Validate waits for the upstream.
const DefaultCallTimeout = 10 * time.Second

// MaxFailureLength limits ECR's explanation of a failed validation, in bytes, so
// that a report of a full registry stays under a megabyte. AWS states no limit.
const MaxFailureLength = 16 << 10

// How much of a list is read. A registry can have 50 rules, and a page has up
// to 100: what goes far beyond is no list of a registry, and must not take the
// memory and time of the audit.
const (
	// MaxRules is the number of rules that are read at most.
	MaxRules = 1000
	maxPages = 100
)

// Options adjusts a Client. The zero value is ready to use.
type Options struct {
	// CallTimeout limits one attempt of one call, its answer included; zero
	// means DefaultCallTimeout. It applies only if the configuration's HTTP
	// client is nil or the SDK's own.
	CallTimeout time.Duration
}

// Client calls ECR. Safe for concurrent use.
type Client struct {
	api    *ecr.Client
	faults fault.Classifier
}

// New makes a Client. Retries are the SDK's: their number and delays are cfg's.
func New(cfg aws.Config, o Options) *Client {
	timeout := o.CallTimeout
	if timeout <= 0 {
		timeout = DefaultCallTimeout
	}
	cfg = wire.Config(cfg, timeout, func(t *http.Transport) {
		// One audit can have this many calls at once. None of their connections
		// is closed between two calls.
		t.MaxIdleConnsPerHost = max(t.MaxIdleConnsPerHost, ptc.RuleLimit)
	})
	return &Client{
		api: ecr.NewFromConfig(cfg, func(o *ecr.Options) { o.APIOptions = append(o.APIOptions, strictAnswers) }),
		faults: fault.Classifier{
			CallTimeout: timeout,
			Task:        "the audit",
			// Rules handles a Region without the operation.
			Codes: map[string]fault.Meaning{unknownOperation: fault.Unavailable},
		},
	}
}

// Rules lists all rules of a registry, in ECR's order. A registry without rules
// has an empty list and no error. If the list may be incomplete, may belong to
// another registry, or has more than MaxRules rules, the error is a *ptc.Fault. Its
// kind is unsupported only if AWS documents that the Region has no pull through
// cache rules, and ECR confirms it.
func (c *Client) Rules(ctx context.Context, reg ptc.Registry) ([]ptc.Rule, error) {
	rules := []ptc.Rule{}
	index := map[string]int{}     // of a prefix in rules
	followed := map[string]bool{} // page tokens
	pages := ecr.NewDescribePullThroughCacheRulesPaginator(c.api, &ecr.DescribePullThroughCacheRulesInput{
		RegistryId: aws.String(reg.Account),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, in(reg))
		if err != nil {
			if len(followed) == 0 && unsupported(reg, err) {
				return nil, &ptc.Fault{
					Operation: ptc.OpDescribeRules,
					Kind:      ptc.FaultUnsupported,
					Message:   "Amazon ECR has no pull through cache rules in " + reg.Region,
				}
			}
			return nil, c.faults.Fault(ctx, ptc.OpDescribeRules, err)
		}
		refuse := func(format string, args ...any) ([]ptc.Rule, error) {
			return nil, malformed(ptc.OpDescribeRules, "", page.ResultMetadata, fmt.Sprintf(format, args...))
		}
		// The list is empty for `[]`, and nil if the answer has no list. Without a
		// list it is unknown which rules exist.
		if page.PullThroughCacheRules == nil {
			return refuse("the answer has no list of rules")
		}
		for _, item := range page.PullThroughCacheRules {
			prefix := ptc.CleanPrefix(aws.ToString(item.EcrRepositoryPrefix))
			if prefix == "" {
				return refuse("the answer has a rule without a prefix")
			}
			if id := aws.ToString(item.RegistryId); id != reg.Account {
				return refuse("rule %s belongs to registry %q, want %s", prefix, id, reg.Account)
			}
			listed := rule(prefix, item)
			// A rule can be on two pages if rules change while they are read.
			if i, again := index[prefix]; again {
				if rules[i] != listed {
					f := malformed(ptc.OpDescribeRules, "", page.ResultMetadata, "rule "+prefix+" is listed twice, with different fields")
					f.Retryable = true // it may have changed between two pages
					return nil, f
				}
				continue
			}
			if len(rules) == MaxRules {
				return refuse("the list has more than %d rules: %d were read, and none was checked", MaxRules, len(rules))
			}
			index[prefix] = len(rules)
			rules = append(rules, listed)
		}
		if token := aws.ToString(page.NextToken); token != "" {
			if followed[token] {
				return refuse("a page token came twice")
			}
			followed[token] = true
			if len(followed) == maxPages {
				return refuse("the list has more than %d pages: %d rules were read, and none was checked", maxPages, len(rules))
			}
		}
	}
	return rules, nil
}

// unknownOperation is the error code for an operation that an endpoint does not
// have.
const unknownOperation = "UnknownOperationException"

// unsupported reports whether ECR confirms that a Region is without pull through
// cache rules, of which AWS documents that it has none. Anywhere else the same
// answer is a proxy's, or a fault of ECR.
func unsupported(reg ptc.Registry, err error) bool {
	response, _ := errors.AsType[*awshttp.ResponseError](err)
	api, _ := errors.AsType[smithy.APIError](err)
	return !ptc.Supported(reg.Region) && response != nil && response.HTTPStatusCode() == http.StatusBadRequest &&
		api != nil && api.ErrorCode() == unknownOperation
}

// rule converts one item of an answer.
func rule(prefix string, item types.PullThroughCacheRule) ptc.Rule {
	upstream := ptc.Upstream{
		Registry: string(item.UpstreamRegistry),
		URL:      aws.ToString(item.UpstreamRegistryUrl),
		Prefix:   aws.ToString(item.UpstreamRepositoryPrefix),
	}
	if upstream.Registry == "" {
		upstream.Registry = ptc.UpstreamOfURL(upstream.URL)
	}
	return ptc.Rule{
		Prefix:        prefix,
		Upstream:      upstream,
		CredentialARN: aws.ToString(item.CredentialArn),
		RoleARN:       aws.ToString(item.CustomRoleArn),
		CreatedAt:     aws.ToTime(item.CreatedAt).UTC(),
		UpdatedAt:     aws.ToTime(item.UpdatedAt).UTC(),
	}
}

// Validate asks ECR whether a rule works. If it does not work, that is a result
// and not an error. The error is ptc.ErrRuleNotFound if the rule is gone, which
// two calls must agree on; otherwise a *ptc.Fault.
//
// AWS documents both that upstreams without authentication can be validated and
// that they cannot. If ECR refuses to validate one, the result is
// ptc.ValidationNotApplicable.
func (c *Client) Validate(ctx context.Context, reg ptc.Registry, rule ptc.Rule) (ptc.Validation, error) {
	v, err := c.validate(ctx, reg, rule, rule.Prefix)
	// AWS does not document whether Validate distinguishes a prefix with a
	// trailing slash from one without, so both are tried.
	if spelled := rule.Prefix + "/"; errors.Is(err, ptc.ErrRuleNotFound) && ptc.ValidPrefix(spelled) {
		v, err = c.validate(ctx, reg, rule, spelled)
	}
	if errors.Is(err, ptc.ErrRuleNotFound) {
		err = c.confirmGone(ctx, reg, rule)
	}
	return v, err
}

// confirmGone lists the rules again after Validate did not find one. Its error
// is ptc.ErrRuleNotFound if the rule is no longer listed either.
func (c *Client) confirmGone(ctx context.Context, reg ptc.Registry, rule ptc.Rule) error {
	listed, err := c.Rules(ctx, reg)
	if err != nil {
		f, _ := errors.AsType[*ptc.Fault](err)
		f.Prefix = rule.Prefix
		if f.Kind == ptc.FaultUnsupported { // it has just listed rules
			f.Kind, f.Retryable = ptc.FaultUnavailable, true
		}
		return f
	}
	if !slices.ContainsFunc(listed, func(r ptc.Rule) bool { return r.Prefix == rule.Prefix }) {
		return ptc.ErrRuleNotFound
	}
	return &ptc.Fault{
		Operation: ptc.OpValidateRule,
		Prefix:    rule.Prefix,
		Kind:      ptc.FaultMalformed,
		Code:      (&types.PullThroughCacheRuleNotFoundException{}).ErrorCode(),
		Message:   "ECR lists the rule, and does not find it when asked to validate it",
		Retryable: true,
	}
}

func (c *Client) validate(ctx context.Context, reg ptc.Registry, rule ptc.Rule, prefix string) (ptc.Validation, error) {
	out, err := c.api.ValidatePullThroughCacheRule(ctx, &ecr.ValidatePullThroughCacheRuleInput{
		EcrRepositoryPrefix: aws.String(prefix),
		RegistryId:          aws.String(reg.Account),
	}, in(reg))
	if err != nil {
		return c.refusal(ctx, rule, err)
	}
	refuse := func(message string) (ptc.Validation, error) {
		return ptc.Validation{}, malformed(ptc.OpValidateRule, rule.Prefix, out.ResultMetadata, message)
	}
	if got := ptc.CleanPrefix(aws.ToString(out.EcrRepositoryPrefix)); got != rule.Prefix {
		return refuse(fmt.Sprintf("the answer is about prefix %q", got))
	}
	if id := aws.ToString(out.RegistryId); id != reg.Account {
		return refuse(fmt.Sprintf("the answer is of registry %q, asked for %s", id, reg.Account))
	}
	if field := otherField(rule, out); field != "" {
		f := malformed(ptc.OpValidateRule, rule.Prefix, out.ResultMetadata,
			"the answer is about a rule with another "+field+": the rule changed since it was listed, or the answer is another rule's")
		f.Retryable = true
		return ptc.Validation{}, f
	}
	failure := aws.ToString(out.Failure)
	switch {
	case out.IsValid && failure != "":
		return refuse("the answer says that the rule is valid, and why it is not: " + failure)
	case out.IsValid:
		return ptc.Validation{Status: ptc.ValidationValid}, nil
	}
	return ptc.Validation{
		Status:  ptc.ValidationInvalid,
		Failure: fault.Clip(failure, MaxFailureLength),
	}, nil
}

// otherField names a field in which the validated rule differs from the listed
// one; empty if there is none. Validate need not repeat the fields.
func otherField(rule ptc.Rule, out *ecr.ValidatePullThroughCacheRuleOutput) string {
	differs := func(listed string, validated *string) bool {
		return validated != nil && *validated != "" && *validated != listed
	}
	switch {
	case differs(rule.Upstream.URL, out.UpstreamRegistryUrl) && ptc.CleanHost(rule.Upstream.URL) != ptc.CleanHost(*out.UpstreamRegistryUrl):
		return "upstreamRegistryUrl"
	case differs(rule.CredentialARN, out.CredentialArn) && !ptc.SameSecret(rule.CredentialARN, *out.CredentialArn):
		return "credentialArn"
	case differs(rule.RoleARN, out.CustomRoleArn):
		return "customRoleArn"
	case out.UpstreamRepositoryPrefix != nil && ptc.CleanUpstreamPrefix(rule.Upstream.Prefix) != ptc.CleanUpstreamPrefix(*out.UpstreamRepositoryPrefix):
		return "upstreamRepositoryPrefix"
	}
	return ""
}

// refusal reads an error of Validate.
func (c *Client) refusal(ctx context.Context, rule ptc.Rule, err error) (ptc.Validation, error) {
	var (
		notFound  *types.PullThroughCacheRuleNotFoundException
		parameter *types.InvalidParameterException
		invalid   *types.ValidationException
	)
	open := rule.Upstream.Known() && !rule.Upstream.Authenticated()
	switch {
	case errors.As(err, &notFound):
		return ptc.Validation{}, ptc.ErrRuleNotFound
	case open && (errors.As(err, &parameter) || errors.As(err, &invalid)):
		return ptc.Validation{Status: ptc.ValidationNotApplicable}, nil
	}
	f := c.faults.Fault(ctx, ptc.OpValidateRule, err)
	f.Prefix = rule.Prefix
	return ptc.Validation{}, f
}

// in sends a call to the Region of a registry instead of the client's.
func in(reg ptc.Registry) func(*ecr.Options) {
	return func(o *ecr.Options) { o.Region = reg.Region }
}

// malformed is the fault of an invalid answer.
func malformed(operation, prefix string, metadata middleware.Metadata, message string) *ptc.Fault {
	id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
	return &ptc.Fault{
		Operation: operation,
		Prefix:    prefix,
		Kind:      ptc.FaultMalformed,
		Message:   fault.Clip(message, fault.MaxLength),
		RequestID: id,
	}
}
