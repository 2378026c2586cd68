// Command audit is the Lambda function that audits every registry named in a
// batch of queue messages, or in one event given to it directly. It only
// starts the runtime; package app wires it, package handler does the work.
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
