package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudtrail"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// trailDays is how long the trail's files are kept. ptcaudit does not read them,
// but a trail must have a bucket.
const trailDays = 90

// newTrail creates a trail of write calls in this Region. EventBridge gets an event
// for a call only if a trail logs it.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
func newTrail(stack awscdk.Stack) {
	bucket := awss3.NewBucket(stack, jsii.String("TrailBucket"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:        jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration: days(trailDays),
		}},
		// The records of who did what must remain when the stack is deleted.
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	accept(bucket, "AwsSolutions-S1", "It is a log that only CloudTrail writes, and its files are validated by digests")
	awscloudtrail.NewTrail(stack, jsii.String("Trail"), &awscloudtrail.TrailProps{
		Bucket:                     bucket,
		ManagementEvents:           awscloudtrail.ReadWriteType_WRITE_ONLY,
		IsMultiRegionTrail:         jsii.Bool(false),
		IncludeGlobalServiceEvents: jsii.Bool(false),
		EnableFileValidation:       jsii.Bool(true),
	})
}
