package cli

import (
	"context"
	"fmt"
	"slices"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/explain"
	"ptcaudit/internal/suggest"
)

type explainCommand struct {
	Check  string `arg:"" help:"The id of the check, as reports show it, for example upstream-allowed."`
	Policy string `short:"p" placeholder:"POLICY" help:"The policy: default, strict, or a file (default: $$PTCAUDIT_POLICY, else default)."`
}

// Help is shown below the summary.
func (*explainCommand) Help() string {
	return `Shows what a check requires and why, its expressions, the params that they read, how to fix a failure, and one example of each outcome from the tests of the policy.

    ptcaudit policy explain shared-credential
    ptcaudit policy explain team-prefix --policy acme.yaml

Exit codes: 0 the check was explained, 2 the check is unknown or the policy is invalid.`
}

// Run explains the check.
func (e *explainCommand) Run(ctx context.Context, c *command) error {
	named, err := c.policyName(e.Policy)
	if err != nil {
		return err
	}
	p, places, err := policy.LoadPlaces(named)
	if err != nil {
		return usage(err)
	}
	i := slices.IndexFunc(p.Checks, func(k policy.Check) bool { return k.ID == e.Check })
	if i < 0 {
		var ids []string
		for _, k := range p.Checks {
			ids = append(ids, k.ID)
		}
		if at, disabled := places["disable."+e.Check]; disabled {
			return usage(fmt.Errorf("check %[2]s is disabled by policy %[1]s at %[3]s", p.Name, e.Check, at))
		}
		return usage(fmt.Errorf("policy %s has no check %s%s: run ptcaudit policy show to list the checks", p.Name, e.Check, suggest.Hint(e.Check, ids)))
	}
	if err := explain.Check(ctx, c.out, named, p, p.Checks[i], places); err != nil {
		return usage(err)
	}
	return nil
}
