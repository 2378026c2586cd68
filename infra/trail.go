package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudtrail"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// trailDays is how long the trail's files are kept. ptcaudit does not read them,
// but a trail must have a bucket.
const trailDays = 90

// newTrail creates a trail of write calls in this Region, and returns its ARN.
// EventBridge gets an event for a call only if a trail logs it.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
//
// The trail has a name, because its bucket's policy contains its ARN and must exist
// before it. The CDK's own construct allows every trail to write to the bucket:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
func newTrail(stack awscdk.Stack, s settings) *string {
	name := s.stackName + "-changes"
	arn := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("cloudtrail"), Resource: jsii.String("trail"), ResourceName: jsii.String(name),
	})
	bucket := awss3.NewBucket(stack, jsii.String("TrailBucket"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:        jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration: days(trailDays),
		}},
		// The records of who did what must remain when the stack is deleted.
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	})
	accept(bucket, "AwsSolutions-S1", "It is a log that only CloudTrail writes, and its files are validated by digests")
	allow := func(action string, resource *string, conditions map[string]any) {
		conditions["aws:SourceArn"] = arn
		bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudtrail.amazonaws.com"), nil)},
			Actions:    jsii.Strings(action),
			Resources:  &[]*string{resource},
			Conditions: &map[string]any{"StringEquals": conditions},
		}))
	}
	allow("s3:GetBucketAcl", bucket.BucketArn(), map[string]any{})
	allow("s3:PutObject", bucket.ArnForObjects(jsii.String("AWSLogs/"+*stack.Account()+"/*")),
		map[string]any{"s3:x-amz-acl": "bucket-owner-full-control"})
	trail := awscloudtrail.NewCfnTrail(stack, jsii.String("Trail"), &awscloudtrail.CfnTrailProps{
		TrailName:                  jsii.String(name),
		S3BucketName:               bucket.BucketName(),
		IsLogging:                  jsii.Bool(true),
		IsMultiRegionTrail:         jsii.Bool(false),
		IncludeGlobalServiceEvents: jsii.Bool(false),
		EnableLogFileValidation:    jsii.Bool(true),
		EventSelectors: []any{&awscloudtrail.CfnTrail_EventSelectorProperty{
			IncludeManagementEvents: jsii.Bool(true), ReadWriteType: jsii.String("WriteOnly"),
		}},
	})
	trail.Node().AddDependency(bucket.Policy())
	return arn
}
