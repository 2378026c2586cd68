// Package ptc has the types of Amazon ECR pull through cache: the registry, its
// rules, their upstreams, ECR's validation of a rule, and the faults that callers
// branch on. It makes no call, and imports only the standard library.
package ptc

import (
	"regexp"
	"strings"
	"time"
)

// RuleLimit is the number of pull through cache rules that one registry can
// hold. It cannot be raised:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
const RuleLimit = 50

// RootPrefix is the prefix of the rule that applies to every repository name
// without a rule of its own. As an upstream prefix it means any prefix:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html
const RootPrefix = "ROOT"

// Lengths, in characters, of a repository prefix and of an upstream prefix:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
const (
	MinPrefixLength = 2
	MaxPrefixLength = 30
)

var prefixPattern = regexp.MustCompile(`^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$`)

// ValidPrefix reports whether the API accepts s as a repository prefix, by the
// pattern and length in
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
// "ecr-public" and "ecr-public/" are both valid and mean the same.
func ValidPrefix(s string) bool {
	return len(s) >= MinPrefixLength && len(s) <= MaxPrefixLength && prefixPattern.MatchString(s)
}

// CleanPrefix drops the trailing slash, which ECR assumes anyway, so that two
// spellings of one prefix compare equal.
func CleanPrefix(s string) string { return strings.TrimSuffix(s, "/") }

// CleanUpstreamPrefix is the one spelling of an upstream repository prefix: empty
// for none and for ROOT, which ECR takes to mean the same, and without a
// trailing slash:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html
func CleanUpstreamPrefix(s string) string {
	if s = CleanPrefix(s); s == RootPrefix {
		return ""
	}
	return s
}

// Registry identifies one ECR private registry: an account and a Region.
// Rules belong to exactly one.
type Registry struct {
	Account string `json:"account"` // twelve digits
	Region  string `json:"region"`  // for example eu-west-1
}

// String is how a registry is written for people: "111122223333 eu-west-1".
func (r Registry) String() string { return r.Account + " " + r.Region }

// Partition is the AWS partition of the registry's Region, as it stands in an ARN.
func (r Registry) Partition() string { return PartitionOf(r.Region) }

// Rule is one pull through cache rule as ECR describes it.
type Rule struct {
	// Prefix is the rule's identity in its registry, without a trailing slash.
	Prefix   string
	Upstream Upstream
	// CredentialARN names the Secrets Manager secret with the upstream's
	// credentials; empty if the rule has none.
	CredentialARN string
	// RoleARN names the role that ECR assumes towards an upstream ECR
	// registry (customRoleArn); empty if the rule has none.
	RoleARN string
	// CreatedAt and UpdatedAt are UTC; zero if ECR gave none.
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ValidationStatus is ECR's result for a rule. Its zero value is
// ValidationUnknown, so that a rule that was not validated never counts as
// valid.
type ValidationStatus int

// ECR's results for a rule.
const (
	// ValidationUnknown: ECR was not asked, or did not answer.
	ValidationUnknown ValidationStatus = iota
	// ValidationValid: ECR reaches and authenticates with the upstream.
	ValidationValid
	// ValidationInvalid: ECR does not; Failure has its explanation.
	ValidationInvalid
	// ValidationNotApplicable: the upstream needs no authentication, and the API
	// refuses to validate its rules.
	ValidationNotApplicable
)

// Validation is ECR's own result for a rule:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ValidatePullThroughCacheRule.html
type Validation struct {
	Status ValidationStatus
	// Failure is ECR's explanation if Status is ValidationInvalid. It is free
	// text from outside, without a list of known values: show it, never decide
	// on it.
	Failure string
}
