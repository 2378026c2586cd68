// Package archive reads the stored evidence of a period: as a history, and as a
// zip archive for auditors. It reads from a blob store and writes to an io.Writer.
// It never changes evidence.
package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/history"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/text"
)

// Query selects evidence.
type Query struct {
	// Account and Region narrow the registries; empty means all.
	Account, Region string
	// From is the beginning of the period, To its end, which is not part of it.
	From, To time.Time
}

// matches reports whether the key of evidence is one of a selected registry.
func (q Query) matches(key string) bool {
	account, rest, _ := strings.Cut(key, "/")
	region, _, _ := strings.Cut(rest, "/")
	return (q.Account == "" || q.Account == account) && (q.Region == "" || q.Region == region)
}

// registry is the only selected registry; zero if there may be several.
func (q Query) registry() ptc.Registry {
	if q.Account == "" || q.Region == "" {
		return ptc.Registry{}
	}
	return ptc.Registry{Account: q.Account, Region: q.Region}
}

// ReadError reports that evidence could not be listed or read.
type ReadError struct{ Err error }

// Error is one line.
func (e *ReadError) Error() string { return fmt.Sprintf("read the evidence: %v", e.Err) }

// Unwrap gives the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// History reads a period on its own: a failure that exists at its beginning is
// first seen there. The caller calls Finish. Its error is a *ReadError.
func History(ctx context.Context, s blob.Store, q Query) (*history.History, error) {
	return read(ctx, s, q, q.From, nil)
}

// read reads the evidence since a time. Records before the period only count
// as what was known when it began; each that is in the period goes to visit,
// which may be nil.
func read(ctx context.Context, s blob.Store, q Query, since time.Time, visit func(evidence.Record) error) (*history.History, error) {
	h := history.Begin(q.From, q.To)
	for record, err := range evidence.Records(ctx, s, q.registry(), since, q.To) {
		early := err == nil && record.At().Before(q.From)
		switch {
		case err != nil && record.Key == "":
			return nil, &ReadError{err}
		case !q.matches(record.Key):
			continue
		case err != nil && !record.Day().AddDate(0, 0, 1).After(q.From):
			h.RecallUnreadable(record.Key)
			continue // it belongs to another period
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
		if visit != nil && !early {
			if err := visit(record); err != nil {
				return nil, err
			}
		}
	}
	return h, nil
}

// Write writes a zip archive with everything that the evidence has of a
// period: reports and records of changes as they are stored, summary.txt,
// summary.json and SHA256SUMS. It also reads what was before the period, so
// that the summary agrees with the notifications. now ends a period that is
// not over. An error about the evidence is a *ReadError, any other is w's.
func Write(ctx context.Context, w io.Writer, s blob.Store, q Query, now time.Time, version string) (*history.History, error) {
	a := archive{zip: zip.NewWriter(w)}
	h, err := read(ctx, s, q, time.Time{}, func(r evidence.Record) error {
		if r.Data == nil {
			return nil // it could not be read
		}
		at := r.At()
		if at.IsZero() {
			at = q.From
		}
		return a.add(path.Join("evidence", r.Key), at, r.Data)
	})
	if err != nil {
		return nil, err
	}
	// The archive must not depend on when it was made: the summary of a period
	// that is not over ends with the last audit.
	end := q.To
	if end.After(now) {
		end = h.Last()
	}
	h.Finish(end)
	var summary, data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := errors.Join(
		text.Summary(&summary, *h, version, text.Options{Width: summaryWidth}),
		encoder.Encode(h),
	); err != nil {
		return nil, err
	}
	return h, errors.Join(
		a.add("summary.txt", q.To, summary.Bytes()),
		a.add("summary.json", q.To, data.Bytes()),
		a.close(q.To),
	)
}

// summaryWidth is the width of summary.txt, in columns.
const summaryWidth = 78

// archive is a zip archive whose bytes depend only on its content. Nothing is
// compressed, because compressors differ between versions of Go.
type archive struct {
	zip  *zip.Writer
	sums strings.Builder
}

// add adds a file with its time of modification, and its checksum to the list.
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

// close adds the list of checksums, in the format of sha256sum.
func (a *archive) close(at time.Time) error {
	return errors.Join(a.write("SHA256SUMS", at, []byte(a.sums.String())), a.zip.Close())
}
