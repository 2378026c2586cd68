package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

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
	// gone: the bucket, its key, or what is kept there cannot be used until
	// somebody sees to it.
	gone = meaning{kind: ptc.FaultUnavailable}
	// refused: S3 does not take what we say.
	refused = meaning{kind: ptc.FaultMalformed}
)

// meanings has the error codes that mean something else than their HTTP status
// says: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var meanings = map[string]meaning{
	"NoSuchBucket":                 gone,
	"InvalidObjectState":           gone, // archived; its status is 403
	"KMS.DisabledException":        gone,
	"KMS.NotFoundException":        gone,
	"KMS.KMSInvalidStateException": gone,
	"ExpiredToken":                 denied,
	"InvalidToken":                 denied,
	"KMS.ThrottlingException":      throttled,
	"RequestTimeout":               timedOut,
	"BadDigest":                    unavailable, // damaged on its way
	"IncompleteBody":               unavailable,
	"NotImplemented":               refused,
}

// maxMessageLength bounds, in bytes, what a fault quotes.
const maxMessageLength = 1 << 10

// fault says in our words why a call to S3 failed: by types, codes and
// statuses, never by text. What nobody knows may be over soon: it is retryable.
func fault(ctx context.Context, operation string, err error) *ptc.Fault {
	a := read(err)
	m, message := explain(ctx, err, a)
	if len(message) > maxMessageLength {
		message = message[:maxMessageLength]
	}
	return &ptc.Fault{
		Operation: operation,
		Kind:      m.kind,
		Code:      a.code,
		Message:   strings.ToValidUTF8(message, ""),
		RequestID: a.requestID,
		Retryable: m.retryable,
	}
}

func explain(ctx context.Context, err error, a answer) (meaning, string) {
	known, isKnown := meanings[a.code]
	_, isThrottle := retry.DefaultThrottleErrorCodes[a.code]
	_, braked := errors.AsType[ratelimit.QuotaExceededError](err) // the client's own: too many calls had to be retried
	_, noCredentials := errors.AsType[*credentialsError](err)
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		if errors.Is(err, context.Canceled) {
			return timedOut, "the call was cancelled"
		}
		return timedOut, "the time for the call ran out"
	case isKnown:
		return known, a.message
	case isThrottle, a.status == http.StatusTooManyRequests, braked && a.status == 0:
		return throttled, a.message
	case a.status >= http.StatusInternalServerError:
		return unavailable, a.message
	case noCredentials:
		return denied, "no credentials: " + a.message
	// A connection that was closed on this side is one too: net/http closes it
	// a moment before it knows why.
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, net.ErrClosed), a.status == http.StatusRequestTimeout:
		return timedOut, fmt.Sprintf("no answer within %s", CallTimeout)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return denied, a.message
	case a.status == http.StatusNotFound:
		return gone, a.message
	case a.status >= http.StatusMultipleChoices:
		return refused, a.message
	default:
		return unavailable, a.message
	}
}

// answer is what came with an error; where nothing did, only the message is
// set, to the error's own words.
type answer struct {
	status                   int
	code, message, requestID string
}

func read(err error) answer {
	if err == nil {
		return answer{}
	}
	a := answer{message: err.Error()}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		a.status = response.HTTPStatusCode()
		a.requestID = response.ServiceRequestID()
		a.message = fmt.Sprintf("HTTP status %d %s", a.status, http.StatusText(a.status))
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() != "UnknownError" {
		a.code = api.ErrorCode()
		if api.ErrorMessage() != "" {
			a.message = api.ErrorMessage()
		}
	}
	if cause, ok := errors.AsType[*credentialsError](err); ok {
		a.message = cause.Error()
	}
	return a
}

// credentials marks the errors of a provider of credentials, which are not
// S3's and which the SDK tells apart by a text only.
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
