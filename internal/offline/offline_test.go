package offline_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/offline"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

func TestParseRules(t *testing.T) {
	const here = "111122223333"
	tests := []struct {
		name, file string
		given      ptc.Registry
		want       ptc.Registry
		prefixes   []string
		err        string // part of the error
	}{
		{
			"account from a rule", `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"quay/","registryId":"111122223333"},{"ecrRepositoryPrefix":"hub"}]}`,
			ptc.Registry{Region: "eu-west-1"},
			ptc.Registry{Account: here, Region: "eu-west-1"},
			[]string{"quay", "hub"},
			"",
		},
		{
			"account from the user", `{"pullThroughCacheRules":[]}`,
			ptc.Registry{Account: here, Region: "eu-west-1"},
			ptc.Registry{Account: here, Region: "eu-west-1"},
			nil, "",
		},
		{name: "no Region", file: `{"pullThroughCacheRules":[]}`, err: "use --region"},
		{name: "no account", file: `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"a"}]}`, given: ptc.Registry{Region: "eu-west-1"}, err: "use --account"},
		{name: "first page of the API", file: `{"pullThroughCacheRules":[],"nextToken":"x"}`, given: ptc.Registry{Account: here, Region: "eu-west-1"}, err: "only the first page"},
		{name: "first page of the AWS CLI", file: `{"pullThroughCacheRules":[],"NextToken":"x"}`, given: ptc.Registry{Account: here, Region: "eu-west-1"}, err: "only the first page"},
		{name: "duplicate rule", file: `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"a"},{"ecrRepositoryPrefix":"a/"}]}`, given: ptc.Registry{Account: here, Region: "eu-west-1"}, err: "duplicate rule a"},
		{name: "rule without a prefix", file: `{"pullThroughCacheRules":[{}]}`, given: ptc.Registry{Account: here, Region: "eu-west-1"}, err: "rule 1 has no ecrRepositoryPrefix"},
		{name: "two accounts", file: `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"a","registryId":"444455556666"}]}`, given: ptc.Registry{Account: here, Region: "eu-west-1"}, err: "evaluate one registry at a time"},
		{name: "invalid time", file: `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"a","createdAt":"soon"}]}`, given: ptc.Registry{Account: here, Region: "eu-west-1"}, err: "invalid time"},
		{name: "another file", file: `{"repositories":[]}`, err: "neither a report nor"},
		{name: "invalid JSON", file: `{`, err: "invalid JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			registry, err := offline.Parse([]byte(tt.file), tt.given)
			if tt.err != "" || err != nil {
				if err == nil || tt.err == "" || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if registry.ID() != tt.want {
				t.Errorf("registry %s, want %s", registry.ID(), tt.want)
			}
			rules, err := registry.Rules(t.Context(), registry.ID())
			if err != nil {
				t.Fatal(err)
			}
			var prefixes []string
			for _, r := range rules {
				prefixes = append(prefixes, r.Prefix)
			}
			if diff := cmp.Diff(tt.prefixes, prefixes); diff != "" {
				t.Errorf("prefixes differ (-want +got):\n%s", diff)
			}
		})
	}
}

// A file with rules has no validation results: they are missing, or do not
// apply if the user does without them.
func TestValidationOfRulesFromAFile(t *testing.T) {
	file := []byte(`{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"hub","upstreamRegistryUrl":"registry-1.docker.io","registryId":"111122223333","credentialArn":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"}]}`)
	shipped, err := policy.Load("default")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name    string
		without bool
		want    report.Outcome
	}{
		{"missing", false, report.Error},
		{"not wanted", true, report.Skip},
	} {
		t.Run(tt.name, func(t *testing.T) {
			registry, err := offline.Parse(file, ptc.Registry{Region: "eu-west-1"})
			if err != nil {
				t.Fatal(err)
			}
			if tt.without {
				registry.WithoutValidation()
			}
			_, err = registry.Validate(t.Context(), registry.ID(), ptc.Rule{Prefix: "hub"})
			if _, isFault := errors.AsType[*ptc.Fault](err); isFault == tt.without {
				t.Errorf("Validate: error %v", err)
			}
			r := registry.Evaluate(t.Context(), offline.AsOf{Policy: shipped}, func() time.Time { return now }, "test")
			var got report.Outcome
			for _, f := range r.Findings {
				if f.Check == "validation-passed" && f.Prefix == "hub" {
					got = f.Outcome
				}
			}
			if got != tt.want || r.Audit.WithoutValidation != tt.without {
				t.Errorf("outcome %s, without validation %t; want %s, %t", got, r.Audit.WithoutValidation, tt.want, tt.without)
			}
		})
	}
}
