package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/policy"
)

// newStack creates everything that is deployed: rules and schedule, queues,
// function, topics, buckets and alarms. It is not bound to an account or Region, so
// it can be synthesized without credentials. folder has the function's package.
func newStack(scope constructs.Construct, s settings, p *policy.Policy, folder string) awscdk.Stack {
	stack := awscdk.NewStack(scope, jsii.String(s.stackName), &awscdk.StackProps{
		Description:           jsii.String("ptcaudit: audits ECR pull through cache rules"),
		TerminationProtection: jsii.Bool(s.terminationProtection),
		AnalyticsReporting:    jsii.Bool(false),
	})
	for name, value := range s.tags {
		awscdk.Tags_Of(stack).Add(jsii.String(name), jsii.String(value), nil)
	}
	if s.permissionsBoundary != "" {
		// All roles of the stack, also those that the CDK adds.
		awsiam.PermissionsBoundary_Of(stack).Apply(
			awsiam.ManagedPolicy_FromManagedPolicyArn(stack, jsii.String("PermissionsBoundary"), jsii.String(s.permissionsBoundary)))
	}

	q := newQueues(stack, s)
	deployed := newEvents(stack, q)

	role := newRole(stack, s)
	t := newTopics(stack, s, role, q)
	b := newBuckets(stack, s)
	logs := newLogGroup(stack, s)
	grant(stack, role, b, permissions(stack, s, t, q, b, logs))
	function := newFunction(stack, s, folder, role, t, b, logs)
	mapping := newMapping(stack, s, function, q)
	// A new EventBridge rule takes effect after a moment. It must already match the
	// end of the first deployment, so it is created before the slow resources.
	mapping.Node().AddDependency(deployed)
	newSchedule(stack, s, q, mapping)

	alarms := newAlarms(stack, s, watches(s, q, function), t.alarms)
	if s.dashboard {
		newDashboard(stack, s, q, function, logs, alarms)
	}
	newOutputs(stack, p, q, t, b, function, logs)
	newFacts(stack, s, p)
	if s.createTrail {
		newOutput(stack, "TrailArn", "Trail that records changes", newTrail(stack, s))
	}
	return stack
}

func newOutput(stack awscdk.Stack, name, description string, value *string) {
	awscdk.NewCfnOutput(stack, jsii.String(name), &awscdk.CfnOutputProps{
		Description: jsii.String(description), Value: value,
	})
}

// newOutputs creates the outputs that people and programs need.
func newOutputs(stack awscdk.Stack, p *policy.Policy, q queues, t topics, b buckets, function awslambda.Function, logs awslogs.LogGroup) {
	output := func(name, description string, value *string) { newOutput(stack, name, description, value) }
	ref := p.Ref()
	output("PolicyName", "Name of the policy", jsii.String(ref.Name))
	output("PolicyDigest", "Digest of the policy, also in every report", jsii.String(ref.Digest))
	for _, topic := range t.published {
		output(topic.output, topic.about, topic.TopicArn())
	}
	output("AlarmsTopic", "Topic of the alarms about the auditor itself", t.alarms.TopicArn())
	output("StateBucket", "Ledger: the registry's findings and what was notified. Remains when the stack is deleted", b.state.BucketName())
	output("EvidenceBucket", "Report of every audit. Remains when the stack is deleted", b.evidence.BucketName())
	output("Function", "Function that audits", function.FunctionName())
	output("LogGroup", "Log of the function", logs.LogGroupName())
	output("RequestsQueue", "Queue of requests to audit", q.requests.QueueUrl())
	output("DeadLettersQueue", "Requests that are invalid, or whose audit or notification failed in every try", q.dead.QueueUrl())
	output("DeadLettersArn", "ARN of that queue, to move its messages back", q.dead.QueueArn())
	output("UndeliveredQueue", "Events that EventBridge could not send to the requests queue", q.undelivered.QueueUrl())
	if q.unsent != nil {
		output("UnsentQueue", "Messages that SNS could not deliver to a subscriber", q.unsent.QueueUrl())
	}
}
