package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"ptcaudit/internal/emulator"
)

// secretCall is the body of a call: name, value, name, value.
func secretCall(members ...string) string {
	m := map[string]string{}
	for i := 0; i+1 < len(members); i += 2 {
		m[members[i]] = members[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A write to a secret can break or fix the rule that uses it.
func TestSecretsFixAndBreakRules(t *testing.T) {
	const name = "ecr-pullthroughcache/hub"
	given := &emulator.Validation{Failure: "so the fixture says"}
	type step struct{ operation, body, code string }
	put := func(value string) step {
		return step{"PutSecretValue", secretCall("SecretId", name, "SecretString", value), ""}
	}
	tests := []struct {
		name     string
		state    emulator.SecretState // "": unlisted
		unlisted emulator.SecretState
		result   *emulator.Validation
		steps    []step
		failure  string // "": valid
	}{
		{"nothing done", emulator.SecretRejected, "", nil, nil, "authentication"},
		{"a working value", emulator.SecretRejected, "", nil, []step{put(working)}, ""},
		{"a working value by ARN", emulator.SecretRejected, "", nil, []step{{"PutSecretValue", secretCall("SecretId", hub, "SecretString", working), ""}}, ""},
		{"a working value by half an ARN", emulator.SecretRejected, "", nil, []step{{"PutSecretValue", secretCall("SecretId", strings.TrimSuffix(hub, "-AbCdEf"), "SecretString", working), ""}}, ""},
		{"a working value by update", emulator.SecretRejected, "", nil, []step{{"UpdateSecret", secretCall("SecretId", name, "SecretString", working), ""}}, ""},
		{"a working value replaces the result of the fixture", emulator.SecretOK, "", given, []step{put(working)}, ""},
		{"a working value into an unlisted secret", "", "", given, []step{put(working)}, ""},
		{"invalid JSON", emulator.SecretOK, "", nil, []step{put("token")}, "authentication"},
		{"no username", emulator.SecretOK, "", nil, []step{put(`{"accessToken":"t"}`)}, "authentication"},
		{"empty token", emulator.SecretOK, "", nil, []step{put(`{"username":"u","accessToken":""}`)}, "authentication"},
		{"token in the wrong case", emulator.SecretOK, "", nil, []step{put(`{"username":"u","accesstoken":"t"}`)}, "authentication"},
		{"a number for a token", emulator.SecretOK, "", nil, []step{put(`{"username":"u","accessToken":1}`)}, "authentication"},
		{"binary", emulator.SecretOK, "", nil, []step{{"PutSecretValue", secretCall("SecretId", name, "SecretBinary", "e30="), ""}}, "authentication"},
		{"only a description", emulator.SecretRejected, "", nil, []step{{"UpdateSecret", secretCall("SecretId", name, "Description", "d"), ""}}, "authentication"},
		{"a value does not give access", emulator.SecretInaccessible, "", nil, []step{put(working)}, "unable to access"},
		{"a value does not change the key", emulator.SecretUndecryptable, "", nil, []step{put(working)}, "unable to decrypt"},
		{"the default key does", emulator.SecretUndecryptable, "", nil, []step{{"UpdateSecret", secretCall("SecretId", name, "KmsKeyId", "alias/aws/secretsmanager"), ""}}, ""},
		{"a key of one's own", emulator.SecretOK, "", nil, []step{{"UpdateSecret", secretCall("SecretId", name, "KmsKeyId", "alias/mine"), ""}}, "unable to decrypt"},
		{"deleted", emulator.SecretOK, "", nil, []step{{"DeleteSecret", secretCall("SecretId", name), ""}}, "not found"},
		{"deleted and written to", emulator.SecretOK, "", nil, []step{{"DeleteSecret", secretCall("SecretId", name), ""}, {"PutSecretValue", secretCall("SecretId", name, "SecretString", working), "InvalidRequestException"}}, "not found"},
		{"deleted twice", emulator.SecretOK, "", nil, []step{{"DeleteSecret", secretCall("SecretId", name), ""}, {"DeleteSecret", secretCall("SecretId", name), "InvalidRequestException"}}, "not found"},
		{"deleted and created", emulator.SecretOK, "", nil, []step{{"DeleteSecret", secretCall("SecretId", name), ""}, {"CreateSecret", secretCall("Name", name, "SecretString", working), "InvalidRequestException"}}, "not found"},
		{"deleted and restored", emulator.SecretOK, "", nil, []step{{"DeleteSecret", secretCall("SecretId", name), ""}, {"RestoreSecret", secretCall("SecretId", name), ""}}, ""},
		{"unlisted, deleted and restored", "", "", nil, []step{{"DeleteSecret", secretCall("SecretId", hub), ""}, {"RestoreSecret", secretCall("SecretId", hub), ""}}, ""},
		{"unlisted and deleted for good", "", "", nil, []step{{"DeleteSecret", `{"SecretId":"` + hub + `","ForceDeleteWithoutRecovery":true}`, ""}, {"RestoreSecret", secretCall("SecretId", hub), "ResourceNotFoundException"}}, "not found"},
		{"both ways of deleting", emulator.SecretOK, "", nil, []step{{"DeleteSecret", `{"SecretId":"` + name + `","ForceDeleteWithoutRecovery":true,"RecoveryWindowInDays":7}`, "InvalidParameterException"}}, ""},
		{"deleted for good and created: another ARN", emulator.SecretOK, "", nil, []step{{"DeleteSecret", `{"SecretId":"` + name + `","ForceDeleteWithoutRecovery":true}`, ""}, {"CreateSecret", secretCall("Name", name, "SecretString", working), ""}}, "not found"},
		{"missing cannot be written to", emulator.SecretMissing, "", nil, []step{{"PutSecretValue", secretCall("SecretId", name, "SecretString", working), "ResourceNotFoundException"}}, "not found"},
		{"missing by half an ARN", emulator.SecretMissing, "", nil, []step{{"PutSecretValue", secretCall("SecretId", strings.TrimSuffix(hub, "-AbCdEf"), "SecretString", working), "ResourceNotFoundException"}}, "not found"},
		{"unlisted secrets are missing", "", emulator.SecretMissing, nil, []step{{"PutSecretValue", secretCall("SecretId", hub, "SecretString", working), "ResourceNotFoundException"}}, "not found"},
		{"exists already", emulator.SecretOK, "", nil, []step{{"CreateSecret", secretCall("Name", name, "SecretString", working), "ResourceExistsException"}}, ""},
		{"unlisted, exists already", "", "", nil, []step{{"CreateSecret", secretCall("Name", name, "SecretString", working), "ResourceExistsException"}}, ""},
		{"no value", emulator.SecretOK, "", nil, []step{{"PutSecretValue", secretCall("SecretId", name), "InvalidRequestException"}}, ""},
		{"no such secret", emulator.SecretOK, "", nil, []step{
			{"PutSecretValue", secretCall("SecretId", "none", "SecretString", working), "ResourceNotFoundException"},
			{"UpdateSecret", secretCall("SecretId", "none"), "ResourceNotFoundException"},
			{"DeleteSecret", secretCall("SecretId", "none"), "ResourceNotFoundException"},
			{"RestoreSecret", secretCall("SecretId", "none"), "ResourceNotFoundException"},
		}, ""},
		{"constraints", emulator.SecretOK, "", nil, []step{
			{"PutSecretValue", `{}`, "InvalidParameterException"},
			{"CreateSecret", secretCall("Name", "a b"), "InvalidParameterException"},
			{"CreateSecret", secretCall("Name", strings.Repeat("a", 513)), "InvalidParameterException"},
			{"PutSecretValue", secretCall("SecretId", name, "SecretString", strings.Repeat("a", 65537)), "InvalidParameterException"},
			{"DeleteSecret", `{"SecretId":"` + name + `","RecoveryWindowInDays":6}`, "InvalidParameterException"},
			{"DeleteSecret", `{"SecretId":"` + name + `","ForceDeleteWithoutRecovery":"yes"}`, "SerializationException"},
			{"GetSecretValue", secretCall("SecretId", name), "UnknownOperationException"},
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := emulator.Registry{
				UnlistedSecrets: tt.unlisted,
				Rules:           []emulator.Rule{{EcrRepositoryPrefix: "hub", UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: hub, Validation: tt.result}},
			}
			if tt.state != "" {
				r.Secrets = []emulator.Secret{{ARN: hub, State: tt.state}}
			}
			_, url := serve(t, one(r))
			for _, s := range tt.steps {
				a := askSecrets(t, url, s.operation, s.body)
				if got, _ := a.members(t)["__type"].(string); got != s.code {
					t.Fatalf("%s: %s, want %q", s.operation, a.body, s.code)
				}
			}
			out, code := validate(t, url, "hub")
			if code != "" || out.IsValid != (tt.failure == "") || !strings.Contains(aws.ToString(out.Failure), tt.failure) {
				t.Errorf("%s valid %t: %q, want %q", code, out.IsValid, aws.ToString(out.Failure), tt.failure)
			}
		})
	}
}

func TestASecretForANewRule(t *testing.T) {
	_, url := serve(t, one(emulator.Registry{UnlistedSecrets: emulator.SecretMissing}))
	a := askSecrets(t, url, "CreateSecret", secretCall("Name", "ecr-pullthroughcache/gh", "SecretString", working))
	arn, _ := a.members(t)["ARN"].(string)
	if !strings.HasPrefix(arn, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/gh-") || len(arn) != len(hub)-1 {
		t.Fatalf("ARN %q", arn)
	}
	if _, err := client(url).CreatePullThroughCacheRule(t.Context(), creation{prefix: "gh", url: "ghcr.io", credential: arn}.input()); err != nil {
		t.Fatal(err)
	}
	if out, code := validate(t, url, "gh"); code != "" || !out.IsValid {
		t.Errorf("%s %v", code, out)
	}
}

// A name refers to the secret that exists now, not to a deleted one.
func TestANameIsUsedAgain(t *testing.T) {
	const name = "ecr-pullthroughcache/gh"
	_, url := serve(t, emulator.Fixture{})
	arns := map[string]bool{}
	for range 8 {
		arn, _ := askSecrets(t, url, "CreateSecret", secretCall("Name", name)).members(t)["ARN"].(string)
		if arn == "" || arns[arn] {
			t.Fatalf("%q is no new ARN", arn)
		}
		arns[arn] = true
		if got := askSecrets(t, url, "PutSecretValue", secretCall("SecretId", name, "SecretString", working)).members(t)["ARN"]; got != arn {
			t.Fatalf("the name means %v, want %s", got, arn)
		}
		askSecrets(t, url, "DeleteSecret", `{"SecretId":"`+name+`","ForceDeleteWithoutRecovery":true}`)
	}
}

// After an update of the rule, its new secret decides, and not the fixture's result
// for the old one.
func TestUpdateDiscardsTheResultOfTheFixture(t *testing.T) {
	_, url := serve(t, one(emulator.Registry{
		Rules:   []emulator.Rule{{EcrRepositoryPrefix: "hub", UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: secretIn(emulator.SecretRejected), Validation: &emulator.Validation{Failure: "no"}}},
		Secrets: allSecrets,
	}))
	if _, err := client(url).UpdatePullThroughCacheRule(t.Context(), &ecr.UpdatePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("hub"), CredentialArn: aws.String(secretIn(emulator.SecretOK))}); err != nil {
		t.Fatal(err)
	}
	if out, code := validate(t, url, "hub"); code != "" || !out.IsValid {
		t.Errorf("%s %v", code, out)
	}
}
