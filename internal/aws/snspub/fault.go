package snspub

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
	// gone: what the topic needs is not there, or not in use, until somebody
	// sees to it.
	gone = meaning{kind: ptc.FaultUnavailable}
	// refused: SNS does not take what we say.
	refused = meaning{kind: ptc.FaultMalformed}
)

// Codes that SNS throttles with, besides those that the SDK knows.
const (
	codeThrottled     = "Throttled"
	codeKMSThrottling = "KMSThrottling"
)

// meanings has the error codes that mean something else than their HTTP status
// says: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
// https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
var meanings = map[string]meaning{
	"NotFound":            gone,
	"EndpointDisabled":    gone,
	"KMSDisabled":         gone,
	"KMSInvalidState":     gone,
	"KMSNotFound":         gone,
	"KMSAccessDenied":     denied,
	"IncompleteSignature": denied,
	"RequestExpired":      denied,
	codeKMSThrottling:     throttled,
	codeThrottled:         throttled,
	"RequestTimeout":      timedOut,
}

// maxMessageLength bounds, in bytes, what a fault quotes.
const maxMessageLength = 1 << 10

// fault says in our words why a call failed: by types, codes and statuses,
// never by text. What nobody knows may be over soon: it is retryable.
func (p *Publisher) fault(ctx context.Context, err error) *ptc.Fault {
	f := &ptc.Fault{Operation: Operation, Message: err.Error()}
	status := 0
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
		f.RequestID = response.ServiceRequestID()
		f.Message = fmt.Sprintf("HTTP status %d %s", status, http.StatusText(status))
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() != "UnknownError" {
		f.Code = api.ErrorCode()
		if api.ErrorMessage() != "" {
			f.Message = api.ErrorMessage()
		}
	}

	m := unavailable
	known, isKnown := meanings[f.Code]
	_, isThrottle := retry.DefaultThrottleErrorCodes[f.Code]
	_, braked := errors.AsType[ratelimit.QuotaExceededError](err) // the client's own: too many calls had to be retried
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		m, f.Message = timedOut, "the time for publishing ran out"
		if errors.Is(err, context.Canceled) {
			f.Message = "publishing was cancelled"
		}
	case isKnown:
		m = known
	case isThrottle, status == http.StatusTooManyRequests, braked:
		m = throttled
	case status >= http.StatusInternalServerError:
	case status == http.StatusRequestTimeout, errors.As(err, &timeout) && timeout.Timeout():
		m, f.Message = timedOut, fmt.Sprintf("no answer within %s", p.callTimeout)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		m = denied
	case status >= http.StatusBadRequest:
		m = refused
	}
	f.Kind, f.Retryable = m.kind, m.retryable
	if len(f.Message) > maxMessageLength {
		f.Message = f.Message[:maxMessageLength]
	}
	return f
}
