package cli

import (
	"context"
	"fmt"
	"io"

	"ptcaudit/internal/archive"
	"ptcaudit/internal/history"
	"ptcaudit/internal/render/text"
)

type historyCommand struct {
	evidenceFlags
	registryFlags
	period
	Output outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json; on standard output, or in FILE. Repeat it for both (default: text)."`
}

// Help is shown below the summary.
func (*historyCommand) Help() string {
	return `Lists the stored audits of a registry, or of all registries, newest last: why each ran ("secret +1" means a change of a secret, and one more trigger), whether it was complete, how many failures it found, and what changed since the audit before. Below are the failures with the times when they were first and last seen, and who changed what.

It reads nothing before --from, so a failure that already existed then is first seen then. evidence export also reads the evidence before --from.

    ptcaudit history --evidence s3://acme-evidence --region eu-west-1
    ptcaudit history --evidence ./evidence --from 2026-11-01 --to 2026-11-30
    ptcaudit history --output json | jq '.registries[].failures[]'

Exit codes: 0 all evidence was read, 2 invalid command line or environment, 3 some evidence could not be read.`
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
	h, err := archive.History(ctx, s, cmd.query(from, to))
	if err != nil {
		return incomplete(err)
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

// unread is an error if some evidence could not be read.
func unread(h *history.History) error {
	if n := len(h.Unreadable); n > 0 {
		return incomplete(fmt.Errorf("stored records that could not be read: %d; the output may miss audits and failures", n))
	}
	return nil
}
