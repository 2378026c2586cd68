package ecrapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/aws/ecrapi"
	"ptcaudit/internal/aws/fault"
	"ptcaudit/internal/ptc"
)

func verdict(prefix, registry string, rest string) string {
	return fmt.Sprintf(`{"ecrRepositoryPrefix":%q,"registryId":%q,%s}`, prefix, registry, rest)
}

func TestValidate(t *testing.T) {
	upstream := func(name string) ptc.Rule {
		return ptc.Rule{Prefix: "docker-hub", Upstream: ptc.Upstream{Registry: name}}
	}
	var (
		valid         = ptc.Validation{Status: ptc.ValidationValid}
		notApplicable = ptc.Validation{Status: ptc.ValidationNotApplicable}
	)
	tests := []struct {
		name   string
		rule   ptc.Rule
		status int
		body   string
		want   ptc.Validation
		fault  ptc.FaultKind // empty if none
	}{
		{name: "valid", body: verdict("docker-hub", "111122223333", `"isValid":true`), want: valid},
		{name: "valid, prefix spelled with a slash", body: verdict("docker-hub/", "111122223333", `"isValid":true`), want: valid},
		{
			name: "invalid", body: verdict("docker-hub", "111122223333", `"isValid":false,"failure":"token expired"`),
			want: ptc.Validation{Status: ptc.ValidationInvalid, Failure: "token expired"},
		},
		{
			name: "invalid without a word", body: verdict("docker-hub", "111122223333", `"isValid":false`),
			want: ptc.Validation{Status: ptc.ValidationInvalid},
		},
		{name: "an empty object", body: `{}`, fault: ptc.FaultMalformed},
		{name: "nothing", body: ``, fault: ptc.FaultMalformed},
		{name: "without prefix", body: `{"registryId":"111122223333","isValid":true}`, fault: ptc.FaultMalformed},
		{name: "another rule", body: verdict("quay", "111122223333", `"isValid":true`), fault: ptc.FaultMalformed},
		{name: "another registry", body: verdict("docker-hub", "444455556666", `"isValid":true`), fault: ptc.FaultMalformed},
		{name: "without registry", body: `{"ecrRepositoryPrefix":"docker-hub","isValid":true}`, fault: ptc.FaultMalformed},
		{name: "a word for a boolean", body: verdict("docker-hub", "111122223333", `"isValid":"true"`), fault: ptc.FaultMalformed},

		{name: "valid beside a failure", body: verdict("docker-hub", "111122223333", `"isValid":true,"failure":"token expired"`), fault: ptc.FaultMalformed},
		{name: "without a verdict", body: `{"ecrRepositoryPrefix":"docker-hub","registryId":"111122223333"}`, fault: ptc.FaultMalformed},
		{name: "another URL", body: verdict("docker-hub", "111122223333", `"isValid":true,"upstreamRegistryUrl":"evil.example.com"`), fault: ptc.FaultMalformed},
		{name: "the URL in another spelling", body: verdict("docker-hub", "111122223333", `"isValid":true,"upstreamRegistryUrl":"Registry-1.Docker.io."`), want: valid},
		{name: "another credential", body: verdict("docker-hub", "111122223333", `"isValid":true,"credentialArn":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/other-AbCdEf"`), fault: ptc.FaultMalformed},
		{name: "another role", body: verdict("docker-hub", "111122223333", `"isValid":true,"customRoleArn":"arn:aws:iam::111122223333:role/other"`), fault: ptc.FaultMalformed},
		{name: "another upstream prefix", body: verdict("docker-hub", "111122223333", `"isValid":true,"upstreamRepositoryPrefix":"other"`), fault: ptc.FaultMalformed},
		{name: "no upstream prefix, spelled ROOT", body: verdict("docker-hub", "111122223333", `"isValid":true,"upstreamRepositoryPrefix":"ROOT"`), want: valid},

		{name: "open upstream answered", rule: upstream(ptc.Quay), body: verdict("docker-hub", "111122223333", `"isValid":true`), want: valid},
		{name: "open upstream, InvalidParameter", rule: upstream(ptc.Kubernetes), status: 400, body: apiError("InvalidParameterException", "no"), want: notApplicable},
		{name: "open upstream, Validation", rule: upstream(ptc.ECRPublic), status: 400, body: apiError("ValidationException", "no"), want: notApplicable},
		{name: "ecr, InvalidParameter", rule: upstream(ptc.ECR), status: 400, body: apiError("InvalidParameterException", "no"), want: notApplicable},
		{name: "open upstream, denied", rule: upstream(ptc.Quay), status: 400, body: apiError("AccessDeniedException", "no"), fault: ptc.FaultDenied},
		{name: "authenticated upstream, InvalidParameter", rule: upstream(ptc.DockerHub), status: 400, body: apiError("InvalidParameterException", "no"), fault: ptc.FaultMalformed},
		{name: "unknown upstream, InvalidParameter", rule: upstream("future-registry"), status: 400, body: apiError("InvalidParameterException", "no"), fault: ptc.FaultMalformed},

		{name: "operation unknown although rules were listed", status: 400, body: apiError("UnknownOperationException", "no"), fault: ptc.FaultUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.status == 0 {
				tt.status = http.StatusOK
			}
			if tt.rule.Prefix == "" {
				tt.rule = rule
			}
			got, err := serve(t, always(tt.status, tt.body)).client().Validate(t.Context(), registry, tt.rule)
			switch {
			case tt.fault != "":
				f := asFault(t, err)
				if f.Kind != tt.fault || f.Operation != ptc.OpValidateRule || f.Prefix != "docker-hub" || f.RequestID != requestID {
					t.Errorf("got fault %+v, want kind %s, with prefix and request id", f, tt.fault)
				}
			case err != nil:
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateNamesTheRegistry(t *testing.T) {
	s := serve(t, always(http.StatusOK, verdict("docker-hub", "111122223333", `"isValid":true`)))
	if _, err := s.client().Validate(t.Context(), registry, rule); err != nil {
		t.Fatal(err)
	}
	want := []request{{
		"AmazonEC2ContainerRegistry_V20150921.ValidatePullThroughCacheRule", "eu-west-1",
		map[string]any{"registryId": "111122223333", "ecrRepositoryPrefix": "docker-hub"},
	}}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Errorf("calls differ (-want +got):\n%s", diff)
	}
}

// A rule is gone only if Validate finds neither spelling of its prefix and the
// rule is no longer listed.
func TestARuleIsGoneOnlyIfListAndValidateAgree(t *testing.T) {
	long := strings.Repeat("a", ptc.MaxPrefixLength) // no slash fits behind it
	notFound := always(http.StatusBadRequest, apiError("PullThroughCacheRuleNotFoundException", ""))
	namespaced := always(http.StatusBadRequest, apiError("com.amazonaws.ecr#PullThroughCacheRuleNotFoundException", ""))
	listed := func(prefixes ...string) answer {
		var items []string
		for _, p := range prefixes {
			items = append(items, item(p))
		}
		return always(http.StatusOK, page("", items...))
	}
	tests := []struct {
		name, prefix string
		answers      []answer
		calls        int
		valid, gone  bool
		fault        ptc.FaultKind
	}{
		{"found with a slash", "docker-hub", []answer{notFound, always(http.StatusOK, verdict("docker-hub/", "111122223333", `"isValid":true`))}, 2, true, false, ""},
		{"no longer listed", "docker-hub", []answer{notFound, notFound, listed("quay")}, 3, false, true, ""},
		{"no longer listed, code with a namespace", "docker-hub", []answer{namespaced, namespaced, listed()}, 3, false, true, ""},
		{"no slash fits", long, []answer{notFound, listed()}, 2, false, true, ""},
		{"ROOT takes no slash", ptc.RootPrefix, []answer{notFound, listed()}, 2, false, true, ""},
		{"still listed", "docker-hub", []answer{notFound, notFound, listed("quay", "docker-hub")}, 3, false, false, ptc.FaultMalformed},
		{"still listed with a slash", "docker-hub", []answer{notFound, notFound, listed("docker-hub/")}, 3, false, false, ptc.FaultMalformed},
		{"the list is denied", "docker-hub", []answer{notFound, notFound, always(http.StatusBadRequest, apiError("AccessDeniedException", ""))}, 3, false, false, ptc.FaultDenied},
		{"the list is empty of meaning", "docker-hub", []answer{notFound, notFound, always(http.StatusOK, "{}")}, 3, false, false, ptc.FaultMalformed},
		{"the list is not supported", "docker-hub", []answer{notFound, notFound, always(http.StatusBadRequest, apiError("UnknownOperationException", ""))}, 3, false, false, ptc.FaultUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, inTurn(tt.answers...))
			got, err := s.client().Validate(t.Context(), registry, ptc.Rule{Prefix: tt.prefix})
			if tt.fault != "" {
				if f := asFault(t, err); f.Kind != tt.fault || f.Prefix != tt.prefix {
					t.Errorf("got fault %+v, want kind %s", f, tt.fault)
				}
			} else if tt.gone != errors.Is(err, ptc.ErrRuleNotFound) || tt.valid != (err == nil && got.Status == ptc.ValidationValid) {
				t.Errorf("got %v, %v", got, err)
			}
			if n := len(s.requests()); n != tt.calls {
				t.Errorf("%d calls, want %d", n, tt.calls)
			}
		})
	}
}

func TestTextsFromOutsideAreBounded(t *testing.T) {
	tests := []struct {
		name, text string
		end        string // end of the text; empty if nothing is cut
	}{
		{"short", "token expired\nSubject: forged \u202e", ""},
		{"just fits", strings.Repeat("x", ecrapi.MaxFailureLength), ""},
		{"one too long", strings.Repeat("x", ecrapi.MaxFailureLength+1), "x… (16385 bytes in all)"},
		{"a megabyte", strings.Repeat("ж", 1<<19), "ж… (1048576 bytes in all)"},
		{"a megabyte, runes across the cut", "x" + strings.Repeat("🜁", 1<<18-1), "🜁… (1048573 bytes in all)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, always(http.StatusOK, verdict("docker-hub", "111122223333", fmt.Sprintf(`"isValid":false,"failure":%q`, tt.text))))
			if strings.Contains(tt.text, "\u202e") { // which %q writes otherwise
				s = serve(t, always(http.StatusOK, verdict("docker-hub", "111122223333", `"isValid":false,"failure":"token expired\nSubject: forged `+"\u202e"+`"`)))
			}
			v, err := s.client().Validate(t.Context(), registry, rule)
			if err != nil {
				t.Fatal(err)
			}
			got := v.Failure
			switch {
			case tt.end == "" && got != tt.text:
				t.Errorf("got %d bytes, want the whole text", len(got))
			case tt.end != "" && (!strings.HasSuffix(got, tt.end) || len(got) > ecrapi.MaxFailureLength || len(got) < ecrapi.MaxFailureLength-utf8.UTFMax):
				t.Errorf("got %d bytes ending in %q", len(got), got[len(got)-40:])
			case !utf8.ValidString(got):
				t.Error("a character is cut in two")
			}
		})
	}
	t.Run("an error's message", func(t *testing.T) {
		s := serve(t, always(http.StatusBadRequest, apiError("AccessDeniedException", strings.Repeat("x", 1<<20))))
		_, err := s.client().Validate(t.Context(), registry, rule)
		if f := asFault(t, err); len(f.Message) != fault.MaxLength {
			t.Errorf("message has %d bytes", len(f.Message))
		}
	})
}

// On a fast network the SDK's request body, with net/http, breaks the connection
// under one long answer of fifteen.
func TestLongAnswersArriveAtTheFirstAttempt(t *testing.T) {
	s := serve(t, always(http.StatusOK, verdict("docker-hub", "111122223333", `"isValid":false,"failure":"`+strings.Repeat("x", 1<<20)+`"`)))
	cfg := config(s.URL)
	cfg.Retryer, cfg.RetryMaxAttempts = nil, 1
	for range 40 {
		if _, err := ecrapi.New(cfg, ecrapi.Options{}).Validate(t.Context(), registry, rule); err != nil {
			t.Fatal(err)
		}
	}
}
