// Package policytest runs the tests of a policy, the files *_test.yaml beside
// it. Each test has a registry with rules, and the findings that the policy must
// have there. Tests do not use AWS.
package policytest

import (
	"math"
	"time"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

//go:generate go test . -run ^TestSchema$ -update

// The types below are a test file as it is written, each value with its place.
// policies/test-schema.json is generated from them: the comments of the fields
// are its descriptions.

// file is one test file.
type file struct {
	source.Mapping
	// Policy to test: default, strict, or a path, relative to this file.
	Policy source.Text `yaml:"policy"`
	// Tests, each with a registry and the findings that the policy must have there.
	Tests []testEntry `yaml:"tests,nonempty"`
}

// testEntry is one test.
type testEntry struct {
	source.Mapping
	// Name of the test, unique in the file.
	Name source.Text `yaml:"name"`
	// Time of the audit, UTC: a date or an RFC 3339 time.
	Now source.Text `yaml:"now"`
	// Registry to evaluate the policy on.
	Registry registryEntry `yaml:"registry"`
	// ECR's validation results by prefix. The default is valid, or notApplicable if the upstream needs no credential.
	Validation source.Map[source.Node] `yaml:"validation"`
	// Expected findings. A failure or error that is not listed fails the test.
	Expect []expectEntry `yaml:"expect"`
}

// registryEntry is a registry and its rules.
type registryEntry struct {
	source.Mapping
	// Account ID, twelve digits in quotes.
	Account source.Text `yaml:"account"`
	// Region, for example eu-west-1.
	Region source.Text `yaml:"region"`
	// Rules, with the keys that aws ecr describe-pull-through-cache-rules prints.
	Rules []ruleEntry `yaml:"rules"`
}

// ruleEntry is a rule as the API describes it:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PullThroughCacheRule.html
type ruleEntry struct {
	source.Mapping
	// Prefix of the rule; ROOT matches every repository.
	Prefix source.Text `yaml:"ecrRepositoryPrefix"`
	// Host name of the upstream, for example registry-1.docker.io.
	UpstreamURL source.Text `yaml:"upstreamRegistryUrl"`
	// The API's name of the upstream, for example docker-hub. The default follows from the host name.
	UpstreamRegistry source.Text `yaml:"upstreamRegistry"`
	// Prefix of the upstream's repositories.
	UpstreamPrefix source.Text `yaml:"upstreamRepositoryPrefix"`
	// ARN of the secret with the credential.
	CredentialARN source.Text `yaml:"credentialArn"`
	// ARN of the role that ECR assumes for an upstream in ECR.
	RoleARN source.Text `yaml:"customRoleArn"`
	// Account ID of the registry; must equal registry.account.
	RegistryID source.Text `yaml:"registryId"`
	// Time of creation: a date, an RFC 3339 time, or seconds since 1970, UTC.
	CreatedAt source.Value `yaml:"createdAt"`
	// Time of the last change: a date, an RFC 3339 time, or seconds since 1970, UTC.
	UpdatedAt source.Value `yaml:"updatedAt"`
}

// validationEntry is a result of ECR's ValidatePullThroughCacheRule:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ValidatePullThroughCacheRule.html
type validationEntry struct {
	source.Mapping
	// Whether ECR can use the rule.
	IsValid source.Flag `yaml:"isValid"`
	// ECR's reason if it cannot.
	Failure source.Text `yaml:"failure"`
}

// expectEntry is a finding that the policy must have.
type expectEntry struct {
	source.Mapping
	// Id of the check.
	Check source.Text `yaml:"check"`
	// Prefix of the rule; empty or omitted for the registry.
	Prefix source.Text `yaml:"prefix"`
	// Outcome of the check.
	Outcome source.Text `yaml:"outcome"`
	// Severity of the finding (default: any).
	Severity source.Text `yaml:"severity"`
	// Whether a waiver covers the finding (default: either).
	Waived source.Flag `yaml:"waived"`
}

// The words that a validation can be instead of a mapping.
const (
	unknownWord       = "unknown"
	notApplicableWord = "notApplicable"
)

// input is what an audit of the test's registry would evaluate.
func (t testEntry) input() policy.Input {
	in := policy.Input{
		Registry:    ptc.Registry{Account: t.Registry.Account.Value, Region: t.Registry.Region.Value},
		Validations: map[string]ptc.Validation{},
		Now:         instant(t.Now, t.Now.Value),
	}
	if a := t.Registry.Account; a.IsSet() && !ptc.ValidAccount(a.Value) {
		a.Fault("invalid account ID %q: use twelve digits", a.Value)
	}
	if r := t.Registry.Region; r.IsSet() && !ptc.ValidRegion(r.Value) {
		r.Fault("invalid Region %q: write it as in eu-west-1", r.Value)
	}
	for _, e := range t.Registry.Rules {
		if !e.IsSet() {
			continue
		}
		rule := e.rule()
		if _, twice := in.Validations[rule.Prefix]; twice {
			e.Fault("duplicate rule %s: a prefix has one rule", rule.Prefix)
			continue
		}
		if id := e.RegistryID; id.IsSet() && t.Registry.Account.IsSet() && id.Value != in.Registry.Account {
			id.Fault("invalid registryId: the account of the registry is %s", in.Registry.Account)
		}
		in.Rules = append(in.Rules, rule)
		in.Validations[rule.Prefix] = usual(rule)
	}
	for _, v := range t.Validation {
		prefix := ptc.CleanPrefix(v.Key.Value)
		if _, ok := in.Validations[prefix]; !ok {
			v.Key.Fault("unknown rule %s: the registry of this test does not have it", prefix)
		}
		in.Validations[prefix] = validation(v.Value)
	}
	return in
}

// rule is the rule that an entry describes.
func (e ruleEntry) rule() ptc.Rule {
	e.Require("a rule", "ecrRepositoryPrefix", "upstreamRegistryUrl")
	r := ptc.Rule{
		Prefix:        ptc.CleanPrefix(e.Prefix.Value),
		Upstream:      ptc.Upstream{Registry: e.UpstreamRegistry.Value, URL: e.UpstreamURL.Value, Prefix: e.UpstreamPrefix.Value},
		CredentialARN: e.CredentialARN.Value,
		RoleARN:       e.RoleARN.Value,
		CreatedAt:     instant(e.CreatedAt, e.CreatedAt.Value),
		UpdatedAt:     instant(e.UpdatedAt, e.UpdatedAt.Value),
	}
	if !e.UpstreamRegistry.IsSet() {
		r.Upstream.Registry = ptc.UpstreamOfURL(r.Upstream.URL)
	}
	return r
}

// usual is the validation result of a rule that the test gives none for: valid,
// or not applicable if the upstream needs no credential.
func usual(r ptc.Rule) ptc.Validation {
	if r.Upstream.Known() && !r.Upstream.Authenticated() && r.Upstream.Registry != ptc.ECR {
		return ptc.Validation{Status: ptc.ValidationNotApplicable}
	}
	return ptc.Validation{Status: ptc.ValidationValid}
}

// validation reads a validation result: a mapping, or one of two words.
func validation(n source.Node) ptc.Validation {
	if !n.IsSet() {
		return ptc.Validation{}
	}
	if n.IsMapping() {
		var e validationEntry
		n.Decode(&e, "a validation")
		e.Require("a validation", "isValid")
		if e.IsValid.Value {
			return ptc.Validation{Status: ptc.ValidationValid}
		}
		return ptc.Validation{Status: ptc.ValidationInvalid, Failure: e.Failure.Value}
	}
	var word source.Text
	n.Decode(&word, "a validation")
	if word.Value == notApplicableWord {
		return ptc.Validation{Status: ptc.ValidationNotApplicable}
	}
	if word.IsSet() && word.Value != unknownWord {
		word.Fault("unknown validation %q: want %s, %s or {isValid: …, failure: …}", word.Value, unknownWord, notApplicableWord)
	}
	return ptc.Validation{}
}

// place is a value of the file that can have a fault.
type place interface {
	IsSet() bool
	Fault(format string, args ...any)
}

// instant reads a date, a time of RFC 3339, or seconds since 1970: versions of
// the AWS CLI print one or the other.
func instant(at place, value any) time.Time {
	if !at.IsSet() {
		return time.Time{}
	}
	switch v := value.(type) {
	case int64:
		return time.Unix(v, 0).UTC()
	case float64:
		whole, part := math.Modf(v)
		return time.Unix(int64(whole), int64(part*1e9)).UTC()
	case string:
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC()
			}
		}
	}
	at.Fault("invalid time %v: write it as 2027-03-31 or 2027-03-31T12:00:00Z", value)
	return time.Time{}
}

// outcomes are the outcomes that a test can expect.
var outcomes = []report.Outcome{report.Pass, report.Fail, report.Error, report.Skip, report.Pending}
