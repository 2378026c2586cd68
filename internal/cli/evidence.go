package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"ptcaudit/internal/app"
	"ptcaudit/internal/archive"
	"ptcaudit/internal/history"
)

type evidenceCommands struct {
	Export exportCommand `cmd:"" help:"Export evidence for a period as a zip."`
}

// Help is shown below the summary.
func (*evidenceCommands) Help() string {
	return `Evidence is the stored report of every audit (PTCAUDIT_EVIDENCE).

    ptcaudit evidence export --from 2026-10-01 --to 2026-12-31 --out q4.zip`
}

type exportCommand struct {
	evidenceFlags
	registryFlags
	From moment `required:"" placeholder:"TIME" help:"The first date (YYYY-MM-DD, UTC) or RFC 3339 time."`
	To   until  `required:"" placeholder:"TIME" help:"The last date (YYYY-MM-DD, UTC; the whole day), or an RFC 3339 time."`
	Out  string `required:"" placeholder:"FILE" help:"The zip file to write. An existing file is replaced."`
}

// Help is shown below the summary.
func (*exportCommand) Help() string {
	return `Writes one zip file with the evidence of a period: every stored report and record of changes, unmodified; summary.txt (audits and gaps, failures from first seen to resolved, policies, waivers, who changed what); the same as summary.json; and SHA256SUMS. Equal evidence gives equal bytes.

    ptcaudit evidence export --from 2026-10-01 --to 2026-12-31 --out q4.zip
    unzip -d q4 q4.zip && cd q4 && sha256sum -c SHA256SUMS && less summary.txt

Exit codes: 0 all evidence was exported, 2 invalid command line or environment, 3 some evidence could not be read: the zip has the rest and lists what is missing.`
}

// Run exports.
func (e *exportCommand) Run(ctx context.Context, c *command) error {
	if err := e.check(); err != nil {
		return err
	}
	from, to, err := period{e.From, e.To}.bounds(c.now())
	switch {
	case err != nil:
		return err
	case !strings.HasSuffix(e.Out, ".zip"):
		return usage(fmt.Errorf("invalid --out %s: use a name that ends in .zip", e.Out))
	}
	if err := checkTarget(e.Out); err != nil {
		return usage(fmt.Errorf("--out %s: %w", e.Out, err))
	}
	s, err := e.open(ctx, c)
	if err != nil {
		return err
	}
	var h *history.History
	err = replaceFile(e.Out, func(w io.Writer) error {
		var err error
		h, err = archive.Write(ctx, w, s, e.query(from, to), c.now(), app.Version)
		return err
	})
	if _, ok := errors.AsType[*archive.ReadError](err); ok {
		return incomplete(err)
	}
	if err != nil {
		return usage(err)
	}
	audits := 0
	for _, r := range h.Registries {
		audits += len(r.Audits)
	}
	if _, err := fmt.Fprintf(c.out, "Wrote %s: audits: %d, registries: %d\n", e.Out, audits, len(h.Registries)); err != nil {
		return err
	}
	return unread(h)
}
