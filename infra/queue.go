package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/config"
)

const (
	// windowSeconds is how long requests are gathered into one batch. A queue
	// with little traffic is polled for 20 s anyway, whatever is less:
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
	windowSeconds = 20
	// batchSize is the most requests that one invocation gets.
	batchSize = 10
	// timeoutSeconds is the function's. The audit itself ends a few seconds
	// before, so that an incomplete one can still be said.
	timeoutSeconds = 120
	// visibilitySeconds is what AWS asks for: six times the function's timeout
	// and the window. A request whose function died comes back after it.
	visibilitySeconds = 6*timeoutSeconds + windowSeconds

	requestDays    = 4
	deadLetterDays = 14 // the longest there is
)

// queues are the ways by which a request reaches the function, or does not.
type queues struct {
	// requests are audited.
	requests awssqs.Queue
	// dead are the requests that could not be read, or whose outcome could not
	// be said, however often it was tried.
	dead awssqs.Queue
	// undelivered are the events that EventBridge and the Scheduler could not
	// hand to requests.
	undelivered awssqs.Queue
	// unsent are the messages that SNS could not hand to a subscriber; nil
	// where no subscriber's protocol has this.
	unsent awssqs.Queue
}

func newQueues(stack constructs.Construct, s settings) queues {
	q := queues{
		dead:        newDeadLetterQueue(stack, "DeadLetters"),
		undelivered: newDeadLetterQueue(stack, "Undelivered"),
	}
	const isOne = "It is a dead-letter queue itself, of what is no queue"
	accept(q.undelivered, "AwsSolutions-SQS3", isOne)
	for _, sub := range append(s.subscriptions, s.alarms...) {
		if sub.redrives() && q.unsent == nil {
			q.unsent = newDeadLetterQueue(stack, "Unsent")
			accept(q.unsent, "AwsSolutions-SQS3", isOne)
		}
	}
	q.requests = awssqs.NewQueue(stack, jsii.String("Requests"), &awssqs.QueueProps{
		// What changes together is audited together, too.
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
