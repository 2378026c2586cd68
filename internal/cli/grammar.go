package cli

import (
	"fmt"

	"github.com/alecthomas/kong"

	"ptcaudit/internal/app"
)

// helpWidth keeps help readable on a wide terminal.
const helpWidth = 100

const description = `Audits the pull through cache rules of Amazon ECR registries: has ECR validate each rule, checks them against a policy, and says what is wrong and how to mend it.

    ptcaudit demo                        see it at work, without AWS
    ptcaudit audit --region eu-west-1    audit a registry

Credentials, Region and endpoints are found as the AWS CLI finds them. PTCAUDIT_POLICY names the policy where --policy does not; PTCAUDIT_CALL_TIMEOUT (10s) and PTCAUDIT_CONCURRENCY (8) bound the calls to ECR; PTCAUDIT_LOG_LEVEL writes a log to standard error.

Exit codes: 0 nothing at or above the threshold was found, 1 something was, 2 the command line, the environment or a file cannot be used, 3 not everything could be audited.`

// grammar is the command line. Its tags are the help.
type grammar struct {
	Audit        auditCommand        `cmd:"" help:"Audit the rules of a registry on AWS."`
	Eval         evalCommand         `cmd:"" help:"Check rules from a file against a policy, without AWS."`
	Report       reportCommand       `cmd:"" help:"Show a saved report."`
	History      historyCommand      `cmd:"" help:"List the audits that the evidence has of a registry, and its failures over time."`
	Diff         diffCommand         `cmd:"" help:"Compare two reports: rules and findings."`
	Evidence     evidenceCommands    `cmd:"" help:"Export stored reports."`
	Policy       policyCommands      `cmd:"" help:"Write, check, test and explain policies."`
	Event        eventCommand        `cmd:"" help:"Handle an event from a file, as the Lambda function does."`
	Emulate      emulateCommand      `cmd:"" help:"Serve the pull through cache API of ECR on this machine."`
	Demo         demoCommand         `cmd:"" help:"See the auditor at work on this machine, in seconds."`
	Completion   completionCommand   `cmd:"" help:"Print what a shell needs to complete command lines."`
	CompleteLine completeLineCommand `cmd:"" hidden:""`

	Quiet   bool        `short:"q" help:"Print no report and no progress: only what --output names, and errors."`
	NoColor bool        `help:"Print no colours (also by $$NO_COLOR)."`
	Version versionFlag `help:"Print the version."`
}

// versionFlag prints the version instead of running a command.
type versionFlag bool

// BeforeReset runs before anything is required of the command line.
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
