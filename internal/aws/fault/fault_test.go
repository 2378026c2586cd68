package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/aws/fault"
	"ptcaudit/internal/ptc"
)

// answered is the error that an AWS client makes of an answer with this HTTP
// status, around a cause.
func answered(status int, cause error) error {
	return &smithy.OperationError{ServiceID: "ECR", OperationName: "Call", Err: &awshttp.ResponseError{
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: cause},
		RequestID:     "request-1",
	}}
}

func coded(status int, code, message string) error {
	return answered(status, &smithy.GenericAPIError{Code: code, Message: message})
}

// sent is the error that an AWS client makes of a request without an answer.
func sent(cause error) error {
	return &smithy.OperationError{ServiceID: "ECR", OperationName: "Call", Err: &smithyhttp.RequestSendError{
		Err: &url.Error{Op: "Post", URL: "https://api.ecr.eu-west-1.amazonaws.com/", Err: cause},
	}}
}

// credentials is the error of a provider of credentials, as a client passes it
// on.
func credentials(t *testing.T, cause error) error {
	t.Helper()
	_, err := fault.Credentials(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, cause
	})).Retrieve(t.Context())
	return &smithy.OperationError{ServiceID: "ECR", OperationName: "Call", Err: fmt.Errorf("get credentials: %w", err)}
}

type timeout struct{}

func (timeout) Error() string { return "i/o timeout" }
func (timeout) Timeout() bool { return true }

func TestFault(t *testing.T) {
	quota := func(cause error) error {
		return errors.Join(ratelimit.QuotaExceededError{Available: 0, Requested: 5}, cause)
	}
	type want struct {
		kind      ptc.FaultKind
		retryable bool
		code      string
		message   string
	}
	tests := []struct {
		name string
		err  error
		want want
	}{
		{"denied", coded(400, "AccessDeniedException", "not authorized"), want{ptc.FaultDenied, false, "AccessDeniedException", "not authorized"}},
		{"expired token", coded(400, "ExpiredToken", "expired"), want{ptc.FaultDenied, false, "ExpiredToken", "expired"}},
		{"invalid token of S3", coded(400, "InvalidToken", "invalid"), want{ptc.FaultDenied, false, "InvalidToken", "invalid"}},
		{"clock is wrong", coded(400, "RequestExpired", "expired"), want{ptc.FaultDenied, false, "RequestExpired", "expired"}},
		{"policy of the organization", coded(400, "BlockedByOrganizationPolicyException", "no"), want{ptc.FaultDenied, false, "BlockedByOrganizationPolicyException", "no"}},
		{"403 and an unknown code", coded(403, "NovelException", "no"), want{ptc.FaultDenied, false, "NovelException", "no"}},
		{"403 and no code", answered(403, errors.New("no JSON")), want{ptc.FaultDenied, false, "", "HTTP status 403 Forbidden"}},
		{"401 and no code", answered(401, errors.New("no JSON")), want{ptc.FaultDenied, false, "", "HTTP status 401 Unauthorized"}},

		{"throttled", coded(400, "ThrottlingException", "Rate exceeded"), want{ptc.FaultThrottled, true, "ThrottlingException", "Rate exceeded"}},
		{"throttled by SNS", coded(400, "Throttled", "slower"), want{ptc.FaultThrottled, true, "Throttled", "slower"}},
		{"throttled by SQS", coded(400, "RequestThrottled", "slower"), want{ptc.FaultThrottled, true, "RequestThrottled", "slower"}},
		{"throttled by S3", coded(503, "SlowDown", "slower"), want{ptc.FaultThrottled, true, "SlowDown", "slower"}},
		{"429 and an unknown code", coded(429, "NovelException", "slower"), want{ptc.FaultThrottled, true, "NovelException", "slower"}},
		{"the client's own limit on retries", quota(nil), want{ptc.FaultThrottled, true, "", "retry quota exceeded, 0 available, 5 requested"}},
		{"limit on retries, after a 500", quota(coded(500, "ServerException", "oops")), want{ptc.FaultUnavailable, true, "ServerException", "oops"}},

		{"key denied, as SNS reports it", coded(400, "KMSAccessDenied", "key"), want{ptc.FaultDenied, false, "KMSAccessDenied", "key"}},
		{"key denied, as SQS reports it", coded(400, "KmsAccessDenied", "key"), want{ptc.FaultDenied, false, "KmsAccessDenied", "key"}},
		{"key throttled, as SNS reports it", coded(400, "KMSThrottling", "key"), want{ptc.FaultThrottled, true, "KMSThrottling", "key"}},
		{"key throttled, as S3 reports it", coded(400, "KMS.ThrottlingException", "key"), want{ptc.FaultThrottled, true, "KMS.ThrottlingException", "key"}},
		{"key disabled, as S3 reports it", coded(400, "KMS.DisabledException", "key"), want{ptc.FaultUnavailable, false, "KMS.DisabledException", "key"}},
		{"key missing, as SQS reports it", coded(400, "KmsNotFound", "key"), want{ptc.FaultUnavailable, false, "KmsNotFound", "key"}},

		{"500", coded(500, "NovelException", "oops"), want{ptc.FaultUnavailable, true, "NovelException", "oops"}},
		{"code of a 500 with another status", coded(400, "ServerException", "oops"), want{ptc.FaultUnavailable, true, "ServerException", "oops"}},
		{"502 of a proxy", answered(502, errors.New("no JSON")), want{ptc.FaultUnavailable, true, "", "HTTP status 502 Bad Gateway"}},
		{"redirection", answered(302, errors.New("no JSON")), want{ptc.FaultUnavailable, true, "", "HTTP status 302 Found"}},
		{"404 of a proxy", answered(404, errors.New("no JSON")), want{ptc.FaultUnavailable, false, "", "HTTP status 404 Not Found"}},
		{"answer cut off", answered(200, &smithy.DeserializationError{Err: io.ErrUnexpectedEOF}), want{ptc.FaultUnavailable, true, "", "the answer was cut off"}},
		{"answer reset", answered(200, &net.OpError{Op: "read", Err: errors.New("reset")}), want{ptc.FaultUnavailable, true, "", "the answer was cut off"}},
		{"connection refused", sent(&net.OpError{Op: "dial", Err: errors.New("connection refused")}), want{ptc.FaultUnavailable, true, "", "https://api.ecr.eu-west-1.amazonaws.com/: connection refused"}},
		{"unknown error", errors.New("strange"), want{ptc.FaultUnavailable, true, "", "strange"}},

		{"timeout of an attempt", sent(timeout{}), want{ptc.FaultTimeout, true, "", "no answer within 10s"}},
		{"connection closed on this side", sent(&net.OpError{Op: "read", Err: net.ErrClosed}), want{ptc.FaultTimeout, true, "", "no answer within 10s"}},
		{"timeout by code", coded(400, "RequestTimeout", "too slow"), want{ptc.FaultTimeout, true, "RequestTimeout", "too slow"}},
		{"timeout by status", answered(408, errors.New("no JSON")), want{ptc.FaultTimeout, true, "", "no answer within 10s"}},

		{"invalid parameter", coded(400, "InvalidParameterException", "bad"), want{ptc.FaultMalformed, false, "InvalidParameterException", "bad"}},
		{"invalid parameter without a message", coded(400, "InvalidParameterException", "UnknownError"), want{ptc.FaultMalformed, false, "InvalidParameterException", "HTTP status 400 Bad Request"}},
		{"no code, in the SDK's words", coded(400, "UnknownError", "UnknownError"), want{ptc.FaultMalformed, false, "", "HTTP status 400 Bad Request"}},
		{"page of a proxy", answered(200, &smithy.DeserializationError{Err: errors.New("no JSON")}), want{ptc.FaultMalformed, true, "", "deserialization failed, no JSON"}},

		{"no credentials", credentials(t, errors.New("no session")), want{ptc.FaultDenied, false, "", "no credentials: no session"}},
		{"credentials time out", credentials(t, timeout{}), want{ptc.FaultDenied, false, "", "no credentials: i/o timeout"}},
		{"role denied", credentials(t, coded(403, "AccessDenied", "of STS")), want{ptc.FaultDenied, false, "AccessDenied", "of STS"}},
		{"session ended", credentials(t, coded(400, "InvalidGrantException", "of SSO")), want{ptc.FaultDenied, false, "InvalidGrantException", "no credentials: of SSO"}},
		{"STS throttles", credentials(t, coded(400, "Throttling", "of STS")), want{ptc.FaultThrottled, true, "Throttling", "of STS"}},
		{"STS is down", credentials(t, coded(503, "NovelException", "of STS")), want{ptc.FaultUnavailable, true, "NovelException", "of STS"}},

		{"own code", coded(400, "OwnException", "own"), want{ptc.FaultMalformed, true, "OwnException", "own"}},
		{"own code wins over the table", coded(503, "InternalError", "own"), want{ptc.FaultMalformed, true, "InternalError", "own"}},
		{"own code of a service that gives credentials", credentials(t, coded(400, "OwnException", "of STS")), want{ptc.FaultDenied, false, "OwnException", "no credentials: of STS"}},
	}
	c := fault.Classifier{CallTimeout: 10 * time.Second, Codes: map[string]fault.Meaning{
		"OwnException":  fault.Unreadable,
		"InternalError": fault.Unreadable,
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := c.Fault(t.Context(), "Call", tt.err)
			id := ""
			if fault.Read(tt.err).Status != 0 {
				id = "request-1"
			}
			expected := &ptc.Fault{
				Operation: "Call", Kind: tt.want.kind, Code: tt.want.code, Message: tt.want.message, RequestID: id, Retryable: tt.want.retryable,
			}
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Errorf("fault differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultOfContext(t *testing.T) {
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		task string
		err  error
		want string
	}{
		{"deadline", expired, "the audit", sent(context.DeadlineExceeded), "the time for the audit ran out"},
		{"deadline without a task", expired, "", sent(context.DeadlineExceeded), "the time for the call ran out"},
		{"cancelled", cancelled, "the audit", sent(context.Canceled), "the audit was cancelled"},
		{"timeout of an attempt only", t.Context(), "the audit", sent(context.DeadlineExceeded), "no answer within 10s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fault.Classifier{CallTimeout: 10 * time.Second, Task: tt.task}.Fault(tt.ctx, "Call", tt.err)
			if got.Kind != ptc.FaultTimeout || !got.Retryable || got.Message != tt.want {
				t.Errorf("got %+v, want message %q", got, tt.want)
			}
		})
	}
	t.Run("answered before the context ended", func(t *testing.T) {
		if got := (fault.Classifier{}).Fault(cancelled, "Call", coded(403, "AccessDenied", "no")); got.Kind != ptc.FaultDenied {
			t.Errorf("got %+v, want the service's answer", got)
		}
	})
}

func TestFaultIsBounded(t *testing.T) {
	long := strings.Repeat("é", fault.MaxLength)
	f := fault.Classifier{}.Fault(t.Context(), "Call", coded(400, long, long))
	for name, s := range map[string]string{"code": f.Code, "message": f.Message} {
		if len(s) > fault.MaxLength || !utf8.ValidString(s) || !strings.HasSuffix(s, "… (2048 bytes in all)") {
			t.Errorf("%s: %d bytes: %.20q", name, len(s), s)
		}
	}
}

func TestClip(t *testing.T) {
	tests := []struct {
		name, in string
		limit    int
		want     string
	}{
		{"empty", "", 40, ""},
		{"as long as the limit", strings.Repeat("a", 40), 40, strings.Repeat("a", 40)},
		{"longer", strings.Repeat("a", 100), 40, strings.Repeat("a", 18) + "… (100 bytes in all)"},
		{"within a character", strings.Repeat("é", 50), 39, strings.Repeat("é", 8) + "… (100 bytes in all)"},
		{"invalid UTF-8", "a\xffb", 40, "a\ufffdb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fault.Clip(tt.in, tt.limit); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNoCredentialsStayNil(t *testing.T) {
	if got := fault.Credentials(nil); got != nil {
		t.Errorf("got %v, want nil: the SDK tests for it", got)
	}
}
