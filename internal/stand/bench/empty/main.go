// Command empty is a Lambda function that does nothing: what the runtime
// itself costs, for make bench.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func(context.Context) error { return nil }) }
