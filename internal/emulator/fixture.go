package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Fixture is what an Emulator holds at first, and what is to go wrong.
type Fixture struct {
	Registries []Registry `json:"registries"`
	Faults     []Fault    `json:"faults"`
}

// Registry is one registry of a fixture. One that no fixture names is empty.
type Registry struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	// PageSize is how many rules an answer holds at most; 0 for the API's 100.
	PageSize int `json:"pageSize"`
	// UnlistedSecrets is the state of secrets that are not in Secrets:
	// SecretOK, which is what empty means, or SecretMissing.
	UnlistedSecrets SecretState `json:"unlistedSecrets"`
	// Behaviour chooses what AWS does not document.
	Behaviour Behaviour `json:"behaviour"`
	Rules     []Rule    `json:"rules"`
	Secrets   []Secret  `json:"secrets"`
}

// Rule is one rule of a fixture, in the API's words. It may be one that
// CreatePullThroughCacheRule would refuse, and there may be more of them than
// the quota allows.
type Rule struct {
	EcrRepositoryPrefix string `json:"ecrRepositoryPrefix"`
	UpstreamRegistryURL string `json:"upstreamRegistryUrl"`
	// UpstreamRegistry is derived from the URL where it is empty.
	UpstreamRegistry         string `json:"upstreamRegistry"`
	UpstreamRepositoryPrefix string `json:"upstreamRepositoryPrefix"`
	CredentialArn            string `json:"credentialArn"`
	CustomRoleArn            string `json:"customRoleArn"`
	// RegistryID is that of the registry where it is empty. Any other is
	// answered as it stands.
	RegistryID string `json:"registryId"`
	CreatedAt  Time   `json:"createdAt"`
	UpdatedAt  Time   `json:"updatedAt"`
	// Validation is ECR's verdict, until the rule is updated or its secret
	// written to. Where it is nil it follows from the state of the secret.
	Validation *Validation `json:"validation"`
}

// Validation is ECR's verdict on a rule.
type Validation struct {
	IsValid bool   `json:"isValid"`
	Failure string `json:"failure"`
}

// Secret is one secret of a fixture.
type Secret struct {
	ARN   string      `json:"arn"`
	State SecretState `json:"state"`
}

// Time is a point in time. In JSON it is seconds since 1970, as version 1 of
// the AWS CLI writes it, or RFC 3339, as version 2 does.
type Time struct{ time.Time }

// UnmarshalJSON reads either form; null is the zero time.
func (t *Time) UnmarshalJSON(data []byte) error {
	var seconds *float64
	if err := json.Unmarshal(data, &seconds); err == nil {
		if *t = (Time{}); seconds != nil {
			t.Time = timeOfEpoch(*seconds)
		}
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("%s is no time: write seconds since 1970 or RFC 3339", data)
	}
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("%q is no time: write seconds since 1970 or RFC 3339", text)
	}
	t.Time = parsed.UTC()
	return nil
}

// Choice is one of two behaviours.
type Choice string

// The choices that a Behaviour has.
const (
	Answer Choice = "answer"
	Accept Choice = "accept"
	Refuse Choice = "refuse"
	Omit   Choice = "omit"
	Send   Choice = "send"
)

// Behaviour chooses what the API does where AWS's documents leave it open, or
// contradict each other. Empty is the first of each pair.
type Behaviour struct {
	// ValidateOpenUpstream: does ValidatePullThroughCacheRule answer for
	// rules of an upstream that needs no authentication, or does it refuse
	// with InvalidParameterException? The API reference says "for an upstream
	// registry that requires authentication", the user guide's example is
	// ecr-public. Answer or Refuse.
	ValidateOpenUpstream Choice `json:"validateOpenUpstream"`
	// ValidateECRUpstream is the same question for ECR upstreams. Answer or
	// Refuse.
	ValidateECRUpstream Choice `json:"validateEcrUpstream"`
	// ValidateEvents: does ValidatePullThroughCacheRule leave an event, as
	// calls that are not read-only do? Omit or Send.
	ValidateEvents Choice `json:"validateEvents"`
	// PublicUpstreamPrefix: may a rule of an upstream other than ecr have the
	// prefix ROOT, or an upstream prefix? Accept or Refuse.
	PublicUpstreamPrefix Choice `json:"publicUpstreamPrefix"`
	// OpenUpstreamCredential: may a rule have a credential that its upstream
	// does not need? Accept or Refuse.
	OpenUpstreamCredential Choice `json:"openUpstreamCredential"`
	// OtherUpstreamRole: may a rule of an upstream other than ecr have a
	// role? Accept or Refuse.
	OtherUpstreamRole Choice `json:"otherUpstreamRole"`
	// CrossAccountWithoutRole: may a rule of an ECR registry of another
	// account do without a role? Accept or Refuse.
	CrossAccountWithoutRole Choice `json:"crossAccountWithoutRole"`
	// ForeignSecret: may a rule's secret be in another account or Region,
	// which the user guide rules out? Refuse or Accept.
	ForeignSecret Choice `json:"foreignSecret"`
}

// choices lists what a behaviour chooses, with the two possibilities of each,
// the default first.
func (b *Behaviour) choices() []choice {
	return []choice{
		{"validateOpenUpstream", &b.ValidateOpenUpstream, [2]Choice{Answer, Refuse}},
		{"validateEcrUpstream", &b.ValidateECRUpstream, [2]Choice{Answer, Refuse}},
		{"validateEvents", &b.ValidateEvents, [2]Choice{Omit, Send}},
		{"publicUpstreamPrefix", &b.PublicUpstreamPrefix, [2]Choice{Accept, Refuse}},
		{"openUpstreamCredential", &b.OpenUpstreamCredential, [2]Choice{Accept, Refuse}},
		{"otherUpstreamRole", &b.OtherUpstreamRole, [2]Choice{Accept, Refuse}},
		{"crossAccountWithoutRole", &b.CrossAccountWithoutRole, [2]Choice{Accept, Refuse}},
		{"foreignSecret", &b.ForeignSecret, [2]Choice{Refuse, Accept}},
	}
}

type choice struct {
	name  string
	value *Choice
	of    [2]Choice
}

func (b Behaviour) withDefaults() Behaviour {
	for _, c := range b.choices() {
		if *c.value == "" {
			*c.value = c.of[0]
		}
	}
	return b
}

// check says everything that is wrong with a fixture.
func (f *Fixture) check() error {
	var errs []error
	seen := map[registryKey]bool{}
	for i := range f.Registries {
		r, at := &f.Registries[i], fmt.Sprintf("registries[%d]", i)
		errs = append(errs, r.check(at))
		key := registryKey{r.Account, r.Region}
		if seen[key] {
			errs = append(errs, fmt.Errorf("%s: registry %s %s stands there twice", at, r.Account, r.Region))
		}
		seen[key] = true
	}
	for i, fault := range f.Faults {
		errs = append(errs, fault.check(fmt.Sprintf("faults[%d]", i)))
	}
	return errors.Join(errs...)
}

func (r *Registry) check(at string) error {
	var errs []error
	complain := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(at+format, args...))
	}
	if !accountPattern.MatchString(r.Account) {
		complain(".account: %q is no account id: twelve digits, in quotes", r.Account)
	}
	if !regionPattern.MatchString(r.Region) {
		complain(".region: %q is no Region", r.Region)
	}
	if r.PageSize < 0 {
		complain(".pageSize: %d is negative", r.PageSize)
	}
	if s := r.UnlistedSecrets; s != "" && s != SecretOK && s != SecretMissing {
		complain(".unlistedSecrets: %q is neither ok nor missing", s)
	}
	for _, c := range r.Behaviour.choices() {
		if *c.value != "" && *c.value != c.of[0] && *c.value != c.of[1] {
			complain(".behaviour.%s: %q is neither %s nor %s", c.name, *c.value, c.of[0], c.of[1])
		}
	}
	prefixes := map[string]bool{}
	for i, ru := range r.Rules {
		prefix := cleanPrefix(ru.EcrRepositoryPrefix)
		if prefix == "" {
			complain(".rules[%d]: no ecrRepositoryPrefix", i)
		} else if prefixes[prefix] {
			complain(".rules[%d]: prefix %q stands there twice", i, prefix)
		}
		prefixes[prefix] = true
	}
	arns := map[string]bool{}
	for i, s := range r.Secrets {
		if s.ARN == "" {
			complain(".secrets[%d]: no arn", i)
		} else if arns[s.ARN] {
			complain(".secrets[%d]: %q stands there twice", i, s.ARN)
		}
		arns[s.ARN] = true
		if !slices.Contains(secretStates, s.State) {
			complain(".secrets[%d].state: %q is none of %v", i, s.State, secretStates)
		}
	}
	return errors.Join(errs...)
}

func (f *Fault) check(at string) error {
	known := f.Operation == ""
	for _, s := range services {
		known = known || slices.ContainsFunc(s.operations, func(o *operation) bool { return o.name == f.Operation })
	}
	var errs []error
	if !known {
		errs = append(errs, fmt.Errorf("%s.operation: there is no %q", at, f.Operation))
	}
	if f.Times < 0 {
		errs = append(errs, fmt.Errorf("%s.times: %d is negative", at, f.Times))
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		errs = append(errs, fmt.Errorf("%s.status: %d is no status of an answer", at, f.Status))
	}
	return errors.Join(errs...)
}
