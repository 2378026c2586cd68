package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"ptcaudit/internal/app"
	"ptcaudit/internal/config"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

type auditCommand struct {
	Region  string `placeholder:"REGION" help:"The registry's Region (default: as the AWS CLI finds it)."`
	Profile string `placeholder:"NAME" help:"The profile of the AWS CLI's files that has the credentials (default $$AWS_PROFILE)."`
	Policy  string `short:"p" placeholder:"POLICY" help:"default, strict, or a file (default $$PTCAUDIT_POLICY, else default)."`
	AsOf    moment `placeholder:"TIME" help:"Judge as of a day (UTC) or an RFC 3339 time (default: now)."`
	baseline
	FailOn      threshold `default:"low" placeholder:"SEVERITY" help:"Exit with 1 at a failure this severe or worse (default low)."`
	Output      outputs   `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"${formats}, to standard output or to a file; may be repeated (default text)."`
	Concurrency *int      `placeholder:"N" help:"How many rules ECR validates at a time (default $$PTCAUDIT_CONCURRENCY, else 8)."`
}

// Help is shown below the summary.
func (*auditCommand) Help() string {
	return `Lists all rules of the registry, has ECR validate each, checks them against the policy, and prints what it finds. It changes nothing and tells nobody else. It needs the permissions ecr:DescribePullThroughCacheRules and ecr:ValidatePullThroughCacheRule.

    ptcaudit audit --region eu-west-1
    ptcaudit audit --profile prod --policy acme.yaml --fail-on high
    ptcaudit audit --output text --output json=report.json
    ptcaudit audit --baseline report.json --output github

The exit code is 0 where nothing at or above --fail-on was found, 1 where something was, 2 where the command line, the environment or the policy is broken, and 3 where not everything could be checked.`
}

// Run audits the registry.
func (a *auditCommand) Run(ctx context.Context, c *command) error {
	if err := a.Output.check(reportFormats...); err != nil {
		return err
	}
	before, err := a.read(c)
	if err != nil {
		return err
	}
	settings, err := a.settings(c)
	if err != nil {
		return err
	}
	rules, err := c.policy(a.Policy, settings)
	if err != nil {
		return err
	}
	r, err := c.audit(ctx, a.Profile, a.Region, asOf{rules.Policy, a.AsOf.Time}, settings)
	if err != nil {
		return err
	}
	if err := c.writeReport(a.Output, r, background{placedPolicy: rules, before: before}); err != nil {
		return err
	}
	return a.judge(c, before, r, a.FailOn)
}

// audit audits the registry of a profile and a Region, either of which may be
// empty.
func (c *command) audit(ctx context.Context, profile, region string, rules asOf, settings config.Config) (report.Report, error) {
	cfg, err := c.connect(ctx, profile, region)
	if err != nil {
		return report.Report{}, err
	}
	if cfg.Region == "" {
		return report.Report{}, usage(errors.New("which Region? say --region, or set AWS_REGION"))
	}
	registry, err := identify(ctx, cfg)
	if err != nil {
		return report.Report{}, err
	}
	engine := app.New(settings, cfg, rules, c.options(settings)).Engine
	advance, done := c.progress()
	engine.Progress = advance
	r := engine.Audit(ctx, registry, []report.Trigger{{Kind: report.ManualTrigger, Time: c.now().UTC()}})
	done()
	r.Audit.AsOf = rules.at
	return r, nil
}

// settings are those of the environment, where the command line does not say
// otherwise.
func (a *auditCommand) settings(c *command) (config.Config, error) {
	if err := checkRegion(a.Region); err != nil {
		return config.Config{}, usage(err)
	}
	settings, err := config.Load(c.env)
	if err != nil {
		return config.Config{}, usage(err)
	}
	if n := a.Concurrency; n != nil {
		if *n < 1 || *n > ptc.RuleLimit {
			return config.Config{}, usage(fmt.Errorf("--concurrency %d: write a whole number from 1 to %d", *n, ptc.RuleLimit))
		}
		settings.Concurrency = *n
	}
	return settings, nil
}

// options are what the command gives to the objects that audit. Its output is
// for people; the log is for whoever set PTCAUDIT_LOG_LEVEL.
func (c *command) options(settings config.Config) app.Options {
	o := app.Options{Now: c.now}
	if c.getenv(config.KeyLogLevel) != "" {
		o.Log = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: settings.LogLevel}))
	}
	return o
}
