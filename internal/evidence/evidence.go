// Package evidence keeps what audits established: reports, and changes that
// needed no audit of their own. It decides under which key each is kept, writes
// each once, and reads the evidence of a period back. It keeps them in any
// blob.Store and does not know of S3. Errors are *ptc.Fault, blob.ErrConflict
// or blob.ErrNotFound. It never overwrites or deletes evidence.
package evidence

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// ChangesVersion is the schemaVersion of changes. It changes if a reader of the old
// form could misread the new one.
const ChangesVersion = "ptcaudit/changes/v1"

// Changes is the evidence of changes that needed no audit of their own, because a
// complete audit began after them. It has who made them, and which audit covers
// them.
type Changes struct {
	SchemaVersion string       `json:"schemaVersion"`
	Registry      ptc.Registry `json:"registry"`
	// CoveredBy is when the audit that covers them began, in UTC.
	CoveredBy time.Time `json:"coveredBy"`
	// Triggers are the changes, oldest first; at least one.
	Triggers []report.Trigger `json:"triggers"`
}

// opGetEvidence is the step that reads evidence, as a Fault names it if no call to
// the store failed.
const opGetEvidence = "GetEvidence"

// Key is where the report of an audit is kept:
// <account>/<region>/<yyyy>/<mm>/<dd>/<audit id>.json.gz, by the day, UTC, on
// which it began.
func Key(r report.Report) string {
	return keyOf(r.Registry, r.Audit.StartedAt, r.Audit.ID+reportSuffix)
}

const (
	reportSuffix  = ".json.gz"
	changesSuffix = ".changes.json.gz"
	dayLayout     = "2006/01/02"
)

func keyOf(reg ptc.Registry, at time.Time, name string) string {
	return registryPrefix(reg) + at.UTC().Format(dayLayout) + "/" + name
}

func registryPrefix(reg ptc.Registry) string { return reg.Account + "/" + reg.Region + "/" }

// place is what a key of evidence contains.
type place struct {
	registry ptc.Registry
	day      string // 2006/01/02
	changes  bool
}

// parseKey parses a key of evidence. It gives false if the key is invalid.
func parseKey(key string) (place, bool) {
	parts := strings.SplitN(key, "/", 6)
	if len(parts) != 6 {
		return place{}, false
	}
	p := place{registry: ptc.Registry{Account: parts[0], Region: parts[1]}, day: strings.Join(parts[2:5], "/")}
	id, ok := strings.CutSuffix(parts[5], changesSuffix)
	if p.changes = ok; !ok {
		id, ok = strings.CutSuffix(parts[5], reportSuffix)
	}
	_, err := time.Parse(dayLayout, p.day)
	return p, ok && err == nil && validID(id) && ptc.ValidAccount(p.registry.Account) && ptc.ValidRegion(p.registry.Region)
}

// validID reports whether an id can be a part of a key.
func validID(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool {
		isLetterOrDigit := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !isLetterOrDigit && r != '-' && r != '_'
	})
}

// PutReport stores a report and gives its key. It never overwrites: if the audit
// already has a report, the error is blob.ErrConflict. A caller that has just made
// the id of the audit may take that report for its own, from an attempt whose
// answer was lost. Every other error is a *ptc.Fault.
func PutReport(ctx context.Context, s blob.Store, r report.Report) (key string, err error) {
	var text bytes.Buffer
	if err := r.Encode(&text); err != nil {
		return "", malformed(ptc.OpPutEvidence, err)
	}
	return put(ctx, s, Key(r), text.Bytes())
}

// GetReport reads the report under a key. Its error is blob.ErrNotFound or a
// *ptc.Fault.
func GetReport(ctx context.Context, s blob.Store, key string) (report.Report, error) {
	record, err := get(ctx, s, key)
	switch {
	case err != nil:
		return report.Report{}, err
	case record.Report == nil:
		return report.Report{}, malformed(opGetEvidence, fmt.Errorf("%s is not a report", s.Place(key)))
	}
	return *record.Report, nil
}

// PutChanges stores changes and gives their key:
// <account>/<region>/<yyyy>/<mm>/<dd>/<id>.changes.json.gz, by the day, in UTC, of
// the last change. The id is a hash of the content: the same changes are stored
// once, and storing them again is no error. Every error is a *ptc.Fault.
func PutChanges(ctx context.Context, s blob.Store, c Changes) (key string, err error) {
	if len(c.Triggers) == 0 {
		return "", malformed(ptc.OpPutEvidence, errNoChanges)
	}
	c.finish()
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(c); err != nil {
		return "", malformed(ptc.OpPutEvidence, err)
	}
	key, err = put(ctx, s, c.key(text.Bytes()), text.Bytes())
	if errors.Is(err, blob.ErrConflict) {
		err = nil
	}
	return key, err
}

var errNoChanges = errors.New("the list of changes is empty")

// finish puts changes in their canonical form, which is a report's.
func (c *Changes) finish() {
	like := report.Report{Triggers: slices.Clone(c.Triggers)}
	like.Finish()
	c.SchemaVersion, c.CoveredBy, c.Triggers = ChangesVersion, c.CoveredBy.UTC(), like.Triggers
}

// at is when the last change was made.
func (c *Changes) at() time.Time { return c.Triggers[len(c.Triggers)-1].Time }

// key is where the changes with this text are stored.
func (c *Changes) key(text []byte) string {
	const idBytes = 16 // 128 bits identify
	sum := sha256.Sum256(text)
	return keyOf(c.Registry, c.at(), hex.EncodeToString(sum[:idBytes])+changesSuffix)
}

// decodeChanges reads what PutChanges wrote.
func decodeChanges(data []byte) (*Changes, error) {
	var c Changes
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	switch {
	case c.SchemaVersion != ChangesVersion:
		return nil, fmt.Errorf("read changes: schemaVersion is %q, not %q", c.SchemaVersion, ChangesVersion)
	case len(c.Triggers) == 0:
		return nil, fmt.Errorf("read changes: %w", errNoChanges)
	}
	c.finish()
	return &c, nil
}

// put stores JSON under a new key.
func put(ctx context.Context, s blob.Store, key string, text []byte) (string, error) {
	if _, ok := parseKey(key); !ok {
		return "", malformed(ptc.OpPutEvidence, fmt.Errorf("invalid key of evidence %.200q", key))
	}
	if len(text) > blob.MaxSize {
		return "", malformed(ptc.OpPutEvidence, blob.TooLarge("the text of "+key)) // it could not be read back
	}
	var packed bytes.Buffer
	// The header has no time and no name, so that equal text gives equal bytes.
	w := gzip.NewWriter(&packed)
	_, err := w.Write(text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", malformed(ptc.OpPutEvidence, err)
	}
	_, err = s.Put(ctx, key, packed.Bytes(), "")
	return key, err
}

// Record is one object of evidence. Exactly one of Report and Changes is set,
// unless the object could not be read.
type Record struct {
	// Key is where it is stored, Data its stored bytes: gzip of JSON.
	Key  string
	Data []byte
	// Report is the report of an audit.
	Report *report.Report
	// Changes are changes that an audit covers.
	Changes *Changes
}

// At is when the audit of a report began, or when the last change was made, in UTC.
// It is zero if the record could not be read.
func (r Record) At() time.Time {
	switch {
	case r.Report != nil:
		return r.Report.Audit.StartedAt
	case r.Changes != nil:
		return r.Changes.at()
	default:
		return time.Time{}
	}
}

// Day is the beginning of the day of the record's key, in UTC. It is known even
// if the record could not be read.
func (r Record) Day() time.Time {
	p, ok := parseKey(r.Key)
	if !ok {
		return time.Time{}
	}
	day, _ := time.Parse(dayLayout, p.day) // parseKey has parsed it
	return day
}

// get reads a record. With an error, the record has its Key, and its Data if it
// could be read.
func get(ctx context.Context, s blob.Store, key string) (Record, error) {
	data, _, err := s.Get(ctx, key)
	if err != nil {
		return Record{Key: key}, err
	}
	record, err := decode(key, data)
	if err != nil {
		return record, malformed(opGetEvidence, fmt.Errorf("%s: %w", s.Place(key), err))
	}
	return record, nil
}

// decode reads the object under a key. If the content belongs to another key, the
// object was moved or renamed, and is not evidence.
func decode(key string, data []byte) (Record, error) {
	record := Record{Key: key, Data: data}
	says, ok := parseKey(key)
	if !ok {
		return record, errors.New("invalid key of evidence")
	}
	text, err := unpack(data)
	if err != nil {
		return record, err
	}
	var right string
	if says.changes {
		c, err := decodeChanges(text)
		if err != nil {
			return record, err
		}
		record.Changes, right = c, c.key(text)
	} else {
		r, err := report.Decode(text)
		if err != nil {
			return record, err
		}
		record.Report, right = &r, Key(r)
	}
	if key != right {
		return Record{Key: key, Data: data}, fmt.Errorf("its content belongs to %.200q", right)
	}
	return record, nil
}

// unpack reads gzip, up to blob.MaxSize: a small file can unpack to a very large
// one.
func unpack(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, blob.MaxSize+1))
	if err == nil && len(text) > blob.MaxSize {
		err = blob.TooLarge("its text")
	}
	return text, err
}

// malformed is the fault of evidence that no retry can fix.
func malformed(operation string, err error) *ptc.Fault {
	return &ptc.Fault{Operation: operation, Kind: ptc.FaultMalformed, Message: err.Error()}
}

// compare orders the records of one registry by time.
func compare(a, b Record) int { return cmp.Or(a.At().Compare(b.At()), cmp.Compare(a.Key, b.Key)) }
