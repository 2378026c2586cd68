package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/config"
)

const (
	// windowSeconds is how long requests are collected into one batch. A queue
	// with little traffic is polled for 20 s anyway, so less has no effect:
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
	windowSeconds = 20
	// batchSize is the maximum number of requests of one invocation.
	batchSize = 10
	// timeoutSeconds is the function's timeout. An audit ends a few seconds
	// earlier, so that an incomplete one can still be notified.
	timeoutSeconds = 120
	// visibilitySeconds is what AWS recommends: six times the function's timeout,
	// and the window. A request whose function crashed returns after it.
	visibilitySeconds = 6*timeoutSeconds + windowSeconds

	requestDays    = 4
	deadLetterDays = 14 // the maximum of SQS
)

// queues have the requests to the function, and what failed on the way.
type queues struct {
	// requests has the requests to audit.
	requests awssqs.Queue
	// dead has the requests that are invalid, or whose audit or notification
	// failed in every try.
	dead awssqs.Queue
	// undelivered has the events that EventBridge and EventBridge Scheduler could
	// not send to requests.
	undelivered awssqs.Queue
	// unsent has the messages that SNS could not deliver to a subscriber. It is
	// nil if SNS supports a dead-letter queue for none of the subscribers.
	unsent awssqs.Queue
}

func newQueues(stack constructs.Construct, s settings) queues {
	q := queues{
		dead:        newDeadLetterQueue(stack, "DeadLetters"),
		undelivered: newDeadLetterQueue(stack, "Undelivered"),
	}
	const isOne = "It is a dead-letter queue itself, of a sender that is not a queue"
	accept(q.undelivered, "AwsSolutions-SQS3", isOne)
	for _, sub := range append(s.subscriptions, s.alarms...) {
		if sub.redrives() && q.unsent == nil {
			q.unsent = newDeadLetterQueue(stack, "Unsent")
			accept(q.unsent, "AwsSolutions-SQS3", isOne)
		}
	}
	q.requests = awssqs.NewQueue(stack, jsii.String("Requests"), &awssqs.QueueProps{
		// Changes that are made together are audited together.
		DeliveryDelay:     seconds(int(config.SettleTime.Seconds())),
		VisibilityTimeout: seconds(visibilitySeconds),
		RetentionPeriod:   days(requestDays),
		DeadLetterQueue: &awssqs.DeadLetterQueue{
			Queue:           q.dead,
			MaxReceiveCount: jsii.Number(config.DefaultMaxReceives),
		},
		Encryption: awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL: jsii.Bool(true),
	})
	return q
}

func newDeadLetterQueue(stack constructs.Construct, id string) awssqs.Queue {
	return awssqs.NewQueue(stack, jsii.String(id), &awssqs.QueueProps{
		RetentionPeriod: days(deadLetterDays),
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
	})
}

func seconds(n int) awscdk.Duration { return awscdk.Duration_Seconds(jsii.Number(n)) }
