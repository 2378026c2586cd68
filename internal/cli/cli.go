// Package cli is the ptcaudit command as a function: arguments, environment
// and streams in, an exit code out. It parses flags, calls the same objects as
// the Lambda functions (package app), and prints. Each command is one file.
// Nothing that is deployed may import it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"ptcaudit/internal/app"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/suggest"
	"ptcaudit/internal/untrusted"
)

// Exit codes. They are part of the interface: pipelines branch on them.
const (
	// ExitOK: no failure at or above the threshold.
	ExitOK = 0
	// ExitFindings: at least one such failure.
	ExitFindings = 1
	// ExitUsage: the command line, the environment, a file or the policy is
	// invalid.
	ExitUsage = 2
	// ExitIncomplete: something could not be audited or published. It wins
	// over ExitFindings, because the unknown part may be worse.
	ExitIncomplete = 3
)

// Run runs one command line, args without the program's name, and returns its
// exit code. env has the form of os.Environ; the AWS SDK reads its own settings
// from the process's environment. When ctx ends, the command ends early and
// still prints the results that it has.
func Run(ctx context.Context, args, env []string, in io.Reader, out, err io.Writer) int {
	// A reader of standard output that leaves, as head does, is then an error of
	// the write, and does not end the process.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	return newCommand(env, in, out, err).run(ctx, args)
}

// command is the context that all subcommands share.
type command struct {
	env []string
	in  io.Reader
	// out and err write without commands for CI services; stdout and stderr are
	// what they write to.
	out, err       io.Writer
	stdout, stderr io.Writer
	now            func() time.Time
	// quiet and noColor are flags that every command has.
	quiet, noColor bool
	// connect finds credentials and endpoints.
	connect connector
}

func newCommand(env []string, in io.Reader, out, err io.Writer) *command {
	return &command{
		env: env, in: in, stdout: out, stderr: err,
		out: untrusted.NewLog(out, untrusted.BracketInText),
		err: &locked{w: untrusted.NewLog(err, untrusted.BracketInText)},
		now: time.Now, connect: fromProcess,
	}
}

// locked is standard error, which several goroutines write to.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

// Write writes p at once.
func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// exit is an error with an exit code. If err is nil, the output already shows
// the reason and nothing more is printed.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// usage is an error in the user's input: arguments, environment or files.
func usage(err error) error { return &exit{ExitUsage, err} }

// incomplete is an error that prevented part of an audit or a notification.
func incomplete(err error) error { return &exit{ExitIncomplete, err} }

// code is an exit code without a message; nil for ExitOK.
func code(code int) error {
	if code == ExitOK {
		return nil
	}
	return &exit{code: code}
}

// errDone ends a command line after a flag such as --help.
var errDone = errors.New("done")

// run parses and runs one command line. Every error becomes lines on stderr
// here, and nowhere else.
func (c *command) run(ctx context.Context, args []string) int {
	err := c.dispatch(ctx, args)
	if err == nil {
		return ExitOK
	}
	failure := &exit{code: ExitIncomplete, err: err}
	if as, ok := errors.AsType[*exit](err); ok {
		failure = as
	}
	if faults, ok := errors.AsType[policy.Errors](err); ok {
		// They begin with FILE:LINE:COL, which editors parse.
		_, _ = fmt.Fprint(c.err, faults.Excerpt())
	} else if failure.err != nil {
		for line := range strings.Lines(failure.err.Error()) {
			_, _ = fmt.Fprintf(c.err, "ptcaudit: %s\n", untrusted.Verbatim(strings.TrimRight(line, "\n")))
		}
	}
	return failure.code
}

// dispatch finds the subcommand and runs it.
func (c *command) dispatch(ctx context.Context, args []string) error {
	out, done := c.out, ExitOK
	if len(args) == 0 {
		args, out, done = []string{"--help"}, c.err, ExitUsage
	}
	line := &grammar{}
	parser, err := kong.New(line,
		kong.Name("ptcaudit"),
		kong.Description(description),
		kong.Writers(out, c.err),
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: helpWidth}),
		kong.Vars{"formats": suggest.OneOf(reportFormats)},
		kong.Bind(c),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return err
	}
	switch parsed, err := parser.Parse(args); {
	case errors.Is(err, errDone):
		return code(done)
	case err != nil:
		return invalidLine(err)
	default:
		c.quiet, c.noColor = line.Quiet, line.NoColor
		return parsed.Run()
	}
}

// helpWidth is the width of help at most, in columns.
const helpWidth = 100

const description = `Audits the pull through cache rules of Amazon ECR: has ECR validate each rule, checks all rules against a policy, and shows what is wrong and how to fix it.

    ptcaudit demo                        watch it work, without AWS
    ptcaudit audit --region eu-west-1    audit a registry

It finds credentials, Region and endpoints as the AWS CLI does. Environment: PTCAUDIT_POLICY is the policy if --policy is not given; PTCAUDIT_CALL_TIMEOUT (10s) and PTCAUDIT_CONCURRENCY (8) limit the calls to ECR; PTCAUDIT_LOG_LEVEL=debug logs to standard error.

Exit codes: 0 no failure at or above --fail-on, 1 at least one such failure, 2 invalid command line, environment or file, 3 something could not be checked.`

// grammar is the command line. Its tags are the help.
type grammar struct {
	Audit        auditCommand        `cmd:"" help:"Audit the rules of a registry."`
	Eval         evalCommand         `cmd:"" help:"Check rules from a file against a policy, without AWS."`
	Report       reportCommand       `cmd:"" help:"Show a saved report."`
	History      historyCommand      `cmd:"" help:"List past audits, and when failures began and ended."`
	Diff         diffCommand         `cmd:"" help:"Compare the rules and findings of two reports."`
	Evidence     evidenceCommands    `cmd:"" help:"Export stored reports for auditors."`
	Policy       policyCommands      `cmd:"" help:"Write, check, test and explain policies."`
	Event        eventCommand        `cmd:"" help:"Handle an event as the Lambda function does."`
	Emulate      emulateCommand      `cmd:"" help:"Emulate the pull through cache API of ECR on this machine."`
	Demo         demoCommand         `cmd:"" help:"Watch an audit find, report and fix failures, without AWS."`
	Completion   completionCommand   `cmd:"" help:"Print the completion script for a shell."`
	CompleteLine completeLineCommand `cmd:"" hidden:""`

	Quiet   bool        `short:"q" help:"Print only errors and what --output requests."`
	NoColor bool        `help:"Print without colors (or set $$NO_COLOR)."`
	Version versionFlag `help:"Print the version."`
}

// versionFlag prints the version instead of running a command.
type versionFlag bool

// BeforeReset runs before kong checks required arguments.
func (versionFlag) BeforeReset(parser *kong.Kong) error {
	if _, err := fmt.Fprintln(parser.Stdout, "ptcaudit", app.Version); err != nil {
		return err
	}
	return errDone
}

// printHelp prints help instead of running a command.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	return errDone
}

// errNoRegion reports that neither flags nor the AWS CLI's settings name a Region.
var errNoRegion = errors.New("the Region is missing: use --region, or set AWS_REGION")

// connector loads the SDK's configuration for a profile and a Region; either may
// be empty.
type connector func(ctx context.Context, profile, region string) (aws.Config, error)

// fromProcess loads credentials, Region and endpoints as the SDK does: from the
// process's environment, shared files, single sign-on and roles.
func fromProcess(ctx context.Context, profile, region string) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithSharedConfigProfile(profile), awsconfig.WithRegion(region))
	if _, unknown := errors.AsType[awsconfig.SharedConfigProfileNotExistError](err); unknown {
		return cfg, usage(fmt.Errorf("AWS profile %s does not exist: run aws configure list-profiles to list the profiles", profile))
	}
	if err != nil {
		return cfg, incomplete(fmt.Errorf("read the AWS configuration: %w", err))
	}
	return cfg, nil
}

// identify is the registry of cfg's credentials and Region.
func identify(ctx context.Context, cfg aws.Config) (ptc.Registry, error) {
	registry, err := app.Identity(ctx, cfg)
	if fault, ok := errors.AsType[*ptc.Fault](err); ok {
		advice := "check the Region, the endpoint and the network"
		if fault.Kind == ptc.FaultDenied {
			advice = "run aws sso login, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
		}
		return registry, incomplete(fmt.Errorf("cannot determine the AWS account: %w: %s", err, advice))
	}
	return registry, err
}
