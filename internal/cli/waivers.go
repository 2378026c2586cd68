package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"ptcaudit/internal/config"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
)

type waiversCommand struct {
	File    string  `arg:"" optional:"" help:"A saved report, or the output of aws ecr describe-pull-through-cache-rules; - is standard input. Without it, the registry is audited."`
	Policy  string  `short:"p" placeholder:"POLICY" help:"default, strict, or a file (default $$PTCAUDIT_POLICY, else default)."`
	Region  string  `placeholder:"REGION" help:"The registry's Region (default: as the AWS CLI finds it); the output of aws ecr does not say it."`
	Account string  `placeholder:"ID" help:"The account of the rules in a file, where no registryId says it."`
	Profile string  `placeholder:"NAME" help:"The profile of the AWS CLI's files that has the credentials (default $$AWS_PROFILE)."`
	AsOf    moment  `placeholder:"TIME" help:"Judge as of a day (UTC) or an RFC 3339 time (default: now)."`
	Output  outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json, to standard output or to a file; may be repeated (default text)."`
}

// Help is shown below the summary.
func (*waiversCommand) Help() string {
	return `Lists the waivers of a policy, each with its place in the file and what it covers in a registry today. Those that cover nothing, have ended or end within 14 days come first. It goes by the policy, as audit does; mails also know the past: with a ledger, a waiver covers a rule only as it was when it first did, unless it says anyUpstream.

    ptcaudit policy waivers --policy acme.yaml --region eu-west-1
    ptcaudit policy waivers report.json --policy acme.yaml --as-of 2027-04-01

The exit code is 0 where that is known of all, 2 where the policy or a file cannot be used, and 3 where it could not be told.`
}

// Run lists the waivers.
func (w *waiversCommand) Run(ctx context.Context, c *command) error {
	if err := w.Output.check(plainFormats...); err != nil {
		return err
	}
	if err := errors.Join(checkAccount(w.Account), checkRegion(w.Region)); err != nil {
		return usage(err)
	}
	settings, err := config.Load(c.env)
	if err != nil {
		return usage(err)
	}
	rules, err := c.policy(w.Policy, settings)
	if err != nil {
		return err
	}
	r, err := w.judge(ctx, c, rules.Policy, settings)
	if err != nil {
		return err
	}
	uses := rules.WaiversFor(r)
	err = c.write(w.Output, renderers{
		"json": func(out io.Writer, _ terminal) error { return writeJSON(out, waiverList(r, uses)) },
		"text": func(out io.Writer, t terminal) error {
			return text.Waivers(out, r, uses, text.Options{Width: t.width, Color: t.color})
		},
	})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(uses, func(u policy.WaiverUse) bool { return u.State == policy.WaiverUnclear }) {
		return code(ExitIncomplete)
	}
	return nil
}

// judge evaluates the policy on a file, or on the registry. A saved report is
// judged as of today: that is when a waiver holds, or does not.
func (w *waiversCommand) judge(ctx context.Context, c *command, rules *policy.Policy, settings config.Config) (report.Report, error) {
	at := w.AsOf.Time
	if w.File == "" {
		return c.audit(ctx, w.Profile, w.Region, asOf{rules, at}, settings)
	}
	known, err := c.facts(w.File, ptc.Registry{Account: w.Account, Region: w.Region})
	if err != nil {
		return report.Report{}, err
	}
	if at.IsZero() {
		at = c.now().UTC()
	}
	return evaluate(ctx, known, asOf{rules, at}, c.now), nil
}

// waiverList is what --output json writes.
func waiverList(r report.Report, uses []policy.WaiverUse) any {
	at := r.Audit.StartedAt
	if !r.Audit.AsOf.IsZero() {
		at = r.Audit.AsOf
	}
	return struct {
		SchemaVersion string             `json:"schemaVersion"`
		Registry      ptc.Registry       `json:"registry"`
		Policy        report.Policy      `json:"policy"`
		AsOf          time.Time          `json:"asOf"`
		Complete      bool               `json:"complete"`
		Waivers       []policy.WaiverUse `json:"waivers"`
	}{"ptcaudit/waivers/v1", r.Registry, r.Policy, at, r.Complete, uses}
}
