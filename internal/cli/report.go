package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/archive"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/config"
	"ptcaudit/internal/render/html"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

type reportCommand struct {
	File string `arg:"" help:"A file that audit or eval wrote with --output json, the URL (s3://… or file:///…) or key of a stored report, or the ID of an audit. - is standard input."`
	evidenceFlags
	Policy string  `short:"p" placeholder:"POLICY" help:"The policy of the report, so that sarif and github can name its lines."`
	Output outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"${formats}; on standard output, or in FILE. Repeat it for several (default: text)."`
	baseline
	FailOn threshold `placeholder:"SEVERITY" help:"Exit with 1 if a failure has this severity or a higher one, and with 3 if the report is incomplete (default: always 0)."`
}

// Help is shown below the summary.
func (*reportCommand) Help() string {
	return `Shows a saved or stored report in any format, without a new audit. Every notification has the URL of its report.

    ptcaudit audit --region eu-west-1 --output json=report.json
    ptcaudit report report.json
    ptcaudit report report.json --fail-on high --output json | jq '.summary'
    ptcaudit report s3://evidence/111122223333/eu-west-1/2026/11/21/VXFWZ2.json.gz
    ptcaudit report report.json --evidence s3://evidence --output html=report.html

With --evidence, html also shows the 30 days before the report: the number of failures over time, and when each was first seen.

Exit codes: 0 the report was shown, 1 and 3 only with --fail-on, 2 the report is missing or invalid, 3 the evidence could not be read.`
}

// Run renders the report.
func (r *reportCommand) Run(ctx context.Context, c *command) error {
	if err := r.Output.check(reportFormats...); err != nil {
		return err
	}
	before, err := r.read(c)
	if err != nil {
		return err
	}
	saved, err := r.report(ctx, c, r.File)
	if err != nil {
		return err
	}
	by, err := r.policy(c, saved)
	if err != nil {
		return err
	}
	past, incompletePast := r.past(ctx, c, saved)
	if err := cmp.Or(c.writeReport(r.Output, saved, background{placedPolicy: by, past: past, before: before}), incompletePast); err != nil || r.FailOn == "" && r.Baseline == "" {
		return err
	}
	return r.result(c, before, saved, cmp.Or(r.FailOn, threshold(report.Low)))
}

// policy is the policy of a report: the named one, or a shipped one with the
// same digest; zero if there is none.
func (r *reportCommand) policy(c *command, saved report.Report) (placedPolicy, error) {
	if r.Policy == "" && !slices.Contains(policies.Names(), saved.Policy.Name) {
		return placedPolicy{}, nil
	}
	by, err := c.policy(cmp.Or(r.Policy, saved.Policy.Name), config.Config{})
	switch {
	case err != nil:
		return placedPolicy{}, err
	case by.Ref() == saved.Policy:
		return by, nil
	case r.Policy != "":
		return placedPolicy{}, usage(fmt.Errorf("--policy %s does not match: the report was made with %s, digest %s", r.Policy, saved.Policy.Name, saved.Policy.Digest))
	}
	return placedPolicy{}, nil
}

// past is the history of the report's registry in the 30 days before it, for
// html. It is empty without evidence; with an error, it may be incomplete.
func (r *reportCommand) past(ctx context.Context, c *command, saved report.Report) (html.Options, error) {
	var past html.Options
	if !slices.ContainsFunc(r.Output, func(o output) bool { return o.format == "html" }) {
		return past, nil
	}
	s, err := r.storeOf(ctx, c)
	if s == nil || err != nil {
		return past, err
	}
	to := saved.Audit.StartedAt.Add(time.Nanosecond) // the end is exclusive
	h, err := archive.History(ctx, s, archive.Query{Account: saved.Registry.Account, Region: saved.Registry.Region, From: to.Add(-defaultPeriod), To: to})
	if err != nil {
		return past, incomplete(err)
	}
	past.Since = map[string]time.Time{}
	for _, registry := range h.Registries {
		for _, a := range registry.Audits {
			past.History = append(past.History, report.Report{Audit: a.Audit, Registry: registry.Registry, Complete: a.Complete, Summary: a.Summary})
		}
		for _, f := range registry.Failures {
			if f.Resolved.IsZero() {
				past.Since[report.Fingerprint(registry.Registry, f.Check, f.Prefix)] = f.FirstSeen
			}
		}
	}
	return past, unread(h)
}

// storeOf is the evidence that flags or the environment name, or the one that the
// report is part of; nil if there is none.
func (r *reportCommand) storeOf(ctx context.Context, c *command) (blob.Store, error) {
	switch root, _ := splitPlace(r.File); {
	case r.Evidence != "":
		return r.open(ctx, c)
	case strings.Contains(r.File, "://"):
		return r.at(ctx, c, root)
	case c.getenv(config.KeyEvidence) != "":
		return r.open(ctx, c)
	}
	return nil, nil
}
