package main

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// undeleteDays is how long evidence that somebody deleted can be brought back.
const undeleteDays = 30

// buckets are where the function keeps what outlives an audit.
type buckets struct {
	// state has a ledger for each registry: what is known of it, and what was
	// said.
	state awss3.Bucket
	// evidence has the report of every audit. Nothing in it is overwritten.
	evidence awss3.Bucket
}

// newBuckets makes both. They outlive the stack: one is a proof, and without
// the other every failure would be said anew. Encrypted they are by S3's own
// keys: a key of ours would cost more than all that is stored under it, and
// whoever deleted it would delete the evidence.
//
// What is stored is not moved to a cheaper class: a report has 34 KB at 50
// rules, and those bill each object as 128.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
func newBuckets(stack constructs.Construct, s settings) buckets {
	return buckets{
		state: newBucket(stack, "State", awss3.BucketProps{}),
		evidence: newBucket(stack, "Evidence", awss3.BucketProps{
			// The bucket can lock from the beginning on: that costs nothing and
			// locks nothing, and to switch it on later would have CloudFormation
			// begin another bucket.
			// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
			ObjectLockEnabled:          jsii.Bool(true),
			ObjectLockDefaultRetention: s.evidenceLock.retention(),
			LifecycleRules: &[]*awss3.LifecycleRule{{
				Expiration:                  days(s.evidenceDays),
				NoncurrentVersionExpiration: days(undeleteDays),
			}},
		}),
	}
}

// newBucket makes a bucket that nobody sees who is not let, and that stays when
// the stack is deleted. props add to that.
func newBucket(stack constructs.Construct, id string, props awss3.BucketProps) awss3.Bucket {
	props.BlockPublicAccess = awss3.BlockPublicAccess_BLOCK_ALL()
	props.ObjectOwnership = awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED
	props.EnforceSSL = jsii.Bool(true)
	props.Encryption = awss3.BucketEncryption_S3_MANAGED
	props.Versioned = jsii.Bool(true)
	props.RemovalPolicy = awscdk.RemovalPolicy_RETAIN
	bucket := awss3.NewBucket(stack, jsii.String(id), &props)
	accept(bucket, "AwsSolutions-S1", "Only the function writes to it; who reads it, a trail with data events records better than access logs")
	return bucket
}

// lock is for how long nobody may delete evidence; zero: as long as nobody is
// let.
type lock struct {
	mode string // governance or compliance
	days int
}

// noLock is how to write the zero lock.
const noLock = "off"

// maxLockDays is S3's own bound, 100 years:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
const maxLockDays = 36500

var lockForm = regexp.MustCompile(`^(governance|compliance) ([1-9][0-9]{0,4}) days?$`)

func parseLock(value string) (lock, error) {
	if value == noLock {
		return lock{}, nil
	}
	m := lockForm.FindStringSubmatch(value)
	if m == nil {
		return lock{}, fmt.Errorf("%q: write %s, governance 365 days or compliance 365 days", value, noLock)
	}
	n, _ := strconv.Atoi(m[2]) // the pattern admits only numbers
	if n > maxLockDays {
		return lock{}, fmt.Errorf("%q: S3 locks for %d days at most", value, maxLockDays)
	}
	return lock{m[1], n}, nil
}

// retention is what S3 sets on every new object; nil for nothing.
func (l lock) retention() awss3.ObjectLockRetention {
	switch l.mode {
	case "governance":
		return awss3.ObjectLockRetention_Governance(days(l.days))
	case "compliance":
		return awss3.ObjectLockRetention_Compliance(days(l.days))
	default:
		return nil
	}
}

func days(n int) awscdk.Duration { return awscdk.Duration_Days(jsii.Number(n)) }
