package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/config"
	"ptcaudit/internal/render/html"
	"ptcaudit/internal/report"
)

// past is what the evidence has of a report's registry, in the usual period up
// to the report: for the page, where one is asked for. It is empty where
// nobody says where the evidence is. With an error, there may have been more.
func (r *reportCommand) past(ctx context.Context, c *command, saved report.Report) (html.Options, error) {
	var past html.Options
	if !slices.ContainsFunc(r.Output, func(o output) bool { return o.format == "html" }) {
		return past, nil
	}
	s, err := r.around(ctx, c)
	if s == nil || err != nil {
		return past, err
	}
	to := saved.Audit.StartedAt.Add(time.Nanosecond) // which is not in it
	h, err := c.history(ctx, s, registryFlags{Account: saved.Registry.Account, Region: saved.Registry.Region}, to.Add(-usual), to, nil)
	if err != nil {
		return past, err
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

// around is the evidence that the report is part of, or that the command line
// or the environment names; nil where there is none.
func (r *reportCommand) around(ctx context.Context, c *command) (blob.Store, error) {
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
