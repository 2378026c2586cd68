package evidence_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/localcloud"
)

var (
	ireland = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	noon    = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func open(t *testing.T, url string, cfg aws.Config) blob.Store {
	t.Helper()
	s, err := store.Open(url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put stores what is not evidence, or is damaged.
func put(t *testing.T, s blob.Store, key, content string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, []byte(content), ""); err != nil {
		t.Fatal(err)
	}
}

func wantFault(t *testing.T, err error, kind ptc.FaultKind) ptc.Fault {
	t.Helper()
	fault, ok := errors.AsType[*ptc.Fault](err)
	if !ok || fault.Kind != kind || fault.Operation == "" || fault.Message == "" {
		t.Fatalf("got %#v, want a fault of kind %s", err, kind)
	}
	return *fault
}

// TestEvidence runs over a folder and over a bucket. Each test opens its store
// several times, as several processes do.
func TestEvidence(t *testing.T) {
	tests := map[string]func(t *testing.T, another func() blob.Store){
		"reports":         testReports,
		"by time":         testRecords,
		"all registries":  testAllRecords,
		"damaged":         testDamaged,
		"changes":         testChanges,
		"not overwritten": testNotOverwritten,
	}
	run := func(t *testing.T, cfg aws.Config, address func(t *testing.T) string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				url := address(t)
				test(t, func() blob.Store { return open(t, url, cfg) })
			})
		}
	}
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		run(t, aws.Config{}, func(t *testing.T) string {
			t.Helper()
			return "file://" + filepath.Join(t.TempDir(), "evidence")
		})
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		cfg := localcloud.Config(localcloud.Start(t).Endpoint, localcloud.Account, localcloud.Region)
		run(t, cfg, func(t *testing.T) string { t.Helper(); return localcloud.NewBucket(t, cfg) + "/some/where" })
	})
}

func audited(reg ptc.Registry, id string, at time.Time) report.Report {
	r := report.Report{
		Audit:    report.Audit{ID: id, StartedAt: at, FinishedAt: at.Add(time.Second), Version: "1"},
		Registry: reg,
		Policy:   report.Policy{Name: "acme", Digest: strings.Repeat("0f", 32)},
		Rules:    []report.Rule{report.NewRule(ptc.Rule{Prefix: "hub", CreatedAt: at}, ptc.Validation{})},
		Findings: []report.Finding{{Check: "upstream-url", Prefix: "hub", Fingerprint: report.Fingerprint(reg, "upstream-url", "hub"), Outcome: report.Fail, Severity: report.High, Message: "<&> caf\u00e9"}},
	}
	r.Finish()
	return r
}

func keep(t *testing.T, s blob.Store, r report.Report) string {
	t.Helper()
	key, err := evidence.PutReport(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func testReports(t *testing.T, another func() blob.Store) {
	s := another()
	// The day in UTC differs from the local one.
	at := time.Date(2026, 11, 22, 0, 30, 0, 0, time.FixedZone("", 3600))
	want := audited(ireland, "AUDIT1", at.UTC())
	local := want
	local.Audit.StartedAt = at
	if got, right := evidence.Key(local), "111122223333/eu-west-1/2026/11/21/AUDIT1.json.gz"; got != right {
		t.Errorf("key %s, want %s", got, right)
	}
	key := keep(t, s, want)
	got, err := evidence.GetReport(t.Context(), another(), key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	// Equal reports are equal bytes, which unpack to what a renderer writes.
	elsewhere := open(t, "file://"+t.TempDir(), aws.Config{})
	keep(t, elsewhere, want)
	here, _, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	there, _, err := elsewhere.Get(t.Context(), key)
	if err != nil || !bytes.Equal(here, there) {
		t.Errorf("%d bytes and %d bytes, %v", len(here), len(there), err)
	}
	var text bytes.Buffer
	if err := want.Encode(&text); err != nil {
		t.Fatal(err)
	}
	if unpacked := gunzip(t, here); !bytes.Equal(unpacked, text.Bytes()) {
		t.Errorf("kept\n%s", unpacked)
	}

	if _, err := evidence.GetReport(t.Context(), s, strings.Replace(key, "AUDIT1", "AUDIT2", 1)); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	large := audited(ireland, "LARGE", noon)
	large.Findings[0].Message = strings.Repeat("a", blob.MaxSize)
	for name, r := range map[string]report.Report{
		"too large":   large,
		"no id":       audited(ireland, "", noon),
		"a path":      audited(ireland, "../../other", noon),
		"no registry": audited(ptc.Registry{}, "AUDIT1", noon),
		"no year":     audited(ireland, "AUDIT1", time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := evidence.PutReport(t.Context(), s, r)
			wantFault(t, err, ptc.FaultMalformed)
		})
	}
}

func testNotOverwritten(t *testing.T, another func() blob.Store) {
	s := another()
	first := audited(ireland, "AUDIT1", noon)
	key := keep(t, s, first)
	second := first
	second.Policy.Name = "forged"
	for name, r := range map[string]report.Report{"another": second, "the same": first} {
		if _, err := evidence.PutReport(t.Context(), another(), r); !errors.Is(err, blob.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := evidence.GetReport(t.Context(), s, key)
	if err != nil || got.Policy.Name != "acme" {
		t.Errorf("policy %q, %v", got.Policy.Name, err)
	}
}

func covered(reg ptc.Registry, at time.Time, events ...string) evidence.Changes {
	c := evidence.Changes{Registry: reg, CoveredBy: at.Add(time.Minute)}
	for i, id := range events {
		c.Triggers = append(c.Triggers, report.Trigger{
			Kind: report.ChangeTrigger, Time: at.Add(time.Duration(-i) * time.Second), EventID: id, Call: "UpdatePullThroughCacheRule", Prefix: "hub",
			Actor: &report.Actor{Name: "<jane>"},
		})
	}
	return c
}

func testChanges(t *testing.T, another func() blob.Store) {
	s := another()
	c := covered(ireland, noon, "later", "earlier")
	given := slices.Clone(c.Triggers)
	key, err := evidence.PutChanges(t.Context(), s, c)
	if err != nil || !strings.HasPrefix(key, "111122223333/eu-west-1/2026/11/21/") || !strings.HasSuffix(key, ".changes.json.gz") {
		t.Fatalf("key %s, %v", key, err)
	}
	if diff := cmp.Diff(given, c.Triggers); diff != "" {
		t.Errorf("the caller's changes are touched (-want +got)\n%s", diff)
	}
	// A message that comes again has its triggers in any order.
	again := c
	again.Triggers = []report.Trigger{c.Triggers[1], c.Triggers[0]}
	if k, err := evidence.PutChanges(t.Context(), another(), again); err != nil || k != key {
		t.Errorf("again: %s, %v", k, err)
	}
	other := covered(ireland, noon, "later")
	if k, err := evidence.PutChanges(t.Context(), s, other); err != nil || k == key {
		t.Errorf("others: %s, %v", k, err)
	}

	_, err = evidence.GetReport(t.Context(), s, key)
	wantFault(t, err, ptc.FaultMalformed)
	records := read(t, s, ireland, noon, noon.Add(time.Second))
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	want := again
	want.SchemaVersion = evidence.ChangesVersion
	for _, r := range records {
		if r.Key != key {
			continue
		}
		if diff := cmp.Diff(&want, r.Changes); diff != "" || r.Report != nil || !r.At().Equal(noon) {
			t.Errorf("at %s (-want +got)\n%s", r.At(), diff)
		}
		if !json.Valid(gunzip(t, r.Data)) {
			t.Errorf("data %s", r.Data)
		}
	}
	for r, err := range evidence.Reports(t.Context(), s, ireland, time.Time{}, time.Time{}) {
		t.Errorf("a report %s, %v", r.Key, err)
	}
	_, err = evidence.PutChanges(t.Context(), s, evidence.Changes{Registry: ireland})
	wantFault(t, err, ptc.FaultMalformed)
}

// read gives all records without an error.
func read(t *testing.T, s blob.Store, reg ptc.Registry, from, to time.Time) []evidence.Record {
	t.Helper()
	var out []evidence.Record
	for r, err := range evidence.Records(t.Context(), s, reg, from, to) {
		if err != nil {
			t.Fatalf("%s: %v", r.Key, err)
		}
		out = append(out, r)
	}
	return out
}

func ids(records []evidence.Record) (out []string) {
	for _, r := range records {
		out = append(out, r.Report.Audit.ID)
	}
	return out
}

func testRecords(t *testing.T, another func() blob.Store) {
	s := another()
	want := []string{"Z", "Y", "M", "K", "C", "B", "A"} // by time; by key within a day it is the reverse
	times := map[string]time.Time{
		"Z": noon.AddDate(-1, 0, 0),
		"Y": noon.Add(-time.Hour),
		"M": noon.Add(-time.Minute),
		"K": noon,
		"C": noon.Add(12*time.Hour - 1),
		"B": noon.Add(12 * time.Hour),
		"A": noon.AddDate(0, 1, 0),
	}
	for id, at := range times {
		keep(t, s, audited(ireland, id, at))
	}
	// Evidence of another registry, and objects that are not evidence.
	keep(t, s, audited(ptc.Registry{Account: ireland.Account, Region: "eu-west-2"}, "OTHER", noon))
	for _, key := range []string{"111122223333/eu-west-1/2026/11/21/README.md", "111122223333/eu-west-1/2026/11/31/A.json.gz", "111122223333/eu-west-1/notes"} {
		put(t, s, key, "a note")
	}
	for _, tt := range []struct {
		name     string
		from, to time.Time
		want     []string
	}{
		{"all", time.Time{}, time.Time{}, want},
		{"from one", noon, time.Time{}, want[3:]},
		{"up to one", time.Time{}, noon, want[:3]},
		{"a day", noon.Add(-12 * time.Hour), noon.Add(12 * time.Hour), want[1:5]},
		{"an hour", noon.Add(-time.Hour), noon, want[1:3]},
		{"nothing between", noon, noon, nil},
		{"in a zone behind", noon.Add(12 * time.Hour).In(time.FixedZone("", -10*3600)), noon.AddDate(0, 0, 1).In(time.FixedZone("", -13*3600)), want[5:6]},
		{"in a zone ahead", noon.Add(time.Minute).In(time.FixedZone("", 13*3600)), noon.Add(12 * time.Hour).In(time.FixedZone("", 13*3600)), want[4:5]},
		{"the wrong way round", noon.AddDate(0, 1, 0), noon, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ids(read(t, s, ireland, tt.from, tt.to))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	t.Run("no more than is asked for", func(t *testing.T) {
		for r, err := range evidence.Reports(t.Context(), s, ireland, time.Time{}, time.Time{}) {
			if err != nil || r.Report.Audit.ID != want[0] {
				t.Errorf("got %+v, %v", r, err)
			}
			break
		}
	})
}

func testAllRecords(t *testing.T, another func() blob.Store) {
	s := another()
	if got := read(t, s, ptc.Registry{}, time.Time{}, time.Time{}); len(got) != 0 {
		t.Errorf("%d records of nothing", len(got))
	}
	var want []string
	for _, account := range []string{"000000000001", "111122223333", "999999999999"} {
		for _, region := range []string{"eu-west-1", "eu-west-10", "us-east-1"} {
			for day := range 2 {
				id := fmt.Sprintf("%s-%s-%d", account, region, day)
				keep(t, s, audited(ptc.Registry{Account: account, Region: region}, id, noon.AddDate(0, 0, day)))
				want = append(want, id)
			}
		}
	}
	put(t, s, "000000000001/what/ever", "a note")
	put(t, s, "ledger/000000000001/eu-west-1.json", "{}")
	if diff := cmp.Diff(want, ids(read(t, s, ptc.Registry{}, time.Time{}, time.Time{}))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	second := slices.DeleteFunc(slices.Clone(want), func(id string) bool { return strings.HasSuffix(id, "-0") })
	if diff := cmp.Diff(second, ids(read(t, s, ptc.Registry{}, noon.Add(1), time.Time{}))); diff != "" {
		t.Errorf("from a time (-want +got)\n%s", diff)
	}
}

// testDamaged: an object that cannot be read is reported, and the others are read.
func testDamaged(t *testing.T, another func() blob.Store) {
	s := another()
	good := keep(t, s, audited(ireland, "GOOD", noon))
	packed, _, err := s.Get(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{
		"NOGZIP":    []byte("hello"),
		"EMPTY":     nil,
		"CUT":       packed[:len(packed)/2],
		"FLIPPED":   append(slices.Clone(packed[:len(packed)-8]), 1, 2, 3, 4, 5, 6, 7, 8),
		"NOREPORT":  pack(t, `{"schemaVersion":"ptcaudit/report/v9"}`),
		"RENAMED":   packed,
		"BOMB":      pack(t, strings.Repeat(" ", blob.MaxSize+1)),
		"C.changes": pack(t, `{"schemaVersion":"ptcaudit/changes/v1","triggers":[]}`),
		"D.changes": pack(t, `{"schemaVersion":"ptcaudit/changes/v2","triggers":[{}]}`),
		"E.changes": pack(t, `{"schemaVersion":"ptcaudit/changes/v1","triggers":[{}]}`),
		"F.changes": pack(t, `no`),
	}
	var want []string
	for id, data := range damaged {
		key := "111122223333/eu-west-1/2026/11/21/" + id + ".json.gz"
		put(t, s, key, string(data))
		want = append(want, key)
	}
	var got []string
	for r, err := range evidence.Records(t.Context(), s, ireland, noon, noon.Add(1)) {
		if err == nil {
			if r.Key != good {
				t.Errorf("%s is read", r.Key)
			}
			continue
		}
		if f := wantFault(t, err, ptc.FaultMalformed); !strings.Contains(f.Message, s.Place(r.Key)) {
			t.Errorf("%s: does not say where: %v", r.Key, err)
		}
		if !bytes.Equal(r.Data, damaged[strings.TrimSuffix(r.Key[len("111122223333/eu-west-1/2026/11/21/"):], ".json.gz")]) || r.Report != nil || r.Changes != nil {
			t.Errorf("%s: not as it is kept", r.Key)
		}
		got = append(got, r.Key)
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("damaged are %q, want %q", got, want)
	}
}

// shelf is a Store that has one object.
type shelf struct {
	blob.Store
	key  string
	data []byte
}

func (s shelf) Get(context.Context, string) ([]byte, string, error) { return s.data, "1", nil }

func (s shelf) List(context.Context, string, string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield(s.key, nil) }
}

func (s shelf) Place(key string) string { return "shelf:" + key }

// FuzzRecords: a record belongs to its key, and an unreadable object is a fault. Text
// is fuzzed as it is, and packed.
func FuzzRecords(f *testing.F) {
	r := audited(ireland, "AUDIT1", noon)
	var text bytes.Buffer
	if err := r.Encode(&text); err != nil {
		f.Fatal(err)
	}
	f.Add(evidence.Key(r), text.Bytes(), true)
	f.Add(evidence.Key(r), pack(f, text.String()), false)
	f.Add("111122223333/eu-west-1/2026/11/21/0.changes.json.gz", []byte(`{"schemaVersion":"ptcaudit/changes/v1","triggers":[{}]}`), true)
	f.Add("111122223333/eu-west-1/2026/02/30/0.json.gz", []byte("{}"), true)
	f.Fuzz(func(t *testing.T, key string, data []byte, packed bool) {
		if packed {
			// With the key that is right for it, if there is one.
			if r, err := report.Decode(data); err == nil {
				key = evidence.Key(r)
			}
			data = pack(t, string(data))
		}
		for record, err := range evidence.Records(t.Context(), shelf{key: key, data: data}, ireland, time.Time{}, time.Time{}) {
			switch {
			case record.Key != key:
				t.Errorf("read %q for %q", record.Key, key)
			case err != nil:
				wantFault(t, err, ptc.FaultMalformed)
			case record.Report != nil && evidence.Key(*record.Report) != key:
				t.Errorf("%q holds that of %q", key, evidence.Key(*record.Report))
			case (record.Report == nil) == (record.Changes == nil):
				t.Errorf("%q holds %+v", key, record)
			case record.At().UTC().Format("2006/01/02") != key[len(key)-len(path.Base(key))-len("2006/01/02/"):len(key)-len(path.Base(key))-1]:
				t.Errorf("%q is of %s", key, record.At())
			}
		}
	})
}

func pack(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
