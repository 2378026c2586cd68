package ecrapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
)

func TestRules(t *testing.T) {
	s := serve(t, always(http.StatusOK, page("",
		`{"ecrRepositoryPrefix":"hub/","registryId":"111122223333","upstreamRegistryUrl":"registry-1.docker.io","upstreamRegistry":"docker-hub",
		  "credentialArn":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
		  "createdAt":1700000000.25,"updatedAt":1.8E9}`,
		`{"ecrRepositoryPrefix":"ROOT","registryId":"111122223333","upstreamRegistryUrl":"444455556666.dkr.ecr.eu-central-1.amazonaws.com",
		  "upstreamRepositoryPrefix":"ROOT","customRoleArn":"arn:aws:iam::111122223333:role/ptc"}`,
		`{"ecrRepositoryPrefix":"new","registryId":"111122223333","upstreamRegistryUrl":"registry.future.example","upstreamRegistry":"future-registry"}`,
		`{"ecrRepositoryPrefix":"odd","registryId":"111122223333","upstreamRegistryUrl":"nowhere.example","someday":{"a":[1]}}`,
	)))
	got, err := s.client().Rules(t.Context(), registry)
	if err != nil {
		t.Fatal(err)
	}
	want := []ptc.Rule{
		{
			Prefix:        "hub",
			Upstream:      ptc.Upstream{Registry: "docker-hub", URL: "registry-1.docker.io"},
			CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
			CreatedAt:     time.Date(2023, 11, 14, 22, 13, 20, 250e6, time.UTC),
			UpdatedAt:     time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC),
		},
		{
			Prefix:   "ROOT",
			Upstream: ptc.Upstream{Registry: "ecr", URL: "444455556666.dkr.ecr.eu-central-1.amazonaws.com", Prefix: "ROOT"},
			RoleARN:  "arn:aws:iam::111122223333:role/ptc",
		},
		{Prefix: "new", Upstream: ptc.Upstream{Registry: "future-registry", URL: "registry.future.example"}},
		{Prefix: "odd", Upstream: ptc.Upstream{URL: "nowhere.example"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules differ (-want +got):\n%s", diff)
	}
	for _, r := range got {
		if r.CreatedAt.Location() != time.UTC || r.UpdatedAt.Location() != time.UTC {
			t.Errorf("%s has times in %s and %s", r.Prefix, r.CreatedAt.Location(), r.UpdatedAt.Location())
		}
	}
}

func TestRulesNameTheRegistryInEveryCall(t *testing.T) {
	s := serve(t, inTurn(
		always(http.StatusOK, page("more", item("aa"))),
		always(http.StatusOK, page("", item("bb"))),
	))
	if _, err := s.client().Rules(t.Context(), registry); err != nil {
		t.Fatal(err)
	}
	const operation = "AmazonEC2ContainerRegistry_V20150921.DescribePullThroughCacheRules"
	want := []request{
		{operation, "eu-west-1", map[string]any{"registryId": "111122223333"}},
		{operation, "eu-west-1", map[string]any{"registryId": "111122223333", "nextToken": "more"}},
	}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Errorf("calls differ (-want +got):\n%s", diff)
	}
}

func TestIncompleteRulesAreAFault(t *testing.T) {
	tests := []struct {
		name    string
		answers []string
		want    []string // prefixes; nil means malformed
	}{
		{"no rules", []string{page("")}, []string{}},
		{"an empty page before the last", []string{page("1"), page("2", item("aa")), page("")}, []string{"aa"}},
		{"a rule on two pages, the later one counts", []string{page("1", item("aa"), item("bb")), page("", item("bb"), item("cc"))}, []string{"aa", "bb", "cc"}},
		{"an empty token", []string{`{"pullThroughCacheRules":[],"nextToken":""}`}, []string{}},
		{"an empty object", []string{`{}`}, nil},
		{"nothing", []string{``}, nil},
		{"null", []string{`null`}, nil},
		{"a null list", []string{`{"pullThroughCacheRules":null}`}, nil},
		{"an empty object on the second page", []string{page("1", item("aa")), `{}`}, nil},
		{"an object for a list", []string{`{"pullThroughCacheRules":{}}`}, nil},
		{"a null rule", []string{page("", "null")}, nil},
		{"a rule without prefix", []string{page("", `{"registryId":"111122223333"}`)}, nil},
		{"a rule with an empty prefix", []string{page("", item("/"))}, nil},
		{"a rule without registry", []string{page("", `{"ecrRepositoryPrefix":"aa"}`)}, nil},
		{"another registry", []string{page("", strings.ReplaceAll(item("aa"), "111122223333", "444455556666"))}, nil},
		{"another registry among ours", []string{page("", item("aa"), strings.ReplaceAll(item("bb"), "111122223333", "444455556666"))}, nil},
		{"the same token for ever", []string{page("again", item("aa"))}, nil},
		{"tokens in a circle", []string{page("1"), page("2"), page("3"), page("1")}, nil},
		{"a number for a prefix", []string{page("", `{"ecrRepositoryPrefix":7,"registryId":"111122223333"}`)}, nil},
		{"no JSON", []string{"<html>"}, nil},
		{"half a JSON", []string{`{"pullThroughCacheRules":[`}, nil},
		{"an answer without end", []string{strings.Repeat(" ", 5<<20) + page("")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var answers []answer
			for _, body := range tt.answers {
				answers = append(answers, always(http.StatusOK, body))
			}
			rules, err := serve(t, inTurn(answers...)).client().Rules(t.Context(), registry)
			if tt.want == nil {
				f := asFault(t, err)
				if f.Kind != ptc.FaultMalformed || f.Operation != ptc.OpDescribeRules || f.RequestID != requestID || f.Message == "" {
					t.Errorf("got fault %+v, want one of kind malformed with the request's id", f)
				}
				if rules != nil {
					t.Errorf("got rules %v beside the fault", rules)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, r := range rules {
				got = append(got, r.Prefix)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("prefixes differ (-want +got):\n%s", diff)
			}
		})
	}
}

// AWS documents that these Regions have no pull through cache rules. ECR is
// asked all the same, and believed: on the day it has them they are audited.
func TestRulesOfARegionWithoutTheAPI(t *testing.T) {
	unknown := apiError("UnknownOperationException", "")
	tests := []struct {
		name, region string
		answer       answer
		want         ptc.FaultKind // empty if rules are listed
	}{
		{"ECR confirms it", "us-gov-west-1", always(http.StatusBadRequest, unknown), ptc.FaultUnsupported},
		{"China, too", "cn-north-1", always(http.StatusBadRequest, unknown), ptc.FaultUnsupported},
		{"ECR lists rules", "us-gov-west-1", always(http.StatusOK, page("", item("aa"))), ""},
		{"ECR lists none", "cn-north-1", always(http.StatusOK, page("")), ""},
		{"ECR denies it", "us-gov-west-1", always(http.StatusBadRequest, apiError("AccessDeniedException", "")), ptc.FaultDenied},
		{"with another status", "us-gov-west-1", always(http.StatusNotFound, unknown), ptc.FaultUnavailable},
		{"with a server's status", "us-gov-west-1", always(http.StatusInternalServerError, unknown), ptc.FaultUnavailable},
		{"a Region that has the API", "eu-west-1", always(http.StatusBadRequest, unknown), ptc.FaultUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reg := ptc.Registry{Account: "111122223333", Region: tt.region}
			rules, err := serve(t, tt.answer).client().Rules(t.Context(), reg)
			if tt.want == "" {
				if err != nil || rules == nil {
					t.Fatalf("got %v, %v, want a list", rules, err)
				}
				return
			}
			if f := asFault(t, err); f.Kind != tt.want || f.Operation != ptc.OpDescribeRules {
				t.Errorf("got fault %+v, want kind %s", f, tt.want)
			}
		})
	}
}

// A Region that has given a page has the API.
func TestRulesOfARegionThatStopsHavingTheAPI(t *testing.T) {
	s := serve(t, inTurn(
		always(http.StatusOK, page("more", item("aa"))),
		always(http.StatusBadRequest, apiError("UnknownOperationException", "")),
	))
	_, err := s.client().Rules(t.Context(), registry)
	if f := asFault(t, err); f.Kind != ptc.FaultUnavailable {
		t.Errorf("got fault %+v, want unavailable", f)
	}
}

// asFault converts err to its fault.
func asFault(t *testing.T, err error) *ptc.Fault {
	t.Helper()
	f, ok := errors.AsType[*ptc.Fault](err)
	if !ok {
		t.Fatalf("error is %#v, want a *ptc.Fault", err)
	}
	return f
}
