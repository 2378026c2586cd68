// Command audit is the Lambda function. It audits every registry that a batch of
// queue messages names, or one event or request that invokes it directly. This
// package only starts the Lambda runtime: package app builds the handler, and
// package handler does the work.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"

	"ptcaudit/internal/app"
)

func main() {
	// What the start allocates is kept: collecting garbage would only delay
	// the first event.
	collector := debug.SetGCPercent(-1)
	h, err := app.Function(os.Environ(), os.Stderr, os.Stdout)
	if err != nil {
		// Lambda shows the last lines before an exit with its own error.
		fmt.Fprintln(os.Stderr, "ptcaudit cannot start:")
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	debug.SetGCPercent(collector)
	lambda.Start(h)
}
