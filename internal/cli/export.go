package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"ptcaudit/internal/app"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/history"
	"ptcaudit/internal/render/text"
)

type evidenceCommands struct {
	Export exportCommand `cmd:"" help:"Pack the evidence of a period for an auditor."`
}

// Help is shown below the summary.
func (*evidenceCommands) Help() string {
	return `The evidence is the stored report of every audit.

    ptcaudit evidence export --from 2026-10-01 --to 2026-12-31 --out q4.zip`
}

type exportCommand struct {
	evidenceFlags
	registryFlags
	From moment `required:"" placeholder:"TIME" help:"From this day (UTC) or RFC 3339 time on."`
	To   until  `required:"" placeholder:"TIME" help:"Up to the end of this day (UTC), or to an RFC 3339 time."`
	Out  string `required:"" placeholder:"FILE" help:"The zip archive to write; it replaces a file of that name."`
}

// Help is shown below the summary.
func (*exportCommand) Help() string {
	return `Writes one zip archive with all that the evidence has of a period: every report and record of changes as they were kept, summary.txt for people (how often each registry was audited, the gaps, failures with when they were first seen and resolved, policies, waivers, who changed what), the same as summary.json, and SHA256SUMS. The same evidence gives the same bytes.

    ptcaudit evidence export --from 2026-10-01 --to 2026-12-31 --out q4.zip
    unzip -d q4 q4.zip && cd q4 && sha256sum -c SHA256SUMS && less summary.txt

The exit code is 0 where all of the evidence could be read, 2 where the command line or the environment cannot be used, and 3 where something could not be read: then the archive has what could, and says what is missing.`
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
		return usage(fmt.Errorf("--out %s: it is a zip archive: write a name that ends in .zip", e.Out))
	}
	s, err := e.open(ctx, c)
	if err != nil {
		return err
	}
	var h *history.History
	err = replaceFile(e.Out, func(w io.Writer) error {
		var err error
		h, err = c.export(ctx, s, e.registryFlags, from, to, w)
		return err
	})
	if failure, ok := errors.AsType[*exit](err); ok {
		return failure // errors of the evidence, not of the file
	}
	if err != nil {
		return usage(err)
	}
	audits := 0
	for _, r := range h.Registries {
		audits += len(r.Audits)
	}
	if _, err := fmt.Fprintf(c.out, "%s: audits: %d, registries: %d\n", e.Out, audits, len(h.Registries)); err != nil {
		return err
	}
	return unread(h)
}

// export writes the archive.
func (c *command) export(ctx context.Context, s blob.Store, f registryFlags, from, to time.Time, w io.Writer) (*history.History, error) {
	a := archive{zip: zip.NewWriter(w)}
	h, err := c.history(ctx, s, f, from, to, func(r evidence.Record) error {
		if r.Data == nil {
			return nil // there is nothing that could be read
		}
		at := r.At()
		if at.IsZero() {
			at = from
		}
		return a.add(path.Join("evidence", r.Key), at, r.Data)
	})
	if err != nil {
		return nil, err
	}
	// What is in an archive does not depend on when it was made: of a period
	// that is not over, it tells up to the last audit.
	end := to
	if to.After(c.now()) {
		end = h.Last()
	}
	h.Finish(end)
	var people, programs bytes.Buffer
	if err := errors.Join(
		text.Summary(&people, *h, app.Version, text.Options{Width: summaryWidth}),
		writeJSON(&programs, h),
	); err != nil {
		return nil, err
	}
	return h, errors.Join(
		a.add("summary.txt", to, people.Bytes()),
		a.add("summary.json", to, programs.Bytes()),
		a.close(to),
	)
}

// summaryWidth is that of a page, in columns.
const summaryWidth = 78

// archive is a zip archive whose bytes depend only on what it is given: nothing
// in it is packed again, since that differs from one version of Go to another.
type archive struct {
	zip  *zip.Writer
	sums strings.Builder
}

// add adds a file, with the time that belongs to it.
func (a *archive) add(name string, at time.Time, data []byte) error {
	_, err := fmt.Fprintf(&a.sums, "%x  %s\n", sha256.Sum256(data), name)
	return errors.Join(err, a.write(name, at, data))
}

func (a *archive) write(name string, at time.Time, data []byte) error {
	file, err := a.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: at.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return err
}

// close adds the list of checksums, as sha256sum reads it.
func (a *archive) close(at time.Time) error {
	return errors.Join(a.write("SHA256SUMS", at, []byte(a.sums.String())), a.zip.Close())
}
