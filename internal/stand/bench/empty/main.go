// Command empty is a Lambda function that does nothing. make bench measures the
// cost of the Lambda runtime with it.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func(context.Context) error { return nil }) }
