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

// topics are where people are told. They share nothing, so that "cannot
// publish" can be said although publishing is what is broken.
type topics struct {
	findings    awssns.Topic
	findingsKey awskms.Key
	alarms      awssns.Topic
}

// newTopics makes the topic of findings, for the function's role to publish
// to, and the topic of alarms, for CloudWatch.
func newTopics(stack awscdk.Stack, s settings, role awsiam.IRole, q queues) topics {
	t := topics{findingsKey: newKey(stack, "FindingsKey", "Encrypts what ptcaudit says of the registry", role, nil)}
	t.findings = newTopic(stack, "Findings", "ECR pull through cache audit", t.findingsKey)

	cloudWatch := awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)
	ofThisAccount := &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}}
	key := newKey(stack, "AlarmsKey", "Encrypts the alarms of ptcaudit", cloudWatch, ofThisAccount)
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

// newKey makes a key that only user may use. What the account's administrators
// may do with it is written out and lets nobody encrypt or decrypt.
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
func newKey(stack constructs.Construct, id, description string, user awsiam.IPrincipal, condition *map[string]any) awskms.Key {
	return awskms.NewKey(stack, jsii.String(id), &awskms.KeyProps{
		Description:       jsii.String(description),
		EnableKeyRotation: jsii.Bool(true),
		// Nothing is stored under it: what is under way when the stack is
		// deleted is all that can be lost.
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
				Resources: jsii.Strings("*"), // in a key's policy: this key
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

// redrives says that SNS keeps what it cannot deliver by this protocol. Mail
// that bounces is nobody's to redrive.
// https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
func (s subscription) redrives() bool { return s.protocol != email }

// newSubscription subscribes an address. Its id is made of the address, so
// that the order of addresses does not matter; but a mail address is nobody's
// business in the names of a template.
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
