package cli

import (
	"context"
	"errors"
	"fmt"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/policytest"
)

type policyCommands struct {
	Init    initCommand    `cmd:"" help:"Write the first policy of a registry, from what is there."`
	Lint    lintCommand    `cmd:"" help:"Say everything that is wrong with policy files."`
	Test    testCommand    `cmd:"" help:"Run the tests that stand beside a policy."`
	Waivers waiversCommand `cmd:"" help:"List the waivers of a policy with what each covers today."`
	Show    showCommand    `cmd:"" help:"Print a policy as it applies, and where each value comes from."`
	Explain explainCommand `cmd:"" help:"Say what a check asks and why, and how to mend a failure."`
}

// Help is shown below the summary.
func (*policyCommands) Help() string {
	return `A policy says what is asked of a registry: a YAML file, best one that extends default or strict. From nothing to one in force:

    ptcaudit policy init acme.yaml --region eu-west-1
    ptcaudit policy lint acme.yaml
    ptcaudit policy explain upstream-allowed --policy acme.yaml
    ptcaudit audit --policy acme.yaml --region eu-west-1

policies/README.md has the language, and every shipped check.`
}

type lintCommand struct {
	Policies []string `arg:"" name:"policy" help:"Policy files, or default or strict."`
}

// Help is shown below the summary.
func (*lintCommand) Help() string {
	return `Loads policies, and those that they extend, and prints every fault at its line and column. Nothing is printed of a policy that is in order.

    ptcaudit policy lint acme.yaml

The exit code is 0 where all are in order, else 2.`
}

// Run lints.
func (l *lintCommand) Run(c *command) error {
	broken := false
	for _, name := range l.Policies {
		if _, err := policy.Load(name); err != nil {
			broken = true
			if err := c.faults(err); err != nil {
				return err
			}
		}
	}
	if broken {
		return code(ExitUsage)
	}
	return nil
}

type testCommand struct {
	Files []string `arg:"" name:"file" help:"Test files, named *_test.yaml."`
}

// Help is shown below the summary.
func (*testCommand) Help() string {
	return `Runs the tests of a policy: registries with rules, and what a policy has to find there. Any failure and any error that a test does not expect fails it.

    ptcaudit policy test acme_test.yaml

The exit code is 0 where all pass, 1 where one fails, and 2 where a file or its policy is broken.`
}

// Run runs the tests.
func (t *testCommand) Run(ctx context.Context, c *command) error {
	outcome, passed, failed := ExitOK, 0, 0
	for _, file := range t.Files {
		results, err := policytest.Run(ctx, file)
		if err != nil {
			outcome = ExitUsage
			if err := c.faults(err); err != nil {
				return err
			}
			continue
		}
		for _, r := range results {
			if _, err := fmt.Fprint(c.out, r); err != nil {
				return err
			}
			if len(r.Differences) == 0 {
				passed++
			} else {
				failed++
			}
		}
	}
	if _, err := fmt.Fprintf(c.out, "%d passed, %d failed\n", passed, failed); err != nil {
		return err
	}
	if failed > 0 && outcome == ExitOK {
		outcome = ExitFindings
	}
	return code(outcome)
}

// faults prints the faults of policy files, each with its line of the file.
// Any other error comes back.
func (c *command) faults(err error) error {
	faults, ok := errors.AsType[policy.Errors](err)
	if !ok {
		return err
	}
	_, err = fmt.Fprint(c.err, faults.Excerpt())
	return err
}
