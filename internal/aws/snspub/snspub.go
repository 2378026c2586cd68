// Package snspub publishes messages to an Amazon SNS topic. It is the only
// package that imports the SNS client: no type of the SDK leaves it, and every
// error that does is a *ptc.Fault. It knows what a message is, and nothing of
// what it says; it logs nothing.
package snspub

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
)

// Operation is the API operation, as it stands in a Fault. It needs the IAM
// permission sns:Publish on the topic and, where the topic is encrypted with a
// key of its own, kms:Decrypt and kms:GenerateDataKey on that:
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
const Operation = "Publish"

// DefaultCallTimeout is how long one attempt may take where Options says
// nothing.
const DefaultCallTimeout = 10 * time.Second

// Options adjusts a Publisher. The zero value is ready to use.
type Options struct {
	// CallTimeout limits one attempt of a call, its answer included; zero
	// means DefaultCallTimeout. It applies where the configuration's HTTP
	// client is the SDK's own, as it is unless somebody sets another.
	CallTimeout time.Duration
}

// Publisher publishes to one topic. It may be used by several goroutines.
type Publisher struct {
	api         *sns.Client
	topicARN    string
	callTimeout time.Duration
}

// New makes a Publisher for a topic, in the topic's own Region, since SNS
// takes messages there only. Retries are the SDK's: their number and delays
// are cfg's. One that follows a lost answer may publish twice.
func New(cfg aws.Config, topicARN string, o Options) *Publisher {
	p := &Publisher{topicARN: topicARN, callTimeout: o.CallTimeout}
	if p.callTimeout <= 0 {
		p.callTimeout = DefaultCallTimeout
	}
	cfg.HTTPClient = wire.Client(cfg.HTTPClient, p.callTimeout)
	p.api = sns.NewFromConfig(cfg, func(o *sns.Options) {
		if arn, ok := ptc.ParseARN(topicARN); ok {
			o.Region = arn.Region
		}
		// SNS throttles in words that the SDK does not know.
		o.Retryer = retry.AddWithErrorCodes(o.Retryer, codeThrottled, codeKMSThrottling)
	})
	return p
}

// Publish hands a message over to the topic. Without an error SNS has it, and
// delivers it to every subscriber; any error is a *ptc.Fault, and then it may
// have it all the same.
func (p *Publisher) Publish(ctx context.Context, m notify.Message) error {
	e := m.Envelope()
	in := &sns.PublishInput{
		TopicArn:          aws.String(p.topicARN),
		Subject:           aws.String(e.Subject),
		Message:           aws.String(e.Body),
		MessageStructure:  aws.String("json"),
		MessageAttributes: make(map[string]types.MessageAttributeValue, len(e.Attributes)),
	}
	for _, a := range e.Attributes {
		in.MessageAttributes[a.Name] = types.MessageAttributeValue{DataType: aws.String(a.Type), StringValue: aws.String(a.Value)}
	}
	if _, err := p.api.Publish(ctx, in); err != nil {
		return p.fault(ctx, err)
	}
	return nil
}
