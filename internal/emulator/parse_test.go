package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/emulator"
)

// everything is a fixture with every key.
const everything = `{
  "registries": [{
    "account": "111122223333", "region": "eu-west-1", "pageSize": 2, "unlistedSecrets": "missing",
    "behaviour": {
      "validateOpenUpstream": "refuse", "validateEcrUpstream": "refuse", "validateEvents": "send",
      "publicUpstreamPrefix": "refuse", "openUpstreamCredential": "refuse", "otherUpstreamRole": "refuse",
      "crossAccountWithoutRole": "refuse", "foreignSecret": "accept"
    },
    "rules": [{
      "ecrRepositoryPrefix": "docker-hub", "upstreamRegistryUrl": "registry-1.docker.io", "upstreamRegistry": "docker-hub",
      "upstreamRepositoryPrefix": "ROOT",
      "credentialArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
      "customRoleArn": "arn:aws:iam::111122223333:role/ptc", "registryId": "111122223333",
      "createdAt": 1793880000.123, "updatedAt": "2026-11-05T13:00:00+01:00",
      "validation": {"isValid": false, "failure": "no"}
    }],
    "secrets": [{"arn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", "state": "ok"}]
  }],
  "faults": [
    {"operation": "ValidatePullThroughCacheRule", "account": "111122223333", "region": "eu-west-1", "prefix": "quay", "times": 3, "delay": "100ms", "code": "ThrottlingException", "message": "slow down", "status": 429},
    {"drop": true, "truncate": true}, {"empty": true}, {"status": 502, "body": "<html>"},
    {"omit": ["upstreamRegistry"], "set": {"registryId": "999999999999", "pullThroughCacheRules": null}}
  ]
}`

func TestParseFixture(t *testing.T) {
	want := emulator.Fixture{
		Registries: []emulator.Registry{{
			Account: account, Region: region, PageSize: 2, UnlistedSecrets: emulator.SecretMissing,
			Behaviour: emulator.Behaviour{
				ValidateOpenUpstream: emulator.Refuse, ValidateECRUpstream: emulator.Refuse, ValidateEvents: emulator.Send,
				PublicUpstreamPrefix: emulator.Refuse, OpenUpstreamCredential: emulator.Refuse, OtherUpstreamRole: emulator.Refuse,
				CrossAccountWithoutRole: emulator.Refuse, ForeignSecret: emulator.Accept,
			},
			Rules: []emulator.Rule{{
				EcrRepositoryPrefix: "docker-hub", UpstreamRegistryURL: "registry-1.docker.io", UpstreamRegistry: "docker-hub",
				UpstreamRepositoryPrefix: "ROOT", CredentialArn: hub, CustomRoleArn: role, RegistryID: account,
				CreatedAt: emulator.Time{Time: now}, UpdatedAt: emulator.Time{Time: now.Truncate(time.Second)},
				Validation: &emulator.Validation{Failure: "no"},
			}},
			Secrets: []emulator.Secret{{ARN: hub, State: emulator.SecretOK}},
		}},
		Faults: []emulator.Fault{
			{Operation: "ValidatePullThroughCacheRule", Account: account, Region: region, Prefix: "quay", Times: 3, Delay: emulator.Duration(100 * time.Millisecond), Code: "ThrottlingException", Message: "slow down", Status: 429},
			{Drop: true, Truncate: true},
			{Empty: true},
			{Status: 502, Body: "<html>"},
			{Omit: []string{"upstreamRegistry"}, Set: map[string]any{"registryId": "999999999999", "pullThroughCacheRules": nil}},
		},
	}
	got, err := emulator.ParseFixture([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	t.Run("and back", func(t *testing.T) {
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := emulator.ParseFixture(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		if f, err := emulator.ParseFixture([]byte(`{}`)); err != nil || f.Registries != nil {
			t.Errorf("%v, %v", f, err)
		}
	})
}

func TestParseFixtureRefuses(t *testing.T) {
	registry := func(more string) string {
		return `{"registries":[{"account":"111122223333","region":"eu-west-1"` + more + `}]}`
	}
	tests := []struct {
		name, in string
		want     []string // each is in the error
	}{
		{"no JSON", `registries:`, []string{"invalid character"}},
		{"two documents", `{}{}`, []string{"more text after"}},
		{"a list", `[]`, []string{"cannot unmarshal"}},
		{"an unknown key", `{"registry":[]}`, []string{`registry: unknown key "registry"`}},
		{"a key in another case", registry(`,"PageSize":1`), []string{`registries[0].PageSize: unknown key "PageSize"`}},
		{"all unknown keys", `{"a":1,"faults":[{"op":1}],"registries":[{"rules":[{"prefix":1}]}]}`, []string{`a: unknown key`, `faults[0].op: unknown key`, `registries[0].rules[0].prefix: unknown key`}},
		{"an unknown key of a validation result", registry(`,"rules":[{"ecrRepositoryPrefix":"quay","validation":{"valid":true}}]`), []string{"registries[0].rules[0].validation.valid: unknown key"}},
		{"a number for an account", `{"registries":[{"account":111122223333,"region":"eu-west-1"}]}`, []string{"registries.account", "number"}},
		{"no account", `{"registries":[{}]}`, []string{`registries[0].account: invalid account ID ""`, `registries[0].region: invalid Region ""`}},
		{"one registry twice", `{"registries":[{"account":"111122223333","region":"eu-west-1"},{"account":"111122223333","region":"eu-west-1"}]}`, []string{"registries[1]: duplicate registry 111122223333 eu-west-1"}},
		{"a negative page", registry(`,"pageSize":-1`), []string{"registries[0].pageSize: invalid number -1"}},
		{"unlisted secrets rejected", registry(`,"unlistedSecrets":"rejected"`), []string{`registries[0].unlistedSecrets: unknown value "rejected": use ok or missing`}},
		{"an unknown behaviour", registry(`,"behaviour":{"validateOpenUpstream":"maybe"}`), []string{`registries[0].behaviour.validateOpenUpstream: unknown value "maybe": use answer or refuse`}},
		{"no prefix", registry(`,"rules":[{"upstreamRegistryUrl":"quay.io"}]`), []string{"registries[0].rules[0].ecrRepositoryPrefix: missing"}},
		{"one prefix twice", registry(`,"rules":[{"ecrRepositoryPrefix":"a"},{"ecrRepositoryPrefix":"a/"}]`), []string{`registries[0].rules[1].ecrRepositoryPrefix: duplicate "a"`}},
		{"no time", registry(`,"rules":[{"ecrRepositoryPrefix":"a","createdAt":"yesterday"}]`), []string{`invalid time "yesterday"`}},
		{"a list for a time", registry(`,"rules":[{"ecrRepositoryPrefix":"a","createdAt":[]}]`), []string{`invalid time []`}},
		{"an unknown state", registry(`,"secrets":[{"arn":"a","state":"fine"}]`), []string{`registries[0].secrets[0].state: unknown state "fine": use one of [ok missing inaccessible undecryptable rejected]`}},
		{"no state", registry(`,"secrets":[{"arn":"a"}]`), []string{`registries[0].secrets[0].state: unknown state ""`}},
		{"no ARN", registry(`,"secrets":[{"state":"ok"}]`), []string{`registries[0].secrets[0].arn: missing`}},
		{"one secret twice", registry(`,"secrets":[{"arn":"a","state":"ok"},{"arn":"a","state":"ok"}]`), []string{`registries[0].secrets[1].arn: duplicate "a"`}},
		{"an unknown operation", `{"faults":[{"operation":"DescribePullThroughCacheRule"}]}`, []string{`faults[0].operation: unknown operation "DescribePullThroughCacheRule"`}},
		{"an invalid account", `{"faults":[{"account":"1"}]}`, []string{`faults[0].account: invalid account ID "1"`}},
		{"negative times", `{"faults":[{"times":-1}]}`, []string{`faults[0].times: invalid number -1`}},
		{"no duration", `{"faults":[{"delay":"soon"}]}`, []string{`invalid duration "soon"`}},
		{"no status", `{"faults":[{"status":99}]}`, []string{`faults[0].status: invalid HTTP status 99`}},
		{"two answers", `{"faults":[{"code":"X","empty":true}]}`, []string{`faults[0]: more than one answer: use only one of code, body, empty and drop`}},
		{"a message without a code", `{"faults":[{"message":"x"}]}`, []string{`faults[0].message: message without code`}},
		{"a dropped status", `{"faults":[{"drop":true,"status":500}]}`, []string{`faults[0].status: a connection that is dropped`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := emulator.ParseFixture([]byte(tt.in))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwant in it: %s", err, want)
				}
			}
		})
	}
}

func TestNewRefusesWhatParseRefuses(t *testing.T) {
	if _, err := emulator.New(emulator.Fixture{Faults: []emulator.Fault{{Delay: -1}}}); err == nil {
		t.Error("a negative delay is taken")
	}
}

func TestFromDescribe(t *testing.T) {
	tests := []struct {
		name, in string
		account  string
		want     []emulator.Rule
		err      string
	}{
		{
			"by version 2 of the CLI", `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io","registryId":"111122223333","createdAt":"2026-11-05T13:00:00.123000+01:00","ofTheFuture":[1]}]}`,
			account,
			[]emulator.Rule{{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io", RegistryID: account, CreatedAt: emulator.Time{Time: now}}},
			"",
		},
		{
			"by version 1", `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io","createdAt":1793880000.123,"updatedAt":null}]}`,
			emulator.DefaultAccount,
			[]emulator.Rule{{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io", CreatedAt: emulator.Time{Time: now}}},
			"",
		},
		{"no rules", `{"pullThroughCacheRules":[]}`, emulator.DefaultAccount, []emulator.Rule{}, ""},
		{"no list", `{}`, "", nil, "pullThroughCacheRules is missing"},
		{"null", `{"pullThroughCacheRules":null}`, "", nil, "pullThroughCacheRules is missing"},
		{"one page of several", `{"pullThroughCacheRules":[],"nextToken":"x"}`, "", nil, "one page of several"},
		{"cut by --max-items", `{"pullThroughCacheRules":[],"NextToken":"x"}`, "", nil, "one page of several"},
		{"two registries", `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"a","registryId":"111122223333"},{"ecrRepositoryPrefix":"b","registryId":"444455556666"}]}`, "", nil, "two registries, 111122223333 and 444455556666"},
		{"no JSON", `x`, "", nil, "invalid character"},
		{"no prefix", `{"pullThroughCacheRules":[{}]}`, "", nil, "ecrRepositoryPrefix: missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := emulator.FromDescribe([]byte(tt.in), region)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %s", err, tt.err)
				}
				return
			}
			want := emulator.Fixture{Registries: []emulator.Registry{{Account: tt.account, Region: region, Rules: tt.want}}}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
	t.Run("what the emulator answers is a fixture", func(t *testing.T) {
		f, err := emulator.ParseFixture([]byte(everything))
		if err != nil {
			t.Fatal(err)
		}
		f.Faults = nil
		_, url := serve(t, f)
		answer := ask(t, url, "DescribePullThroughCacheRules", "{}").body
		again, err := emulator.FromDescribe([]byte(answer), region)
		if err != nil {
			t.Fatal(err)
		}
		_, url = serve(t, again)
		if diff := cmp.Diff(answer, ask(t, url, "DescribePullThroughCacheRules", "{}").body); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzParseFixture(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte(`{"registries":null,"faults":[{"set":{"a":{"b":[1.5]}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fixture, err := emulator.ParseFixture(data)
		if err != nil {
			return
		}
		if _, err := emulator.New(fixture); err != nil {
			t.Errorf("parsed, yet refused: %v", err)
		}
		b, err := json.Marshal(fixture)
		if err != nil {
			t.Fatalf("parsed, yet cannot be written: %v", err)
		}
		again, err := emulator.ParseFixture(b)
		if err != nil {
			t.Fatalf("cannot be read back: %v", err)
		}
		if diff := cmp.Diff(fixture, again); diff != "" {
			t.Errorf("reads back as another: %s", diff)
		}
	})
}
