package ecrapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"ptcaudit/internal/ptc"
)

// meaning is what an error says about the call that it ended.
type meaning struct {
	kind      ptc.FaultKind
	retryable bool
}

var (
	denied      = meaning{kind: ptc.FaultDenied}
	throttled   = meaning{kind: ptc.FaultThrottled, retryable: true}
	unavailable = meaning{kind: ptc.FaultUnavailable, retryable: true}
	timedOut    = meaning{kind: ptc.FaultTimeout, retryable: true}
	unsupported = meaning{kind: ptc.FaultUnsupported}
	refused     = meaning{kind: ptc.FaultMalformed}
	unreadable  = meaning{kind: ptc.FaultMalformed, retryable: true}
)

// meanings has the error codes that mean more than their HTTP status says, from
// ECR and from the services that give credentials. Codes of throttling are the
// SDK's own list. References:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
var meanings = map[string]meaning{
	"AccessDenied":                         denied,
	"AccessDeniedException":                denied,
	"AuthFailure":                          denied,
	"BlockedByOrganizationPolicyException": denied,
	"ExpiredToken":                         denied,
	"ExpiredTokenException":                denied,
	"IncompleteSignature":                  denied,
	"IncompleteSignatureException":         denied,
	"InvalidAccessKeyId":                   denied,
	"InvalidClientTokenId":                 denied,
	"InvalidSignatureException":            denied,
	"MissingAuthenticationToken":           denied,
	"MissingAuthenticationTokenException":  denied,
	"NotAuthorized":                        denied,
	"OptInRequired":                        denied,
	"RequestExpired":                       denied,
	"SignatureDoesNotMatch":                denied,
	"UnauthorizedException":                denied,
	"UnauthorizedOperation":                denied,
	"UnrecognizedClientException":          denied,

	"InternalError":               unavailable,
	"InternalFailure":             unavailable,
	"InternalServerError":         unavailable,
	"InternalServerException":     unavailable,
	"ServerException":             unavailable,
	"ServiceUnavailable":          unavailable,
	"ServiceUnavailableException": unavailable,

	"RequestTimeout":          timedOut,
	"RequestTimeoutException": timedOut,

	"UnknownOperationException": unsupported,
}

// unknownError is what the SDK puts for a code, or a text, that an answer lacks.
const unknownError = "UnknownError"

// fault says in our words why a call failed.
func (c *Client) fault(ctx context.Context, operation, prefix string, err error) *ptc.Fault {
	a := read(err)
	m, message := c.explain(ctx, err, a)
	return &ptc.Fault{
		Operation: operation,
		Prefix:    prefix,
		Kind:      m.kind,
		Code:      clip(a.code, MaxMessageLength),
		Message:   clip(message, MaxMessageLength),
		RequestID: clip(a.requestID, MaxMessageLength),
		Retryable: m.retryable,
	}
}

// explain finds what an error means, by types, codes and statuses, never by
// text, and how to say it: in the service's own words where it gave any, and
// without what the SDK wraps around them. What nobody knows may be over soon:
// it is retryable.
func (c *Client) explain(ctx context.Context, err error, a answer) (meaning, string) {
	known, isKnown := meanings[a.code]
	_, isThrottle := retry.DefaultThrottleErrorCodes[a.code]
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		if errors.Is(err, context.Canceled) {
			return timedOut, "the audit was cancelled"
		}
		return timedOut, "the time for the audit ran out"
	// Of the services that give credentials none says what ECR has.
	case isKnown && (known != unsupported || !is[*credentialsError](err)):
		return known, a.text(err)
	case isThrottle, a.status == http.StatusTooManyRequests:
		return throttled, a.text(err)
	case a.status >= http.StatusInternalServerError:
		return unavailable, a.text(err)
	case is[*credentialsError](err):
		return denied, "no credentials: " + a.text(err)
	case isTimeout(err), a.status == http.StatusRequestTimeout:
		return timedOut, fmt.Sprintf("no answer within %s", c.callTimeout)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return denied, a.text(err)
	// The connection was cut in the middle of the answer.
	case errors.Is(err, io.ErrUnexpectedEOF), a.status != 0 && is[*net.OpError](err):
		return unavailable, "the answer was cut off"
	// ECR, or what stands in its place, does not take what we say.
	case a.status >= http.StatusBadRequest:
		return refused, a.text(err)
	// We do not understand what it says: a proxy's page, half an answer.
	case is[*smithy.DeserializationError](err):
		return unreadable, a.text(err)
	case is[*smithyhttp.RequestSendError](err):
		return unavailable, a.text(err)
	// The client's own brake, after too many retries. Where it stands beside
	// what was to be retried, that has been read above: every rule that fails
	// for one reason then has one fault, whether or not the brake was on.
	case is[ratelimit.QuotaExceededError](err):
		return throttled, a.text(err)
	}
	return unavailable, a.text(err)
}

// answer is what came with an error; all fields are empty where nothing did.
type answer struct {
	status                   int
	code, message, requestID string
}

func read(err error) answer {
	var a answer
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		a.status = response.HTTPStatusCode()
		a.requestID = response.ServiceRequestID()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		a.code, a.message = api.ErrorCode(), api.ErrorMessage()
	}
	if a.code == unknownError {
		a.code = ""
	}
	if a.message == unknownError {
		a.message = ""
	}
	return a
}

// text is the answer's own, or else says what kind of answer, or none, it was.
func (a answer) text(err error) string {
	if a.message != "" {
		return a.message
	}
	if a.status >= http.StatusMultipleChoices {
		return fmt.Sprintf("HTTP status %d %s", a.status, http.StatusText(a.status))
	}
	if cause, ok := errors.AsType[*credentialsError](err); ok {
		return cause.Error()
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		cause := failed.Err
		// Without the addresses: our port is another each time.
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

// isTimeout also takes a connection that was closed on this side for a timeout:
// net/http closes it a moment before it knows why.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, net.ErrClosed)
}

// credentials marks the errors of a provider of credentials, which are not
// ECR's and which the SDK tells apart by a text only.
type credentials struct{ aws.CredentialsProvider }

func (c credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	v, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		err = &credentialsError{err}
	}
	return v, err
}

type credentialsError struct{ error }

func (e *credentialsError) Unwrap() error { return e.error }
