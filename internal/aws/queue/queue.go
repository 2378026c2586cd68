// Package queue has an Amazon SQS queue hand messages out again when we want,
// rather than after the queue's visibility timeout. It is the only package
// that imports the SQS client: no type of the SDK leaves it, and every error
// that does is a *ptc.Fault. It knows nothing of what the messages say or of
// how long they should wait, and logs nothing.
package queue

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/ptc"
)

// Operation is the API operation, as it stands in a Fault. Its batches need
// the IAM permission sqs:ChangeMessageVisibility on the queue:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
const Operation = "ChangeMessageVisibility"

// batchLimit is how many messages one call may name:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
const batchLimit = 10

// One attempt of a call takes milliseconds. What fails is soon given up: then
// the messages come back all the same, only later.
const (
	callTimeout = 3 * time.Second
	attempts    = 2
)

// Queues are the queues of an account. They may be used by several goroutines.
type Queues struct {
	api *sqs.Client
}

// New makes Queues with the credentials and endpoints of cfg.
func New(cfg aws.Config) *Queues {
	cfg.HTTPClient = wire.Client(cfg.HTTPClient, callTimeout)
	return &Queues{api: sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.Retryer = retry.AddWithMaxAttempts(o.Retryer, attempts)
	})}
}

// Delay has the queue hand out each message, named by its receipt handle,
// after so long from now; 0 is at once. Its error is a *ptc.Fault: then at
// least one of them waits for the queue's visibility timeout instead.
func (q *Queues) Delay(ctx context.Context, queueARN string, delays map[string]time.Duration) error {
	queueURL, region, err := address(ctx, queueARN)
	if err != nil {
		return err
	}
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, 0, len(delays))
	for receipt, delay := range delays {
		entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id:                aws.String(strconv.Itoa(len(entries))),
			ReceiptHandle:     aws.String(receipt),
			VisibilityTimeout: int32((delay + time.Second - 1) / time.Second), //nolint:gosec // SQS allows 12 hours
		})
	}
	var faults []error
	for batch := range slices.Chunk(entries, batchLimit) {
		out, err := q.api.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
			QueueUrl: aws.String(queueURL),
			Entries:  batch,
		}, func(o *sqs.Options) { o.Region = region })
		if err != nil {
			faults = append(faults, fault(err))
			continue
		}
		for _, f := range out.Failed {
			faults = append(faults, &ptc.Fault{
				Operation: Operation,
				Kind:      ptc.FaultUnavailable,
				Code:      aws.ToString(f.Code),
				Message:   aws.ToString(f.Message),
			})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faults[0]
}

// address is where a queue is, which its ARN tells: asking SQS would need
// another permission.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
func address(ctx context.Context, queueARN string) (queueURL, region string, err error) {
	arn, ok := ptc.ParseARN(queueARN)
	if !ok || arn.Service != "sqs" || arn.Region == "" || arn.Account == "" || arn.Resource == "" {
		return "", "", &ptc.Fault{Operation: Operation, Kind: ptc.FaultMalformed, Message: "not the ARN of a queue"}
	}
	endpoint, err := sqs.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sqs.EndpointParameters{Region: &arn.Region})
	if err != nil {
		return "", "", &ptc.Fault{Operation: Operation, Kind: ptc.FaultMalformed, Message: err.Error()}
	}
	return strings.Join([]string{endpoint.URI.String(), arn.Account, arn.Resource}, "/"), arn.Region, nil
}

// fault says in our words why a call failed. Nobody decides on it: it is for
// the log.
func fault(err error) *ptc.Fault {
	f := &ptc.Fault{Operation: Operation, Kind: ptc.FaultUnavailable, Message: err.Error(), Retryable: true}
	status := 0
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
		f.RequestID = response.ServiceRequestID()
		f.Message = fmt.Sprintf("HTTP status %d %s", status, http.StatusText(status))
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() != "UnknownError" {
		f.Code, f.Message = api.ErrorCode(), api.ErrorMessage()
	}
	_, throttled := retry.DefaultThrottleErrorCodes[f.Code]
	var timeout interface{ Timeout() bool }
	switch {
	case throttled, status == http.StatusTooManyRequests:
		f.Kind = ptc.FaultThrottled
	// SQS answers 400 where others answer 403:
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
	case status == http.StatusForbidden, f.Code == "AccessDenied", f.Code == "AccessDeniedException":
		f.Kind, f.Retryable = ptc.FaultDenied, false
	case status >= http.StatusInternalServerError:
	case errors.As(err, &timeout) && timeout.Timeout():
		f.Kind = ptc.FaultTimeout
	case status >= http.StatusBadRequest:
		f.Retryable = false
	}
	return f
}
