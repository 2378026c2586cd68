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

const (
	// undeleteDays is how long deleted evidence can be restored.
	undeleteDays = 30
	// ledgerDays is how long earlier versions of a ledger can be restored.
	ledgerDays = 90
)

// buckets store what the function keeps after an audit.
type buckets struct {
	// state has a ledger for each registry: its findings, and which of them were
	// notified.
	state awss3.Bucket
	// evidence has the report of every audit. No report is overwritten.
	evidence awss3.Bucket
}

// newBuckets creates both. They remain when the stack is deleted: evidence is an
// audit trail, and without state every failure would be notified again. They use
// S3's own keys. A KMS key would cost more than the storage, and deleting the key
// would delete the evidence.
//
// Objects are not moved to a cheaper storage class: a report of 50 rules has
// 34 KB, and those classes bill at least 128 KB for each object.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
func newBuckets(stack constructs.Construct, s settings) buckets {
	return buckets{
		state: newBucket(stack, "State", awss3.BucketProps{
			LifecycleRules: &[]*awss3.LifecycleRule{{NoncurrentVersionExpiration: days(ledgerDays)}},
		}),
		evidence: newEvidence(stack, s),
	}
}

// newEvidence creates the evidence bucket.
func newEvidence(stack constructs.Construct, s settings) awss3.Bucket {
	bucket := newBucket(stack, "Evidence", awss3.BucketProps{
		// Object Lock is enabled from the start. That alone costs nothing and
		// locks nothing. CloudFormation would replace the bucket to enable it
		// later.
		// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
		ObjectLockEnabled:          jsii.Bool(true),
		ObjectLockDefaultRetention: s.evidenceLock.retention(),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration:                  days(s.evidenceDays),
			NoncurrentVersionExpiration: days(undeleteDays),
		}},
	})
	if s.evidenceLock == (lock{}) {
		// An explicit configuration without a rule removes the rule of an earlier
		// deployment. Without a configuration, CloudFormation leaves the rule.
		bucket.Node().DefaultChild().(awss3.CfnBucket).SetObjectLockConfiguration(&awss3.CfnBucket_ObjectLockConfigurationProperty{
			ObjectLockEnabled: jsii.String("Enabled"),
		})
	}
	return bucket
}

// newBucket creates a private bucket that remains when the stack is deleted, unless
// its first deployment fails. props adds more properties.
func newBucket(stack constructs.Construct, id string, props awss3.BucketProps) awss3.Bucket {
	props.BlockPublicAccess = awss3.BlockPublicAccess_BLOCK_ALL()
	props.ObjectOwnership = awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED
	props.EnforceSSL = jsii.Bool(true)
	props.Encryption = awss3.BucketEncryption_S3_MANAGED
	props.Versioned = jsii.Bool(true)
	props.RemovalPolicy = awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	bucket := awss3.NewBucket(stack, jsii.String(id), &props)
	accept(bucket, "AwsSolutions-S1", "Only the function writes to it. A trail with data events records reads better than access logs")
	return bucket
}

// lock is how long evidence is protected from deletion. The zero lock does not
// protect it.
type lock struct {
	mode string // governance or compliance
	days int
}

// noLock is the value of evidenceLock for the zero lock.
const noLock = "off"

// maxLockDays is the maximum of S3, 100 years:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
const maxLockDays = 36500

var lockForm = regexp.MustCompile(`^(governance|compliance) ([1-9][0-9]{0,4}) days?$`)

func parseLock(value string) (lock, error) {
	if value == noLock {
		return lock{}, nil
	}
	m := lockForm.FindStringSubmatch(value)
	if m == nil {
		return lock{}, fmt.Errorf("invalid lock %q: use %s, governance N days or compliance N days", value, noLock)
	}
	n, _ := strconv.Atoi(m[2]) // the pattern matches only numbers
	if n > maxLockDays {
		return lock{}, fmt.Errorf("lock %q is too long: use at most %d days", value, maxLockDays)
	}
	return lock{m[1], n}, nil
}

// String is the value of evidenceLock.
func (l lock) String() string {
	if l == (lock{}) {
		return noLock
	}
	return fmt.Sprintf("%s %d days", l.mode, l.days)
}

// weakerThan reports whether the lock protects new reports less than another.
func (l lock) weakerThan(other lock) bool {
	return l.days < other.days || other.mode == compliance && l.mode != compliance
}

// The modes of a lock.
const (
	governance = "governance"
	compliance = "compliance"
)

// retention returns the retention of every new object; nil for none.
func (l lock) retention() awss3.ObjectLockRetention {
	switch l.mode {
	case governance:
		return awss3.ObjectLockRetention_Governance(days(l.days))
	case compliance:
		return awss3.ObjectLockRetention_Compliance(days(l.days))
	default:
		return nil
	}
}

func days(n int) awscdk.Duration { return awscdk.Duration_Days(jsii.Number(n)) }
