package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/config"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// evidenceFlags say where stored reports are.
type evidenceFlags struct {
	Evidence string `placeholder:"URL" help:"Where reports are kept: s3://BUCKET/PREFIX, or a folder (default $$PTCAUDIT_EVIDENCE)."`
	Profile  string `placeholder:"NAME" help:"The profile of the AWS CLI's files that has the credentials for a bucket (default $$AWS_PROFILE)."`
}

// open opens the evidence that the command line names, else that of the
// environment.
func (e evidenceFlags) open(ctx context.Context, c *command) (blob.Store, error) {
	settings, err := config.Load(c.env)
	if err != nil {
		return nil, usage(err)
	}
	switch {
	case e.Evidence == "" && settings.Evidence == "":
		return nil, usage(errors.New("where are the reports kept? say --evidence, or set PTCAUDIT_EVIDENCE"))
	case e.Evidence == "":
		return e.at(ctx, c, settings.Evidence)
	case !strings.Contains(e.Evidence, "://"):
		folder, err := filepath.Abs(e.Evidence)
		if err != nil {
			return nil, usage(err)
		}
		return e.at(ctx, c, (&url.URL{Scheme: "file", Path: folder}).String())
	}
	return e.at(ctx, c, e.Evidence)
}

// at opens a store. What is in a folder needs no AWS.
func (e evidenceFlags) at(ctx context.Context, c *command, address string) (blob.Store, error) {
	if folder, ok := strings.CutPrefix(address, "file://"); ok {
		if name, err := url.PathUnescape(folder); err == nil {
			if _, err := os.Stat(name); err != nil {
				return nil, usage(fmt.Errorf("no evidence there: %w", err))
			}
		}
	}
	var cfg aws.Config
	if strings.HasPrefix(address, "s3://") {
		var err error
		if cfg, err = c.connect(ctx, e.Profile, ""); err != nil {
			return nil, err
		}
		if cfg.Region == "" {
			return nil, usage(errors.New("in which Region is the bucket? set AWS_REGION"))
		}
	}
	s, err := store.Open(address, cfg)
	if err != nil {
		return nil, usage(fmt.Errorf("evidence: %w", err))
	}
	return s, nil
}

// report reads a report: a file; one that is stored, by its place or its key;
// or one that is stored, by the id of its audit.
func (e evidenceFlags) report(ctx context.Context, c *command, name string) (report.Report, error) {
	if strings.Contains(name, "://") {
		root, key := splitPlace(name)
		s, err := e.at(ctx, c, root)
		if err != nil {
			return report.Report{}, err
		}
		return stored(ctx, s, key)
	}
	data, err := c.readFile(name)
	if err == nil {
		saved, err := report.Decode(data)
		if err != nil {
			return saved, usage(fmt.Errorf("%s: %w", sourceOf(name), err))
		}
		return saved, nil
	}
	if !errors.Is(err, os.ErrNotExist) || !isKey(name) && !isID(name) {
		return report.Report{}, usage(err)
	}
	s, err := e.open(ctx, c)
	if failure, ok := errors.AsType[*exit](err); ok {
		return report.Report{}, &exit{failure.code, fmt.Errorf("there is no file %s, and among stored reports: %w", name, failure.err)}
	}
	if isKey(name) {
		return stored(ctx, s, name)
	}
	for key, err := range s.List(ctx, "", "") {
		if err != nil {
			return report.Report{}, incomplete(fmt.Errorf("look for audit %s: %w", name, err))
		}
		if path.Base(key) == name+keySuffix {
			return stored(ctx, s, key)
		}
	}
	return report.Report{}, usage(fmt.Errorf("%s: no file and no stored report of an audit is called so; ptcaudit history lists those that there are", name))
}

// keySuffix ends the key of every stored report.
const keySuffix = ".json.gz"

// keyParts is how many names the key of a stored report has: account, Region,
// year, month, day, audit.
const keyParts = 6

func isKey(name string) bool {
	return strings.Count(name, "/") == keyParts-1 && strings.HasSuffix(name, keySuffix)
}

// isID says that a name can be that of an audit, and is hardly one of a file.
func isID(name string) bool {
	return !strings.ContainsAny(name, "./\\") && name != "-"
}

// splitPlace takes the place of a stored report apart.
func splitPlace(place string) (root, key string) {
	parts := strings.Split(place, "/")
	at := max(len(parts)-keyParts, 0)
	return strings.Join(parts[:at], "/"), strings.Join(parts[at:], "/")
}

// stored reads a stored report.
func stored(ctx context.Context, s blob.Store, key string) (report.Report, error) {
	r, err := evidence.GetReport(ctx, s, key)
	switch fault, isFault := errors.AsType[*ptc.Fault](err); {
	case err == nil:
		return r, nil
	case errors.Is(err, blob.ErrNotFound):
		return r, usage(fmt.Errorf("there is no report at %s; ptcaudit history lists those that there are", s.Place(key)))
	case isFault && fault.Kind == ptc.FaultMalformed:
		return r, usage(fault)
	default:
		return r, incomplete(err)
	}
}

// period is a time of which stored reports are asked for.
type period struct {
	From moment `placeholder:"TIME" help:"From this day (UTC) or RFC 3339 time on (default: 30 days before --to)."`
	To   until  `placeholder:"TIME" help:"Up to the end of this day (UTC), or to an RFC 3339 time (default: now)."`
}

// usual is how long a period is where nobody says.
const usual = 30 * 24 * time.Hour

// bounds are the period's beginning, and its end, which is not in it.
func (p period) bounds(now time.Time) (from, to time.Time, err error) {
	from, to = p.From.Time, p.To.Time
	if to.IsZero() {
		to = now.UTC()
	}
	if from.IsZero() {
		from = to.Add(-usual)
	}
	if !from.Before(to) {
		return from, to, usage(fmt.Errorf("--from %s is not before --to %s", from.Format(time.RFC3339), to.Format(time.RFC3339)))
	}
	return from, to, nil
}

// until is the end of a period on the command line: that of a day, or RFC 3339.
type until struct{ time.Time }

// UnmarshalText reads the flag's value.
func (u *until) UnmarshalText(text []byte) error {
	if day, err := time.Parse(time.DateOnly, string(text)); err == nil && writable(day.AddDate(0, 0, 1)) {
		u.Time = day.AddDate(0, 0, 1)
		return nil
	}
	var m moment
	err := m.UnmarshalText(text)
	u.Time = m.Time
	return err
}
