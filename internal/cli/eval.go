package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ptcaudit/internal/app"
	"ptcaudit/internal/audit"
	"ptcaudit/internal/config"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

type evalCommand struct {
	File              string `arg:"" help:"A saved report, or the output of aws ecr describe-pull-through-cache-rules; - is standard input."`
	Policy            string `short:"p" placeholder:"POLICY" help:"default, strict, or a file (default $$PTCAUDIT_POLICY, else default)."`
	Region            string `placeholder:"REGION" help:"The Region of the rules, which the output of aws ecr does not say."`
	Account           string `placeholder:"ID" help:"Their account, where no registryId says it."`
	WithoutValidation bool   `help:"Do not hold it against a rule that nobody asked ECR whether it works. The report says so."`
	AsOf              moment `placeholder:"TIME" help:"Judge as of a day (UTC) or an RFC 3339 time (default: that of the report, else now)."`
	baseline
	FailOn threshold `default:"low" placeholder:"SEVERITY" help:"Exit with 1 at a failure this severe or worse (default low)."`
	Output outputs   `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"${formats}, to standard output or to a file; may be repeated (default text)."`
}

// Help is shown below the summary.
func (*evalCommand) Help() string {
	return `Judges what is in a file, offline and without credentials: what would another policy have said, or this one next year?

    ptcaudit eval report.json --policy strict
    ptcaudit eval report.json --policy acme.yaml --as-of 2027-04-01

The output of aws ecr has no word of whether the rules work. Checks that need it cannot be told, and the exit code is 3, unless it is left out on purpose:

    aws ecr describe-pull-through-cache-rules --region eu-west-1 |
      ptcaudit eval - --region eu-west-1 --without-validation`
}

// Run evaluates the file.
func (e *evalCommand) Run(ctx context.Context, c *command) error {
	if err := e.Output.check(reportFormats...); err != nil {
		return err
	}
	said := ptc.Registry{Account: e.Account, Region: e.Region}
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
	known, err := c.facts(e.File, said)
	if err != nil {
		return err
	}
	known.withoutValidation = e.WithoutValidation
	r := evaluate(ctx, known, asOf{rules.Policy, e.AsOf.Time}, c.now)
	if err := c.writeReport(e.Output, r, background{placedPolicy: rules, before: before}); err != nil {
		return err
	}
	return e.judge(c, before, r, e.FailOn)
}

// facts are what a file says of a registry.
func (c *command) facts(file string, said ptc.Registry) (*facts, error) {
	data, err := c.readFile(file)
	if err != nil {
		return nil, usage(err)
	}
	known, err := parseFacts(data, said)
	if err != nil {
		return nil, usage(fmt.Errorf("%s: %w", sourceOf(file), err))
	}
	return known, nil
}

// evaluate audits what a file says. What becomes of a report keeps its
// identity and times: evaluated under the same policy, it is the same report.
func evaluate(ctx context.Context, known *facts, rules asOf, now func() time.Time) report.Report {
	engine := audit.Engine{ECR: known, Policy: rules, Now: now, Version: app.Version}
	saved := known.saved
	if saved == nil {
		r := engine.Audit(ctx, known.registry, nil)
		r.Audit.AsOf, r.Audit.WithoutValidation = rules.at, known.withoutValidation
		return r
	}
	if rules.at.IsZero() {
		rules.at = saved.Audit.AsOf
	}
	engine.Policy = rules
	engine.Now = func() time.Time { return saved.Audit.StartedAt }
	engine.NewID = func() string { return saved.Audit.ID }
	r := engine.Audit(ctx, known.registry, saved.Triggers)
	r.Audit.FinishedAt = saved.Audit.FinishedAt
	r.Audit.AsOf = rules.at
	r.Audit.WithoutValidation = saved.Audit.WithoutValidation || known.withoutValidation
	return r
}

// asOf is a policy that is applied for another time than that of the audit;
// for that where at is zero.
type asOf struct {
	audit.Policy
	at time.Time
}

// Evaluate applies the policy.
func (p asOf) Evaluate(ctx context.Context, in policy.Input) []report.Finding {
	if !p.at.IsZero() {
		in.Now = p.at
	}
	return p.Policy.Evaluate(ctx, in)
}

// policy loads the policy that was named on the command line, else that of the
// environment.
func (c *command) policy(named string, settings config.Config) (placedPolicy, error) {
	if named == "" {
		named = settings.Policy
	}
	loaded, places, err := policy.LoadPlaces(named)
	if err != nil {
		return placedPolicy{}, usage(err)
	}
	return placedPolicy{loaded, places}, nil
}

func checkAccount(account string) error {
	if account != "" && !ptc.ValidAccount(account) {
		return fmt.Errorf("--account %s: an account id has twelve digits", account)
	}
	return nil
}

func checkRegion(region string) error {
	if region != "" && !ptc.ValidRegion(region) {
		return fmt.Errorf("--region %s: no Region is called so; write for example eu-west-1", region)
	}
	return nil
}
