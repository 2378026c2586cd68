package main

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/config"
	"ptcaudit/internal/ptc"
)

// newRole makes the role that the function runs under. It may do nothing until
// grant says what.
func newRole(stack awscdk.Stack) awsiam.Role {
	return awsiam.NewRole(stack, jsii.String("AuditRole"), &awsiam.RoleProps{
		Description: jsii.String("Lists and validates ECR's pull through cache rules, and says what is wrong with them"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
}

// retentions are those that one may choose, in days.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
var retentions = map[int]awslogs.RetentionDays{
	7:    awslogs.RetentionDays_ONE_WEEK,
	14:   awslogs.RetentionDays_TWO_WEEKS,
	30:   awslogs.RetentionDays_ONE_MONTH,
	60:   awslogs.RetentionDays_TWO_MONTHS,
	90:   awslogs.RetentionDays_THREE_MONTHS,
	180:  awslogs.RetentionDays_SIX_MONTHS,
	365:  awslogs.RetentionDays_ONE_YEAR,
	731:  awslogs.RetentionDays_TWO_YEARS,
	1827: awslogs.RetentionDays_FIVE_YEARS,
	3653: awslogs.RetentionDays_TEN_YEARS,
}

// newLogGroup makes the function's log group. It is deleted with the stack.
func newLogGroup(stack awscdk.Stack, s settings) awslogs.LogGroup {
	return awslogs.NewLogGroup(stack, jsii.String("Logs"), &awslogs.LogGroupProps{
		Retention:     retentions[s.logDays],
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
}

// permission is something that the function's role may do.
type permission struct {
	actions  []string
	resource *string
	// on and why are for the README.
	on, why string
}

// permissions are all that the function's role may do. There is no wildcard in
// an action and no managed policy.
func permissions(stack awscdk.Stack, s settings, t topics, q queues, b buckets, logs awslogs.LogGroup) []permission {
	list := []permission{
		{
			[]string{"ecr:DescribePullThroughCacheRules", "ecr:ValidatePullThroughCacheRule"},
			jsii.String("*"), "`*`: the API has no resource",
			"list the rules, and have ECR try each",
		},
		{
			[]string{"sns:Publish"},
			t.findings.TopicArn(), "the topic of findings",
			"say what was found",
		},
		{
			[]string{"kms:Decrypt", "kms:GenerateDataKey"},
			t.findingsKey.KeyArn(), "that topic's key",
			"publish to an encrypted topic",
		},
		{
			[]string{"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
			q.requests.QueueArn(), "the queue of requests",
			"take requests, acknowledge them, and put back what must be tried again; Lambda itself demands GetQueueAttributes",
		},
		{
			[]string{"s3:GetObject", "s3:PutObject"},
			b.state.ArnForObjects(jsii.String("*")), "objects of the bucket of state",
			"read what is known of the registry and was said of it, and write what is now",
		},
		{
			[]string{"s3:ListBucket"},
			b.state.BucketArn(), "the bucket of state",
			"be told of a ledger that is not there yet: without it, S3 answers that as a denial. Nothing is listed",
		},
		{
			[]string{"s3:PutObject"},
			b.evidence.ArnForObjects(jsii.String("*")), "objects of the bucket of evidence",
			"keep the report of every audit; it cannot read them",
		},
		{
			[]string{"logs:CreateLogStream", "logs:PutLogEvents"},
			logs.LogGroupArn(), "the function's log group",
			"log, and count by log lines",
		},
	}
	if s.readSecrets {
		list = append(list, permission{
			[]string{"secretsmanager:GetSecretValue"},
			stack.FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("secretsmanager"), Resource: jsii.String("secret"),
				ResourceName: jsii.String(ptc.SecretPrefix + "*"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
			}), "secrets named `" + ptc.SecretPrefix + "*`, with `readSecrets` only",
			"validate rules, should ECR ask the caller for this",
		})
	}
	return list
}

func grant(stack awscdk.Stack, role awsiam.Role, b buckets, list []permission) {
	objects := func(bucket awss3.Bucket) string {
		return "Resource::<" + *stack.GetLogicalId(bucket.Node().DefaultChild().(awscdk.CfnElement)) + ".Arn>/*"
	}
	for _, p := range list {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings(p.actions...),
			Resources: &[]*string{p.resource},
		}))
	}
	accept(role.Node().FindChild(jsii.String("DefaultPolicy")), "AwsSolutions-IAM5",
		"ECR's actions have no resource; secrets are named by ECR's own prefix, behind a switch; the buckets hold nothing but what the function writes",
		"Resource::*", "Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:"+ptc.SecretPrefix+"*",
		objects(b.state), objects(b.evidence))
}

// architectures are Lambda's, by Go's name of each.
var architectures = map[string]func() awslambda.Architecture{
	"arm64": awslambda.Architecture_ARM_64,
	"amd64": awslambda.Architecture_X86_64,
}

// newFunction makes the function of the package in folder.
func newFunction(stack awscdk.Stack, s settings, folder string, role awsiam.Role, t topics, b buckets, logs awslogs.LogGroup) awslambda.Function {
	return awslambda.NewFunction(stack, jsii.String("AuditFunction"), &awslambda.FunctionProps{
		Description:   jsii.String("Audits ECR's pull through cache rules"),
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Handler:       jsii.String("bootstrap"),
		Code:          awslambda.Code_FromAsset(jsii.String(folder), &awss3assets.AssetOptions{}),
		Architecture:  architectures[s.architecture](),
		MemorySize:    jsii.Number(s.memoryMB),
		Timeout:       seconds(timeoutSeconds),
		Role:          role,
		LogGroup:      logs,
		LoggingFormat: awslambda.LoggingFormat_JSON,
		Environment: &map[string]*string{
			config.KeyPolicy:      jsii.String(policyFile),
			config.KeyTopicARN:    t.findings.TopicArn(),
			config.KeyState:       b.state.S3UrlForObject(nil),
			config.KeyEvidence:    b.evidence.S3UrlForObject(nil),
			config.KeyRemindAfter: jsii.String(s.schedule.remindAfter().String()),
			config.KeyMinSeverity: jsii.String(s.minSeverity),
			config.KeyMaxReceives: jsii.String(strconv.Itoa(config.DefaultMaxReceives)),
			config.KeyLogLevel:    jsii.String(s.logLevel),
		},
	})
}

// newMapping has Lambda hand batches of requests to the function. A batch may
// fail in part.
func newMapping(stack awscdk.Stack, s settings, function awslambda.Function, q queues) awslambda.EventSourceMapping {
	return awslambda.NewEventSourceMapping(stack, jsii.String("RequestsToFunction"), &awslambda.EventSourceMappingProps{
		Target:                  function,
		EventSourceArn:          q.requests.QueueArn(),
		BatchSize:               jsii.Number(batchSize),
		MaxBatchingWindow:       seconds(windowSeconds),
		MaxConcurrency:          jsii.Number(s.maxConcurrency),
		ReportBatchItemFailures: jsii.Bool(true),
	})
}
