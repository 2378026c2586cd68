package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/history"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/text"
)

// registryFlags say of which registries evidence is asked for.
type registryFlags struct {
	Account string `placeholder:"ID" help:"Only registries of this account."`
	Region  string `placeholder:"REGION" help:"Only registries in this Region."`
}

func (f registryFlags) check() error {
	if err := errors.Join(checkAccount(f.Account), checkRegion(f.Region)); err != nil {
		return usage(err)
	}
	return nil
}

// wants says that a registry is asked for.
func (f registryFlags) wants(reg ptc.Registry) bool {
	return (f.Account == "" || f.Account == reg.Account) && (f.Region == "" || f.Region == reg.Region)
}

// narrow is the registry that is asked for; zero where there may be several.
func (f registryFlags) narrow() ptc.Registry {
	if f.Account == "" || f.Region == "" {
		return ptc.Registry{}
	}
	return ptc.Registry{Account: f.Account, Region: f.Region}
}

type historyCommand struct {
	evidenceFlags
	registryFlags
	period
	Output outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json, to standard output or to a file; may be repeated (default text)."`
}

// Help is shown below the summary.
func (*historyCommand) Help() string {
	return `Lists the audits that the evidence has of a registry, or of all, the newest last: why each ran, whether it was complete, how many failures there were, and what was other than in the one before. Below it stand the failures from when they were first seen to when they were resolved, and who changed what. It begins afresh at --from: what fails then is first seen then, and waivers cover what is there then. The archive of evidence export also knows what was before.

    ptcaudit history --evidence s3://acme-evidence --region eu-west-1
    ptcaudit history --evidence ./evidence --from 2026-11-01 --to 2026-11-30
    ptcaudit history --output json | jq '.registries[].failures[]'

The exit code is 0 where all of the evidence could be read, 2 where the command line or the environment cannot be used, and 3 where something could not be read.`
}

// Run lists.
func (cmd *historyCommand) Run(ctx context.Context, c *command) error {
	if err := cmd.Output.check(plainFormats...); err != nil {
		return err
	}
	if err := cmd.check(); err != nil {
		return err
	}
	from, to, err := cmd.bounds(c.now())
	if err != nil {
		return err
	}
	s, err := cmd.open(ctx, c)
	if err != nil {
		return err
	}
	h, err := c.history(ctx, s, cmd.registryFlags, from, to, nil)
	if err != nil {
		return err
	}
	h.Finish(c.now())
	err = c.write(cmd.Output, renderers{
		"json": func(w io.Writer, _ terminal) error { return writeJSON(w, h) },
		"text": func(w io.Writer, t terminal) error {
			return text.History(w, *h, text.Options{Width: t.width, Color: t.color})
		},
	})
	if err != nil {
		return err
	}
	return unread(h)
}

// unread says that not all of the evidence could be read.
func unread(h *history.History) error {
	if n := len(h.Unreadable); n > 0 {
		return incomplete(fmt.Errorf("could not be read of the evidence: %d; more may have happened than is shown", n))
	}
	return nil
}

// history reads the evidence of a period, for the caller to finish. Each record
// also goes to also, if that is not nil: then all that was before the period is
// read, too, so that what was known when it began counts.
func (c *command) history(ctx context.Context, s blob.Store, f registryFlags, from, to time.Time, also func(evidence.Record) error) (*history.History, error) {
	h := history.Begin(from, to)
	begin := from
	if also != nil {
		begin = time.Time{}
	}
	for record, err := range evidence.Records(ctx, s, f.narrow(), begin, to) {
		early := err == nil && record.At().Before(from)
		switch {
		case err != nil && record.Key == "":
			return nil, incomplete(fmt.Errorf("read the evidence: %w", err))
		case !f.wants(registryOf(record.Key)):
			continue
		case err != nil:
			h.AddUnreadable(record.Key)
		case early && record.Report != nil:
			h.RecallReport(*record.Report)
		case early && record.Changes != nil:
			h.RecallChanges(record.Changes.Registry, record.Changes.Triggers)
		case record.Report != nil:
			h.AddReport(record.Key, *record.Report)
		case record.Changes != nil:
			h.AddChanges(record.Changes.Registry, record.Changes.Triggers)
		}
		if also != nil && !early {
			if err := also(record); err != nil {
				return nil, err
			}
		}
	}
	return h, nil
}

// registryOf is the registry that a key of evidence names.
func registryOf(key string) ptc.Registry {
	account, rest, _ := strings.Cut(key, "/")
	region, _, _ := strings.Cut(rest, "/")
	return ptc.Registry{Account: account, Region: region}
}
