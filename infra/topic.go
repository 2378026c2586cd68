package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// topics notify people. They share neither a key nor a policy, so the alarm
// notifications-failed arrives even if the findings topic does not work.
type topics struct {
	findings    awssns.Topic
	findingsKey awskms.IKey
	alarms      awssns.Topic
}

// newTopics creates the findings topic, to which the function's role publishes,
// and the alarms topic, to which CloudWatch publishes.
func newTopics(stack awscdk.Stack, s settings, role awsiam.IRole, q queues) topics {
	t := topics{findingsKey: keyFor(stack, s.findingsKey, "FindingsKey", "Encrypts the findings of ptcaudit", role, nil)}
	t.findings = newTopic(stack, "Findings", "ECR pull through cache audit", t.findingsKey)

	cloudWatch := awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)
	ofThisAccount := &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}}
	key := keyFor(stack, s.alarmsKey, "AlarmsKey", "Encrypts the alarms of ptcaudit", cloudWatch, ofThisAccount)
	t.alarms = newTopic(stack, "Alarms", "ptcaudit alarms", key)
	t.alarms.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("AlarmsOfThisAccount"),
		Principals: &[]awsiam.IPrincipal{cloudWatch},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{t.alarms.TopicArn()},
		Conditions: ofThisAccount,
	}))

	for _, sub := range s.subscriptions {
		sub.newSubscription(t.findings, q)
	}
	for _, sub := range s.alarms {
		sub.newSubscription(t.alarms, q)
	}
	return t
}

func newTopic(stack constructs.Construct, id, name string, key awskms.IKey) awssns.Topic {
	return awssns.NewTopic(stack, jsii.String(id), &awssns.TopicProps{
		DisplayName: jsii.String(name), // the sender's name of mails
		MasterKey:   key,
		EnforceSSL:  jsii.Bool(true),
	})
}

// keyFor returns the key with an ARN, whose policy its owner writes, or a new key if
// the ARN is empty.
func keyFor(stack constructs.Construct, arn, id, description string, user awsiam.IPrincipal, condition *map[string]any) awskms.IKey {
	if arn != "" {
		return awskms.Key_FromKeyArn(stack, jsii.String(id), jsii.String(arn))
	}
	return newKey(stack, id, description, user, condition)
}

// newKey creates a key that only user may use. The account's administrators may
// manage it, but not encrypt or decrypt with it.
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
func newKey(stack constructs.Construct, id, description string, user awsiam.IPrincipal, condition *map[string]any) awskms.Key {
	return awskms.NewKey(stack, jsii.String(id), &awskms.KeyProps{
		Description:       jsii.String(description),
		EnableKeyRotation: jsii.Bool(true),
		// Nothing stored is encrypted with it. If the stack is deleted, only
		// messages in transit can be lost.
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		PendingWindow: days(7),
		Policy: awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Sid:        jsii.String("Administer"),
				Principals: &[]awsiam.IPrincipal{awsiam.NewAccountRootPrincipal()},
				Actions: jsii.Strings(
					"kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:ListKeyPolicies",
					"kms:EnableKey", "kms:DisableKey", "kms:UpdateKeyDescription",
					"kms:EnableKeyRotation", "kms:DisableKeyRotation", "kms:GetKeyRotationStatus",
					"kms:TagResource", "kms:UntagResource", "kms:ListResourceTags",
					"kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
				),
				Resources: jsii.Strings("*"), // in a key policy: this key
			}),
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Sid:        jsii.String("Publish"),
				Principals: &[]awsiam.IPrincipal{user},
				Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"),
				Resources:  jsii.Strings("*"),
				Conditions: condition,
			}),
		}}),
	})
}

// redrives reports whether SNS supports a dead-letter queue for this protocol.
// It does not for mail.
// https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
func (s subscription) redrives() bool { return s.protocol != email }

// newSubscription subscribes an address. Its ID is a hash of the address: the
// order of addresses does not matter, and no mail address is part of a resource
// name.
func (s subscription) newSubscription(topic awssns.Topic, q queues) {
	sum := sha256.Sum256([]byte(s.endpoint))
	props := &awssns.SubscriptionProps{
		Topic:    topic,
		Endpoint: jsii.String(s.endpoint),
		Protocol: map[string]awssns.SubscriptionProtocol{
			email: awssns.SubscriptionProtocol_EMAIL,
			https: awssns.SubscriptionProtocol_HTTPS,
			sqs:   awssns.SubscriptionProtocol_SQS,
		}[s.protocol],
	}
	if s.redrives() {
		props.DeadLetterQueue = q.unsent
	}
	filters := map[string]awssns.SubscriptionFilter{}
	for attribute, allowed := range map[string][]string{"severity": s.severities, "status": s.statuses} {
		if len(allowed) > 0 {
			filters[attribute] = awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{Allowlist: jsii.Strings(allowed...)})
		}
	}
	if len(filters) > 0 {
		props.FilterPolicy = &filters
	}
	awssns.NewSubscription(topic, jsii.String(strings.ToUpper(s.protocol)+hex.EncodeToString(sum[:4])), props)
}
