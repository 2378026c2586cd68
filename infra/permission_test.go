package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// permitted lists all statements of all policies of the stack with every option
// switched on. A new permission needs a new line here.
var permitted = []string{
	// The function, as listed in infra/README.md.
	"AuditRole: lambda.amazonaws.com may sts:AssumeRole",
	"AuditRole may ecr:DescribePullThroughCacheRules, ecr:ValidatePullThroughCacheRule on *",
	"AuditRole may kms:Decrypt, kms:GenerateDataKey on FindingsKey",
	"AuditRole may logs:CreateLogStream, logs:PutLogEvents on Logs",
	"AuditRole may s3:GetObject, s3:PutObject on State/*",
	"AuditRole may s3:ListBucket on State",
	"AuditRole may s3:PutObject on Evidence/*",
	"AuditRole may secretsmanager:GetSecretValue on arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:ecr-pullthroughcache/*",
	"AuditRole may sns:GetTopicAttributes, sns:Publish on Chat, Findings, Records",
	"AuditRole may sqs:ChangeMessageVisibility, sqs:DeleteMessage, sqs:GetQueueAttributes, sqs:ReceiveMessage on Requests",

	// The schedule.
	"ScheduleRole: scheduler.amazonaws.com may sts:AssumeRole if StringEquals aws:SourceAccount ACCOUNT, StringEquals aws:SourceArn arn:PARTITION:scheduler:REGION:ACCOUNT:schedule-group/default",
	"ScheduleRole may sqs:SendMessage on Requests, Undelivered",

	// Keys. The account's administrators may not encrypt or decrypt.
	"FindingsKey: AuditRole may kms:Decrypt, kms:GenerateDataKey on *",
	"FindingsKey: arn:PARTITION:iam::ACCOUNT:root may " + administer + " on *",
	"AlarmsKey: cloudwatch.amazonaws.com may kms:Decrypt, kms:GenerateDataKey on * if StringEquals aws:SourceAccount ACCOUNT",
	"AlarmsKey: arn:PARTITION:iam::ACCOUNT:root may " + administer + " on *",

	// Topics.
	"AlarmsPolicy: cloudwatch.amazonaws.com may sns:Publish on Alarms if StringEquals aws:SourceAccount ACCOUNT",
	"AlarmsPolicy: * may not sns:Publish on Alarms if Bool aws:SecureTransport false",
	"ChatPolicy: * may not sns:Publish on Chat if Bool aws:SecureTransport false",
	"FindingsPolicy: * may not sns:Publish on Findings if Bool aws:SecureTransport false",
	"RecordsPolicy: * may not sns:Publish on Records if Bool aws:SecureTransport false",

	// Queues. EventBridge's rules send requests, or events that they could not send.
	"RequestsPolicy: events.amazonaws.com may sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on Requests if ArnEquals aws:SourceArn Deployed",
	"RequestsPolicy: events.amazonaws.com may sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on Requests if ArnEquals aws:SourceArn RuleChanged",
	"RequestsPolicy: events.amazonaws.com may sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on Requests if ArnEquals aws:SourceArn SecretChanged",
	"RequestsPolicy: events.amazonaws.com may sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on Requests if ArnEquals aws:SourceArn SecretCreated",
	"RequestsPolicy: events.amazonaws.com may sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on Requests if ArnEquals aws:SourceArn SecretInForce",
	"RequestsPolicy: events.amazonaws.com may sqs:GetQueueAttributes, sqs:GetQueueUrl, sqs:SendMessage on Requests if ArnEquals aws:SourceArn SecretRotated",
	"UndeliveredPolicy: events.amazonaws.com may sqs:SendMessage on Undelivered if ArnEquals aws:SourceArn Deployed",
	"UndeliveredPolicy: events.amazonaws.com may sqs:SendMessage on Undelivered if ArnEquals aws:SourceArn RuleChanged",
	"UndeliveredPolicy: events.amazonaws.com may sqs:SendMessage on Undelivered if ArnEquals aws:SourceArn SecretChanged",
	"UndeliveredPolicy: events.amazonaws.com may sqs:SendMessage on Undelivered if ArnEquals aws:SourceArn SecretCreated",
	"UndeliveredPolicy: events.amazonaws.com may sqs:SendMessage on Undelivered if ArnEquals aws:SourceArn SecretInForce",
	"UndeliveredPolicy: events.amazonaws.com may sqs:SendMessage on Undelivered if ArnEquals aws:SourceArn SecretRotated",
	"UnsentPolicy: sns.amazonaws.com may sqs:SendMessage on Unsent if ArnEquals aws:SourceArn Alarms",
	"UnsentPolicy: sns.amazonaws.com may sqs:SendMessage on Unsent if ArnEquals aws:SourceArn Records",
	"DeadLettersPolicy: * may not sqs:* on DeadLetters if Bool aws:SecureTransport false",
	"RequestsPolicy: * may not sqs:* on Requests if Bool aws:SecureTransport false",
	"UndeliveredPolicy: * may not sqs:* on Undelivered if Bool aws:SecureTransport false",
	"UnsentPolicy: * may not sqs:* on Unsent if Bool aws:SecureTransport false",

	// Buckets.
	"StatePolicy: * may not s3:* on State, State/* if Bool aws:SecureTransport false",
	"EvidencePolicy: * may not s3:* on Evidence, Evidence/* if Bool aws:SecureTransport false",

	// The trail.
	"TrailBucketPolicy: cloudtrail.amazonaws.com may s3:GetBucketAcl on TrailBucket if StringEquals aws:SourceArn " + trailARN,
	"TrailBucketPolicy: cloudtrail.amazonaws.com may s3:PutObject on TrailBucket/AWSLogs/ACCOUNT/* if StringEquals aws:SourceArn " + trailARN + ", StringEquals s3:x-amz-acl bucket-owner-full-control",
	"TrailBucketPolicy: * may not s3:* on TrailBucket, TrailBucket/* if Bool aws:SecureTransport false",
}

const trailARN = "arn:PARTITION:cloudtrail:REGION:ACCOUNT:trail/ptcaudit-changes"

const administer = "kms:CancelKeyDeletion, kms:DescribeKey, kms:DisableKey, kms:DisableKeyRotation, kms:EnableKey, kms:EnableKeyRotation, " +
	"kms:GetKeyPolicy, kms:GetKeyRotationStatus, kms:ListKeyPolicies, kms:ListResourceTags, kms:PutKeyPolicy, kms:ScheduleKeyDeletion, " +
	"kms:TagResource, kms:UntagResource, kms:UpdateKeyDescription"

func TestPermissions(t *testing.T) {
	got := full().template.statements(t)
	if diff := cmp.Diff(slices.Sorted(slices.Values(permitted)), got); diff != "" {
		t.Errorf("(-listed +in the template)\n%s", diff)
	}
	for _, line := range plain().template.statements(t) {
		if line == "AuditRole may sns:GetTopicAttributes, sns:Publish on Findings" {
			continue // the CDK joins this statement with those of the other topics
		}
		if !slices.Contains(permitted, line) {
			t.Errorf("only if nothing is switched on: %s", line)
		}
		if strings.Contains(line, "secretsmanager:") {
			t.Errorf("readSecrets is off, but: %s", line)
		}
	}
}

func TestNoWildcardActionsAndNoManagedPolicies(t *testing.T) {
	for _, line := range full().template.statements(t) {
		_, actions, allows := strings.Cut(line, " may ")
		actions, _, _ = strings.Cut(actions, " on ")
		if allows && strings.Contains(actions, "*") && !strings.HasPrefix(actions, "not ") {
			t.Errorf("a wildcard: %s", line)
		}
	}
	for id, r := range full().template.of("AWS::IAM::Role") {
		if r.Properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s has managed policies: %v", id, r.Properties["ManagedPolicyArns"])
		}
	}
	if n := len(full().template.of("AWS::IAM::ManagedPolicy")); n != 0 {
		t.Errorf("%d managed policies", n)
	}
}

// statements returns all statements of all policies of a template, sorted, each as
// a line: "WHERE: WHO may [not] ACTIONS on RESOURCES if CONDITION".
func (t template) statements(tb testing.TB) []string {
	tb.Helper()
	var lines []string
	for id, r := range t.Resources {
		where := plainName(id)
		for property, value := range r.Properties {
			switch {
			case property == "Policies": // of a role
				for _, inline := range value.([]any) {
					lines = append(lines, document(tb, where, inline.(map[string]any)["PolicyDocument"])...)
				}
			case property == "PolicyDocument" && r.Type == "AWS::IAM::Policy":
				lines = append(lines, document(tb, names(r.Properties["Roles"]), value)...)
			case strings.Contains(property, "Policy") && isDocument(value):
				lines = append(lines, document(tb, where+":", value)...)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func isDocument(value any) bool {
	m, ok := value.(map[string]any)
	return ok && m["Statement"] != nil
}

func document(tb testing.TB, where string, value any) []string {
	tb.Helper()
	var lines []string
	for _, s := range value.(map[string]any)["Statement"].([]any) {
		s := maps.Clone(s.(map[string]any))
		line := where
		if who, ok := s["Principal"]; ok {
			if m, ok := who.(map[string]any); ok && len(m) == 1 {
				who = slices.Collect(maps.Values(m))[0]
			}
			line += " " + names(who)
		}
		line += map[any]string{"Allow": " may ", "Deny": " may not "}[s["Effect"]] + names(s["Action"])
		if on, ok := s["Resource"]; ok {
			line += " on " + names(on)
		}
		if conditions, ok := s["Condition"].(map[string]any); ok {
			var all []string
			for operator, keys := range conditions {
				for key, value := range keys.(map[string]any) {
					all = append(all, operator+" "+key+" "+names(value))
				}
			}
			slices.Sort(all)
			line += " if " + strings.Join(all, ", ")
		}
		for _, known := range []string{"Sid", "Effect", "Principal", "Action", "Resource", "Condition"} {
			delete(s, known)
		}
		if len(s) > 0 {
			tb.Errorf("%s: a statement has %v, which this test does not support", where, s)
		}
		lines = append(lines, line)
	}
	return lines
}

// names formats a value of a statement. References become the names in the code.
func names(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any:
		out := make([]string, len(v))
		for i, element := range v {
			out[i] = names(element)
		}
		slices.Sort(out)
		return strings.Join(out, ", ")
	case map[string]any:
		switch {
		case v["Ref"] != nil:
			pseudo := map[any]string{"AWS::Partition": "PARTITION", "AWS::Region": "REGION", "AWS::AccountId": "ACCOUNT"}
			if name, ok := pseudo[v["Ref"]]; ok {
				return name
			}
			return plainName(v["Ref"].(string))
		case v["Fn::GetAtt"] != nil:
			return plainName(v["Fn::GetAtt"].([]any)[0].(string))
		case v["Fn::Join"] != nil:
			var out strings.Builder
			for _, part := range v["Fn::Join"].([]any)[1].([]any) {
				out.WriteString(names(part))
			}
			return out.String()
		}
	}
	encoded, err := json.Marshal(value)
	return fmt.Sprint(string(encoded), err)
}

// A logical ID is the name in the code and a hash.
var hashOfID = regexp.MustCompile(`(DefaultPolicy)?[0-9A-F]{8}$`)

func plainName(id string) string { return hashOfID.ReplaceAllString(id, "") }
