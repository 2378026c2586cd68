package cli

import (
	"context"
	"fmt"
	"log/slog"

	"ptcaudit/internal/app"
	"ptcaudit/internal/config"
	"ptcaudit/internal/offline"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

type auditCommand struct {
	Region  string `placeholder:"REGION" help:"The Region of the registry (default: that of the AWS CLI)."`
	Profile string `placeholder:"NAME" help:"The AWS CLI profile with the credentials (default: $$AWS_PROFILE)."`
	Policy  string `short:"p" placeholder:"POLICY" help:"The policy: default, strict, or a file (default: $$PTCAUDIT_POLICY, else default)."`
	AsOf    moment `placeholder:"TIME" help:"Evaluate as of this date (YYYY-MM-DD, UTC) or RFC 3339 time (default: now)."`
	baseline
	FailOn      threshold `default:"low" placeholder:"SEVERITY" help:"Exit with 1 if a failure has this severity or a higher one: critical, high, medium, low or informational (default: low)."`
	Output      outputs   `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"${formats}; on standard output, or in FILE. Repeat it for several (default: text)."`
	Concurrency *int      `placeholder:"N" help:"How many rules ECR validates in parallel (default: $$PTCAUDIT_CONCURRENCY, else 8)."`
}

// Help is shown below the summary.
func (*auditCommand) Help() string {
	return `Lists the rules of the registry, has ECR validate each of them, checks them against the policy, and prints the findings. It changes nothing and sends no notification. It needs the permissions ecr:DescribePullThroughCacheRules and ecr:ValidatePullThroughCacheRule.

    ptcaudit audit --region eu-west-1
    ptcaudit audit --profile prod --policy acme.yaml --fail-on high
    ptcaudit audit --output text --output json=report.json
    ptcaudit audit --baseline report.json --output github

Exit codes: 0 no failure at or above --fail-on, 1 at least one such failure, 2 invalid command line, environment or policy, 3 something could not be checked.`
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
	r, err := c.audit(ctx, a.Profile, a.Region, offline.AsOf{Policy: rules.Policy, At: a.AsOf.Time}, settings)
	if err != nil {
		return err
	}
	if err := c.writeReport(a.Output, r, background{placedPolicy: rules, before: before}); err != nil {
		return err
	}
	return a.result(c, before, r, a.FailOn)
}

// audit audits the registry of a profile and a Region; if one is empty, the AWS
// CLI's own settings decide.
func (c *command) audit(ctx context.Context, profile, region string, rules offline.AsOf, settings config.Config) (report.Report, error) {
	cfg, err := c.connect(ctx, profile, region)
	if err != nil {
		return report.Report{}, err
	}
	if cfg.Region == "" {
		return report.Report{}, usage(errNoRegion)
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
	r.Audit.AsOf = rules.At
	return r, nil
}

// settings are those of the environment; flags win over them.
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
			return config.Config{}, usage(fmt.Errorf("invalid --concurrency %d: use a whole number from 1 to %d", *n, ptc.RuleLimit))
		}
		settings.Concurrency = *n
	}
	return settings, nil
}

// options are those of app.New. The command logs only if PTCAUDIT_LOG_LEVEL is
// set, because its output is for people.
func (c *command) options(settings config.Config) app.Options {
	o := app.Options{Now: c.now}
	if c.getenv(config.KeyLogLevel) != "" {
		o.Log = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: settings.LogLevel}))
	}
	return o
}
