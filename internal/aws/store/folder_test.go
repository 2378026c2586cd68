//go:build unix

package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/ptc"
)

// writerOf is an environment variable. If it is set, the test binary writes into
// that folder until it is killed.
const writerOf = "PTCAUDIT_TEST_WRITER_OF"

func TestMain(m *testing.M) {
	if address := os.Getenv(writerOf); address != "" {
		writeForever(address)
	}
	os.Exit(m.Run())
}

// writeForever replaces an object by larger and smaller ones, each of which holds
// its own length, and prints the number of each one that was written.
func writeForever(address string) {
	s, err := store.Open(address, aws.Config{})
	if err != nil {
		panic(err)
	}
	for {
		data, version, err := s.Get(context.Background(), "a/ledger.json")
		if err != nil && !errors.Is(err, blob.ErrNotFound) {
			panic(err)
		}
		n := count(data) + 1
		switch _, err = s.Put(context.Background(), "a/ledger.json", object(n), version); {
		case err == nil:
			fmt.Println(n)
		case !errors.Is(err, blob.ErrConflict):
			panic(err)
		}
	}
}

// object is the nth: its number, and as many letters as follow from it.
func object(n int) []byte {
	return fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", n*7919%100_000))
}

// count is the number of an object; -1 if it was only partly written.
func count(data []byte) int {
	if len(data) == 0 {
		return 0
	}
	number, _, _ := strings.Cut(string(data), " ")
	n, err := strconv.Atoi(number)
	if err != nil || !bytes.Equal(data, object(n)) {
		return -1
	}
	return n
}

// TestKilledWriters: processes that write into one folder are killed at any
// moment. No object is half written, no write that was reported is lost, no
// number is used twice, and the next processes can continue.
func TestKilledWriters(t *testing.T) {
	const rounds, writers = 20, 3
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, "file://"+dir, aws.Config{})
	reported, last := map[string]bool{}, 0
	for round := range rounds {
		children := make([]*exec.Cmd, writers)
		outputs := make([]bytes.Buffer, writers)
		for i := range children {
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), writerOf+"=file://"+dir)
			child.Stdout, child.Stderr = &outputs[i], os.Stderr
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			children[i] = child
		}
		for until := last + 1 + round; last < until; {
			data, _, err := s.Get(t.Context(), "a/ledger.json")
			if err != nil && !errors.Is(err, blob.ErrNotFound) {
				t.Fatal(err)
			}
			if last = count(data); last < 0 {
				t.Fatalf("torn: %.40q, %d bytes", data, len(data))
			}
		}
		for _, child := range children {
			_ = child.Process.Kill() // SIGKILL
		}
		for i, child := range children {
			_ = child.Wait()
			for line := range strings.Lines(outputs[i].String()) {
				if reported[line] {
					t.Errorf("%s was written twice", line)
				}
				reported[line] = true
			}
		}
		data, _, err := s.Get(t.Context(), "a/ledger.json")
		if err != nil {
			t.Fatal(err)
		}
		last = count(data)
		for line := range reported {
			if n, err := strconv.Atoi(strings.TrimSpace(line)); err != nil || n > last {
				t.Errorf("%q was written, and %d is there", line, last)
			}
		}
	}
	if len(reported) < rounds {
		t.Errorf("only %d were written", len(reported))
	}
	if got := keys(t, s, "", ""); len(got) != 1 {
		t.Errorf("left behind: %q", got)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) > 3 { // the object, the lock, and what the last one was writing
		t.Errorf("%d files, %v", len(files), err)
	}
}

// TestPermissions: only the owner can read files and folders.
func TestPermissions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "over", "state")
	s := open(t, "file://"+dir, aws.Config{})
	put(t, s, "a/b/c.json", "one", "")
	for _, name := range []string{"..", ".", "a", "a/b", "a/b/c.json", ".lock"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want := fs.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has %o, want %o", name, got, want)
		}
	}
}

// TestFolderStaysInside: links in the folder lead nowhere outside of it.
func TestFolderStaysInside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"folder": outside, "file": filepath.Join(outside, "secret"), ".new": filepath.Join(outside, "new")} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, "file://"+dir, aws.Config{})
	for _, key := range []string{"folder/secret", "file"} {
		data, _, err := s.Get(t.Context(), key)
		if f, ok := errors.AsType[*ptc.Fault](err); !ok || data != nil {
			t.Errorf("get %s: %q, %+v", key, data, f)
		}
		if _, err := s.Put(t.Context(), key, []byte("ours"), ""); err == nil {
			t.Errorf("put %s", key)
		}
	}
	put(t, s, "inside", "ours", "")
	if got := keys(t, s, "inside", ""); len(got) != 1 || got[0] != "inside" {
		t.Errorf("listed %q", got)
	}
	// What a link hides is not missing in silence.
	var last error
	for _, err := range s.List(t.Context(), "", "") {
		last = err
	}
	wantFault(t, last, ptc.FaultMalformed)
	files, err := os.ReadDir(outside)
	if err != nil || len(files) != 1 {
		t.Errorf("outside are %v, %v", files, err)
	}
}

// TestFolderNotRegular: what the store never writes is listed, and is a fault to
// read or replace. Nothing waits for a writer.
func TestFolderNotRegular(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b"), []byte("b"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"a": "b", "c": "/nonexistent", "d": os.DevNull} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "e"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, "file://"+dir, aws.Config{})
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, keys(t, s, "", "")); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for _, key := range []string{"a", "c", "d", "e"} {
		_, _, err := s.Get(t.Context(), key)
		wantFault(t, err, ptc.FaultMalformed)
		_, err = s.Put(t.Context(), key, []byte("ours"), "")
		wantFault(t, err, ptc.FaultMalformed)
	}
}

// TestFolderFaults: a folder that cannot be used is a fault, and not "not found".
func TestFolderFaults(t *testing.T) {
	ctx := t.Context()
	t.Run("a file in its place", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, "file://"+file, aws.Config{})
		_, _, err := s.Get(ctx, "a")
		wantFault(t, err, ptc.FaultUnavailable)
		_, err = s.Put(ctx, "a", nil, "")
		wantFault(t, err, ptc.FaultUnavailable)
		for _, err := range s.List(ctx, "", "") {
			wantFault(t, err, ptc.FaultUnavailable)
		}
	})
	t.Run("a key that is a part of another", func(t *testing.T) {
		s := open(t, "file://"+t.TempDir(), aws.Config{})
		put(t, s, "a/b", "one", "")
		_, err := s.Put(ctx, "a", nil, "")
		wantFault(t, err, ptc.FaultUnavailable)
		_, err = s.Put(ctx, "a/b/c", nil, "")
		wantFault(t, err, ptc.FaultUnavailable)
	})
	t.Run("too large", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a"), make([]byte, blob.MaxSize+1), 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, "file://"+dir, aws.Config{})
		_, _, err := s.Get(ctx, "a")
		wantFault(t, err, ptc.FaultMalformed)
		_, err = s.Put(ctx, "a", nil, "")
		wantFault(t, err, ptc.FaultMalformed)
	})
	t.Run("denied", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("nothing is denied to root")
		}
		dir := t.TempDir()
		s := open(t, "file://"+dir, aws.Config{})
		put(t, s, "a", "one", "")
		if err := os.Chmod(dir, 0); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Chmod(dir, 0o700) }()
		_, _, err := s.Get(ctx, "a")
		wantFault(t, err, ptc.FaultDenied)
	})
}

// TestLockIsHeld: who cannot write now waits, but no longer than there is time.
func TestLockIsHeld(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir, aws.Config{})
	version := put(t, s, "a", "one", "")
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = s.Put(ctx, "a", []byte("two"), version)
	if f := wantFault(t, err, ptc.FaultTimeout); !f.Retryable || !strings.Contains(f.Message, dir) {
		t.Errorf("got %+v", f)
	}
	wantObject(t, s, "a", "one", version) // reading needs no lock
	waiting := make(chan error)
	go func() {
		_, err := s.Put(t.Context(), "a", []byte("two"), version)
		waiting <- err
	}()
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}
