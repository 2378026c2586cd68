package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/archive"
	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/config"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/history"
	"ptcaudit/internal/input"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// evidenceFlags name the store of reports.
type evidenceFlags struct {
	Evidence string `placeholder:"URL" help:"Where reports are stored: s3://BUCKET/PREFIX or a folder (default: $$PTCAUDIT_EVIDENCE)."`
	Profile  string `placeholder:"NAME" help:"The AWS CLI profile with the credentials for a bucket (default: $$AWS_PROFILE)."`
}

// open opens the evidence named by the flag, else by the environment.
func (e evidenceFlags) open(ctx context.Context, c *command) (blob.Store, error) {
	settings, err := config.Load(c.env)
	if err != nil {
		return nil, usage(err)
	}
	switch {
	case e.Evidence == "" && settings.Evidence == "":
		return nil, usage(errors.New("the store of reports is missing: use --evidence, or set PTCAUDIT_EVIDENCE"))
	case e.Evidence == "":
		return e.at(ctx, c, settings.Evidence)
	case !strings.Contains(e.Evidence, "://"):
		if brokenURL.MatchString(e.Evidence) {
			return nil, usage(fmt.Errorf("invalid --evidence %q: use s3://BUCKET/PREFIX or a folder", e.Evidence))
		}
		folder, err := filepath.Abs(e.Evidence)
		if err != nil {
			return nil, usage(err)
		}
		return e.at(ctx, c, (&url.URL{Scheme: "file", Path: folder}).String())
	}
	return e.at(ctx, c, e.Evidence)
}

// brokenURL matches a URL of a store that lacks slashes. As the path of a folder
// it would find nothing.
var brokenURL = regexp.MustCompile(`^(?i:s3|file):`)

// at opens a store. A folder needs no AWS credentials.
func (e evidenceFlags) at(ctx context.Context, c *command, address string) (blob.Store, error) {
	if scheme, place, ok := strings.Cut(address, "://"); ok {
		address = strings.ToLower(scheme) + "://" + place // as in every URL
	}
	if folder, ok := strings.CutPrefix(address, "file://"); ok {
		if name, err := url.PathUnescape(folder); err == nil {
			switch info, err := os.Stat(name); {
			case err != nil:
				return nil, usage(fmt.Errorf("evidence: %w", ofFile(name, err)))
			case !info.IsDir():
				return nil, usage(fmt.Errorf("evidence: %s is a file: name a folder", name))
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
			return nil, usage(errors.New("the Region of the bucket is missing: set AWS_REGION"))
		}
	}
	s, err := store.Open(address, cfg)
	if err != nil {
		return nil, usage(fmt.Errorf("evidence: %w", err))
	}
	return s, nil
}

// report reads a report that is named by a file, by the URL or key of a stored
// report, or by the ID of its audit.
func (e evidenceFlags) report(ctx context.Context, c *command, name string) (report.Report, error) {
	if strings.Contains(name, "://") {
		root, key := splitPlace(name)
		if !isKey(key) {
			return report.Report{}, usage(fmt.Errorf("%s is not the URL of a stored report: use BUCKET-OR-FOLDER/ACCOUNT/REGION/YYYY/MM/DD/ID%s, as notifications show it", ptc.RedactURL(name), keySuffix))
		}
		s, err := e.at(ctx, c, root)
		if err != nil {
			return report.Report{}, err
		}
		return stored(ctx, s, key)
	}
	if brokenURL.MatchString(name) {
		return report.Report{}, usage(fmt.Errorf("invalid URL %q: use s3://… or file:///…", name))
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
		return report.Report{}, &exit{failure.code, fmt.Errorf("file %s does not exist, and stored reports cannot be searched: %w", name, failure.err)}
	}
	if isKey(name) {
		return stored(ctx, s, name)
	}
	for key, err := range s.List(ctx, "", "") {
		if err != nil {
			return report.Report{}, incomplete(fmt.Errorf("search for audit %s: %w", name, err))
		}
		if path.Base(key) == name+keySuffix {
			return stored(ctx, s, key)
		}
	}
	return report.Report{}, usage(fmt.Errorf("%s is neither a file nor the ID of a stored audit: run ptcaudit history to list the audits", name))
}

// keySuffix ends the key of every stored report.
const keySuffix = ".json.gz"

// keyParts is the number of parts in the key of a stored report: account,
// Region, year, month, day, audit.
const keyParts = 6

func isKey(name string) bool {
	return strings.Count(name, "/") == keyParts-1 && strings.HasSuffix(name, keySuffix)
}

// isID reports whether a name can be the ID of an audit.
func isID(name string) bool {
	return !strings.ContainsAny(name, "./\\") && name != "-"
}

// splitPlace splits the URL of a stored report into store and key.
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
		return r, usage(fmt.Errorf("no report at %s: run ptcaudit history to list the audits", s.Place(key)))
	case isFault && fault.Kind == ptc.FaultMalformed:
		return r, usage(fault)
	default:
		return r, incomplete(err)
	}
}

// period selects stored reports by time.
type period struct {
	From moment `placeholder:"TIME" help:"The first date (YYYY-MM-DD, UTC) or RFC 3339 time (default: 30 days before --to)."`
	To   until  `placeholder:"TIME" help:"The last date (YYYY-MM-DD, UTC; the whole day), or an RFC 3339 time (default: now)."`
}

// defaultPeriod is the length of a period without --from.
const defaultPeriod = 30 * 24 * time.Hour

// bounds returns the first moment of the period and its exclusive end.
func (p period) bounds(now time.Time) (from, to time.Time, err error) {
	from, to = p.From.Time, p.To.Time
	if to.IsZero() {
		to = now.UTC()
	}
	if from.IsZero() {
		from = to.Add(-defaultPeriod)
	}
	switch {
	case from.Before(to):
		return from, to, nil
	case p.To.IsZero():
		return from, to, usage(fmt.Errorf("--from %s is in the future: use an earlier time", from.Format(time.RFC3339)))
	default:
		return from, to, usage(errors.New("--to is before --from: swap them"))
	}
}

// until is the exclusive end of a period: the end of a day, or an RFC 3339 time.
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

// registryFlags select registries of the evidence.
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

// query selects the evidence of these registries in a period.
func (f registryFlags) query(from, to time.Time) archive.Query {
	return archive.Query{Account: f.Account, Region: f.Region, From: from, To: to}
}

// baseline is the flag that has a report fail only on what is new.
type baseline struct {
	Baseline string `placeholder:"REPORT" help:"Exit with 1 only on failures that are new since this saved report: it lacks them, or what their check looks at has changed, or their severity was lower. asff and ocsf mark failures that no longer exist as resolved."`
}

// result is the exit code of a report. With a baseline, it prints on standard
// error which failures are new.
func (b baseline) result(c *command, before *report.Report, r report.Report, failOn threshold) error {
	if before == nil {
		return code(verdict(r, failOn))
	}
	if before.Registry != r.Registry {
		return usage(fmt.Errorf("--baseline %s is a report of registry %s: use one of %s", b.Baseline, before.Registry, r.Registry))
	}
	fresh, known := history.Since(*before, r, report.Severity(failOn))
	if !c.quiet {
		summary := fmt.Sprintf("%d new, %d known from %s", len(fresh), known, b.Baseline)
		if len(fresh) > 0 {
			summary += ": " + strings.Join(names(fresh), ", ")
		}
		_, _ = fmt.Fprintf(c.err, "ptcaudit: failures: %s\n", untrusted.Verbatim(summary))
	}
	switch {
	case !r.Complete:
		return code(ExitIncomplete)
	case len(fresh) > 0:
		return code(ExitFindings)
	}
	return nil
}

// read reads the baseline, before the audit so that no result is lost; nil if
// the flag is not given.
func (b baseline) read(c *command) (*report.Report, error) {
	if b.Baseline == "" {
		return nil, nil
	}
	data, err := c.readFile(b.Baseline)
	if err != nil {
		return nil, usage(err)
	}
	before, err := report.Decode(data)
	if err != nil {
		return nil, usage(fmt.Errorf("--baseline %s: %w", b.Baseline, err))
	}
	return &before, nil
}

// names names failures by prefix and check.
func names(findings []report.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, strings.TrimPrefix(f.Prefix+" "+f.Check, " "))
	}
	return out
}

// threshold is a severity on the command line; empty if none was given.
type threshold report.Severity

// UnmarshalText reads the flag's value.
func (t *threshold) UnmarshalText(text []byte) error {
	severity, err := report.ParseSeverity(string(text))
	*t = threshold(severity)
	return err
}

// verdict is the exit code of an audit.
func verdict(r report.Report, failOn threshold) int {
	switch {
	case !r.Complete:
		return ExitIncomplete
	case r.Summary.Highest != "" && r.Summary.Highest.AtLeast(report.Severity(failOn)):
		return ExitFindings
	}
	return ExitOK
}

// readFile reads a file named on the command line, or standard input for "-".
// A gzip file, such as a stored report, is unpacked.
func (c *command) readFile(name string) (data []byte, err error) {
	if name == "-" {
		data, err = io.ReadAll(io.LimitReader(c.in, maxUnpacked+1))
		if err == nil && len(data) > maxUnpacked {
			err = fmt.Errorf("standard input has more than %d MiB", maxUnpacked>>20)
		}
	} else {
		data, err = input.ReadFile(name, maxUnpacked)
		err = ofFile(name, err)
	}
	if err == nil && len(data) == 0 {
		return nil, fmt.Errorf("%s is empty", sourceOf(name))
	}
	if err != nil || !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, err
	}
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sourceOf(name), err)
	}
	data, err = io.ReadAll(io.LimitReader(packed, maxUnpacked+1))
	if err == nil && len(data) > maxUnpacked {
		err = fmt.Errorf("the file unpacks to more than %d MiB", maxUnpacked>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sourceOf(name), err)
	}
	return data, nil
}

// maxUnpacked is the size of a file at most, also if it is unpacked, in bytes.
const maxUnpacked = 64 << 20

// sourceOf names a file of readFile in messages.
func sourceOf(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

// moment is a time on the command line: a day, which begins at 00:00 UTC, or
// RFC 3339. The zero value means that none was given.
type moment struct{ time.Time }

// UnmarshalText reads the flag's value.
func (m *moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil && writable(t.UTC()) {
			m.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("invalid time %q: use YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ", text)
}

// writable reports whether JSON can hold a time: it ends with the year 9999.
func writable(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

func checkAccount(account string) error {
	if account != "" && !ptc.ValidAccount(account) {
		return fmt.Errorf("invalid --account %s: use the twelve digits of an account ID", account)
	}
	return nil
}

func checkRegion(region string) error {
	if region != "" && !ptc.ValidRegion(region) {
		return fmt.Errorf("unknown Region %s%s", region, similarRegion(region))
	}
	return nil
}

// similarRegion names the Region that was probably meant, or what one looks like.
// Common mistakes are upper case, a missing dash, and the letter of a zone.
func similarRegion(region string) string {
	meant := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(region))
	if meant = regionEnd.ReplaceAllString(meant, "-$1"); ptc.ValidRegion(meant) {
		return ", did you mean " + meant + "?"
	}
	return ": use a Region such as eu-west-1"
}

// regionEnd matches the number of a Region, and the letter of a zone.
var regionEnd = regexp.MustCompile(`-?([0-9]+)[a-z]?$`)

// policy loads the policy named on the command line, else the environment's.
func (c *command) policy(named string, settings config.Config) (placedPolicy, error) {
	if named == "" {
		named = settings.Policy
	}
	loaded, places, err := policy.LoadPlaces(named)
	if err != nil {
		return placedPolicy{}, usage(err)
	}
	return placedPolicy{loaded, places}, nil
}
