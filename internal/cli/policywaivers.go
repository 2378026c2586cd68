package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"ptcaudit/internal/app"
	"ptcaudit/internal/config"
	"ptcaudit/internal/offline"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
)

type waiversCommand struct {
	File    string  `arg:"" optional:"" help:"A saved report, or the output of aws ecr describe-pull-through-cache-rules. - is standard input. Default: audit the registry."`
	Policy  string  `short:"p" placeholder:"POLICY" help:"The policy: default, strict, or a file (default: $$PTCAUDIT_POLICY, else default)."`
	Region  string  `placeholder:"REGION" help:"The Region of the registry (default: that of the AWS CLI). Required for the output of aws ecr."`
	Account string  `placeholder:"ID" help:"The account of the rules in a file, if no rule has a registryId."`
	Profile string  `placeholder:"NAME" help:"The AWS CLI profile with the credentials (default: $$AWS_PROFILE)."`
	AsOf    moment  `placeholder:"TIME" help:"Evaluate as of this date (YYYY-MM-DD, UTC) or RFC 3339 time (default: now)."`
	Output  outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json; on standard output, or in FILE. Repeat it for both (default: text)."`
}

// Help is shown below the summary.
func (*waiversCommand) Help() string {
	return `Lists the waivers of a policy: where each is written, and which failures of a registry it covers today. Waivers that cover nothing, have ended, or end within 14 days come first.

Like audit, it knows only the policy and the registry as it is now. A deployment with PTCAUDIT_STATE also knows the past: there a waiver stops covering a rule whose upstream has changed, unless it sets anyUpstream.

    ptcaudit policy waivers --policy acme.yaml --region eu-west-1
    ptcaudit policy waivers report.json --policy acme.yaml --as-of 2027-04-01

Exit codes: 0 all waivers were evaluated, 2 invalid policy or file, 3 something could not be checked.`
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
	r, err := w.evaluate(ctx, c, rules.Policy, settings)
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

// evaluate evaluates the policy on a file, or on the registry. The default time
// is now also for a saved report, because a waiver must cover failures today.
func (w *waiversCommand) evaluate(ctx context.Context, c *command, rules *policy.Policy, settings config.Config) (report.Report, error) {
	at := w.AsOf.Time
	if w.File == "" {
		return c.audit(ctx, w.Profile, w.Region, offline.AsOf{Policy: rules, At: at}, settings)
	}
	registry, err := c.offline(w.File, ptc.Registry{Account: w.Account, Region: w.Region})
	if err != nil {
		return report.Report{}, err
	}
	if at.IsZero() {
		at = c.now().UTC()
	}
	return registry.Evaluate(ctx, offline.AsOf{Policy: rules, At: at}, c.now, app.Version), nil
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
