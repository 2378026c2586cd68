// Package offline evaluates rules from a file instead of ECR. The file is a saved
// report, or the output of `aws ecr describe-pull-through-cache-rules`. The
// package never calls AWS.
package offline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ptcaudit/internal/audit"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Registry is one registry as a file describes it. It implements audit.ECR.
type Registry struct {
	registry ptc.Registry
	rules    []ptc.Rule
	// unlisted is why the rules are unknown; nil if they are known.
	unlisted *ptc.Fault
	// validations are ECR's results, by prefix.
	validations map[string]ptc.Validation
	// faults are why a result is missing, by prefix.
	faults map[string]ptc.Fault
	// withoutValidation makes checks of a missing result not apply.
	withoutValidation bool
	// saved is the report that was read; nil for other files.
	saved *report.Report
}

// ID is the account and Region.
func (f *Registry) ID() ptc.Registry { return f.registry }

// Rules lists the rules.
func (f *Registry) Rules(context.Context, ptc.Registry) ([]ptc.Rule, error) {
	if f.unlisted != nil {
		return nil, f.unlisted
	}
	return f.rules, nil
}

// Validate gives the result that the file has for a rule.
func (f *Registry) Validate(_ context.Context, _ ptc.Registry, rule ptc.Rule) (ptc.Validation, error) {
	if result := f.validations[rule.Prefix]; result.Status != ptc.ValidationUnknown {
		return result, nil
	}
	if f.withoutValidation {
		return ptc.Validation{Status: ptc.ValidationNotApplicable}, nil
	}
	fault, ok := f.faults[rule.Prefix]
	if !ok {
		fault = ptc.Fault{
			Operation: ptc.OpValidateRule,
			Prefix:    rule.Prefix,
			Kind:      ptc.FaultUnavailable,
			Message:   "the file has no validation result: audit the registry, or use --without-validation",
		}
	}
	return ptc.Validation{}, &fault
}

// Parse reads a saved report, or the output of `aws ecr
// describe-pull-through-cache-rules`. given is the account and Region that the
// user named; empty fields are taken from the file.
func Parse(data []byte, given ptc.Registry) (*Registry, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("invalid JSON: %w", err)
	}
	switch {
	case keys["schemaVersion"] != nil:
		return fromReport(data, given)
	case keys["pullThroughCacheRules"] != nil:
		return fromDescribe(data, given)
	}
	return nil, errors.New("neither a report nor the output of aws ecr describe-pull-through-cache-rules")
}

// fromReport reads a saved report.
func fromReport(data []byte, given ptc.Registry) (*Registry, error) {
	saved, err := report.Decode(data)
	if err != nil {
		return nil, err
	}
	if given.Region != "" && given.Region != saved.Registry.Region || given.Account != "" && given.Account != saved.Registry.Account {
		return nil, fmt.Errorf("the report is of registry %s: omit --region and --account", saved.Registry)
	}
	f := &Registry{
		registry:    saved.Registry,
		validations: map[string]ptc.Validation{},
		faults:      map[string]ptc.Fault{},
		saved:       &saved,
	}
	for _, r := range saved.Rules {
		rule, result := r.Facts()
		f.rules = append(f.rules, rule)
		f.validations[rule.Prefix] = result
	}
	for _, fault := range saved.Faults {
		if fault.Prefix == "" {
			f.unlisted = &fault
		} else {
			f.faults[fault.Prefix] = fault
		}
	}
	return f, nil
}

// fromDescribe reads an answer of ECR:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html
func fromDescribe(data []byte, given ptc.Registry) (*Registry, error) {
	var answer struct {
		Rules []struct {
			Prefix         string  `json:"ecrRepositoryPrefix"`
			URL            string  `json:"upstreamRegistryUrl"`
			Upstream       string  `json:"upstreamRegistry"`
			UpstreamPrefix string  `json:"upstreamRepositoryPrefix"`
			CredentialARN  string  `json:"credentialArn"`
			RoleARN        string  `json:"customRoleArn"`
			Account        string  `json:"registryId"`
			CreatedAt      instant `json:"createdAt"`
			UpdatedAt      instant `json:"updatedAt"`
		} `json:"pullThroughCacheRules"`
		// The AWS CLI writes NextToken if --max-items cut the list.
		Token    string `json:"nextToken"`
		CLIToken string `json:"NextToken"`
	}
	switch err := json.Unmarshal(data, &answer); {
	case err != nil:
		return nil, err
	case answer.Rules == nil:
		return nil, errors.New("pullThroughCacheRules is not a list")
	case answer.Token != "" || answer.CLIToken != "":
		return nil, errors.New("the file has only the first page of rules: run the command without --max-items and --no-paginate")
	case given.Region == "":
		return nil, errors.New("the file does not name its Region: use --region")
	}
	f := &Registry{registry: given}
	seen := map[string]bool{}
	for i, r := range answer.Rules {
		rule := ptc.Rule{
			Prefix:        ptc.CleanPrefix(r.Prefix),
			Upstream:      ptc.Upstream{Registry: r.Upstream, URL: r.URL, Prefix: r.UpstreamPrefix},
			CredentialARN: r.CredentialARN,
			RoleARN:       r.RoleARN,
			CreatedAt:     r.CreatedAt.Time,
			UpdatedAt:     r.UpdatedAt.Time,
		}
		if rule.Upstream.Registry == "" {
			rule.Upstream.Registry = ptc.UpstreamOfURL(r.URL)
		}
		if f.registry.Account == "" {
			f.registry.Account = r.Account
		}
		switch {
		case rule.Prefix == "":
			return nil, fmt.Errorf("rule %d has no ecrRepositoryPrefix", i+1)
		case seen[rule.Prefix]:
			return nil, fmt.Errorf("duplicate rule %s", rule.Prefix)
		case r.Account != "" && r.Account != f.registry.Account:
			return nil, fmt.Errorf("rule %s is of account %s and others are of %s: evaluate one registry at a time", rule.Prefix, r.Account, f.registry.Account)
		}
		seen[rule.Prefix] = true
		f.rules = append(f.rules, rule)
	}
	if f.registry.Account == "" {
		return nil, errors.New("the file does not name its account: use --account")
	}
	return f, nil
}

// instant is a time in an answer of ECR: seconds since 1970 from version 1 of
// the AWS CLI, RFC 3339 from version 2.
type instant struct{ time.Time }

// UnmarshalJSON reads either.
func (t *instant) UnmarshalJSON(data []byte) error {
	if t.Time = (time.Time{}); string(data) == "null" {
		return nil
	}
	var seconds float64
	err := json.Unmarshal(data, &seconds)
	if err == nil {
		t.Time = time.UnixMilli(int64(seconds * 1000))
	} else {
		err = json.Unmarshal(data, &t.Time)
	}
	if t.Time = t.UTC(); err != nil || !writable(t.Time) {
		return fmt.Errorf("invalid time %s: use RFC 3339 or seconds since 1970", data)
	}
	return nil
}

// writable reports whether a time can be written as JSON, which ends with the
// year 9999.
func writable(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// WithoutValidation makes checks of ECR's validation results not apply if the
// file has none; otherwise they could not be checked.
func (f *Registry) WithoutValidation() { f.withoutValidation = true }

// Evaluate audits the registry under a policy. The result of a saved report
// keeps its id and times: under the same policy, it is the same report.
func (f *Registry) Evaluate(ctx context.Context, rules AsOf, now func() time.Time, version string) report.Report {
	engine := audit.Engine{ECR: f, Policy: rules, Now: now, Version: version}
	saved := f.saved
	if saved == nil {
		r := engine.Audit(ctx, f.registry, nil)
		r.Audit.AsOf, r.Audit.WithoutValidation = rules.At, f.withoutValidation
		return r
	}
	if rules.At.IsZero() {
		rules.At = saved.Audit.AsOf
	}
	engine.Policy = rules
	engine.Now = func() time.Time { return saved.Audit.StartedAt }
	engine.NewID = func() string { return saved.Audit.ID }
	r := engine.Audit(ctx, f.registry, saved.Triggers)
	r.Audit.FinishedAt = saved.Audit.FinishedAt
	r.Audit.AsOf = rules.At
	r.Audit.WithoutValidation = saved.Audit.WithoutValidation || f.withoutValidation
	f.keepFaults(&r)
	return r
}

// keepFaults adds the faults of the saved report that the evaluation did not
// meet again: what could not be checked then is not known now. The user may do
// without ECR's validation results.
func (f *Registry) keepFaults(r *report.Report) {
	for _, fault := range f.saved.Faults {
		met := slices.ContainsFunc(r.Faults, func(other ptc.Fault) bool {
			return other.Operation == fault.Operation && other.Prefix == fault.Prefix
		})
		if !met && (!f.withoutValidation || fault.Operation != ptc.OpValidateRule) {
			r.Faults = append(r.Faults, fault)
		}
	}
	r.Finish()
}

// AsOf is a policy that is evaluated as of another time than the audit's.
type AsOf struct {
	audit.Policy
	// At is that time; zero means the audit's.
	At time.Time
}

// Evaluate applies the policy.
func (p AsOf) Evaluate(ctx context.Context, in policy.Input) []report.Finding {
	if !p.At.IsZero() {
		in.Now = p.At
	}
	return p.Policy.Evaluate(ctx, in)
}
