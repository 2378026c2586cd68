package emulator

import (
	"encoding/json"
	"strings"
)

// SecretState is what ECR finds when it wants a secret.
type SecretState string

// The states of a secret.
const (
	// SecretOK: the upstream accepts the credential.
	SecretOK SecretState = "ok"
	// SecretMissing: the secret does not exist, or is marked for deletion.
	SecretMissing SecretState = "missing"
	// SecretInaccessible: ECR may not read it.
	SecretInaccessible SecretState = "inaccessible"
	// SecretUndecryptable: ECR may not decrypt it, as with a customer managed
	// key.
	SecretUndecryptable SecretState = "undecryptable" //nolint:gosec // a state, no credential
	// SecretRejected: the upstream rejects the credential.
	SecretRejected SecretState = "rejected"
)

var secretStates = []SecretState{SecretOK, SecretMissing, SecretInaccessible, SecretUndecryptable, SecretRejected}

// secretFailures are the texts of Validate, which AWS does not document.
var secretFailures = map[SecretState]string{ //nolint:gosec // texts, no credentials
	SecretMissing:       "The ARN of the secret specified in the pull through cache rule was not found.",
	SecretInaccessible:  "Amazon ECR is unable to access the secret. Verify the permissions of the secret.",
	SecretUndecryptable: "Amazon ECR is unable to decrypt the secret. Verify that it uses the default aws/secretsmanager key.",
	SecretRejected:      "The authentication to the upstream registry failed. Verify that the credentials in the secret are correct.",
}

// secret is what is remembered of a secret: never its value.
type secret struct {
	arn, name string
	// value is whether the upstream accepts the value: SecretOK or
	// SecretRejected.
	value SecretState
	// obstacle keeps ECR from the value: SecretMissing, SecretInaccessible,
	// SecretUndecryptable, or empty for none. A new value does not remove it.
	obstacle SecretState
	deleted  bool // marked for deletion, and can be restored
}

func newSecret(f Secret) *secret {
	s := &secret{arn: f.ARN, name: secretName(f.ARN), value: SecretOK}
	switch f.State {
	case SecretRejected:
		s.value = SecretRejected
	case SecretMissing, SecretInaccessible, SecretUndecryptable:
		s.obstacle = f.State
	case SecretOK:
	}
	return s
}

// found is the state that ECR sees.
func (s *secret) found() SecretState {
	switch {
	case s.deleted:
		return SecretMissing
	case s.obstacle != "":
		return s.obstacle
	}
	return s.value
}

// stateOf is the state that ECR sees at an ARN.
func (r *registry) stateOf(arn string) SecretState {
	if s := r.listed(arn); s != nil {
		return s.found()
	}
	return r.unlisted
}

// listed finds the secret that id names, one that exists before one that is
// listed as missing; nil if there is neither.
func (r *registry) listed(id string) *secret {
	if s, ok := r.secrets[id]; ok {
		return s
	}
	var found *secret
	for _, s := range r.secrets {
		if s.named(id) && (found == nil || found.obstacle == SecretMissing) {
			found = s
		}
	}
	return found
}

// suffixLength is the dash and the six characters that Secrets Manager adds
// to a secret's name in its ARN:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
const suffixLength = 7

// named reports whether id means this secret: its name, its ARN, or its ARN
// without the suffix.
func (s *secret) named(id string) bool {
	return id == s.name || id == s.arn || id == s.arn[:max(0, len(s.arn)-suffixLength)]
}

// checkCredential refuses a secret that ECR cannot read, for Create and
// Update. Whether the upstream takes what is in it they do not ask.
func (r *registry) checkCredential(arn string) *apiError {
	state := r.stateOf(arn)
	if parts := strings.SplitN(arn, ":", 6); r.behaviour.ForeignSecret == Refuse && len(parts) == 6 {
		// "The secret must be in the same account and Region as the rule":
		// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
		switch {
		case parts[4] != r.account:
			state = SecretInaccessible
		case parts[3] != r.region:
			state = SecretMissing
		}
	}
	switch state {
	case SecretMissing:
		return errorf("SecretNotFoundException", "The ARN of the secret specified in the pull through cache rule was not found. Update the secret ARN with a valid secret ARN and try again.")
	case SecretInaccessible:
		return errorf("UnableToAccessSecretException", "The secret is unable to be accessed. Verify the resource permissions for the secret and try again.")
	case SecretUndecryptable:
		return errorf("UnableToDecryptSecretValueException", "The secret is accessible but is unable to be decrypted. Verify the resource permissions and try again.")
	case SecretOK, SecretRejected:
	}
	return nil
}

// touched makes ECR check a secret again: the validation results that a fixture
// has for its rules no longer apply.
func (r *registry) touched(s *secret) {
	for _, ru := range r.rules {
		if s.named(ru.credentialARN) {
			ru.validation = nil
		}
	}
}

// secretName is the name in a secret's ARN, without the suffix.
func secretName(arn string) string {
	_, name, _ := strings.Cut(arn, ":secret:")
	if i := len(name) - suffixLength; i > 0 && name[i] == '-' {
		return name[:i]
	}
	return name
}

// credentialState judges a secret's value: ECR wants JSON with a username and
// an accessToken.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
func credentialState(value string) SecretState {
	var v map[string]any
	if json.Unmarshal([]byte(value), &v) != nil {
		return SecretRejected
	}
	for _, key := range []string{"username", "accessToken"} {
		if s, _ := v[key].(string); s == "" {
			return SecretRejected
		}
	}
	return SecretOK
}
