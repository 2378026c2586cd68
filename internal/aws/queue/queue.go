// Package queue sets when an Amazon SQS queue delivers a message again. It is the
// only package that imports the SQS client. No type of the SDK leaves it, and
// every error is a *ptc.Fault. It does not read messages, does not decide how long
// they wait, and logs nothing.
package queue

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"ptcaudit/internal/aws/fault"
	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/ptc"
)

// batchLimit is how many messages one call can have:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
const batchLimit = 10

// One attempt of a call takes milliseconds. There are few attempts, because
// without the call the messages also come back, only later.
const (
	callTimeout = 3 * time.Second
	attempts    = 2
)

// longestDelay is the longest time that a message waits: the longest lease of a
// ledger, with a minute for clocks that differ. A longer delay comes from a wrong
// clock, and would keep a finding from being notified.
const longestDelay = 130 * time.Second

// seconds is a delay as SQS takes it, in whole seconds from 0 to longestDelay. It
// rounds up, so that no message comes back before its time.
func seconds(delay time.Duration) int32 {
	delay = min(max(delay, 0), longestDelay)
	return int32((delay + time.Second - 1) / time.Second) //nolint:gosec // at most 130
}

// faults has SQS's own error codes that mean something else than their HTTP
// status: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html#API_ChangeMessageVisibilityBatch_Errors
var faults = fault.Classifier{CallTimeout: callTimeout, Codes: map[string]fault.Meaning{
	"QueueDoesNotExist":                       fault.Gone,
	"AWS.SimpleQueueService.NonExistentQueue": fault.Gone, // the same in SQS's older protocol
}}

// Queues are the queues of an account. Safe for concurrent use.
type Queues struct {
	api *sqs.Client
}

// New makes Queues with the credentials and endpoints of cfg.
func New(cfg aws.Config) *Queues {
	return &Queues{api: sqs.NewFromConfig(wire.Config(cfg, callTimeout), func(o *sqs.Options) {
		o.Retryer = retry.AddWithMaxAttempts(o.Retryer, attempts)
	})}
}

// Delay lets the queue deliver each message, by its receipt handle, again after a
// time from now, of 0 (at once) to 130 seconds; another time counts as the nearer
// of the two. Its error is a *ptc.Fault; then at least one message waits for the
// queue's visibility timeout instead. It needs the IAM permission
// sqs:ChangeMessageVisibility on the queue:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
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
			VisibilityTimeout: seconds(delay),
		})
	}
	var failed []error
	for batch := range slices.Chunk(entries, batchLimit) {
		out, err := q.api.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
			QueueUrl: aws.String(queueURL),
			Entries:  batch,
		}, func(o *sqs.Options) { o.Region = region })
		if err != nil {
			failed = append(failed, faults.Fault(ctx, ptc.OpChangeMessageVisibility, err))
			continue
		}
		for _, f := range out.Failed {
			failed = append(failed, &ptc.Fault{
				Operation: ptc.OpChangeMessageVisibility,
				Kind:      ptc.FaultUnavailable,
				Code:      aws.ToString(f.Code),
				Message:   aws.ToString(f.Message),
			})
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return failed[0]
}

// address derives the URL of a queue from its ARN. Asking SQS for the URL would
// need another permission.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
func address(ctx context.Context, queueARN string) (queueURL, region string, err error) {
	arn, ok := ptc.ParseARN(queueARN)
	if !ok || arn.Service != "sqs" || arn.Region == "" || arn.Account == "" || arn.Resource == "" {
		return "", "", &ptc.Fault{Operation: ptc.OpChangeMessageVisibility, Kind: ptc.FaultMalformed, Message: "invalid queue ARN: want arn:aws:sqs:REGION:ACCOUNT:NAME"}
	}
	endpoint, err := sqs.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sqs.EndpointParameters{Region: &arn.Region})
	if err != nil {
		return "", "", &ptc.Fault{Operation: ptc.OpChangeMessageVisibility, Kind: ptc.FaultMalformed, Message: err.Error()}
	}
	return strings.Join([]string{endpoint.URI.String(), arn.Account, arn.Resource}, "/"), arn.Region, nil
}
