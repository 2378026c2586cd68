// Package store implements blob.Store in an Amazon S3 bucket and in a folder.
// Both keep the same contract, so one test runs over both. It is the only
// package that imports the S3 client. No type of the SDK leaves it, and every
// error is blob.ErrNotFound, blob.ErrConflict or a *ptc.Fault. It does not know
// what the objects contain. It logs nothing, and deletes nothing.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/ptc"
)

// CallTimeout limits one attempt of a call to S3, its answer included. It also
// limits the wait for another process's write to a folder.
const CallTimeout = 10 * time.Second

// Open makes a store from its URL: s3://BUCKET, s3://BUCKET/PREFIX or
// file:///FOLDER. The Region of cfg must be the bucket's; the SDK's loader also
// sets that Get compares checksums. Open makes no call and no folder. Its error
// is one line: what is wrong with the URL, and how to write it.
//
// A bucket needs the IAM permissions s3:GetObject and s3:PutObject on
// BUCKET/PREFIX/* and s3:ListBucket on BUCKET. To write only new keys,
// s3:PutObject is enough.
func Open(address string, cfg aws.Config) (blob.Store, error) {
	u, err := parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("invalid store %q: %w: use s3://BUCKET/PREFIX or file:///FOLDER", ptc.RedactURL(address), err)
	case u.Scheme == "s3":
		return newBucket(cfg, u.Host, strings.Trim(u.Path, "/")), nil
	default:
		return &folder{filepath.Clean(u.Path)}, nil
	}
}

// parse parses the URL of a store. Parts that have no meaning are errors.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("it is not a URL") // the error quotes parts of it
	}
	prefix := strings.Trim(u.Path, "/")
	switch bucket := u.Scheme == "s3"; {
	case !bucket && u.Scheme != "file":
		return nil, fmt.Errorf("unsupported scheme %q", u.Scheme)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" || strings.Contains(u.Path, "//"):
		return nil, errors.New("it has more than a scheme and a path")
	case bucket && !validBucket(u.Host):
		return nil, errors.New("invalid bucket name")
	case bucket && prefix != "":
		return u, checkKey(prefix)
	case bucket:
		return u, nil
	case u.Host != "":
		return nil, errors.New("a folder needs three slashes and an absolute path")
	case !filepath.IsAbs(u.Path) || filepath.Clean(u.Path) != strings.TrimSuffix(u.Path, "/"):
		return nil, errors.New("the path of the folder is not absolute, or has . or .. in it")
	default:
		return u, nil
	}
}

// validBucket reports whether S3 accepts the name of a bucket:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func validBucket(name string) bool {
	other := func(r rune) bool { return !isLetterOrDigit(r) }
	return len(name) >= 3 && len(name) <= 63 && strings.TrimFunc(name, other) == name &&
		!strings.ContainsFunc(name, func(r rune) bool { return other(r) && r != '.' && r != '-' }) && !strings.Contains(name, "..")
}

func isLetterOrDigit(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// maxKeyLength is S3's limit in bytes. It includes the store's own prefix:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const maxKeyLength = 1024

// checkKey returns an error if a key is invalid. Names that begin with a dot are for
// the folder itself.
func checkKey(key string) error {
	invalid := func(r rune) bool { return unicode.IsControl(r) || r == '\\' }
	if !fs.ValidPath(key) || path.Clean(key) == "." || strings.HasPrefix(key, ".") || strings.Contains(key, "/.") ||
		strings.ContainsFunc(key, invalid) || len(key) > maxKeyLength {
		return fmt.Errorf("invalid key %.100q", key)
	}
	return nil
}

// checkPut returns an error if an object cannot be stored.
func checkPut(key, place string, data []byte) error {
	if len(data) > blob.MaxSize {
		return blob.TooLarge(place)
	}
	return checkKey(key)
}

// malformed is the fault of a request or an object that no retry can fix.
func malformed(operation string, err error) *ptc.Fault {
	return &ptc.Fault{Operation: operation, Kind: ptc.FaultMalformed, Message: err.Error()}
}
