package emulator_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"ptcaudit/internal/emulator"
)

func validate(t *testing.T, url, prefix string) (*ecr.ValidatePullThroughCacheRuleOutput, string) {
	t.Helper()
	out, err := client(url).ValidatePullThroughCacheRule(t.Context(), &ecr.ValidatePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String(prefix)})
	return out, code(t, err)
}

func TestValidate(t *testing.T) {
	rule := func(url, credential string) emulator.Rule {
		return emulator.Rule{EcrRepositoryPrefix: "xx", UpstreamRegistryURL: url, CredentialArn: credential}
	}
	given := rule("ghcr.io", hub)
	given.Validation = &emulator.Validation{Failure: "so the fixture says"}
	foreign := rule(otherECR, "")
	withRole := foreign
	withRole.CustomRoleArn = role
	tests := []struct {
		name     string
		rule     emulator.Rule
		unlisted emulator.SecretState
		failure  string // "": valid
	}{
		{"open", rule("quay.io", ""), "", ""},
		{"unknown upstream", rule("harbor.example", ""), "", ""},
		{"secret ok", rule("ghcr.io", secretIn(emulator.SecretOK)), emulator.SecretMissing, ""},
		{"secret unlisted", rule("ghcr.io", hub), "", ""},
		{"unlisted secrets are missing", rule("ghcr.io", hub), emulator.SecretMissing, "not found"},
		{"secret without its suffix", rule("ghcr.io", strings.TrimSuffix(secretIn(emulator.SecretRejected), "-AbCdEf")), "", "authentication"},
		{"secret missing", rule("ghcr.io", secretIn(emulator.SecretMissing)), "", "not found"},
		{"secret inaccessible", rule("ghcr.io", secretIn(emulator.SecretInaccessible)), "", "unable to access"},
		{"secret undecryptable", rule("ghcr.io", secretIn(emulator.SecretUndecryptable)), "", "unable to decrypt"},
		{"secret rejected", rule("ghcr.io", secretIn(emulator.SecretRejected)), "", "authentication to the upstream registry failed"},
		{"no credential", rule("ghcr.io", ""), "", "requires authentication"},
		{"ecr of another account, with a role", withRole, "", ""},
		{"ecr of another account, without", foreign, "", "role"},
		{"ecr of this account", rule("111122223333.dkr.ecr.us-east-1.amazonaws.com", ""), "", ""},
		{"ecr of an account that the URL leaves open", rule("dkr.ecr.us-east-1.amazonaws.com", ""), "", ""},
		{"result of the fixture", given, "", "so the fixture says"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, url := serve(t, one(emulator.Registry{Rules: []emulator.Rule{tt.rule}, Secrets: allSecrets, UnlistedSecrets: tt.unlisted}))
			out, code := validate(t, url, "xx")
			if code != "" {
				t.Fatal(code)
			}
			if out.IsValid != (tt.failure == "") || !strings.Contains(aws.ToString(out.Failure), tt.failure) || out.IsValid && out.Failure != nil {
				t.Errorf("valid %t, failure %q, want %q", out.IsValid, aws.ToString(out.Failure), tt.failure)
			}
		})
	}
	t.Run("no such rule", func(t *testing.T) {
		_, url := serve(t, emulator.Fixture{})
		if _, code := validate(t, url, "xx"); code != notFound {
			t.Errorf("got %q", code)
		}
	})
}

// Behaviour that AWS does not document, in both variants.
func TestBehaviour(t *testing.T) {
	foreignSecret := strings.Replace(hub, account, "444455556666", 1)
	verify := func(prefix string) func(*testing.T, string) string {
		return func(t *testing.T, url string) string {
			_, code := validate(t, url, prefix)
			return code
		}
	}
	create := func(in creation) func(*testing.T, string) string {
		return func(t *testing.T, url string) string {
			_, err := client(url).CreatePullThroughCacheRule(t.Context(), in.input())
			return code(t, err)
		}
	}
	tests := []struct {
		name       string
		standard   string // the code without a choice
		otherwise  emulator.Behaviour
		wantOther  string
		explicitly emulator.Behaviour // the same as no choice
		ask        func(*testing.T, string) string
	}{
		{"validate of an open upstream", "", emulator.Behaviour{ValidateOpenUpstream: emulator.Refuse}, invalid, emulator.Behaviour{ValidateOpenUpstream: emulator.Answer}, verify("quay")},
		{"validate of an authenticated upstream", "", emulator.Behaviour{ValidateOpenUpstream: emulator.Refuse}, "", emulator.Behaviour{}, verify("hub")},
		{"validate of an unknown upstream", "", emulator.Behaviour{ValidateOpenUpstream: emulator.Refuse}, invalid, emulator.Behaviour{}, verify("new")},
		{"validate of ecr", "", emulator.Behaviour{ValidateECRUpstream: emulator.Refuse}, invalid, emulator.Behaviour{ValidateECRUpstream: emulator.Answer}, verify("up")},
		{"validate of ecr, open ones refused", "", emulator.Behaviour{ValidateOpenUpstream: emulator.Refuse}, "", emulator.Behaviour{}, verify("up")},
		{"ROOT of a public upstream", "", emulator.Behaviour{PublicUpstreamPrefix: emulator.Refuse}, invalid, emulator.Behaviour{PublicUpstreamPrefix: emulator.Accept}, create(creation{prefix: "ROOT", url: "quay.io"})},
		{"ROOT of ecr", "", emulator.Behaviour{PublicUpstreamPrefix: emulator.Refuse}, "", emulator.Behaviour{}, create(creation{prefix: "ROOT", url: otherECR, role: role})},
		{"prefix of a public upstream", "", emulator.Behaviour{PublicUpstreamPrefix: emulator.Refuse}, invalid, emulator.Behaviour{}, create(creation{prefix: "team", url: "quay.io", upstreamPrefix: "team"})},
		{"any prefix of a public upstream", "", emulator.Behaviour{PublicUpstreamPrefix: emulator.Refuse}, "", emulator.Behaviour{}, create(creation{prefix: "team", url: "quay.io", upstreamPrefix: "ROOT"})},
		{"credential of an open upstream", "", emulator.Behaviour{OpenUpstreamCredential: emulator.Refuse}, invalid, emulator.Behaviour{OpenUpstreamCredential: emulator.Accept}, create(creation{prefix: "qq", url: "quay.io", credential: hub})},
		{"role of another upstream", "", emulator.Behaviour{OtherUpstreamRole: emulator.Refuse}, invalid, emulator.Behaviour{OtherUpstreamRole: emulator.Accept}, create(creation{prefix: "qq", url: "quay.io", role: role})},
		{"another account without a role", "", emulator.Behaviour{CrossAccountWithoutRole: emulator.Refuse}, invalid, emulator.Behaviour{CrossAccountWithoutRole: emulator.Accept}, create(creation{prefix: "qq", url: otherECR})},
		{"another account's secret", "UnableToAccessSecretException", emulator.Behaviour{ForeignSecret: emulator.Accept}, "", emulator.Behaviour{ForeignSecret: emulator.Refuse}, create(creation{prefix: "qq", url: "ghcr.io", credential: foreignSecret})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, try := range []struct {
				behaviour emulator.Behaviour
				want      string
			}{{emulator.Behaviour{}, tt.standard}, {tt.explicitly, tt.standard}, {tt.otherwise, tt.wantOther}} {
				_, url := serve(t, one(emulator.Registry{Behaviour: try.behaviour, Rules: []emulator.Rule{
					{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io"},
					{EcrRepositoryPrefix: "hub", UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: hub},
					{EcrRepositoryPrefix: "new", UpstreamRegistryURL: "new.example", UpstreamRegistry: "new"},
					{EcrRepositoryPrefix: "up", UpstreamRegistryURL: otherECR, CustomRoleArn: role},
				}}))
				if got := tt.ask(t, url); got != try.want {
					t.Errorf("%+v: %q, want %q", try.behaviour, got, try.want)
				}
			}
		})
	}
}
