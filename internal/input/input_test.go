//go:build unix

package input_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ptcaudit/internal/input"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("regular"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"regular", "pipe"} {
		if err := os.Symlink(link, path("link to "+link)); err != nil {
			t.Fatal(err)
		}
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	if _, err := writer.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file, want string
		err              error
	}{
		{"a regular file", path("regular"), "text", nil},
		{"a link", path("link to regular"), "text", nil},
		{"an open pipe, as of process substitution", fmt.Sprintf("/dev/fd/%d", reader.Fd()), "text", nil},
		{"nothing", os.DevNull, "", nil},
		{"a named pipe without a writer", path("pipe"), "", input.ErrNotRegular},
		{"a link to a named pipe", path("link to pipe"), "", input.ErrNotRegular},
		{"a device without end", "/dev/zero", "", input.ErrNotRegular},
		{"a missing file", path("missing"), "", fs.ErrNotExist},
		{"a folder", dir, "", syscall.EISDIR},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := input.ReadFile(tt.file, 4)
			if string(got) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, error %v, want %q and %v", got, err, tt.want, tt.err)
			}
			if _, isPath := errors.AsType[*fs.PathError](err); err != nil && !isPath {
				t.Errorf("error %T, want *fs.PathError", err)
			}
		})
	}
	if _, err := input.ReadFile(path("regular"), 3); !errors.Is(err, input.ErrTooLarge) || !strings.Contains(err.Error(), "use at most") {
		t.Errorf("a file above the limit: %v", err)
	}
}
