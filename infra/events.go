package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/trigger"
)

// Deliveries to the requests queue are retried as long as EventBridge and
// EventBridge Scheduler support. After that the event is in the undelivered queue:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
const (
	deliveryAttempts = 185
	deliveryHours    = 24
)

// newEvents creates the rules that send requests to the queue: for changes, and for
// deployments. It returns the latter.
func newEvents(stack awscdk.Stack, q queues) awsevents.Rule {
	newRule(stack, q, "RuleChanged", "A pull through cache rule was created, updated or deleted", rulesPattern(), nil)
	for _, p := range secretPatterns() {
		newRule(stack, q, p.id, p.description, p.pattern, nil)
	}

	// Every deployment of this stack triggers an audit, so a new policy takes
	// effect at once.
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

// rulesPattern matches the calls that change a rule. It must never match the call
// that validates a rule: the function makes it, and would trigger itself.
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

// secretPattern is an EventBridge rule for changes of secrets.
type secretPattern struct {
	id, description string
	pattern         *awsevents.EventPattern
}

// secretPatterns match what can change a secret that rules can use. An event
// contains the secret's name or its ARN. AWS does not document every field, so an
// event without the field matches too, and the function decides.
func secretPatterns() []secretPattern {
	names := []any{
		map[string]any{"prefix": ptc.SecretPrefix},
		map[string]any{"wildcard": "arn:*:secret:" + ptc.SecretPrefix + "*"},
		map[string]any{"exists": false},
	}
	cloudTrail := func(detailType string, events []string, detail map[string]any) *awsevents.EventPattern {
		detail["eventSource"], detail["eventName"] = []string{trigger.SecretsEventSource}, events
		return &awsevents.EventPattern{Source: jsii.Strings(trigger.SecretsSource), DetailType: jsii.Strings(detailType), Detail: &detail}
	}
	return []secretPattern{
		{"SecretChanged", "A secret that pull through cache rules can use was changed", cloudTrail(trigger.DetailType, trigger.SecretCalls(),
			map[string]any{"requestParameters": map[string]any{"secretId": names}})},
		{"SecretCreated", "A secret that pull through cache rules can use was created", cloudTrail(trigger.DetailType, []string{trigger.SecretCreation},
			map[string]any{"requestParameters": map[string]any{"name": names}})},
		{"SecretRotated", "A secret that pull through cache rules can use was rotated", cloudTrail(trigger.ServiceDetailType, trigger.SecretServiceEvents(),
			map[string]any{"additionalEventData": map[string]any{"SecretId": names}})},
		// This one needs no trail.
		{"SecretInForce", "Another version of a secret that pull through cache rules can use is in force", &awsevents.EventPattern{
			Source: jsii.Strings(trigger.SecretsSource), DetailType: jsii.Strings(trigger.LabelDetailType),
			Detail: &map[string]any{"name": names, "labelUpdated": []any{trigger.CurrentLabel}},
		}},
	}
}

// newRule creates a rule that sends each matching event to the queue, or input
// instead if it is set. It matches only events of this account and Region: a bus
// can also receive others.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-patterns-best-practices.html
func newRule(stack awscdk.Stack, q queues, id, description string, pattern *awsevents.EventPattern, input awsevents.RuleTargetInput) awsevents.Rule {
	pattern.Account, pattern.Region = &[]*string{stack.Account()}, &[]*string{stack.Region()}
	return awsevents.NewRule(stack, jsii.String(id), &awsevents.RuleProps{
		Description:  jsii.String(description),
		EventPattern: pattern,
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewSqsQueue(q.requests, &awseventstargets.SqsQueueProps{
			Message:         input,
			RetryAttempts:   jsii.Number(deliveryAttempts),
			MaxEventAge:     awscdk.Duration_Hours(jsii.Number(deliveryHours)),
			DeadLetterQueue: q.undelivered,
		})},
	})
}

// newSchedule creates the schedule of audits. EventBridge Scheduler needs its own
// role. It is created here because the CDK's default role is allowed more than to
// send messages. The first audit may be due at once, so the schedule is created
// after mapping, which receives requests, and after the role with its policy.
func newSchedule(stack awscdk.Stack, s settings, q queues, mapping awslambda.EventSourceMapping) {
	group := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("scheduler"), Resource: jsii.String("schedule-group"), ResourceName: jsii.String("default"),
	})
	role := awsiam.NewRole(stack, jsii.String("ScheduleRole"), &awsiam.RoleProps{
		Path:        s.path(),
		Description: jsii.String("Allows the schedule to send its request to the requests queue or the undelivered queue"),
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
	window := &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")}
	if s.schedule.windowMinutes > 0 {
		window.Mode, window.MaximumWindowInMinutes = jsii.String("FLEXIBLE"), jsii.Number(s.schedule.windowMinutes)
	}
	schedule := awsscheduler.NewCfnSchedule(stack, jsii.String("Schedule"), &awsscheduler.CfnScheduleProps{
		Description:                jsii.String("Audits all rules, changed or not"),
		ScheduleExpression:         jsii.String(s.schedule.expression),
		ScheduleExpressionTimezone: jsii.String(s.timeZone),
		FlexibleTimeWindow:         window,
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn:     q.requests.QueueArn(),
			RoleArn: role.RoleArn(),
			Input:   jsii.String(string(input)),
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumRetryAttempts:     jsii.Number(deliveryAttempts),
				MaximumEventAgeInSeconds: jsii.Number(deliveryHours * 3600),
			},
			DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: q.undelivered.QueueArn()},
		},
	})
	schedule.Node().AddDependency(role, mapping)
}

// request returns the request to audit the stack's own registry.
func request(stack awscdk.Stack, reason string) trigger.Request {
	return trigger.Request{
		Schema:  trigger.RequestSchema,
		Account: *stack.Account(),
		Region:  *stack.Region(),
		Reason:  reason,
	}
}
