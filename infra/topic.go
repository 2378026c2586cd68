package main

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/config"
	"ptcaudit/internal/notify"
)

// topics are those of the function, and that of the alarms. These share neither a
// key nor a policy, so the alarm notifications-failed arrives even if the topics of
// the function do not work.
type topics struct {
	published   []publishedTopic
	findingsKey awskms.IKey // of all published topics
	alarms      awssns.Topic
}

// publishedTopic is a topic to which the function publishes one form of every
// notification.
type publishedTopic struct {
	awssns.Topic
	form     notify.Form
	variable string // of the function's environment
	output   string
	about    string // for people
	on       string // in the README's table of permissions
}

// of returns the topic that a protocol subscribes to: people read text, programs
// read JSON.
func (t topics) of(protocol string) awssns.Topic {
	form := notify.ForPrograms
	if protocol == email {
		form = notify.ForPeople
	}
	for _, topic := range t.published {
		if topic.form == form {
			return topic.Topic
		}
	}
	panic("no topic for " + protocol)
}

// newTopics creates the topics to which the function's role publishes, and the
// alarms topic, to which CloudWatch publishes.
func newTopics(stack awscdk.Stack, s settings, role awsiam.IRole, q queues) topics {
	t := topics{findingsKey: keyFor(stack, s.findingsKey, "FindingsKey", "Encrypts the findings of ptcaudit", role, nil)}
	add := func(wanted bool, id string, topic publishedTopic) {
		if wanted {
			topic.Topic = newTopic(stack, id, "ECR pull through cache audit", t.findingsKey)
			t.published = append(t.published, topic)
		}
	}
	programs := slices.ContainsFunc(s.subscriptions, func(sub subscription) bool { return sub.protocol != email })
	add(true, "Findings", publishedTopic{
		form: notify.ForPeople, variable: config.KeyTopicARN,
		output: "FindingsTopic", about: "Topic of the notifications as text, for people", on: "the findings topic",
	})
	add(programs || s.records, "Records", publishedTopic{
		form: notify.ForPrograms, variable: config.KeyRecordsTopicARN,
		output: "RecordsTopic", about: "Topic of the notifications as JSON, for programs", on: "the records topic, with `https`, `sqs` or `records` only",
	})
	add(s.chat, "Chat", publishedTopic{
		form: notify.ForChat, variable: config.KeyChatTopicARN,
		output: "ChatTopic", about: "Topic of the notifications for Amazon Q Developer in chat applications", on: "the chat topic, with `chat` only",
	})

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
		sub.newSubscription(t.of(sub.protocol), q)
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
