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
	return `Breaks rules of an emulated registry, shows the mails, and runs the fix from a mail. It also shows that each failure is notified once, that two auditors send one mail, that a killed auditor loses nothing, and the history of all audits. Nothing leaves this machine, and no files are left behind.

    ptcaudit demo

Exit codes: 0 every step worked as shown, 3 a step did not.`
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

// on runs a command line against the demo's emulator instead of the user's AWS,
// without the user's PTCAUDIT_ settings.
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

// process is this program as a new process with its own environment. Its output
// is discarded.
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
