// Package store keeps what must outlast an audit: the ledgers, in a store for
// state, and the evidence, in another. A store is an Amazon S3 bucket or a
// folder; both keep the same contract, so that one test holds for both. It is
// the only package that imports the S3 client: no type of the SDK leaves it,
// and every error that does is ErrNotFound, ErrConflict or a *ptc.Fault. It
// knows the form of evidence, since that is what it reads back, but not that
// of a ledger; it logs nothing, and deletes nothing.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/ptc"
)

// What callers of a Store branch on. Any other error is a *ptc.Fault.
var (
	// ErrNotFound: there is surely nothing under the key. A denial is never
	// read as this, although S3 answers so for a missing key to whoever lacks
	// the IAM permission s3:ListBucket.
	ErrNotFound = errors.New("there is no such object")
	// ErrConflict: what is there is not the version that the write was to
	// replace. Nothing was written. Where the answer to a write was lost, it may
	// also be that the write took effect and that another has replaced it since.
	ErrConflict = errors.New("another wrote the object since it was read")
)

// Store keeps objects under keys: names of parts that are separated by
// slashes, as "ledger/111122223333/eu-west-1.json". No part may be empty or
// begin with a dot. It may be used by several goroutines and processes.
type Store interface {
	// Get reads an object and the version that it has. A version is opaque,
	// never empty, and stands for the content: who writes the same again may
	// get the same version.
	Get(ctx context.Context, key string) (data []byte, version string, err error)
	// Put writes an object whole or not at all, if what is there has the given
	// version; the empty version stands for nothing there. Of many writers that
	// would replace one version, one succeeds and the others get ErrConflict.
	// What Put returned without an error for outlasts a crash. With a
	// *ptc.Fault it may have been written all the same.
	Put(ctx context.Context, key string, data []byte, version string) (newVersion string, err error)
	// List gives the keys that begin with prefix and stand after another in
	// the order of their bytes, in that order. An empty after begins at the
	// start. An error is a *ptc.Fault and ends the list.
	List(ctx context.Context, prefix, after string) iter.Seq2[string, error]
	// Place is where a key is kept, as a URL for people:
	// "s3://bucket/prefix/key" or "file:///folder/key".
	Place(key string) string
}

// MaxSize bounds an object, in bytes, and the text that evidence unpacks to: a
// larger one is not read, and not written. Ledger and report of a full registry
// have about a megabyte.
const MaxSize = 16 << 20

// CallTimeout is how long one attempt of a call to S3 may take, its answer
// included, and how long one waits for another process to finish its write in
// a folder.
const CallTimeout = 10 * time.Second

// Open makes a Store of its URL: s3://BUCKET or s3://BUCKET/PREFIX, by an AWS
// configuration whose Region is the bucket's, or file:///FOLDER. It makes no
// call, and no folder. Its error is one line that says what is wrong with the
// URL, and what would be right.
//
// What the user of a bucket needs is s3:GetObject and s3:PutObject on
// BUCKET/PREFIX/* and s3:ListBucket on BUCKET; s3:PutObject alone, if all that
// is done is to write under new keys.
func Open(address string, cfg aws.Config) (Store, error) {
	u, err := parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q: %w: write s3://BUCKET/PREFIX or file:///FOLDER", address, err)
	case u.Scheme == "s3":
		return newBucket(cfg, u.Host, strings.Trim(u.Path, "/")), nil
	default:
		return &folder{filepath.Clean(u.Path)}, nil
	}
}

// parse reads the URL of a store. Parts that would not be used are refused.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if repeats, ok := errors.AsType[*url.Error](err); ok {
		return nil, repeats.Err // without the address
	}
	prefix := strings.Trim(u.Path, "/")
	switch bucket := u.Scheme == "s3"; {
	case !bucket && u.Scheme != "file":
		return nil, fmt.Errorf("no store is at %q", u.Scheme+":")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" || strings.Contains(u.Path, "//"):
		return nil, errors.New("a store has a scheme and a path, and nothing else")
	case bucket && !validBucket(u.Host):
		return nil, fmt.Errorf("%q is no name of a bucket", u.Host)
	case bucket && prefix != "":
		return u, checkKey(prefix)
	case bucket:
		return u, nil
	case u.Host != "":
		return nil, errors.New("a folder is written with three slashes and its whole path")
	case !filepath.IsAbs(u.Path) || filepath.Clean(u.Path) != strings.TrimSuffix(u.Path, "/"):
		return nil, errors.New("write the whole path of the folder, without dots for names")
	default:
		return u, nil
	}
}

// validBucket says whether S3 would make a bucket of this name:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func validBucket(name string) bool {
	other := func(r rune) bool { return !isLetterOrDigit(r) }
	return len(name) >= 3 && len(name) <= 63 && strings.TrimFunc(name, other) == name &&
		!strings.ContainsFunc(name, func(r rune) bool { return other(r) && r != '.' && r != '-' }) && !strings.Contains(name, "..")
}

func isLetterOrDigit(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// maxKeyLength is what S3 allows, in bytes, the store's own prefix included:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const maxKeyLength = 1024

// checkKey refuses what is no key. Names with a leading dot are a folder's own.
func checkKey(key string) error {
	invalid := func(r rune) bool { return unicode.IsControl(r) || r == '\\' }
	if !fs.ValidPath(key) || path.Clean(key) == "." || strings.HasPrefix(key, ".") || strings.Contains(key, "/.") ||
		strings.ContainsFunc(key, invalid) || len(key) > maxKeyLength {
		return fmt.Errorf("%.100q is no key", key)
	}
	return nil
}

// checkPut refuses what cannot be kept.
func checkPut(key, place string, data []byte) error {
	if len(data) > MaxSize {
		return errTooLarge(place)
	}
	return checkKey(key)
}

var errLarge = fmt.Errorf("larger than %d MiB", MaxSize>>20)

func errTooLarge(place string) error { return fmt.Errorf("%s is %w", place, errLarge) }

// malformed is the fault of what cannot be right, however often it is asked.
func malformed(operation string, err error) *ptc.Fault {
	return &ptc.Fault{Operation: operation, Kind: ptc.FaultMalformed, Message: err.Error()}
}
