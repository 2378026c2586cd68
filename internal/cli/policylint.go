package cli

import (
	"errors"
	"fmt"

	"ptcaudit/internal/policy"
)

type lintCommand struct {
	Policies []string `arg:"" name:"policy" help:"Policy files."`
}

// Help is shown below the summary.
func (*lintCommand) Help() string {
	return `Loads each policy and those it extends, and prints every error with its line and column. It also prints recommendations, for example for a check without a message or a waiver that has expired; they do not change the exit code.

    ptcaudit policy lint acme.yaml

Exit codes: 0 all policies are valid, 2 at least one is not.`
}

// Run lints.
func (l *lintCommand) Run(c *command) error {
	invalid := false
	for _, name := range l.Policies {
		p, err := policy.Load(name)
		if err != nil {
			invalid = true
			if err := c.faults(err); err != nil {
				return err
			}
			continue
		}
		for _, r := range p.Recommendations(c.now()) {
			r.Message = "recommendation: " + r.Message
			if _, err := fmt.Fprint(c.err, r.Excerpt()); err != nil {
				return err
			}
		}
	}
	if invalid {
		return code(ExitUsage)
	}
	return nil
}

// faults prints the errors of policy files, each with its source line. It
// returns any other error.
func (c *command) faults(err error) error {
	faults, ok := errors.AsType[policy.Errors](err)
	if !ok {
		return err
	}
	_, err = fmt.Fprint(c.err, faults.Excerpt())
	return err
}
