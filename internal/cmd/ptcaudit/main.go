// Command ptcaudit audits the pull through cache rules of Amazon ECR. Package cli
// describes it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"ptcaudit/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that the second signal ends the process
	code := cli.Run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
