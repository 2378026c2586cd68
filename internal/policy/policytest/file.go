// Package policytest runs the tests of a policy, which stand beside it as
// *_test.yaml: registries with rules, and what the policy has to find there.
// It reaches no AWS, and no engine.
package policytest

import (
	"math"
	"time"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// file is a test file as it is written.
type file struct {
	source.Mapping
	Policy source.Text `yaml:"policy"`
	Tests  []testEntry `yaml:"tests,nonempty"`
}

type testEntry struct {
	source.Mapping
	Name       source.Text             `yaml:"name"`
	Now        source.Text             `yaml:"now"`
	Registry   registryEntry           `yaml:"registry"`
	Validation source.Map[source.Node] `yaml:"validation"`
	Expect     []expectEntry           `yaml:"expect"`
}

type registryEntry struct {
	source.Mapping
	Account source.Text `yaml:"account"`
	Region  source.Text `yaml:"region"`
	Rules   []ruleEntry `yaml:"rules"`
}

// ruleEntry is a rule as the API describes it:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PullThroughCacheRule.html
type ruleEntry struct {
	source.Mapping
	Prefix           source.Text  `yaml:"ecrRepositoryPrefix"`
	UpstreamURL      source.Text  `yaml:"upstreamRegistryUrl"`
	UpstreamRegistry source.Text  `yaml:"upstreamRegistry"`
	UpstreamPrefix   source.Text  `yaml:"upstreamRepositoryPrefix"`
	CredentialARN    source.Text  `yaml:"credentialArn"`
	RoleARN          source.Text  `yaml:"customRoleArn"`
	RegistryID       source.Text  `yaml:"registryId"`
	CreatedAt        source.Value `yaml:"createdAt"`
	UpdatedAt        source.Value `yaml:"updatedAt"`
}

type validationEntry struct {
	source.Mapping
	IsValid source.Flag `yaml:"isValid"`
	Failure source.Text `yaml:"failure"`
}

type expectEntry struct {
	source.Mapping
	Check    source.Text `yaml:"check"`
	Prefix   source.Text `yaml:"prefix"`
	Outcome  source.Text `yaml:"outcome"`
	Severity source.Text `yaml:"severity"`
	// Waived says whether a waiver covers the finding; without it either will do.
	Waived source.Flag `yaml:"waived"`
}

// input is what an audit would have found.
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

// usual is ECR's verdict where a test gives none: valid, but for an upstream
// that needs no credential, which ECR need not validate.
func usual(r ptc.Rule) ptc.Validation {
	if r.Upstream.Known() && !r.Upstream.Authenticated() && r.Upstream.Registry != ptc.ECR {
		return ptc.Validation{Status: ptc.ValidationNotApplicable}
	}
	return ptc.Validation{Status: ptc.ValidationValid}
}

// validation reads a verdict: a mapping, or one of two words.
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
	if word.Value == "notApplicable" {
		return ptc.Validation{Status: ptc.ValidationNotApplicable}
	}
	if word.IsSet() && word.Value != "unknown" {
		word.Fault("unknown validation %q: want unknown, notApplicable or {isValid: …, failure: …}", word.Value)
	}
	return ptc.Validation{}
}

// place is something at which there can be a fault.
type place interface {
	IsSet() bool
	Fault(format string, args ...any)
}

// instant reads a time as a day, as RFC 3339, or as seconds, which is how
// versions of the AWS CLI print it.
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

// outcomes are what can be expected.
var outcomes = []report.Outcome{report.Pass, report.Fail, report.Error, report.Skip, report.Pending}
