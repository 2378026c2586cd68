package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudtrail"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// trailDays is how long the trail's files are kept. EventBridge is handed each
// call as it is logged; the files are only what a trail cannot do without.
const trailDays = 90

// newTrail makes a trail of calls that write, in this Region: EventBridge is
// handed calls only where a trail logs them.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
func newTrail(stack awscdk.Stack) {
	bucket := awss3.NewBucket(stack, jsii.String("TrailBucket"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:        jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration: days(trailDays),
		}},
		// Records of who did what outlive the auditor.
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	accept(bucket, "AwsSolutions-S1", "It is a log, written by CloudTrail only; its files are validated by digests")
	awscloudtrail.NewTrail(stack, jsii.String("Trail"), &awscloudtrail.TrailProps{
		Bucket:                     bucket,
		ManagementEvents:           awscloudtrail.ReadWriteType_WRITE_ONLY,
		IsMultiRegionTrail:         jsii.Bool(false),
		IncludeGlobalServiceEvents: jsii.Bool(false),
		EnableFileValidation:       jsii.Bool(true),
	})
}
