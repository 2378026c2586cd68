// Package blob is the contract of a store of objects under keys, with
// conditional writes. Ledgers and evidence are kept in such stores; package
// aws/store implements them. It imports only the standard library.
package blob

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// The errors that callers of a Store branch on. Any other error is a
// *ptc.Fault.
var (
	// ErrNotFound: there is surely no object under the key. A denial is never
	// read as this, although S3 answers so for a missing key if the caller lacks
	// the IAM permission s3:ListBucket.
	ErrNotFound = errors.New("no such object")
	// ErrConflict: the stored version is not the one that the write was to
	// replace. Nothing was written. If the answer to a write was lost, it may
	// also be that the write took effect and was replaced since.
	ErrConflict = errors.New("the object was written by another since it was read")
)

// Store keeps objects under keys: names of parts that are separated by
// slashes, as "ledger/111122223333/eu-west-1.json". No part may be empty or
// begin with a dot. Safe for concurrent use by goroutines and processes.
type Store interface {
	// Get reads an object and its version. A version is opaque, never empty,
	// and stands for the content: writing the same content again may give the
	// same version.
	Get(ctx context.Context, key string) (data []byte, version string, err error)
	// Put writes a whole object, or nothing, if the stored object has the given
	// version; the empty version stands for a missing object. If several writers
	// replace the same version, one succeeds and the others get ErrConflict. An
	// object survives a crash once Put has returned without an error. After a
	// *ptc.Fault the object may have been written all the same.
	Put(ctx context.Context, key string, data []byte, version string) (newVersion string, err error)
	// List gives the keys that begin with prefix and come after another key, in
	// the order of their bytes. An empty after begins at the start. An error is
	// a *ptc.Fault and ends the list.
	List(ctx context.Context, prefix, after string) iter.Seq2[string, error]
	// Place is where a key is kept, as a URL for people:
	// "s3://bucket/prefix/key" or "file:///folder/key".
	Place(key string) string
}

// MaxSize is the largest object in bytes, and the largest text that evidence
// unpacks to. A larger one is neither read nor written. The ledger or report of
// a full registry has about a megabyte.
const MaxSize = 16 << 20

// ErrTooLarge is the cause of an error about something larger than MaxSize.
var ErrTooLarge = fmt.Errorf("larger than %d MiB", MaxSize>>20)

// TooLarge is the error about an object, named by its place, that is larger
// than MaxSize.
func TooLarge(place string) error { return fmt.Errorf("%s is %w", place, ErrTooLarge) }
