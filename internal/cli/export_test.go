package cli

import (
	"context"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// OnDemo runs command lines as the demo does.
func OnDemo() func(ctx context.Context, cfg aws.Config, out io.Writer, args ...string) int {
	return newCommand(nil, strings.NewReader(""), io.Discard, io.Discard).on
}
