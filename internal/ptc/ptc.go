// Package ptc holds the nouns of Amazon ECR pull through cache: the registry,
// its rules, their upstreams, ECR's verdict on a rule, and the faults that
// callers branch on. It knows no API, no policy and no message, and imports
// only the standard library.
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

// RootPrefix is the prefix of the rule that catches every repository name
// which no other rule catches, and the upstream prefix that means "any":
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html
const RootPrefix = "ROOT"

// Lengths of a repository prefix in characters, ours and the upstream's:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
const (
	MinPrefixLength = 2
	MaxPrefixLength = 30
)

var prefixPattern = regexp.MustCompile(`^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$`)

// ValidPrefix reports whether the API would take s as a repository prefix:
// pattern and length, as
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
// states them. "ecr-public" and "ecr-public/" are both legal and mean the same.
func ValidPrefix(s string) bool {
	return len(s) >= MinPrefixLength && len(s) <= MaxPrefixLength && prefixPattern.MatchString(s)
}

// CleanPrefix drops the trailing slash, which ECR assumes anyway, so that two
// spellings of one prefix compare equal.
func CleanPrefix(s string) string { return strings.TrimSuffix(s, "/") }

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
	// credentials; empty where there is none.
	CredentialARN string
	// RoleARN names the role that ECR assumes towards an upstream ECR
	// registry (customRoleArn); empty where there is none.
	RoleARN string
	// CreatedAt and UpdatedAt are UTC; zero where ECR gave none.
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ValidationStatus is what ECR said of a rule. Its zero value is
// ValidationUnknown, so that what nobody asked never reads as valid.
type ValidationStatus int

// The verdicts of ECR on a rule.
const (
	// ValidationUnknown: ECR could not be asked, or did not answer.
	ValidationUnknown ValidationStatus = iota
	// ValidationValid: ECR reaches and authenticates with the upstream.
	ValidationValid
	// ValidationInvalid: it does not; Failure has its words.
	ValidationInvalid
	// ValidationNotApplicable: the API refuses to validate rules of this
	// upstream, which needs no authentication.
	ValidationNotApplicable
)

// Validation is ECR's own verdict on a rule:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ValidatePullThroughCacheRule.html
type Validation struct {
	Status ValidationStatus
	// Failure is ECR's explanation where Status is ValidationInvalid. It is
	// free text from outside, without a list of known values: show it, never
	// decide on it.
	Failure string
}
