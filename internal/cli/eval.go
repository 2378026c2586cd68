package cli

import (
	"context"
	"errors"
	"fmt"

	"ptcaudit/internal/app"
	"ptcaudit/internal/config"
	"ptcaudit/internal/offline"
	"ptcaudit/internal/ptc"
)

type evalCommand struct {
	File              string `arg:"" help:"A saved report, or the output of aws ecr describe-pull-through-cache-rules. - is standard input."`
	Policy            string `short:"p" placeholder:"POLICY" help:"The policy: default, strict, or a file (default: $$PTCAUDIT_POLICY, else default)."`
	Region            string `placeholder:"REGION" help:"The Region of the rules. Required for the output of aws ecr, which does not name it."`
	Account           string `placeholder:"ID" help:"The account of the rules, if no rule has a registryId."`
	WithoutValidation bool   `help:"Skip the checks that need ECR's validation results. The report says so."`
	AsOf              moment `placeholder:"TIME" help:"Evaluate as of this date (YYYY-MM-DD, UTC) or RFC 3339 time (default: that of the report, else now)."`
	baseline
	FailOn threshold `default:"low" placeholder:"SEVERITY" help:"Exit with 1 if a failure has this severity or a higher one: critical, high, medium, low or informational (default: low)."`
	Output outputs   `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"${formats}; on standard output, or in FILE. Repeat it for several (default: text)."`
}

// Help is shown below the summary.
func (*evalCommand) Help() string {
	return `Evaluates a policy offline and without credentials. Use it to try another policy on a saved report, or to see what the same policy finds on a later date.

    ptcaudit eval report.json --policy strict
    ptcaudit eval report.json --policy acme.yaml --as-of 2027-04-01

The output of aws ecr has no validation results. Without --without-validation, the checks that need them are NOT CHECKED and the exit code is 3:

    aws ecr describe-pull-through-cache-rules --region eu-west-1 |
      ptcaudit eval - --region eu-west-1 --without-validation

Exit codes: 0 no failure at or above --fail-on, 1 at least one such failure, 2 invalid command line, environment, policy or file, 3 something could not be checked.`
}

// Run evaluates the file.
func (e *evalCommand) Run(ctx context.Context, c *command) error {
	if err := e.Output.check(reportFormats...); err != nil {
		return err
	}
	given := ptc.Registry{Account: e.Account, Region: e.Region}
	if err := errors.Join(checkAccount(e.Account), checkRegion(e.Region)); err != nil {
		return usage(err)
	}
	before, err := e.read(c)
	if err != nil {
		return err
	}
	settings, err := config.Load(c.env)
	if err != nil {
		return usage(err)
	}
	rules, err := c.policy(e.Policy, settings)
	if err != nil {
		return err
	}
	registry, err := c.offline(e.File, given)
	if err != nil {
		return err
	}
	if e.WithoutValidation {
		registry.WithoutValidation()
	}
	r := registry.Evaluate(ctx, offline.AsOf{Policy: rules.Policy, At: e.AsOf.Time}, c.now, app.Version)
	if err := c.writeReport(e.Output, r, background{placedPolicy: rules, before: before}); err != nil {
		return err
	}
	return e.result(c, before, r, e.FailOn)
}

// offline reads a registry from a file; given has the flags that name it.
func (c *command) offline(file string, given ptc.Registry) (*offline.Registry, error) {
	data, err := c.readFile(file)
	if err != nil {
		return nil, usage(err)
	}
	registry, err := offline.Parse(data, given)
	if err != nil {
		return nil, usage(fmt.Errorf("%s: %w", sourceOf(file), err))
	}
	return registry, nil
}
