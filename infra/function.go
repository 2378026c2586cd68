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

// newRole creates the function's role. It has no permissions until grant adds
// them.
func newRole(stack awscdk.Stack, s settings) awsiam.Role {
	return awsiam.NewRole(stack, jsii.String("AuditRole"), &awsiam.RoleProps{
		Path:        s.path(),
		Description: jsii.String("Lists and validates ECR pull through cache rules, and publishes findings"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
}

// retentions are the supported numbers of days to keep logs.
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

// newLogGroup creates the function's log group. It is deleted with the stack.
func newLogGroup(stack awscdk.Stack, s settings) awslogs.LogGroup {
	return awslogs.NewLogGroup(stack, jsii.String("Logs"), &awslogs.LogGroupProps{
		Retention:     retentions[s.logDays],
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
}

// permission is one statement of the function's role.
type permission struct {
	actions  []string
	resource *string
	// on (the resource) and why are shown in the README.
	on, why string
}

// permissions returns all statements of the function's role. There is no wildcard
// in an action and no managed policy.
func permissions(stack awscdk.Stack, s settings, t topics, q queues, b buckets, logs awslogs.LogGroup) []permission {
	list := []permission{
		{
			[]string{"ecr:DescribePullThroughCacheRules", "ecr:ValidatePullThroughCacheRule"},
			jsii.String("*"), "`*`: these actions support no resource",
			"list the rules, and have ECR validate each of them",
		},
		{
			[]string{"kms:Decrypt", "kms:GenerateDataKey"},
			t.findingsKey.KeyArn(), "the key of the topics below",
			"publish to encrypted topics",
		},
		{
			[]string{"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
			q.requests.QueueArn(), "the requests queue",
			"receive requests, delete them when done, and return them for a retry; Lambda requires GetQueueAttributes",
		},
		{
			[]string{"s3:GetObject", "s3:PutObject"},
			b.state.ArnForObjects(jsii.String("*")), "objects of the state bucket",
			"read and write the ledger: the registry's findings and what was notified",
		},
		{
			[]string{"s3:ListBucket"},
			b.state.BucketArn(), "the state bucket",
			"detect that no ledger exists yet: without it, S3 answers 403 instead of 404. The function lists nothing",
		},
		{
			[]string{"s3:PutObject"},
			b.evidence.ArnForObjects(jsii.String("*")), "objects of the evidence bucket",
			"store the report of every audit; the function cannot read them",
		},
		{
			[]string{"logs:CreateLogStream", "logs:PutLogEvents"},
			logs.LogGroupArn(), "the function's log group",
			"write logs, which also contain the metrics",
		},
	}
	for _, topic := range t.published {
		list = append(list, permission{
			[]string{"sns:GetTopicAttributes", "sns:Publish"},
			topic.TopicArn(), topic.on,
			"publish notifications, and count the confirmed subscribers",
		})
	}
	if s.readSecrets {
		list = append(list, permission{
			[]string{"secretsmanager:GetSecretValue"},
			stack.FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("secretsmanager"), Resource: jsii.String("secret"),
				ResourceName: jsii.String(ptc.SecretPrefix + "*"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
			}), "secrets named `" + ptc.SecretPrefix + "*`, with `readSecrets` only",
			"validate rules, if ECR requires this permission of the caller",
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
		"ECR's actions support no resource. Secrets are limited to ECR's prefix and must be switched on. The buckets contain only what the function writes",
		"Resource::*", "Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:"+ptc.SecretPrefix+"*",
		objects(b.state), objects(b.evidence))
}

// architectures maps Go's names of architectures to Lambda's.
var architectures = map[string]func() awslambda.Architecture{
	"arm64": awslambda.Architecture_ARM_64,
	"amd64": awslambda.Architecture_X86_64,
}

// newFunction creates the function from the package in folder.
func newFunction(stack awscdk.Stack, s settings, folder string, role awsiam.Role, t topics, b buckets, logs awslogs.LogGroup) awslambda.Function {
	environment := map[string]*string{
		config.KeyPolicy:      jsii.String(policyFile),
		config.KeyState:       b.state.S3UrlForObject(nil),
		config.KeyEvidence:    b.evidence.S3UrlForObject(nil),
		config.KeyRemindAfter: jsii.String(s.schedule.remindAfter().String()),
		config.KeyMinSeverity: jsii.String(s.minSeverity),
		config.KeyMaxReceives: jsii.String(strconv.Itoa(config.DefaultMaxReceives)),
		config.KeyLogLevel:    jsii.String(s.logLevel),
		config.KeyCallTimeout: jsii.String(s.callTimeout),
		config.KeyConcurrency: jsii.String(s.concurrency),
	}
	for _, topic := range t.published {
		environment[topic.variable] = topic.TopicArn()
	}
	return awslambda.NewFunction(stack, jsii.String("AuditFunction"), &awslambda.FunctionProps{
		Description:   jsii.String("Audits ECR pull through cache rules"),
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Handler:       jsii.String("bootstrap"),
		Code:          awslambda.Code_FromAsset(jsii.String(folder), &awss3assets.AssetOptions{}),
		Architecture:  architectures[s.architecture](),
		MemorySize:    jsii.Number(s.memoryMB),
		Timeout:       seconds(timeoutSeconds),
		Role:          role,
		LogGroup:      logs,
		LoggingFormat: awslambda.LoggingFormat_JSON,
		// Lambda drops lines below this level. A line without a level counts as
		// INFO, and lines of metrics have none, so it is never higher. The function
		// itself drops the other lines below its log level.
		// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
		ApplicationLogLevelV2: map[bool]awslambda.ApplicationLogLevel{
			true: awslambda.ApplicationLogLevel_DEBUG, false: awslambda.ApplicationLogLevel_INFO,
		}[s.logLevel == "debug"],
		Environment: &environment,
	})
}

// newMapping creates the mapping that sends batches of requests to the function.
// A batch can fail in part.
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
