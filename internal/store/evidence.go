package store

import (
	"context"
	"iter"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// ChangesVersion stands in every record of changes. It changes when a reader
// of the old form could misread the new one.
const ChangesVersion = "ptcaudit/changes/v1"

// Changes is the evidence of changes that needed no audit of their own, since
// one that was complete had begun after them: who made them, and which audit
// covers them.
type Changes struct {
	SchemaVersion string       `json:"schemaVersion"`
	Registry      ptc.Registry `json:"registry"`
	// CoveredBy is when the audit began that covers them, UTC.
	CoveredBy time.Time `json:"coveredBy"`
	// Triggers are the changes, in the order in which they were made.
	Triggers []report.Trigger `json:"triggers"`
}

// Record is one object of an evidence store. Exactly one of Report and Changes
// is set.
type Record struct {
	// Key is where it stands, Data its bytes as they are kept: gzip of JSON.
	Key  string
	Data []byte
	// Report is what an audit established.
	Report *report.Report
	// Changes are those that an audit covers.
	Changes *Changes
}

// EvidenceKey is where the report of an audit is kept:
// <account>/<region>/<yyyy>/<mm>/<dd>/<audit id>.json.gz, by the day, UTC, on
// which it began.
func EvidenceKey(r report.Report) string { return "" }

// PutReport keeps a report, and gives its key. What is kept is never
// overwritten: a report of that audit which is there already gives ErrConflict.
// Any other error is a *ptc.Fault.
func PutReport(ctx context.Context, s Store, r report.Report) (key string, err error) {
	return "", nil
}

// GetReport reads the report that is kept under a key. Its error is ErrNotFound
// or a *ptc.Fault.
func GetReport(ctx context.Context, s Store, key string) (report.Report, error) {
	return report.Report{}, nil
}

// PutChanges keeps changes, and gives their key:
// <account>/<region>/<yyyy>/<mm>/<dd>/<id>.changes.json.gz, by the day, UTC, of
// the last of them. The id stands for the content: the same changes, said
// again, are kept once, and are no error. Any error is a *ptc.Fault.
func PutChanges(ctx context.Context, s Store, c Changes) (key string, err error) {
	return "", nil
}

// Records reads the evidence of a registry, or of all where reg is zero, from
// one time up to, but not including, another; a zero time is no bound. A
// report is of the time when its audit began, changes are of that of the last
// of them. Records come by registry and then by time. One that cannot be read comes with
// its Key and an error, which is a *ptc.Fault, and the others follow; an error
// without a Key ends them. Objects that are no evidence are passed over.
func Records(ctx context.Context, s Store, reg ptc.Registry, from, to time.Time) iter.Seq2[Record, error] {
	return func(func(Record, error) bool) {}
}

// Reports is Records without those of changes.
func Reports(ctx context.Context, s Store, reg ptc.Registry, from, to time.Time) iter.Seq2[Record, error] {
	return func(func(Record, error) bool) {}
}
