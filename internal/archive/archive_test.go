package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/archive"
	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var (
	here  = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	there = ptc.Registry{Account: "444455556666", Region: "us-east-1"}
)

// day is noon of a day of November 2026, UTC.
func day(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }

// stored holds an audit of here on the 16th, 17th and 20th, and one of there on
// the 17th.
func stored(t *testing.T) blob.Store {
	t.Helper()
	s, err := store.Open("file://"+t.TempDir(), aws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for id, audit := range map[string]struct {
		registry ptc.Registry
		at       time.Time
	}{"FIRST": {here, day(16)}, "SECOND": {here, day(17)}, "THIRD": {here, day(20)}, "OTHER": {there, day(17)}} {
		r := report.Report{
			Audit:    report.Audit{ID: id, StartedAt: audit.at, FinishedAt: audit.at.Add(time.Second), Version: "1"},
			Registry: audit.registry,
			Policy:   report.Policy{Name: "acme", Digest: strings.Repeat("0f", 32)},
		}
		r.Finish()
		if _, err := evidence.PutReport(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// names reads a zip archive, and checks every file against SHA256SUMS.
func names(t *testing.T, data []byte) []string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var sums strings.Builder
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == "SHA256SUMS" {
			if diff := cmp.Diff(sums.String(), string(content)); diff != "" {
				t.Errorf("SHA256SUMS differs (-content +sums):\n%s", diff)
			}
			continue
		}
		out = append(out, f.Name)
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), f.Name)
	}
	return out
}

func TestWrite(t *testing.T) {
	const first, second, third = "evidence/111122223333/eu-west-1/2026/11/16/FIRST.json.gz", "evidence/111122223333/eu-west-1/2026/11/17/SECOND.json.gz", "evidence/111122223333/eu-west-1/2026/11/20/THIRD.json.gz"
	const other = "evidence/444455556666/us-east-1/2026/11/17/OTHER.json.gz"
	tests := []struct {
		name  string
		query archive.Query
		want  []string
	}{
		{"everything", archive.Query{From: day(1), To: day(30)}, []string{first, second, third, other}},
		{"a period", archive.Query{From: day(17), To: day(20)}, []string{second, other}},
		{"one account", archive.Query{Account: there.Account, From: day(1), To: day(30)}, []string{other}},
		{"one Region", archive.Query{Region: here.Region, From: day(17), To: day(30)}, []string{second, third}},
		{"one registry", archive.Query{Account: here.Account, Region: here.Region, From: day(1), To: day(17)}, []string{first}},
		{"an empty period", archive.Query{From: day(1), To: day(2)}, nil},
	}
	s := stored(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, again bytes.Buffer
			if _, err := archive.Write(t.Context(), &out, s, tt.query, day(29), "1"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(tt.want, "summary.txt", "summary.json"), names(t, out.Bytes())); diff != "" {
				t.Errorf("files differ (-want +got):\n%s", diff)
			}
			if _, err := archive.Write(t.Context(), &again, s, tt.query, day(30), "1"); err != nil {
				t.Fatal(err)
			}
			if tt.query.To.Before(day(29)) && !bytes.Equal(out.Bytes(), again.Bytes()) {
				t.Error("a later export of the same period has other bytes")
			}
		})
	}
}

// unlisted is a store that cannot be listed.
type unlisted struct{ blob.Store }

func (unlisted) List(context.Context, string, string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		yield("", &ptc.Fault{Operation: "ListObjectsV2", Kind: ptc.FaultDenied})
	}
}

func TestErrors(t *testing.T) {
	query := archive.Query{From: day(1), To: day(30)}
	s := stored(t)
	_, err := archive.History(t.Context(), unlisted{s}, query)
	if _, ok := errors.AsType[*archive.ReadError](err); !ok {
		t.Errorf("History: error %v, want a ReadError", err)
	}
	if fault, ok := errors.AsType[*ptc.Fault](err); !ok || fault.Kind != ptc.FaultDenied {
		t.Errorf("History: error %v does not hold its cause", err)
	}
	_, err = archive.Write(t.Context(), io.Discard, unlisted{s}, query, day(29), "1")
	if _, ok := errors.AsType[*archive.ReadError](err); !ok {
		t.Errorf("Write: error %v, want a ReadError", err)
	}
	_, err = archive.Write(t.Context(), full{}, s, query, day(29), "1")
	if _, ok := errors.AsType[*archive.ReadError](err); ok || !errors.Is(err, errFull) {
		t.Errorf("Write to a full disk: error %v, want %v", err, errFull)
	}
}

var errFull = errors.New("no space left")

// full is a writer without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
