package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/policy"
)

// newStack is all that is deployed: what asks for audits, the queue, the
// function, the topics, and what watches over them. It is bound to no account
// or Region, so that it can be synthesized without any. folder holds the
// function's package.
func newStack(scope constructs.Construct, s settings, p *policy.Policy, folder string) awscdk.Stack {
	stack := awscdk.NewStack(scope, jsii.String(s.stackName), &awscdk.StackProps{
		Description:           jsii.String("ptcaudit: audits ECR's pull through cache rules"),
		TerminationProtection: jsii.Bool(s.terminationProtection),
		AnalyticsReporting:    jsii.Bool(false),
	})
	for name, value := range s.tags {
		awscdk.Tags_Of(stack).Add(jsii.String(name), jsii.String(value), nil)
	}

	q := newQueues(stack, s)
	deployed := newEvents(stack, s, q)

	role := newRole(stack)
	t := newTopics(stack, s, role, q)
	b := newBuckets(stack, s)
	logs := newLogGroup(stack, s)
	grant(stack, role, b, permissions(stack, s, t, q, b, logs))
	function := newFunction(stack, s, folder, role, t, b, logs)
	mapping := newMapping(stack, s, function, q)
	// A rule needs a moment until it is in force, and the end of the very first
	// deployment is to be seen already: so the rule is made before what is slow.
	mapping.Node().AddDependency(deployed)

	alarms := newAlarms(stack, s, watches(s, q, function), t.alarms)
	if s.dashboard {
		newDashboard(stack, s, q, function, logs, alarms)
	}
	if s.createTrail {
		newTrail(stack)
	}
	newOutputs(stack, p, q, t, b, function, logs)
	return stack
}

// newOutputs names what people and programs look for.
func newOutputs(stack awscdk.Stack, p *policy.Policy, q queues, t topics, b buckets, function awslambda.Function, logs awslogs.LogGroup) {
	output := func(name, description string, value *string) {
		awscdk.NewCfnOutput(stack, jsii.String(name), &awscdk.CfnOutputProps{
			Description: jsii.String(description), Value: value,
		})
	}
	ref := p.Ref()
	output("PolicyName", "The policy that is applied", jsii.String(ref.Name))
	output("PolicyDigest", "Its digest, which is in every report", jsii.String(ref.Digest))
	output("FindingsTopic", "Is told of findings, and of what could not be audited", t.findings.TopicArn())
	output("AlarmsTopic", "Is told what is wrong with the auditor itself", t.alarms.TopicArn())
	output("StateBucket", "What is known of the registry, and was said of it; stays when the stack is deleted", b.state.BucketName())
	output("EvidenceBucket", "The report of every audit; stays when the stack is deleted", b.evidence.BucketName())
	output("Function", "Audits", function.FunctionName())
	output("LogGroup", "Its log", logs.LogGroupName())
	output("RequestsQueue", "Requests to audit", q.requests.QueueUrl())
	output("DeadLettersQueue", "Requests that could not be read, or whose outcome could not be said", q.dead.QueueUrl())
	output("UndeliveredQueue", "Events that did not reach the queue of requests", q.undelivered.QueueUrl())
	if q.unsent != nil {
		output("UnsentQueue", "Messages that SNS could not hand to a subscriber", q.unsent.QueueUrl())
	}
}
