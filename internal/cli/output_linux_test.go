package cli_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"ptcaudit/internal/cli"
)

// asNobody runs f with the file permissions of a user who owns nothing, also if
// the tests run as root.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	const nobody = 65534
	runtime.LockOSThread() // the user is one of the thread
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setfsuid(0) }()
	f()
}

func TestFileInFolderThatTakesNoNewFiles(t *testing.T) {
	dir, err := os.MkdirTemp("", "") //nolint:usetesting // the other user has to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Chmod(dir, 0o700) //nolint:gosec // a folder has to be entered to be removed
		_ = os.RemoveAll(dir)
	})
	writable, readOnly := filepath.Join(dir, "writable"), filepath.Join(dir, "readonly")
	for name, mode := range map[string]os.FileMode{writable: 0o666, readOnly: 0o444} {
		if err := os.WriteFile(name, []byte("a longer text than the new one"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil { //nolint:gosec // others read it, no one writes it
		t.Fatal(err)
	}
	asNobody(t, func() {
		if err := cli.WriteFile(writable, []byte("new")); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(writable); string(got) != "new" || err != nil {
			t.Errorf("the file has %q, error %v", got, err)
		}
		if err := cli.WriteFile(readOnly, []byte("new")); !os.IsPermission(err) {
			t.Errorf("a file that may not be written: error %v", err)
		}
		if err := cli.WriteFile(filepath.Join(dir, "missing"), nil); !os.IsPermission(err) {
			t.Errorf("a new file: error %v", err)
		}
	})
}
