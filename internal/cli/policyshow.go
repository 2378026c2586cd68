package cli

import (
	"cmp"
	"fmt"

	"ptcaudit/internal/config"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/annotate"
)

type showCommand struct {
	Policy string `arg:"" optional:"" help:"The policy: default, strict, or a file (default: $$PTCAUDIT_POLICY, else default)."`
}

// Help is shown below the summary.
func (*showCommand) Help() string {
	return `Prints the policy with everything that it extends merged in. A comment behind each value names the file and line that set it. A value without a comment is built in.

    ptcaudit policy show acme.yaml

The output is a valid policy with the same digest, so you can save it and compare versions:

    ptcaudit policy show acme.yaml > now.yaml; diff then.yaml now.yaml

Exit codes: 0 the policy was printed, 2 the policy is invalid.`
}

// Run prints the policy.
func (s *showCommand) Run(c *command) error {
	named, err := c.policyName(s.Policy)
	if err != nil {
		return err
	}
	p, places, err := policy.LoadPlaces(named)
	if err != nil {
		return usage(err)
	}
	text, err := annotate.YAML(p, places)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "# %s with everything that it extends. Digest %s.\n%s", p.Name, p.Ref().Digest, text)
	return err
}

// policyName is the policy named on the command line, else the environment's.
func (c *command) policyName(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	settings, err := config.Load(c.env)
	if err != nil {
		return "", usage(err)
	}
	return cmp.Or(settings.Policy, config.DefaultPolicy), nil
}
