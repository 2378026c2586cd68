// Package snspub publishes one form of messages to an Amazon SNS topic. It is the only package
// that imports the SNS client. No type of the SDK leaves it, and every error is a
// *ptc.Fault. It does not read the content of messages, and logs nothing.
package snspub

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"ptcaudit/internal/aws/fault"
	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
)

// DefaultCallTimeout is how long one attempt may take if Options has no timeout.
const DefaultCallTimeout = 10 * time.Second

// Options adjusts a Publisher. The zero value is ready to use.
type Options struct {
	// CallTimeout limits one attempt of a call, its answer included; zero
	// means DefaultCallTimeout. It applies only if the configuration's HTTP
	// client is nil or the SDK's own.
	CallTimeout time.Duration
}

// codes are SNS's own error codes that mean something else than their HTTP
// status: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
var codes = map[string]fault.Meaning{
	"NotFound":         fault.Gone,
	"EndpointDisabled": fault.Gone,
}

// Publisher publishes one form to one topic. Safe for concurrent use.
type Publisher struct {
	api      *sns.Client
	topicARN string
	form     notify.Form
	timeout  time.Duration
	faults   fault.Classifier
}

// New makes a Publisher of a form for a topic. It calls SNS in the topic's Region, since
// SNS accepts messages only there. Retries are the SDK's: their number and
// delays are cfg's. A retry that follows a lost answer may publish twice.
func New(cfg aws.Config, topicARN string, form notify.Form, o Options) *Publisher {
	timeout := o.CallTimeout
	if timeout <= 0 {
		timeout = DefaultCallTimeout
	}
	api := sns.NewFromConfig(wire.Config(cfg, timeout), func(o *sns.Options) {
		if arn, ok := ptc.ParseARN(topicARN); ok {
			o.Region = arn.Region
		}
		// The SDK does not know these codes of throttling, and would not retry.
		o.Retryer = retry.AddWithErrorCodes(o.Retryer, "Throttled", "KMSThrottling")
	})
	return &Publisher{api, topicARN, form, timeout, fault.Classifier{CallTimeout: timeout, Task: "publishing", Codes: codes}}
}

// Name is the ARN of the topic.
func (p *Publisher) Name() string { return p.topicARN }

// Publish publishes a message to the topic. Its structure is String, because
// only then do subscribers get its attributes. Without an error, SNS has returned a
// message id, and delivers the message to every subscriber. An error is a
// *ptc.Fault; even then SNS may have accepted the message. It needs the IAM permission
// sns:Publish on the topic. If the topic is encrypted with a customer managed
// key, it also needs kms:Decrypt and kms:GenerateDataKey on the key:
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
func (p *Publisher) Publish(ctx context.Context, m notify.Message) error {
	e := m.Envelope(p.form)
	in := &sns.PublishInput{
		TopicArn:          aws.String(p.topicARN),
		Subject:           aws.String(e.Subject),
		Message:           aws.String(e.Body),
		MessageAttributes: make(map[string]types.MessageAttributeValue, len(e.Attributes)),
	}
	for _, a := range e.Attributes {
		in.MessageAttributes[a.Name] = types.MessageAttributeValue{DataType: aws.String(a.Type), StringValue: aws.String(a.Value)}
	}
	out, err := p.api.Publish(ctx, in)
	if err != nil {
		return p.faults.Fault(ctx, ptc.OpPublish, err)
	}
	// For the SDK any body with status 200 is a success, even an empty one, a
	// proxy's page or another operation's answer.
	if strings.TrimSpace(aws.ToString(out.MessageId)) == "" {
		id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
		return &ptc.Fault{
			Operation: ptc.OpPublish,
			Kind:      ptc.FaultMalformed,
			Message:   "the answer names no message, so SNS may not have it",
			RequestID: id,
			Retryable: true,
		}
	}
	return nil
}

// Subscribers returns how many subscriptions of the topic are confirmed. It does
// not tell whether their filters let a message through. An error is a *ptc.Fault. It
// needs the IAM permission sns:GetTopicAttributes on the topic:
// https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
func (p *Publisher) Subscribers(ctx context.Context) (int, error) {
	out, err := p.api.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(p.topicARN)})
	if err != nil {
		faults := fault.Classifier{CallTimeout: p.timeout, Task: "counting subscribers", Codes: codes}
		return 0, faults.Fault(ctx, ptc.OpCountSubscribers, err)
	}
	n, err := strconv.Atoi(out.Attributes["SubscriptionsConfirmed"])
	if err != nil || n < 0 {
		id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
		return 0, &ptc.Fault{
			Operation: ptc.OpCountSubscribers,
			Kind:      ptc.FaultMalformed,
			Message:   "the answer does not say how many subscriptions are confirmed",
			RequestID: id,
		}
	}
	return n, nil
}
