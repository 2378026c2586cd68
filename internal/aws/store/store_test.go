package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/stand/localcloud"
)

// config is that of a client which does not wait between its attempts.
func config(endpoint string) aws.Config {
	cfg := localcloud.Config(endpoint, localcloud.Account, localcloud.Region)
	cfg.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported // as the SDK's loader sets it
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff = time.Millisecond
		})
	}
	return cfg
}

func open(t *testing.T, url string, cfg aws.Config) blob.Store {
	t.Helper()
	s, err := store.Open(url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestContract tests both kinds of stores against the contract of blob.Store.
func TestContract(t *testing.T) {
	contract := map[string]func(t *testing.T, another func() blob.Store){
		"missing":              testMissing,
		"write, read, replace": testReplace,
		"races":                testRaces,
		"no update is lost":    testNoUpdateIsLost,
		"keys":                 testKeys,
		"sizes":                testSizes,
		"list":                 testList,
		"list of many":         testListOfMany,
		"cancelled":            testCancelled,
	}
	// run opens one store several times, as several processes would.
	run := func(t *testing.T, cfg aws.Config, address func(t *testing.T) string, only ...string) {
		for _, name := range slices.Sorted(maps.Keys(contract)) {
			if len(only) > 0 && !slices.Contains(only, name) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				url := address(t)
				contract[name](t, func() blob.Store { return open(t, url, cfg) })
			})
		}
	}
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		run(t, aws.Config{}, func(t *testing.T) string {
			t.Helper()
			return "file://" + filepath.Join(t.TempDir(), "not", "there yet")
		})
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		cfg := config(localcloud.Start(t).Endpoint)
		address := func(t *testing.T) string { t.Helper(); return localcloud.NewBucket(t, cfg) }
		run(t, cfg, func(t *testing.T) string { t.Helper(); return address(t) + "/some/where" })
		t.Run("whole", func(t *testing.T) {
			run(t, cfg, address, "write, read, replace", "keys", "list")
		})
	})
}

func testMissing(t *testing.T, another func() blob.Store) {
	s := another()
	if _, _, err := s.Get(t.Context(), "a/b.json"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if got := keys(t, s, "", ""); len(got) > 0 {
		t.Errorf("listed %q", got)
	}
	version := put(t, s, "a/b.json", "one", "")
	for name, key := range map[string]string{"beside": "a/c.json", "deeper": "a/b/c.json", "nowhere": "x/y.json"} {
		if _, err := s.Put(t.Context(), key, []byte("two"), version); !errors.Is(err, blob.ErrConflict) {
			t.Errorf("replaced nothing, %s: %v", name, err)
		}
		if _, _, err := s.Get(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("get %s: %v", name, err)
		}
	}
}

func testReplace(t *testing.T, another func() blob.Store) {
	s := another()
	first := put(t, s, "a/b.json", "one", "")
	wantObject(t, another(), "a/b.json", "one", first)
	conflict := func(version, what string) {
		t.Helper()
		if _, err := s.Put(t.Context(), "a/b.json", []byte("three"), version); !errors.Is(err, blob.ErrConflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	conflict("", "replaced an object without its version")
	conflict(`"of another"`, "replaced a version that never was")
	wantObject(t, s, "a/b.json", "one", first)

	second := put(t, another(), "a/b.json", "two", first)
	if second == first {
		t.Error("two contents have one version")
	}
	conflict(first, "replaced a version that is past")
	wantObject(t, s, "a/b.json", "two", second)
	wantObject(t, s, "a/b.json", "", put(t, s, "a/b.json", "", second))
}

// testRaces: of forty writers one replaces each version, and what is there is
// what that one wrote.
func testRaces(t *testing.T, another func() blob.Store) {
	const writers, rounds = 40, 4
	stores := make([]blob.Store, writers)
	for i := range stores {
		stores[i] = another()
	}
	version := ""
	for round := range rounds {
		var (
			all, ready sync.WaitGroup
			mu         sync.Mutex
			won        = map[string]string{} // version by content
		)
		ready.Add(writers)
		for i, s := range stores {
			all.Go(func() {
				ready.Done()
				ready.Wait()
				content := fmt.Sprintf("writer %d of round %d", i, round)
				got, err := s.Put(t.Context(), "ledger/one.json", []byte(content), version)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won[content] = got
				} else if !errors.Is(err, blob.ErrConflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("round %d: %d writers won", round, len(won))
		}
		for content, got := range won {
			wantObject(t, stores[0], "ledger/one.json", content, got)
			version = got
		}
	}
}

// testNoUpdateIsLost: who reads, changes, and writes what was read is never
// written over.
func testNoUpdateIsLost(t *testing.T, another func() blob.Store) {
	const writers, each = 6, 5
	all, ctx := errgroup.WithContext(t.Context())
	for range writers {
		s := another()
		all.Go(func() error {
			for done := 0; done < each; {
				data, version, err := s.Get(ctx, "count")
				if err != nil && !errors.Is(err, blob.ErrNotFound) {
					return err
				}
				switch _, err := s.Put(ctx, "count", append(data, '.'), version); {
				case err == nil:
					done++
				case !errors.Is(err, blob.ErrConflict):
					return err
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	if data, _, err := another().Get(t.Context(), "count"); err != nil || len(data) != writers*each {
		t.Errorf("%d updates of %d, %v", len(data), writers*each, err)
	}
}

func testKeys(t *testing.T, another func() blob.Store) {
	s := another()
	for _, key := range []string{"a", "a-b/c_d.json", "a.b/ä", "x/y z/ledger.json.damaged-2026-11-22T03:52:00Z", strings.Repeat("k", 200)} {
		wantObject(t, s, key, key, put(t, s, key, key, ""))
		if place := s.Place(key); !strings.HasPrefix(place, s.Place("")) {
			t.Errorf("%q is at %q", key, place)
		}
	}
	for _, key := range []string{
		"", "/", ".", "..", "a/", "/a", "a//b", "a/./b", "a/../b", "../a", "a/..", ".a", "a/.b/c", `a\b`, "a\nb", "a\x00b", "a\xffb",
		strings.Repeat("k/", 600) + "k",
	} {
		t.Run(fmt.Sprintf("%.20q", key), func(t *testing.T) {
			_, _, err := s.Get(t.Context(), key)
			wantFault(t, err, ptc.FaultMalformed)
			_, err = s.Put(t.Context(), key, nil, "")
			wantFault(t, err, ptc.FaultMalformed)
		})
	}
}

func testSizes(t *testing.T, another func() blob.Store) {
	s := another()
	large := bytes.Repeat([]byte("0123456789abcdef"), blob.MaxSize/16)
	version, err := s.Put(t.Context(), "large", large, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, at, err := s.Get(t.Context(), "large"); err != nil || !bytes.Equal(got, large) || at != version {
		t.Errorf("got %d bytes, version %s, %v", len(got), at, err)
	}
	_, err = s.Put(t.Context(), "larger", append(large, '.'), "")
	wantFault(t, err, ptc.FaultMalformed)
}

func testList(t *testing.T, another func() blob.Store) {
	s := another()
	all := []string{"a", "a-b/x", "a.b", "b/a", "b/a-c", "b/a0", "b/c-1", "b/c/d/e", "b/c/d/f", "b/c0", "c"} // as bytes order them
	for _, key := range slices.Backward(all) {
		put(t, s, key, key, "")
	}
	for _, tt := range []struct{ prefix, after string }{
		{"", ""},
		{"", "b"},
		{"", "b/c"},
		{"", "b/c/d/e"},
		{"", "b/c/d/e/f"},
		{"", "b/c/d~"},
		{"", "zz"},
		{"b/", ""},
		{"b/a", ""},
		{"b/a", "b/a"},
		{"b/c/d/", "b/c/d/e"},
		{"b/c", "a"},
		{"b/c", "c"},
		{"b/c/d/e/f", ""},
		{"nothing", ""},
		{"../", ""},
	} {
		t.Run(tt.prefix+" after "+tt.after, func(t *testing.T) {
			var want []string
			for _, key := range all {
				if strings.HasPrefix(key, tt.prefix) && key > tt.after {
					want = append(want, key)
				}
			}
			if diff := cmp.Diff(want, keys(t, s, tt.prefix, tt.after)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// testListOfMany: more than one call of S3 lists.
func testListOfMany(t *testing.T, another func() blob.Store) {
	const page, total = 1000, 1003
	s := another()
	var want []string
	var writes errgroup.Group
	writes.SetLimit(8)
	for i := range total {
		key := fmt.Sprintf("all/%04d", i)
		want = append(want, key)
		writes.Go(func() error {
			_, err := s.Put(t.Context(), key, nil, "")
			return err
		})
	}
	if err := writes.Wait(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, keys(t, s, "all/", "")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(want[page+1:], keys(t, s, "all/", want[page])); diff != "" {
		t.Errorf("after a key: (-want +got)\n%s", diff)
	}
	for key, err := range s.List(t.Context(), "", "") {
		if key != want[0] || err != nil {
			t.Errorf("got %q, %v", key, err)
		}
		break // must be heeded
	}
}

func testCancelled(t *testing.T, another func() blob.Store) {
	s := another()
	put(t, s, "a", "a", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.Get(ctx, "a")
	wantFault(t, err, ptc.FaultTimeout)
	_, err = s.Put(ctx, "b", nil, "")
	wantFault(t, err, ptc.FaultTimeout)
	listed := 0
	for key, err := range s.List(ctx, "", "") {
		listed++
		if key != "" {
			t.Errorf("listed %q", key)
		}
		wantFault(t, err, ptc.FaultTimeout)
	}
	if listed != 1 {
		t.Errorf("%d results", listed)
	}
}

// put writes and returns the new version.
func put(t *testing.T, s blob.Store, key, content, version string) string {
	t.Helper()
	next, err := s.Put(t.Context(), key, []byte(content), version)
	if err != nil || next == "" {
		t.Fatalf("put %s: version %q, %v", key, next, err)
	}
	return next
}

// keys lists.
func keys(t *testing.T, s blob.Store, prefix, after string) []string {
	t.Helper()
	var out []string
	for key, err := range s.List(t.Context(), prefix, after) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, key)
	}
	return out
}

func wantObject(t *testing.T, s blob.Store, key, content, version string) {
	t.Helper()
	data, at, err := s.Get(t.Context(), key)
	if err != nil || string(data) != content || at != version {
		t.Errorf("%s: got %q, version %s, %v; want %q, version %s", key, data, at, err, content, version)
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

func TestOpen(t *testing.T) {
	for address, place := range map[string]string{
		"s3://state":               "s3://state/a/b",
		"s3://state/":              "s3://state/a/b",
		"s3://my.state-1/some/p":   "s3://my.state-1/some/p/a/b",
		"s3://my.state-1/some/p/":  "s3://my.state-1/some/p/a/b",
		"file:///var/lib/ptcaudit": "file:///var/lib/ptcaudit/a/b",
		"file:///tmp/a%20folder/":  "file:///tmp/a%20folder/a/b",
	} {
		t.Run(address, func(t *testing.T) {
			if got := open(t, address, aws.Config{}).Place("a/b"); got != place {
				t.Errorf("place %q, want %q", got, place)
			}
		})
	}
	for address, want := range map[string]string{
		"":                         "unsupported scheme",
		"state":                    "unsupported scheme",
		"/var/lib/ptcaudit":        "unsupported scheme",
		"https://state/p":          "unsupported scheme",
		"S4://state":               "unsupported scheme",
		"s3:state":                 "more than a scheme and a path",
		"s3://":                    "invalid bucket name",
		"s3:///state":              "invalid bucket name",
		"s3://State":               "invalid bucket name",
		"s3://my_state":            "invalid bucket name",
		"s3://st":                  "invalid bucket name",
		"s3://a..b":                "invalid bucket name",
		"s3://state:443":           "invalid bucket name",
		"s3://me:canary@state":     "invalid store \"s3://…\": it has more than a scheme",
		"s3://me:can/ary@state":    "invalid store \"s3://…\": it is not a URL",
		"s3://arn:aws:s3:eu:1:a/b": "it is not a URL",
		"s3://state//p":            "more than a scheme and a path",
		"s3://state/../p":          "invalid key",
		"s3://state/.p":            "invalid key",
		"s3://state/%2e%2e/p":      "invalid key",
		"s3://state/p?region=eu":   "more than a scheme and a path",
		"s3://state/p?":            "more than a scheme and a path",
		"s3://state/p#a":           "more than a scheme and a path",
		"s3://jane@state/p":        "more than a scheme and a path",
		"file://":                  "not absolute, or has . or ..",
		"file://var/lib":           "three slashes",
		"file:var/lib":             "more than a scheme and a path",
		"file:///var/../lib":       "not absolute, or has . or ..",
		"file:///var/%2e%2e/lib":   "not absolute, or has . or ..",
		"file:///var/./lib":        "not absolute, or has . or ..",
		"file:///var//lib":         "more than a scheme and a path",
		"file:///a\nb":             "it is not a URL",
	} {
		t.Run("not "+address, func(t *testing.T) {
			_, err := store.Open(address, aws.Config{})
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "use s3://BUCKET/PREFIX or file:///FOLDER") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one that contains %q", err, want)
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	for _, seed := range []string{"s3://state/p", "file:///var/lib", "s3://a..b/../c", "file:///%2e%2e/a", "s3:state", "file:////a", "s3://state/%00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		s, err := store.Open(address, aws.Config{})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %v", err)
			}
			return
		}
		place := s.Place("a/b")
		if !strings.HasSuffix(place, "/a/b") || strings.Contains(place, "/../") {
			t.Errorf("%q is at %q", address, place)
		}
		again, err := store.Open(strings.TrimSuffix(place, "/a/b")+"/", aws.Config{})
		if err != nil || again.Place("a/b") != place {
			t.Errorf("%q does not lead to itself: %v", place, err)
		}
	})
}

// BenchmarkOpen is what the stores add to a start, beside linking S3's client.
func BenchmarkOpen(b *testing.B) {
	cfg := config("https://s3.eu-west-1.amazonaws.com")
	for b.Loop() {
		for _, address := range []string{"s3://state/p", "s3://evidence/p"} {
			if _, err := store.Open(address, cfg); err != nil {
				b.Fatal(err)
			}
		}
	}
}
