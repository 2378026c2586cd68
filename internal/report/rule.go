package report

import (
	"time"

	"ptcaudit/internal/ptc"
)

// Rule is one rule as an audit found it. Its names are those of the policy
// vocabulary.
type Rule struct {
	Prefix string `json:"prefix"`
	IsRoot bool   `json:"isRoot"`
	// CreatedAt and UpdatedAt are UTC. If ECR gave no UpdatedAt, it is equal
	// to CreatedAt. If ECR gave no CreatedAt, it is the year 1.
	CreatedAt  time.Time  `json:"createdAt"`
	UpdatedAt  time.Time  `json:"updatedAt"`
	Upstream   Upstream   `json:"upstream"`
	Credential Credential `json:"credential"`
	Role       Role       `json:"role"`
	// Validation is absent if ECR's validation result is unknown.
	Validation *Validation `json:"validation,omitempty"`
}

// Upstream is where a rule fetches from. Account and Region are set for
// upstreams that are ECR private registries.
type Upstream struct {
	Registry      string `json:"registry"`
	URL           string `json:"url"`
	Prefix        string `json:"prefix"`
	Account       string `json:"account"`
	Region        string `json:"region"`
	Known         bool   `json:"known"`
	Authenticated bool   `json:"authenticated"`
}

// Credential is the secret of a rule; all fields are empty if it has none.
type Credential struct {
	ARN     string `json:"arn"`
	Account string `json:"account"`
	Region  string `json:"region"`
	Name    string `json:"name"`
}

// Role is the role that ECR assumes; all fields are empty if there is none.
type Role struct {
	ARN     string `json:"arn"`
	Account string `json:"account"`
	Name    string `json:"name"`
}

// Validation is ECR's validation result for a rule.
type Validation struct {
	Valid bool `json:"valid"`
	// Failure is ECR's text if Valid is false.
	Failure string `json:"failure"`
	// Applicable is false if the API does not validate such rules.
	Applicable bool `json:"applicable"`
}

// NewRule describes a rule and its validation result.
func NewRule(r ptc.Rule, v ptc.Validation) Rule {
	credential, _ := ptc.ParseARN(r.CredentialARN)
	role, _ := ptc.ParseARN(r.RoleARN)
	updated := r.UpdatedAt
	if updated.IsZero() {
		updated = r.CreatedAt
	}
	out := Rule{
		Prefix:    r.Prefix,
		IsRoot:    r.Prefix == ptc.RootPrefix,
		CreatedAt: r.CreatedAt.UTC(),
		UpdatedAt: updated.UTC(),
		Upstream: Upstream{
			Registry:      r.Upstream.Registry,
			URL:           r.Upstream.URL,
			Prefix:        r.Upstream.Prefix,
			Account:       r.Upstream.Account(),
			Region:        r.Upstream.Region(),
			Known:         r.Upstream.Known(),
			Authenticated: r.Upstream.Authenticated(),
		},
		Credential: Credential{
			ARN:     r.CredentialARN,
			Account: credential.Account,
			Region:  credential.Region,
			Name:    ptc.SecretName(r.CredentialARN),
		},
		Role: Role{ARN: r.RoleARN, Account: role.Account, Name: ptc.RoleName(r.RoleARN)},
	}
	switch v.Status {
	case ptc.ValidationValid:
		out.Validation = &Validation{Valid: true, Applicable: true}
	case ptc.ValidationInvalid:
		out.Validation = &Validation{Failure: v.Failure, Applicable: true}
	case ptc.ValidationNotApplicable:
		out.Validation = &Validation{}
	case ptc.ValidationUnknown:
	}
	return out
}

// Facts returns the rule and the validation result of a Rule.
func (r Rule) Facts() (ptc.Rule, ptc.Validation) {
	rule := ptc.Rule{
		Prefix:        r.Prefix,
		Upstream:      ptc.Upstream{Registry: r.Upstream.Registry, URL: r.Upstream.URL, Prefix: r.Upstream.Prefix},
		CredentialARN: r.Credential.ARN,
		RoleARN:       r.Role.ARN,
		CreatedAt:     r.CreatedAt,
		UpdatedAt:     r.UpdatedAt,
	}
	switch v := r.Validation; {
	case v == nil:
		return rule, ptc.Validation{}
	case !v.Applicable:
		return rule, ptc.Validation{Status: ptc.ValidationNotApplicable}
	case v.Valid:
		return rule, ptc.Validation{Status: ptc.ValidationValid}
	default:
		return rule, ptc.Validation{Status: ptc.ValidationInvalid, Failure: v.Failure}
	}
}
