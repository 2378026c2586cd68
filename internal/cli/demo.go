package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/cli/demo"
	"ptcaudit/internal/config"
)

type demoCommand struct{}

// Help is shown below the summary.
func (*demoCommand) Help() string {
	return `Breaks rules of a registry, shows the mails that tell of them, does what a mail says, and shows that what is known is not said twice, that two auditors send one mail, that one which is killed loses nothing, and what the history tells of it all. AWS is the emulator of ptcaudit emulate; nothing leaves this machine and nothing is left behind.

    ptcaudit demo

The exit code is 0 only where every step did what it shows.`
}

// Run runs the demo.
func (*demoCommand) Run(ctx context.Context, c *command) error {
	t := c.terminal()
	err := demo.Run(ctx, demo.Options{Out: c.out, Width: t.width, Color: t.color, Command: c.on, Process: process})
	if err != nil {
		return incomplete(err)
	}
	return nil
}

// on runs a command line on another AWS than the user's, and with other
// settings: the same on every machine.
func (c *command) on(ctx context.Context, cfg aws.Config, env []string, out io.Writer, args ...string) int {
	other := *c
	other.out = out
	other.env = slices.DeleteFunc(slices.Clone(c.env), func(variable string) bool {
		return strings.HasPrefix(variable, config.Prefix)
	})
	other.env = append(other.env, env...)
	other.connect = func(context.Context, string, string) (aws.Config, error) { return cfg, nil }
	return other.run(ctx, args)
}

// process is this program again, on a command line and in an environment of
// its own. What it prints is lost.
func process(ctx context.Context, env []string, args ...string) *exec.Cmd {
	program, err := os.Executable()
	cmd := exec.CommandContext(ctx, program) //nolint:gosec // this program
	cmd.Err = errors.Join(cmd.Err, err)
	cmd.Args = append([]string{"ptcaudit"}, args...)
	cmd.Env = append([]string{
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
	}, env...)
	return cmd
}
