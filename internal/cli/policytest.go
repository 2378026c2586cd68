package cli

import (
	"context"
	"fmt"

	"ptcaudit/internal/policy/policytest"
)

type testCommand struct {
	Files []string `arg:"" name:"file" help:"Test files, named *_test.yaml."`
}

// Help is shown below the summary.
func (*testCommand) Help() string {
	return `Runs test files of a policy. Each test has a registry with rules, and the findings that the policy must have there. A failure or error that a test does not expect fails the test.

    ptcaudit policy test acme_test.yaml

Exit codes: 0 all tests pass, 1 a test fails, 2 a test file or its policy is invalid.`
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
