package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/cli/demo"
	"ptcaudit/internal/config"
)

type demoCommand struct{}

// Help is shown below the summary.
func (*demoCommand) Help() string {
	return `Breaks two rules of a registry, shows the mail that tells of them, does what the mail says, and shows that all is well again. AWS is the emulator of ptcaudit emulate; nothing leaves this machine and nothing is left behind.

    ptcaudit demo

The exit code is 0 only where every step did what it shows.`
}

// Run runs the demo.
func (*demoCommand) Run(ctx context.Context, c *command) error {
	t := c.terminal()
	err := demo.Run(ctx, demo.Options{Out: c.out, Width: t.width, Color: t.color, Command: c.on})
	if err != nil {
		return incomplete(err)
	}
	return nil
}

// on runs a command line on another AWS than the user's, and without the
// user's settings: the same on every machine.
func (c *command) on(ctx context.Context, cfg aws.Config, out io.Writer, args ...string) int {
	other := *c
	other.out = out
	other.env = slices.DeleteFunc(slices.Clone(c.env), func(variable string) bool {
		return strings.HasPrefix(variable, config.Prefix)
	})
	other.connect = func(context.Context, string, string) (aws.Config, error) { return cfg, nil }
	return other.run(ctx, args)
}
