// Package fault turns the errors of AWS's clients into *ptc.Fault: one table of
// error codes and one classification for all services. An adapter adds only the
// codes of its own service, and says how long its calls may take.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"ptcaudit/internal/ptc"
)

// MaxLength limits, in bytes, each text that a Fault quotes. CloudTrail cuts
// error messages at the same length:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
const MaxLength = 1 << 10

// Meaning is what an error means for the call that it ended.
type Meaning struct {
	Kind ptc.FaultKind
	// Retryable: the same call may succeed later, without anyone's action.
	Retryable bool
}

// The meanings that errors can have.
var (
	Denied      = Meaning{Kind: ptc.FaultDenied}
	Throttled   = Meaning{Kind: ptc.FaultThrottled, Retryable: true}
	Unavailable = Meaning{Kind: ptc.FaultUnavailable, Retryable: true}
	TimedOut    = Meaning{Kind: ptc.FaultTimeout, Retryable: true}
	// Gone: a resource is missing or disabled until someone restores it.
	Gone = Meaning{Kind: ptc.FaultUnavailable}
	// Refused: the service does not accept the request.
	Refused = Meaning{Kind: ptc.FaultMalformed}
	// Unreadable: the answer cannot be understood. The next one may be.
	Unreadable = Meaning{Kind: ptc.FaultMalformed, Retryable: true}
)

// codes are the error codes that mean something else than their HTTP status,
// for all services. They include those of the services that issue credentials,
// and of AWS KMS as ECR, S3, SNS and SQS report it. Codes of throttling that the
// SDK knows are in retry.DefaultThrottleErrorCodes. References:
//
//   - ECR: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
//   - STS: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
//   - S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
//   - SNS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
//   - SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
//   - KMS: https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
var codes = map[string]Meaning{
	"AccessDenied":                         Denied,
	"AccessDeniedException":                Denied,
	"AuthFailure":                          Denied,
	"BlockedByOrganizationPolicyException": Denied,
	"ExpiredToken":                         Denied,
	"ExpiredTokenException":                Denied,
	"IncompleteSignature":                  Denied,
	"IncompleteSignatureException":         Denied,
	"InvalidAccessKeyId":                   Denied,
	"InvalidClientTokenId":                 Denied,
	"InvalidSignatureException":            Denied,
	"InvalidToken":                         Denied,
	"MissingAuthenticationToken":           Denied,
	"MissingAuthenticationTokenException":  Denied,
	"NotAuthorized":                        Denied,
	"OptInRequired":                        Denied,
	"RequestExpired":                       Denied,
	"SignatureDoesNotMatch":                Denied,
	"UnauthorizedException":                Denied,
	"UnauthorizedOperation":                Denied,
	"UnrecognizedClientException":          Denied,
	"KMSAccessDenied":                      Denied,
	"KmsAccessDenied":                      Denied,
	"KMSOptInRequired":                     Denied,
	"KmsOptInRequired":                     Denied,

	"Throttled":               Throttled,
	"KMSThrottling":           Throttled,
	"KmsThrottled":            Throttled,
	"KMS.ThrottlingException": Throttled,

	"InternalError":               Unavailable,
	"InternalFailure":             Unavailable,
	"InternalServerError":         Unavailable,
	"InternalServerException":     Unavailable,
	"ServerException":             Unavailable,
	"ServiceUnavailable":          Unavailable,
	"ServiceUnavailableException": Unavailable,

	"RequestTimeout":          TimedOut,
	"RequestTimeoutException": TimedOut,

	"KMSDisabled":                  Gone,
	"KmsDisabled":                  Gone,
	"KMS.DisabledException":        Gone,
	"KMSInvalidState":              Gone,
	"KmsInvalidState":              Gone,
	"KMS.KMSInvalidStateException": Gone,
	"KMSNotFound":                  Gone,
	"KmsNotFound":                  Gone,
	"KMS.NotFoundException":        Gone,
}

// Classifier makes faults of the errors of one adapter.
type Classifier struct {
	// CallTimeout is how long one attempt of a call may take. It is quoted in
	// the message of a timeout.
	CallTimeout time.Duration
	// Task is what the caller's context limits, as "the audit". It is quoted
	// when the context ends. Empty means "the call".
	Task string
	// Codes are the codes of the adapter's own service. They win over the table
	// of all services, and do not apply to the services that issue credentials.
	Codes map[string]Meaning
}

// Fault is the fault of an operation whose client returned err. The caller sets
// its Prefix.
func (c Classifier) Fault(ctx context.Context, operation string, err error) *ptc.Fault {
	a := Read(err)
	m, message := c.explain(ctx, err, a)
	return &ptc.Fault{
		Operation: operation,
		Kind:      m.Kind,
		Code:      Clip(a.Code, MaxLength),
		Message:   Clip(message, MaxLength),
		RequestID: Clip(a.RequestID, MaxLength),
		Retryable: m.Retryable,
	}
}

// explain decides by types, codes and statuses, never by text. Its message is
// the service's own, if the service gave one. An unknown error may pass: it is
// retryable.
func (c Classifier) explain(ctx context.Context, err error, a Answer) (Meaning, string) {
	ofCredentials := is[*credentialsError](err)
	known, isKnown := codes[a.Code]
	if own, isOwn := c.Codes[a.Code]; isOwn && !ofCredentials {
		known, isKnown = own, true
	}
	_, isThrottle := retry.DefaultThrottleErrorCodes[a.Code]
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		task := c.Task
		if task == "" {
			task = "the call"
		}
		if errors.Is(err, context.Canceled) {
			return TimedOut, task + " was cancelled"
		}
		return TimedOut, "the time for " + task + " ran out"
	case isKnown:
		return known, a.text(err)
	case isThrottle, a.Status == http.StatusTooManyRequests:
		return Throttled, a.text(err)
	case a.Status >= http.StatusInternalServerError:
		return Unavailable, a.text(err)
	case ofCredentials:
		return Denied, "no credentials: " + a.text(err)
	case isTimeout(err), a.Status == http.StatusRequestTimeout:
		return TimedOut, fmt.Sprintf("no answer within %s", c.CallTimeout)
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return Denied, a.text(err)
	// The connection was cut in the middle of the answer.
	case errors.Is(err, io.ErrUnexpectedEOF), a.Status != 0 && is[*net.OpError](err):
		return Unavailable, "the answer was cut off"
	case a.Status == http.StatusNotFound:
		return Gone, a.text(err)
	case a.Status >= http.StatusBadRequest:
		return Refused, a.text(err)
	// Half an answer, or the page of a proxy.
	case is[*smithy.DeserializationError](err):
		return Unreadable, a.text(err)
	case is[*smithyhttp.RequestSendError](err):
		return Unavailable, a.text(err)
	// The client's own limit on retries. Such an error includes the cause of the
	// retries, which was read above, so that a fault is the same with and without
	// the limit.
	case is[ratelimit.QuotaExceededError](err):
		return Throttled, a.text(err)
	}
	return Unavailable, a.text(err)
}

// Answer is what a service answered beside an error. All fields are empty if it
// did not answer.
type Answer struct {
	// Status is the HTTP status; 0 if none.
	Status int
	// Code and Message are the service's own; empty if the answer has none.
	Code, Message string
	RequestID     string
}

// unknownError is what the SDK sets as code or text if the answer has none.
const unknownError = "UnknownError"

// Read takes the service's answer from an error of its client.
func Read(err error) Answer {
	var a Answer
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		a.Status = response.HTTPStatusCode()
		a.RequestID = response.ServiceRequestID()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		a.Code, a.Message = api.ErrorCode(), api.ErrorMessage()
	}
	if a.Code == unknownError {
		a.Code = ""
	}
	if a.Message == unknownError {
		a.Message = ""
	}
	return a
}

// text is the service's message, or else what kind of answer it was.
func (a Answer) text(err error) string {
	if a.Message != "" {
		return a.Message
	}
	if a.Status >= http.StatusMultipleChoices {
		return fmt.Sprintf("HTTP status %d %s", a.Status, http.StatusText(a.Status))
	}
	if cause, ok := errors.AsType[*credentialsError](err); ok {
		return cause.Error()
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		cause := failed.Err
		// Without the addresses: the local port differs each time.
		if connection, ok := errors.AsType[*net.OpError](cause); ok {
			cause = connection.Err
		}
		return failed.URL + ": " + cause.Error()
	}
	if malformed, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return malformed.Error()
	}
	return err.Error()
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// isTimeout is also true for a connection that was closed locally: after a
// timeout, net/http closes the connection before it reports the timeout.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, net.ErrClosed)
}

// Clip cuts a text from outside to at most limit bytes, at the start of a
// character, and ends it with its whole length. Invalid UTF-8 is replaced. The
// limit must leave room for that end: 40 bytes are enough.
func Clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if len(s) <= limit {
		return s
	}
	end := fmt.Sprintf("… (%d bytes in all)", len(s))
	cut := limit - len(end)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + end
}

// Credentials marks the errors of p, so that a Classifier knows that the
// credentials caused the error, and not the service. The SDK distinguishes them by
// text only. A nil p stays nil.
func Credentials(p aws.CredentialsProvider) aws.CredentialsProvider {
	if p == nil {
		return nil
	}
	return marked{p}
}

type marked struct{ aws.CredentialsProvider }

func (m marked) Retrieve(ctx context.Context) (aws.Credentials, error) {
	v, err := m.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		err = &credentialsError{err}
	}
	return v, err
}

type credentialsError struct{ error }

func (e *credentialsError) Unwrap() error { return e.error }
