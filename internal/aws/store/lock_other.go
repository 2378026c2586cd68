//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package store

import (
	"errors"
	"os"
)

// tryLock cannot keep two processes apart here, so nothing is written.
func tryLock(*os.File) (held bool, err error) {
	return false, errors.New("this system has no lock for it: keep it in S3")
}
