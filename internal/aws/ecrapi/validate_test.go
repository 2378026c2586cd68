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
		gone   bool
		fault  ptc.FaultKind // empty if there is none
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

		{name: "gone", status: 400, body: apiError("PullThroughCacheRuleNotFoundException", ""), gone: true},
		{name: "gone, with a namespace", status: 400, body: apiError("com.amazonaws.ecr#PullThroughCacheRuleNotFoundException", ""), gone: true},

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
			case tt.gone:
				if !errors.Is(err, ptc.ErrRuleNotFound) {
					t.Errorf("got error %v, want %v", err, ptc.ErrRuleNotFound)
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

// Whether ECR finds a rule that was made as "docker-hub/" by "docker-hub" is
// not documented. It must not count as deleted in either case.
func TestValidateTriesBothSpellingsOfAPrefix(t *testing.T) {
	tests := []struct {
		name, prefix string
		want         []string // prefixes asked for
	}{
		{"a slash may follow", "docker-hub", []string{"docker-hub", "docker-hub/"}},
		{"none fits", strings.Repeat("a", ptc.MaxPrefixLength), []string{strings.Repeat("a", ptc.MaxPrefixLength)}},
		{"ROOT has none", ptc.RootPrefix, []string{ptc.RootPrefix}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, inTurn(
				always(http.StatusBadRequest, apiError("PullThroughCacheRuleNotFoundException", "")),
				always(http.StatusOK, verdict(tt.prefix+"/", "111122223333", `"isValid":true`)),
			))
			got, err := s.client().Validate(t.Context(), registry, ptc.Rule{Prefix: tt.prefix})
			if found := len(tt.want) > 1; found != (err == nil) || found != (got.Status == ptc.ValidationValid) {
				t.Errorf("got %v, %v", got, err)
			}
			var asked []string
			for _, r := range s.requests() {
				asked = append(asked, r.Input["ecrRepositoryPrefix"].(string))
			}
			if diff := cmp.Diff(tt.want, asked); diff != "" {
				t.Errorf("prefixes asked for differ (-want +got):\n%s", diff)
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
