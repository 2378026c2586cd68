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
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go/middleware"

	"ptcaudit/internal/aws/fault"
	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/ptc"
)

// DefaultCallTimeout is how long one attempt of a call may take if Options does
// not say. Validate waits for the upstream, so it is not short.
const DefaultCallTimeout = 10 * time.Second

// Lengths in bytes, beyond which texts and answers from outside are cut.
const (
	// MaxFailureLength limits ECR's explanation of a failed validation, so that
	// a report of a full registry stays under a megabyte. AWS states no limit.
	MaxFailureLength = 16 << 10
	// maxAnswerLength limits an answer. A page of 50 rules has about 50 kB.
	maxAnswerLength = 4 << 20
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
	cfg.HTTPClient = boundedClient{cfg.HTTPClient}
	return &Client{api: ecr.NewFromConfig(cfg), faults: fault.Classifier{
		CallTimeout: timeout,
		Task:        "the audit",
		Codes:       map[string]fault.Meaning{"UnknownOperationException": fault.Unsupported},
	}}
}

// boundedClient limits the length of answers.
type boundedClient struct{ aws.HTTPClient }

func (c boundedClient) Do(req *http.Request) (*http.Response, error) {
	resp, err := c.HTTPClient.Do(req)
	if resp != nil && resp.Body != nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswerLength)
	}
	return resp, err
}

// Rules lists all rules of a registry, in ECR's order. A registry without rules
// gives an empty list and no error. If the list may be incomplete, or is another
// registry's, the error is a *ptc.Fault. A Region that AWS documents to be without
// pull through cache rules is not asked: it gives a fault of kind unsupported.
func (c *Client) Rules(ctx context.Context, reg ptc.Registry) ([]ptc.Rule, error) {
	if !ptc.Supported(reg.Region) {
		return nil, &ptc.Fault{
			Operation: ptc.OpDescribeRules,
			Kind:      ptc.FaultUnsupported,
			Message:   "Amazon ECR has no pull through cache rules in " + reg.Region,
		}
	}
	rules := []ptc.Rule{}
	index := map[string]int{}     // of a prefix in rules
	followed := map[string]bool{} // page tokens
	pages := ecr.NewDescribePullThroughCacheRulesPaginator(c.api, &ecr.DescribePullThroughCacheRulesInput{
		RegistryId: aws.String(reg.Account),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, in(reg))
		if err != nil {
			f := c.faults.Fault(ctx, ptc.OpDescribeRules, err)
			if len(followed) > 0 {
				f = inSupportedRegion(f)
			}
			return nil, f
		}
		malformed := func(format string, args ...any) ([]ptc.Rule, error) {
			return nil, malformed(ptc.OpDescribeRules, "", page.ResultMetadata, fmt.Sprintf(format, args...))
		}
		// The SDK makes an empty list of `[]`, and nil if the answer has no list.
		// Then the answer is invalid; it does not mean a registry without rules.
		if page.PullThroughCacheRules == nil {
			return malformed("the answer has no list of rules")
		}
		for _, item := range page.PullThroughCacheRules {
			prefix := ptc.CleanPrefix(aws.ToString(item.EcrRepositoryPrefix))
			if prefix == "" {
				return malformed("the answer has a rule without a prefix")
			}
			if id := aws.ToString(item.RegistryId); id != reg.Account {
				return malformed("rule %s belongs to registry %q, want %s", prefix, id, reg.Account)
			}
			// A rule that is created while the pages are read can come twice. The
			// later one is newer.
			if i, again := index[prefix]; again {
				rules[i] = rule(prefix, item)
				continue
			}
			index[prefix] = len(rules)
			rules = append(rules, rule(prefix, item))
		}
		if token := aws.ToString(page.NextToken); token != "" {
			if followed[token] {
				return malformed("a page token came twice")
			}
			followed[token] = true
		}
	}
	return rules, nil
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

// Validate asks ECR whether a rule works. If it does not, that is a result and not
// an error. If the rule was deleted the error is ptc.ErrRuleNotFound; every other
// error is a *ptc.Fault.
//
// AWS documents both that upstreams without authentication can be validated and
// that they cannot. If ECR refuses to validate one, the result is
// ptc.ValidationNotApplicable.
func (c *Client) Validate(ctx context.Context, reg ptc.Registry, rule ptc.Rule) (ptc.Validation, error) {
	v, err := c.validate(ctx, reg, rule, rule.Prefix)
	// The rule may have been created with a trailing slash, and AWS does not
	// document whether Validate accepts the prefix without it. A rule counts as
	// deleted only if both spellings are not found.
	if spelled := rule.Prefix + "/"; errors.Is(err, ptc.ErrRuleNotFound) && ptc.ValidPrefix(spelled) {
		v, err = c.validate(ctx, reg, rule, spelled)
	}
	return v, err
}

func (c *Client) validate(ctx context.Context, reg ptc.Registry, rule ptc.Rule, prefix string) (ptc.Validation, error) {
	out, err := c.api.ValidatePullThroughCacheRule(ctx, &ecr.ValidatePullThroughCacheRuleInput{
		EcrRepositoryPrefix: aws.String(prefix),
		RegistryId:          aws.String(reg.Account),
	}, in(reg))
	if err != nil {
		return c.refusal(ctx, rule, err)
	}
	malformed := func(message string) (ptc.Validation, error) {
		return ptc.Validation{}, malformed(ptc.OpValidateRule, rule.Prefix, out.ResultMetadata, message)
	}
	if got := ptc.CleanPrefix(aws.ToString(out.EcrRepositoryPrefix)); got != rule.Prefix {
		return malformed(fmt.Sprintf("the answer is about prefix %q", got))
	}
	if id := aws.ToString(out.RegistryId); id != reg.Account {
		return malformed(fmt.Sprintf("the answer belongs to registry %q, want %s", id, reg.Account))
	}
	if out.IsValid {
		return ptc.Validation{Status: ptc.ValidationValid}, nil
	}
	return ptc.Validation{
		Status:  ptc.ValidationInvalid,
		Failure: fault.Clip(aws.ToString(out.Failure), MaxFailureLength),
	}, nil
}

// refusal converts an error of Validate.
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
	f := inSupportedRegion(c.faults.Fault(ctx, ptc.OpValidateRule, err))
	f.Prefix = rule.Prefix
	return ptc.Validation{}, f
}

// inSupportedRegion corrects a fault of a Region that has already answered. It has
// the API, so "unsupported" is wrong, and the audit must count as incomplete.
func inSupportedRegion(f *ptc.Fault) *ptc.Fault {
	if f.Kind == ptc.FaultUnsupported {
		f.Kind = ptc.FaultUnavailable
	}
	return f
}

// in sends a call to the Region of a registry instead of the client's own.
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
