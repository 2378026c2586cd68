// Package cli is the ptcaudit command as a function: arguments, environment
// and streams in, an exit code out. It parses, calls the same objects as the
// Lambda functions (package app), and prints. What a command needs from the
// outside it takes from Run's arguments; it must not be imported by anything
// that is deployed.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/untrusted"
)

// Exit codes. They are part of the interface: pipelines branch on them.
const (
	// ExitOK: nothing at or above the threshold was found.
	ExitOK = 0
	// ExitFindings: something was.
	ExitFindings = 1
	// ExitUsage: the command line, the environment, a file or the policy
	// cannot be used.
	ExitUsage = 2
	// ExitIncomplete: not everything could be audited, or said. It wins over
	// ExitFindings: what is unknown may be worse than what is known.
	ExitIncomplete = 3
)

// Run runs one command line, args without the program's name, and gives its
// exit code. env is an environment as os.Environ gives it; the settings of the
// AWS SDK among it are read from the process's environment by the SDK itself.
// A command ends early, and still tells what it knows, when ctx ends.
func Run(ctx context.Context, args, env []string, in io.Reader, out, err io.Writer) int {
	return newCommand(env, in, out, err).run(ctx, args)
}

// command is what every subcommand has at hand.
type command struct {
	env      []string
	in       io.Reader
	out, err io.Writer
	now      func() time.Time
	// quiet and noColor are flags that every command has.
	quiet, noColor bool
	// connect finds credentials and endpoints.
	connect connector
}

func newCommand(env []string, in io.Reader, out, err io.Writer) *command {
	return &command{env: env, in: in, out: out, err: err, now: time.Now, connect: fromProcess}
}

// exit is an error with the exit code that it deserves. Without an error there
// is nothing to print: the output has said it.
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

// usage is an error of what the user wrote: arguments, environment, files.
func usage(err error) error { return &exit{ExitUsage, err} }

// incomplete is an error that kept something from being audited or said.
func incomplete(err error) error { return &exit{ExitIncomplete, err} }

// code is an exit code that needs no words; nil where all is well.
func code(code int) error {
	if code == ExitOK {
		return nil
	}
	return &exit{code: code}
}

// errDone says that a flag such as --help has done all there is to do.
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
		// They begin with their file, where an editor looks for it.
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
		kong.Vars{"formats": oneOf(reportFormats)},
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
		see := "; see "
		if strings.HasSuffix(err.Error(), "?") {
			see = " See "
		}
		return usage(fmt.Errorf("%w%s%s --help", err, see, strings.Join(selected(err), " ")))
	default:
		c.quiet, c.noColor = line.Quiet, line.NoColor
		return parsed.Run()
	}
}

// selected is the command in which a command line went wrong.
func selected(err error) []string {
	names := []string{"ptcaudit"}
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		for _, step := range parse.Context.Path {
			if step.Command != nil {
				names = append(names, step.Command.Name)
			}
		}
	}
	return names
}
