//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package store

import (
	"errors"
	"os"
)

// tryLock always fails: without a lock, two processes could write at once.
func tryLock(*os.File) (held bool, err error) {
	return false, errors.New("this operating system has no file lock: use a store in S3")
}
