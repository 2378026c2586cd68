package emulator

import (
	"encoding/json"
	"fmt"
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
	// UpstreamRegistry is derived from the URL if it is empty.
	UpstreamRegistry         string `json:"upstreamRegistry"`
	UpstreamRepositoryPrefix string `json:"upstreamRepositoryPrefix"`
	CredentialArn            string `json:"credentialArn"`
	CustomRoleArn            string `json:"customRoleArn"`
	// RegistryID is that of the registry if it is empty. Any other is
	// answered as it stands.
	RegistryID string `json:"registryId"`
	CreatedAt  Time   `json:"createdAt"`
	UpdatedAt  Time   `json:"updatedAt"`
	// Validation is ECR's validation result, until the rule is updated or its secret
	// written to. If it is nil, it follows from the state of the secret.
	Validation *Validation `json:"validation"`
}

// Validation is ECR's validation result for a rule.
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
	var text string
	parsed, err := time.Time{}, json.Unmarshal(data, &seconds)
	switch {
	case err == nil && seconds == nil:
	case err == nil:
		parsed, err = timeOfEpoch(*seconds)
	case json.Unmarshal(data, &text) == nil:
		parsed, err = time.Parse(time.RFC3339, text)
	}
	// RFC 3339 has four digits for a year.
	if parsed = parsed.UTC(); err != nil || parsed.Year() < 0 || parsed.Year() > 9999 {
		return fmt.Errorf("invalid time %s: use seconds since 1970 or RFC 3339", data)
	}
	t.Time = parsed
	return nil
}
