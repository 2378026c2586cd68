// Command clients is a Lambda function that only creates the AWS clients of
// ptcaudit. make bench measures the cost of the AWS SDK with it.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	ecrClient, s3Client := ecr.NewFromConfig(cfg), s3.NewFromConfig(cfg)
	snsClient, sqsClient := sns.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	lambda.Start(func(context.Context) error {
		_, _, _, _ = ecrClient, s3Client, snsClient, sqsClient
		return nil
	})
}
