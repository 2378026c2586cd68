package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/trigger"
)

// A hand-over is tried for as long as EventBridge and its Scheduler ever do,
// then the event goes to the queue of undelivered ones:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
const (
	handOverAttempts = 185
	handOverHours    = 24
)

// newEvents has changes, the schedule and deployments put requests into the
// queue. It gives the rule that waits for deployments.
func newEvents(stack awscdk.Stack, s settings, q queues) awsevents.Rule {
	newRule(stack, q, "RuleChanged", "A pull through cache rule was created, updated or deleted", rulesPattern(), nil)
	newRule(stack, q, "SecretChanged", "A secret that pull through cache rules can use was written", secretsPattern(), nil)
	newSchedule(stack, s, q)

	// A new policy is to speak at once, so every deployment of this very stack
	// asks for an audit.
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-schema-sample.html
	deployed := &awsevents.EventPattern{
		Source:     jsii.Strings("aws.cloudformation"),
		DetailType: jsii.Strings("CloudFormation Stack Status Change"),
		Detail: &map[string]any{
			"stack-id":       []*string{stack.StackId()},
			"status-details": map[string]any{"status": []string{"CREATE_COMPLETE", "UPDATE_COMPLETE"}},
		},
	}
	return newRule(stack, q, "Deployed", "This stack was deployed", deployed,
		awsevents.RuleTargetInput_FromObject(request(stack, trigger.ReasonDeployment)))
}

// rulesPattern selects the calls that change a rule. The call that validates
// one must never be among them: the auditor makes it, and would wake itself.
func rulesPattern() *awsevents.EventPattern {
	return &awsevents.EventPattern{
		Source:     jsii.Strings(trigger.ECRSource),
		DetailType: jsii.Strings(trigger.DetailType),
		Detail: &map[string]any{
			"eventSource": []string{trigger.ECREventSource},
			"eventName":   trigger.RuleCalls(),
		},
	}
}

// secretsPattern selects the calls that write a secret which rules can use. A
// call names it by its name or by its ARN.
func secretsPattern() *awsevents.EventPattern {
	return &awsevents.EventPattern{
		Source:     jsii.Strings(trigger.SecretsSource),
		DetailType: jsii.Strings(trigger.DetailType),
		Detail: &map[string]any{
			"eventSource": []string{trigger.SecretsEventSource},
			"eventName":   trigger.SecretCalls(),
			"requestParameters": map[string]any{"secretId": []map[string]string{
				{"prefix": ptc.SecretPrefix},
				{"wildcard": "arn:*:secret:" + ptc.SecretPrefix + "*"},
			}},
		},
	}
}

// newRule hands what a pattern selects to the queue: the event itself, or
// input where there is one.
func newRule(stack awscdk.Stack, q queues, id, description string, pattern *awsevents.EventPattern, input awsevents.RuleTargetInput) awsevents.Rule {
	return awsevents.NewRule(stack, jsii.String(id), &awsevents.RuleProps{
		Description:  jsii.String(description),
		EventPattern: pattern,
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewSqsQueue(q.requests, &awseventstargets.SqsQueueProps{
			Message:         input,
			RetryAttempts:   jsii.Number(handOverAttempts),
			MaxEventAge:     awscdk.Duration_Hours(jsii.Number(handOverHours)),
			DeadLetterQueue: q.undelivered,
		})},
	})
}

// newSchedule asks for an audit without any change. The Scheduler needs a role
// of its own; it is written out here, because the one that the CDK would make
// may do more than send.
func newSchedule(stack awscdk.Stack, s settings, q queues) {
	group := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("scheduler"), Resource: jsii.String("schedule-group"), ResourceName: jsii.String("default"),
	})
	role := awsiam.NewRole(stack, jsii.String("ScheduleRole"), &awsiam.RoleProps{
		Description: jsii.String("Lets the schedule put its request into the queue, or among the undelivered"),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{
				"aws:SourceAccount": stack.Account(), "aws:SourceArn": group,
			}},
		}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"Send": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{
			Statements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Actions:   jsii.Strings("sqs:SendMessage"),
				Resources: &[]*string{q.requests.QueueArn(), q.undelivered.QueueArn()},
			})},
		})},
	})
	input, err := json.Marshal(request(stack, trigger.ReasonSchedule))
	if err != nil {
		panic(err) // a struct of strings
	}
	awsscheduler.NewCfnSchedule(stack, jsii.String("Schedule"), &awsscheduler.CfnScheduleProps{
		Description:                jsii.String("Audits everything, also where no change was seen"),
		ScheduleExpression:         jsii.String(s.schedule.expression),
		ScheduleExpressionTimezone: jsii.String(s.timeZone),
		FlexibleTimeWindow:         &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")},
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn:     q.requests.QueueArn(),
			RoleArn: role.RoleArn(),
			Input:   jsii.String(string(input)),
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumRetryAttempts:     jsii.Number(handOverAttempts),
				MaximumEventAgeInSeconds: jsii.Number(handOverHours * 3600),
			},
			DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: q.undelivered.QueueArn()},
		},
	})
}

// request is the constant one that asks to audit the stack's own registry.
func request(stack awscdk.Stack, reason string) trigger.Request {
	return trigger.Request{
		Schema:  trigger.RequestSchema,
		Account: *stack.Account(),
		Region:  *stack.Region(),
		Reason:  reason,
	}
}
