package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// facts are what a file says of a registry. They answer an audit in the place
// of ECR: audit.ECR.
type facts struct {
	registry ptc.Registry
	rules    []ptc.Rule
	// unlisted is why the rules are not known; nil where they are.
	unlisted *ptc.Fault
	// verdicts are ECR's, by prefix; what has none, unasked answers for.
	verdicts map[string]ptc.Validation
	// faults are why there is no verdict, by prefix.
	faults map[string]ptc.Fault
	// withoutValidation takes a missing verdict for one that does not apply.
	withoutValidation bool
	// saved is the report that they come from, where they do.
	saved *report.Report
}

// Rules lists the rules.
func (f *facts) Rules(context.Context, ptc.Registry) ([]ptc.Rule, error) {
	if f.unlisted != nil {
		return nil, f.unlisted
	}
	return f.rules, nil
}

// Validate gives the verdict that ECR gave on a rule.
func (f *facts) Validate(_ context.Context, _ ptc.Registry, rule ptc.Rule) (ptc.Validation, error) {
	if verdict := f.verdicts[rule.Prefix]; verdict.Status != ptc.ValidationUnknown {
		return verdict, nil
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
			Message:   "the file does not have ECR's verdict; audit the registry, or say --without-validation",
		}
	}
	return ptc.Validation{}, &fault
}

// parseFacts reads a saved report, or the answer of `aws ecr
// describe-pull-through-cache-rules`.
func parseFacts(data []byte, said ptc.Registry) (*facts, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("no JSON object: %w", err)
	}
	switch {
	case keys["schemaVersion"] != nil:
		return reported(data, said)
	case keys["pullThroughCacheRules"] != nil:
		return described(data, said)
	}
	return nil, errors.New("neither a report nor the output of aws ecr describe-pull-through-cache-rules")
}

// reported are the facts of a saved report.
func reported(data []byte, said ptc.Registry) (*facts, error) {
	saved, err := report.Decode(data)
	if err != nil {
		return nil, err
	}
	if said.Region != "" && said.Region != saved.Registry.Region || said.Account != "" && said.Account != saved.Registry.Account {
		return nil, fmt.Errorf("the report is of registry %s: leave --region and --account away", saved.Registry)
	}
	f := &facts{
		registry: saved.Registry,
		verdicts: map[string]ptc.Validation{},
		faults:   map[string]ptc.Fault{},
		saved:    &saved,
	}
	for _, r := range saved.Rules {
		rule, verdict := r.Facts()
		f.rules = append(f.rules, rule)
		f.verdicts[rule.Prefix] = verdict
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

// described are the facts of an answer of ECR:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html
func described(data []byte, said ptc.Registry) (*facts, error) {
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
		// The AWS CLI writes the latter where --max-items cut the list.
		Token    string `json:"nextToken"`
		CLIToken string `json:"NextToken"`
	}
	switch err := json.Unmarshal(data, &answer); {
	case err != nil:
		return nil, err
	case answer.Rules == nil:
		return nil, errors.New("pullThroughCacheRules is no list")
	case answer.Token != "" || answer.CLIToken != "":
		return nil, errors.New("this is one page of several: describe all rules, without --max-items or --no-paginate")
	case said.Region == "":
		return nil, errors.New("say --region: it is not in the file")
	}
	f := &facts{registry: said}
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
			return nil, fmt.Errorf("rule %s is in it twice", rule.Prefix)
		case r.Account != "" && r.Account != f.registry.Account:
			return nil, fmt.Errorf("rule %s is of account %s, not %s: evaluate one registry at a time", rule.Prefix, r.Account, f.registry.Account)
		}
		seen[rule.Prefix] = true
		f.rules = append(f.rules, rule)
	}
	if f.registry.Account == "" {
		return nil, errors.New("say --account: no rule in the file has a registryId")
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
		return fmt.Errorf("%s is no time: write seconds since 1970 or RFC 3339", data)
	}
	return nil
}

// writable says that a time has a form in JSON, which ends with the year 9999.
func writable(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// moment is a time on the command line: a day, which begins at 00:00 UTC, or
// RFC 3339. It is zero where none was given.
type moment struct{ time.Time }

// UnmarshalText reads the flag's value.
func (m *moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil && writable(t.UTC()) {
			m.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is no time: write 2027-01-31, or 2027-01-31T10:00:00Z", text)
}
