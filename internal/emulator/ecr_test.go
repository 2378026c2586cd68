package emulator_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/emulator"
)

const (
	role       = "arn:aws:iam::111122223333:role/ptc"
	otherECR   = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"
	invalid    = "InvalidParameterException"
	notFound   = "PullThroughCacheRuleNotFoundException"
	noUpstream = "UnsupportedUpstreamRegistryException"
)

// creation is a request to create a rule; empty members are absent.
type creation struct {
	prefix, url, upstream, credential, role, upstreamPrefix string
}

func (in creation) input() *ecr.CreatePullThroughCacheRuleInput {
	member := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return &ecr.CreatePullThroughCacheRuleInput{
		EcrRepositoryPrefix:      aws.String(in.prefix),
		UpstreamRegistryUrl:      aws.String(in.url),
		UpstreamRegistry:         types.UpstreamRegistry(in.upstream),
		CredentialArn:            member(in.credential),
		CustomRoleArn:            member(in.role),
		UpstreamRepositoryPrefix: member(in.upstreamPrefix),
	}
}

func TestCreate(t *testing.T) {
	in := func(prefix, url string) creation { return creation{prefix: prefix, url: url} }
	tests := []struct {
		name string
		in   creation
		code string
		text string
	}{
		{"ecr-public", in("ecr-public", "public.ecr.aws"), "", ""},
		{"k8s", in("kubernetes", "registry.k8s.io"), "", ""},
		{"quay", in("quay", "quay.io"), "", ""},
		{"docker-hub", creation{prefix: "hub", url: "registry-1.docker.io", credential: hub}, "", ""},
		{"github", creation{prefix: "gh", url: "ghcr.io", credential: hub}, "", ""},
		{"azure", creation{prefix: "az", url: "acme-1.azurecr.io", credential: hub}, "", ""},
		{"gitlab", creation{prefix: "gl", url: "registry.gitlab.com", credential: hub}, "", ""},
		{"chainguard", creation{prefix: "cg", url: "cgr.dev", credential: hub}, "", ""},
		{"ecr of another Region", in("up", "111122223333.dkr.ecr.us-east-1.amazonaws.com"), "", ""},
		{"ecr of another account", creation{prefix: "up", url: otherECR, role: role}, "", ""},
		{"ecr without account", in("up", "dkr.ecr.us-east-1.amazonaws.com"), "", ""},
		{"upstream named", creation{prefix: "quay", url: "quay.io", upstream: "quay"}, "", ""},

		{"docker-hub without credential", in("hub", "registry-1.docker.io"), noUpstream, "The specified upstream registry requires authentication. Specify a valid Secrets Manager ARN"},
		{"github without credential", in("gh", "ghcr.io"), noUpstream, "requires authentication"},
		{"azure without credential", in("az", "acme.azurecr.io"), noUpstream, "requires authentication"},
		{"gitlab without credential", in("gl", "registry.gitlab.com"), noUpstream, "requires authentication"},
		{"chainguard without credential", in("cg", "cgr.dev"), noUpstream, "requires authentication"},
		{"unknown upstream", in("mcr", "mcr.microsoft.com"), noUpstream, "The upstream registry URL mcr.microsoft.com is invalid."},
		{"docker.io", creation{prefix: "hub", url: "docker.io", credential: hub}, noUpstream, "docker.io is invalid"},
		{"with a scheme", in("quay", "https://quay.io"), noUpstream, ""},
		{"with a path", in("quay", "quay.io/"), noUpstream, ""},
		{"upstream of another URL", creation{prefix: "quay", url: "quay.io", upstream: "k8s"}, noUpstream, ""},

		{"prefix taken", in("taken", "quay.io"), "PullThroughCacheRuleAlreadyExistsException", "'taken'"},
		{"prefix taken, with a slash", in("taken/", "quay.io"), "PullThroughCacheRuleAlreadyExistsException", ""},
		{"ROOT", in("ROOT", "quay.io"), "", ""},
		{"ROOT of any", creation{prefix: "ROOT", url: "quay.io", upstreamPrefix: "ROOT"}, "", ""},
		{"ROOT with an upstream prefix", creation{prefix: "ROOT", url: otherECR, role: role, upstreamPrefix: "team"}, invalid, "ROOT"},
		{"upstream prefix", creation{prefix: "team", url: otherECR, role: role, upstreamPrefix: "team"}, "", ""},

		{"role of another account", creation{prefix: "up", url: otherECR, role: "arn:aws:iam::444455556666:role/ptc"}, invalid, "111122223333"},
		{"no role's ARN", creation{prefix: "up", url: otherECR, role: "arn:aws:iam::111122223333:user/ptc"}, invalid, ""},
		{"role with a path", creation{prefix: "up", url: otherECR, role: "arn:aws:iam::111122223333:role/ecr/ptc"}, "", ""},

		{"secret missing", creation{prefix: "hub", url: "ghcr.io", credential: secretIn(emulator.SecretMissing)}, "SecretNotFoundException", "The ARN of the secret specified in the pull through cache rule was not found"},
		{"secret inaccessible", creation{prefix: "hub", url: "ghcr.io", credential: secretIn(emulator.SecretInaccessible)}, "UnableToAccessSecretException", ""},
		{"secret undecryptable", creation{prefix: "hub", url: "ghcr.io", credential: secretIn(emulator.SecretUndecryptable)}, "UnableToDecryptSecretValueException", ""},
		{"secret rejected", creation{prefix: "hub", url: "ghcr.io", credential: secretIn(emulator.SecretRejected)}, "", ""},
		{"secret of another account", creation{prefix: "hub", url: "ghcr.io", credential: strings.Replace(hub, account, "444455556666", 1)}, "UnableToAccessSecretException", ""},
		{"secret of another Region", creation{prefix: "hub", url: "ghcr.io", credential: strings.Replace(hub, region, "us-east-1", 1)}, "SecretNotFoundException", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, url := serve(t, one(emulator.Registry{
				Rules:   []emulator.Rule{{EcrRepositoryPrefix: "taken", UpstreamRegistryURL: "quay.io"}},
				Secrets: allSecrets,
			}))
			out, err := client(url).CreatePullThroughCacheRule(t.Context(), tt.in.input())
			if got := code(t, err); got != tt.code {
				t.Fatalf("%v, want %q", err, tt.code)
			}
			if err != nil {
				if !strings.Contains(err.Error(), tt.text) {
					t.Errorf("%v, want %q in it", err, tt.text)
				}
				return
			}
			if got := aws.ToString(out.EcrRepositoryPrefix); got != tt.in.prefix {
				t.Errorf("prefix %q", got)
			}
		})
	}
}

// allSecrets holds one secret in each state, at secretIn(state).
var allSecrets = []emulator.Secret{
	{ARN: secretIn(emulator.SecretOK), State: emulator.SecretOK},
	{ARN: secretIn(emulator.SecretMissing), State: emulator.SecretMissing},
	{ARN: secretIn(emulator.SecretInaccessible), State: emulator.SecretInaccessible},
	{ARN: secretIn(emulator.SecretUndecryptable), State: emulator.SecretUndecryptable},
	{ARN: secretIn(emulator.SecretRejected), State: emulator.SecretRejected},
}

func secretIn(state emulator.SecretState) string {
	return "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/" + string(state) + "-AbCdEf"
}

func TestTheQuotaOfRules(t *testing.T) {
	var rules []emulator.Rule
	for i := range 49 {
		rules = append(rules, emulator.Rule{EcrRepositoryPrefix: fmt.Sprintf("p%d", i), UpstreamRegistryURL: "quay.io"})
	}
	_, url := serve(t, one(emulator.Registry{Rules: rules}))
	c := client(url)
	if _, err := c.CreatePullThroughCacheRule(t.Context(), creation{prefix: "p49", url: "quay.io"}.input()); err != nil {
		t.Errorf("the 50th rule: %v", err)
	}
	_, err := c.CreatePullThroughCacheRule(t.Context(), creation{prefix: "p50", url: "quay.io"}.input())
	if got := code(t, err); got != "LimitExceededException" {
		t.Errorf("the 51st rule: %v", err)
	}
}

func TestUpdate(t *testing.T) {
	good, bad := emulator.SecretOK, emulator.SecretMissing
	tests := []struct {
		name, prefix, credential, role, code string
	}{
		{"credential", "hub", secretIn(good), "", ""},
		{"credential, with a slash", "hub/", secretIn(good), "", ""},
		{"role", "up", "", role, ""},
		{"both", "up", secretIn(good), role, ""},
		{"neither", "hub", "", "", invalid},
		{"no such rule", "none", secretIn(good), "", notFound},
		{"secret missing", "hub", secretIn(bad), "", "SecretNotFoundException"},
		{"secret inaccessible", "hub", secretIn(emulator.SecretInaccessible), "", "UnableToAccessSecretException"},
		{"secret undecryptable", "hub", secretIn(emulator.SecretUndecryptable), "", "UnableToDecryptSecretValueException"},
		{"secret rejected", "hub", secretIn(emulator.SecretRejected), "", ""},
		{"role of another account", "up", "", "arn:aws:iam::444455556666:role/ptc", invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, url := serve(t, one(emulator.Registry{
				Rules: []emulator.Rule{
					{EcrRepositoryPrefix: "hub", UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: hub},
					{EcrRepositoryPrefix: "up", UpstreamRegistryURL: otherECR},
				},
				Secrets: allSecrets,
			}))
			in := &ecr.UpdatePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String(tt.prefix)}
			if tt.credential != "" {
				in.CredentialArn = aws.String(tt.credential)
			}
			if tt.role != "" {
				in.CustomRoleArn = aws.String(tt.role)
			}
			out, err := client(url).UpdatePullThroughCacheRule(t.Context(), in)
			if got := code(t, err); got != tt.code {
				t.Fatalf("%v, want %q", err, tt.code)
			}
			if tt.name == "neither" && !strings.Contains(err.Error(), "Invalid input: Please set either credential arn or role arn to update the credentials") {
				t.Errorf("other words than AWS's: %v", err)
			}
			if err != nil {
				return
			}
			described, err := client(url).DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{EcrRepositoryPrefixes: []string{tt.prefix}})
			if err != nil || len(described.PullThroughCacheRules) != 1 {
				t.Fatalf("%v, %v", described, err)
			}
			r := described.PullThroughCacheRules[0]
			if tt.credential != "" && aws.ToString(r.CredentialArn) != tt.credential || tt.role != "" && aws.ToString(r.CustomRoleArn) != tt.role {
				t.Errorf("credential %s, role %s", aws.ToString(r.CredentialArn), aws.ToString(r.CustomRoleArn))
			}
			if !out.UpdatedAt.Equal(now) || !r.UpdatedAt.Equal(now) {
				t.Errorf("updatedAt %v, %v, want %v", out.UpdatedAt, r.UpdatedAt, now)
			}
		})
	}
}

// What each operation answers, member by member, and nothing else.
func TestAnswers(t *testing.T) {
	at := emulator.Time{Time: now.Add(-time.Hour)}
	const epoch, updated = 1793876400.123, 1793880000.123
	full := emulator.Rule{
		EcrRepositoryPrefix: "full", UpstreamRegistryURL: otherECR, UpstreamRegistry: "ecr", UpstreamRepositoryPrefix: "team",
		CredentialArn: hub, CustomRoleArn: role, CreatedAt: at, UpdatedAt: at,
	}
	all := map[string]any{
		"ecrRepositoryPrefix": "full", "upstreamRegistryUrl": otherECR, "upstreamRegistry": "ecr", "upstreamRepositoryPrefix": "team",
		"credentialArn": hub, "customRoleArn": role, "registryId": account, "createdAt": epoch, "updatedAt": epoch,
	}
	pick := func(names ...string) map[string]any {
		m := maps.Clone(all)
		maps.DeleteFunc(m, func(name string, _ any) bool { return !slices.Contains(names, name) })
		return m
	}
	with := func(m map[string]any, name string, v any) map[string]any {
		m[name] = v
		return m
	}
	tests := []struct {
		operation, body string
		want            map[string]any
	}{
		{
			"DescribePullThroughCacheRules", `{}`,
			map[string]any{"pullThroughCacheRules": []any{all}},
		},
		{
			"ValidatePullThroughCacheRule", `{"ecrRepositoryPrefix":"full"}`,
			with(pick("ecrRepositoryPrefix", "upstreamRegistryUrl", "upstreamRepositoryPrefix", "credentialArn", "customRoleArn", "registryId"), "isValid", true),
		},
		{
			"UpdatePullThroughCacheRule", `{"ecrRepositoryPrefix":"full","customRoleArn":"` + role + `"}`,
			with(pick("ecrRepositoryPrefix", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix", "registryId"), "updatedAt", updated),
		},
		{
			"DeletePullThroughCacheRule", `{"ecrRepositoryPrefix":"full"}`,
			pick("ecrRepositoryPrefix", "upstreamRegistryUrl", "credentialArn", "customRoleArn", "upstreamRepositoryPrefix", "registryId", "createdAt"),
		},
		{
			"CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io"}`,
			map[string]any{"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io", "upstreamRegistry": "quay", "upstreamRepositoryPrefix": "ROOT", "registryId": account, "createdAt": updated},
		},
	}
	for _, tt := range tests {
		t.Run(tt.operation, func(t *testing.T) {
			_, url := serve(t, one(emulator.Registry{Rules: []emulator.Rule{full}}))
			if diff := cmp.Diff(tt.want, ask(t, url, tt.operation, tt.body).members(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a rule of a fixture with nothing more than it needs", func(t *testing.T) {
		_, url := serve(t, one(emulator.Registry{Rules: []emulator.Rule{{EcrRepositoryPrefix: "x/", UpstreamRegistryURL: "harbor.example"}}}))
		want := map[string]any{"pullThroughCacheRules": []any{map[string]any{"ecrRepositoryPrefix": "x/", "upstreamRegistryUrl": "harbor.example", "registryId": account}}}
		if diff := cmp.Diff(want, ask(t, url, "DescribePullThroughCacheRules", "").members(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an empty registry", func(t *testing.T) {
		_, url := serve(t, emulator.Fixture{})
		if got := ask(t, url, "DescribePullThroughCacheRules", "{}").body; got != `{"pullThroughCacheRules":[]}` {
			t.Error(got)
		}
	})
}

func TestRegistriesAreIsolated(t *testing.T) {
	_, url := serve(t, one(emulator.Registry{Rules: []emulator.Rule{{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io"}}}))
	tests := []struct {
		account, region string
		rules           int
	}{
		{account, region, 1},
		{account, "us-east-1", 0},
		{"444455556666", region, 0},
		{"AKIAIOSFODNN7EXAMPLE", region, 0},
	}
	for _, tt := range tests {
		t.Run(tt.account+" "+tt.region, func(t *testing.T) {
			out, err := ecr.NewFromConfig(config(url, tt.account, tt.region)).DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{})
			if err != nil || len(out.PullThroughCacheRules) != tt.rules {
				t.Errorf("%d rules, %v, want %d", len(out.PullThroughCacheRules), err, tt.rules)
			}
		})
	}
}

// A Region that AWS documents to be without pull through cache rules answers so,
// until a fixture has a registry there.
func TestRegionsWithoutTheAPI(t *testing.T) {
	tests := []struct {
		name, region, fixture, want string
	}{
		{"China", "cn-north-1", "eu-west-1", "UnknownOperationException"},
		{"GovCloud", "us-gov-west-1", "eu-west-1", "UnknownOperationException"},
		{"GovCloud with a registry", "us-gov-west-1", "us-gov-west-1", ""},
		{"the other Region of GovCloud", "us-gov-east-1", "us-gov-west-1", "UnknownOperationException"},
		{"anywhere else", "ap-south-1", "eu-west-1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := emulator.New(emulator.Fixture{Registries: []emulator.Registry{{Account: "111122223333", Region: tt.fixture}}})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(e)
			defer server.Close()
			client := ecr.New(ecr.Options{
				Region: tt.region, BaseEndpoint: &server.URL,
				Credentials: credentials.NewStaticCredentialsProvider("111122223333", "secret", ""),
			})
			_, err = client.DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{})
			code := ""
			if api, ok := errors.AsType[smithy.APIError](err); ok {
				code = api.ErrorCode()
			}
			if code != tt.want || tt.want == "" && err != nil {
				t.Errorf("got %v, want code %q", err, tt.want)
			}
		})
	}
}
