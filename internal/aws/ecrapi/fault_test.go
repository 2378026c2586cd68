package ecrapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ptcaudit/internal/aws/ecrapi"
	"ptcaudit/internal/ptc"
)

func TestFaults(t *testing.T) {
	const (
		attempts = retry.DefaultMaxAttempts
		html     = "<html><h1>502 Bad Gateway</h1></html>"
	)
	denial := "User: arn:aws:sts::111122223333:assumed-role/audit/x is not authorized to perform: ecr:DescribePullThroughCacheRules"
	tests := []struct {
		name   string
		answer answer
		want   ptc.Fault // operation and request id left out
		calls  int
	}{
		{
			"denied", always(400, apiError("AccessDeniedException", denial)),
			ptc.Fault{Kind: ptc.FaultDenied, Code: "AccessDeniedException", Message: denial},
			1,
		},
		{
			"another account's", always(403, apiError("UnrecognizedClientException", "who")),
			ptc.Fault{Kind: ptc.FaultDenied, Code: "UnrecognizedClientException", Message: "who"},
			1,
		},
		{
			"403 and no JSON", always(403, html),
			ptc.Fault{Kind: ptc.FaultDenied, Message: "HTTP status 403 Forbidden"},
			1,
		},

		{
			"throttled", always(400, apiError("ThrottlingException", "Rate exceeded")),
			ptc.Fault{Kind: ptc.FaultThrottled, Code: "ThrottlingException", Message: "Rate exceeded", Retryable: true},
			attempts,
		},
		{
			"too many requests", always(400, apiError("TooManyRequestsException", "Rate exceeded")),
			ptc.Fault{Kind: ptc.FaultThrottled, Code: "TooManyRequestsException", Message: "Rate exceeded", Retryable: true},
			attempts,
		},
		{
			"429 and nothing", always(429, ""),
			ptc.Fault{Kind: ptc.FaultThrottled, Message: "HTTP status 429 Too Many Requests", Retryable: true},
			1,
		},

		{
			"500", always(500, apiError("ServerException", "oops")),
			ptc.Fault{Kind: ptc.FaultUnavailable, Code: "ServerException", Message: "oops", Retryable: true},
			attempts,
		},
		{
			"HTML 502", always(502, html),
			ptc.Fault{Kind: ptc.FaultUnavailable, Message: "HTTP status 502 Bad Gateway", Retryable: true},
			attempts,
		},
		{
			"a redirection", always(302, ""),
			ptc.Fault{Kind: ptc.FaultUnavailable, Message: "HTTP status 302 Found", Retryable: true},
			1,
		},
		{
			"cut in mid-body", cutMidBody,
			ptc.Fault{Kind: ptc.FaultUnavailable, Message: "the answer was cut off", Retryable: true},
			1,
		},
		{
			"reset in mid-body", resetMidBody,
			ptc.Fault{Kind: ptc.FaultUnavailable, Message: "the answer was cut off", Retryable: true},
			attempts,
		},
		{
			"cut in mid-body of an error", func(w http.ResponseWriter, r *http.Request, n int) { w.WriteHeader(400); cutMidBody(w, r, n) },
			ptc.Fault{Kind: ptc.FaultUnavailable, Message: "the answer was cut off", Retryable: true},
			1,
		},

		{
			"operation unknown", always(400, apiError("UnknownOperationException", "")),
			ptc.Fault{Kind: ptc.FaultUnavailable, Code: "UnknownOperationException", Message: "HTTP status 400 Bad Request", Retryable: true},
			1,
		},

		{
			"HTML 200", always(200, html),
			ptc.Fault{Kind: ptc.FaultMalformed, Message: "deserialization failed, not JSON: invalid character '<' looking for beginning of value", Retryable: true},
			1,
		},
		{
			"bad parameter", always(400, apiError("InvalidParameterException", "bad")),
			ptc.Fault{Kind: ptc.FaultMalformed, Code: "InvalidParameterException", Message: "bad"},
			1,
		},
		{
			"404", always(404, ""),
			ptc.Fault{Kind: ptc.FaultUnavailable, Message: "HTTP status 404 Not Found"},
			1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.answer)
			_, err := s.client().Rules(t.Context(), registry)
			tt.want.Operation, tt.want.RequestID = ptc.OpDescribeRules, requestID
			if diff := cmp.Diff(&tt.want, asFault(t, err)); diff != "" {
				t.Errorf("fault of Describe differs (-want +got):\n%s", diff)
			}
			if n := len(s.requests()); n != tt.calls {
				t.Errorf("%d attempts, want %d", n, tt.calls)
			}

			_, err = s.client().Validate(t.Context(), registry, rule)
			tt.want.Operation, tt.want.Prefix = ptc.OpValidateRule, "docker-hub"
			if diff := cmp.Diff(&tt.want, asFault(t, err)); diff != "" {
				t.Errorf("fault of Validate differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetriesSucceed(t *testing.T) {
	sound := always(http.StatusOK, page("", item("aa")))
	for name, bad := range map[string]answer{
		"throttled": always(400, apiError("ThrottlingException", "")),
		"500":       always(500, apiError("ServerException", "")),
		"HTML 502":  always(502, "<html>"),
		"cut":       cutBeforeHead,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, inTurn(bad, bad, sound))
			rules, err := s.client().Rules(t.Context(), registry)
			if err != nil || len(rules) != 1 {
				t.Errorf("got %v, %v", rules, err)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	cut := serve(t, cutBeforeHead)
	tests := []struct {
		name, url, want string
	}{
		{"cut before the head", cut.URL, cut.URL + "/: EOF"},
		{"refused", closed.URL, closed.URL + "/: connect: connection refused"},
		{"no such host", "http://api.ecr.invalid", "http://api.ecr.invalid/: lookup api.ecr.invalid: no such host"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config(tt.url)
			if strings.HasSuffix(tt.url, ".invalid") {
				cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.DialContext = noSuchHost })
			}
			_, err := ecrapi.New(cfg, ecrapi.Options{}).Rules(t.Context(), registry)
			want := &ptc.Fault{Operation: ptc.OpDescribeRules, Kind: ptc.FaultUnavailable, Message: tt.want, Retryable: true}
			if diff := cmp.Diff(want, asFault(t, err)); diff != "" {
				t.Errorf("fault differs (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("no endpoint", func(t *testing.T) {
		_, err := ecrapi.New(config("http://%41"), ecrapi.Options{}).Rules(t.Context(), registry)
		if f := asFault(t, err); f.Kind != ptc.FaultUnavailable || f.Message == "" {
			t.Errorf("got fault %+v, want unavailable", f)
		}
	})
}

// noSuchHost is a dialer that resolves no name.
func noSuchHost(_ context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
}

// The client's token bucket outlives an audit: once empty, it refuses retries.
// The fault is the same before and after.
func TestRetryQuota(t *testing.T) {
	tests := []struct {
		name   string
		answer answer
		want   ptc.FaultKind
	}{
		{"throttled", always(400, apiError("ThrottlingException", "Rate exceeded")), ptc.FaultThrottled},
		{"500", always(500, apiError("ServerException", "")), ptc.FaultUnavailable},
		{"cut before the head", cutBeforeHead, ptc.FaultUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.answer)
			c := s.client()
			for range 80 {
				_, err := c.Validate(t.Context(), registry, rule)
				if f := asFault(t, err); f.Kind != tt.want || !f.Retryable {
					t.Fatalf("got fault %+v, want %s and retryable", f, tt.want)
				}
			}
			if n := len(s.requests()); n >= 80*retry.DefaultMaxAttempts {
				t.Errorf("%d calls: the quota never ended, this test shows nothing", n)
			}
		})
	}
	t.Run("with nothing to retry", func(t *testing.T) {
		cfg := config(serve(t, always(http.StatusOK, page(""))).URL)
		cfg.Retryer = func() aws.Retryer { return braked{retry.NewStandard()} }
		_, err := ecrapi.New(cfg, ecrapi.Options{}).Rules(t.Context(), registry)
		if f := asFault(t, err); f.Kind != ptc.FaultThrottled || !f.Retryable || f.Message == "" {
			t.Errorf("got fault %+v, want throttled and retryable", f)
		}
	})
}

// braked is a retryer that refuses every attempt.
type braked struct{ *retry.Standard }

func (braked) GetAttemptToken(context.Context) (func(error) error, error) {
	return nil, ratelimit.QuotaExceededError{Requested: 5}
}

func TestTimeouts(t *testing.T) {
	wait := func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }
	waitMidBody := func(w http.ResponseWriter, r *http.Request, _ int) {
		_, _ = io.WriteString(w, `{"pullThrough`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}

	t.Run("of a call, before the head", func(t *testing.T) {
		s := serve(t, wait)
		_, err := ecrapi.New(config(s.URL), ecrapi.Options{CallTimeout: 100 * time.Millisecond}).Rules(t.Context(), registry)
		want := &ptc.Fault{Operation: ptc.OpDescribeRules, Kind: ptc.FaultTimeout, Message: "no answer within 100ms", Retryable: true}
		if diff := cmp.Diff(want, asFault(t, err)); diff != "" {
			t.Errorf("fault differs (-want +got):\n%s", diff)
		}
		if n := len(s.requests()); n < 2 {
			t.Errorf("%d attempts, want each to have its own time", n)
		}
	})
	t.Run("of a call, in mid-body", func(t *testing.T) {
		_, err := ecrapi.New(config(serve(t, waitMidBody).URL), ecrapi.Options{CallTimeout: 100 * time.Millisecond}).Rules(t.Context(), registry)
		want := &ptc.Fault{Operation: ptc.OpDescribeRules, Kind: ptc.FaultTimeout, Message: "no answer within 100ms", Retryable: true}
		if diff := cmp.Diff(want, asFault(t, err), cmpopts.IgnoreFields(ptc.Fault{}, "RequestID")); diff != "" {
			t.Errorf("fault differs (-want +got):\n%s", diff)
		}
	})
	t.Run("of the audit", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		s := serve(t, wait)
		_, err := s.client().Rules(ctx, registry)
		if f := asFault(t, err); f.Kind != ptc.FaultTimeout || !f.Retryable || f.Message != "the time for the audit ran out" {
			t.Errorf("got fault %+v", f)
		}
		if n := len(s.requests()); n > 1 {
			t.Errorf("%d attempts in an audit that is over", n)
		}
	})
	t.Run("between two attempts", func(t *testing.T) {
		cfg := config(serve(t, always(400, apiError("ThrottlingException", ""))).URL)
		cfg.Retryer = nil // waits for some time
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := ecrapi.New(cfg, ecrapi.Options{}).Rules(ctx, registry)
		if f := asFault(t, err); !f.Retryable {
			t.Errorf("got fault %+v", f)
		}
	})
	t.Run("cancelled before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := serve(t, always(http.StatusOK, page("")))
		_, err := s.client().Rules(ctx, registry)
		if f := asFault(t, err); f.Kind != ptc.FaultTimeout || f.Message != "the audit was cancelled" {
			t.Errorf("got fault %+v", f)
		}
		if n := len(s.requests()); n != 0 {
			t.Errorf("ECR was asked %d times", n)
		}
	})
}

func TestCredentials(t *testing.T) {
	s := serve(t, always(http.StatusOK, page("")))
	cfg := config(s.URL)
	cfg.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no EC2 IMDS role found")
	}))
	_, err := ecrapi.New(cfg, ecrapi.Options{}).Rules(t.Context(), registry)
	want := &ptc.Fault{
		Operation: ptc.OpDescribeRules, Kind: ptc.FaultDenied,
		Message: "no credentials: failed to refresh cached credentials, no EC2 IMDS role found",
	}
	if diff := cmp.Diff(want, asFault(t, err)); diff != "" {
		t.Errorf("fault differs (-want +got):\n%s", diff)
	}
}

// transport answers without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(r *http.Request) (*http.Response, error) { return f(r) }

// For every answer, the result is rules of this registry with a prefix, or a fault.
func FuzzAnswers(f *testing.F) {
	f.Add(200, page("", item("aa"), item("bb")))
	f.Add(200, page("token", item("aa")))
	f.Add(200, verdict("docker-hub", "111122223333", `"isValid":false,"failure":"x"`))
	f.Add(400, apiError("ThrottlingException", "x"))
	f.Add(502, "<html>")
	f.Add(200, `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"a\ud800","createdAt":1e300}]}`)
	var answer http.Response
	var text string
	cfg := config("http://127.0.0.1")
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cfg.HTTPClient = transport(func(*http.Request) (*http.Response, error) {
		answer.Header, answer.Body = http.Header{}, io.NopCloser(strings.NewReader(text))
		return &answer, nil
	})
	c := ecrapi.New(cfg, ecrapi.Options{})
	f.Fuzz(func(t *testing.T, status int, body string) {
		answer.StatusCode, text = status, body
		rules, err := c.Rules(t.Context(), registry)
		switch {
		case err != nil:
			if f := asFault(t, err); f.Kind == "" || f.Message == "" || rules != nil {
				t.Errorf("got %v and fault %+v", rules, f)
			}
		case rules == nil:
			t.Error("neither rules nor a fault")
		}
		seen := map[string]bool{}
		for _, r := range rules {
			if r.Prefix == "" || seen[r.Prefix] {
				t.Errorf("prefix %q is empty or there twice", r.Prefix)
			}
			seen[r.Prefix] = true
		}

		v, err := c.Validate(t.Context(), registry, rule)
		if (err == nil) != (v.Status != ptc.ValidationUnknown) {
			t.Errorf("got verdict %v and error %v", v, err)
		}
		if err != nil && !errors.Is(err, ptc.ErrRuleNotFound) {
			_ = asFault(t, err)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	body := verdict("docker-hub", "111122223333", `"isValid":true`)
	cfg := config("http://127.0.0.1")
	cfg.HTTPClient = transport(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	})
	c := ecrapi.New(cfg, ecrapi.Options{})
	for b.Loop() {
		if _, err := c.Validate(b.Context(), registry, rule); err != nil {
			b.Fatal(fmt.Errorf("validate: %w", err))
		}
	}
}
