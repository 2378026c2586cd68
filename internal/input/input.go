// Package input reads files that a user names. It does not wait for a writer of a
// named pipe, and does not read more than a limit. It imports only the standard
// library.
package input

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Errors of ReadFile, as causes of a *fs.PathError.
var (
	// ErrNotRegular: the file is a named pipe, a device or a socket. Reading it
	// may never end.
	ErrNotRegular = errors.New("not a regular file: use - to read standard input")
	// ErrTooLarge: the file is larger than the limit.
	ErrTooLarge = errors.New("the file is too large")
)

// ReadFile reads a file of at most limit bytes. It also reads /dev/null, and
// open files that a shell passes by name: standard input and process
// substitution. Its error is a *fs.PathError.
func ReadFile(name string, limit int64) ([]byte, error) {
	// Opening a named pipe would already wait, so the kind is checked first.
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.Unwrap(err)}
	case !info.Mode().IsRegular() && !info.IsDir() && !passed(name):
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotRegular}
	}
	file, err := os.Open(name) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%w: use at most %d KiB", ErrTooLarge, limit>>10)}
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// passed reports whether a name is that of an open file.
func passed(name string) bool {
	return name == os.DevNull || name == "/dev/stdin" || strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/")
}
