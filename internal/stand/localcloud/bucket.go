package localcloud

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"ptcaudit/internal/aws/wire"
)

// Config is for clients of a cloud, as an account in a Region.
func Config(endpoint, account, region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(account, "test", ""),
	}
}

// made counts the buckets of NewBucket, over all clouds of a test binary.
var made atomic.Int64

// NewBucket creates a bucket, and returns its URL.
func NewBucket(tb testing.TB, cfg aws.Config) string {
	tb.Helper()
	name := fmt.Sprint("bucket-", made.Add(1))
	CreateBucket(tb, cfg, name)
	return "s3://" + name
}

// CreateBucket creates a bucket in the Region of cfg.
func CreateBucket(tb testing.TB, cfg aws.Config, name string) {
	tb.Helper()
	cfg.HTTPClient = wire.Client(nil, time.Minute)
	in := &s3.CreateBucketInput{Bucket: &name}
	if cfg.Region != Region { // S3 refuses its default Region as a constraint
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(cfg.Region)}
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(tb.Context(), in); err != nil {
		tb.Fatal(err)
	}
}
