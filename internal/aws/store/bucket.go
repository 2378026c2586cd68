package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"iter"
	mathrand "math/rand/v2"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ptcaudit/internal/aws/fault"
	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/ptc"
)

// The operations of S3, as a Fault names them.
const (
	opGetObject   = "GetObject"
	opPutObject   = "PutObject"
	opListObjects = "ListObjectsV2"
)

// faults has S3's own error codes that mean something else than their HTTP
// status: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var faults = fault.Classifier{CallTimeout: CallTimeout, Codes: map[string]fault.Meaning{
	"NoSuchBucket":       fault.Gone,
	"InvalidObjectState": fault.Gone,        // the object is archived; the status is 403
	"BadDigest":          fault.Unavailable, // the body was damaged on its way
	"IncompleteBody":     fault.Unavailable,
	"NotImplemented":     fault.Refused, // the status is 501
	"PermanentRedirect":  fault.Refused, // the bucket is in another Region
	"MovedPermanently":   fault.Refused, // the same, without a body
}}

// writerKey is the metadata of an object with the id of the Put that wrote it.
const writerKey = "writer"

// bucket is a blob.Store in S3. Writes are conditional, by ETag:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
type bucket struct {
	name   string
	prefix string // empty, or ends with a slash
	api    *s3.Client
}

func newBucket(cfg aws.Config, name, prefix string) *bucket {
	if prefix != "" {
		prefix += "/"
	}
	return &bucket{name, prefix, s3.NewFromConfig(wire.Config(cfg, CallTimeout), func(o *s3.Options) {
		// A replacement for S3, as in tests, has only one host name.
		o.UsePathStyle = o.BaseEndpoint != nil
	})}
}

// Place is s3://bucket/prefix/key.
func (b *bucket) Place(key string) string { return "s3://" + b.name + "/" + b.prefix + key }

// Get reads an object.
func (b *bucket) Get(ctx context.Context, key string) ([]byte, string, error) {
	if err := checkKey(b.prefix + key); err != nil {
		return nil, "", malformed(opGetObject, err)
	}
	out, err := b.open(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(out.Body, blob.MaxSize+1))
	switch {
	case err != nil:
		return nil, "", faults.Fault(ctx, opGetObject, err)
	case len(data) > blob.MaxSize:
		return nil, "", malformed(opGetObject, blob.TooLarge(b.Place(key)))
	}
	return data, aws.ToString(out.ETag), nil
}

// open requests an object. Its result has a version.
func (b *bucket) open(ctx context.Context, key string) (*s3.GetObjectOutput, error) {
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.name,
		Key:    aws.String(b.prefix + key),
	})
	switch {
	case isMissing(err):
		return nil, blob.ErrNotFound
	case err != nil:
		return nil, faults.Fault(ctx, opGetObject, err)
	case aws.ToString(out.ETag) == "":
		_ = out.Body.Close()
		return nil, malformed(opGetObject, errNoVersion)
	}
	return out, nil
}

const codeNoSuchKey = "NoSuchKey"

// isMissing reports whether S3 answered that the object does not exist. Any other
// 404, as of a missing bucket or of a proxy, says nothing about the object.
func isMissing(err error) bool {
	a := fault.Read(err)
	return a.Status == http.StatusNotFound && a.Code == codeNoSuchKey
}

var errNoVersion = errors.New("the answer has no ETag")

// Limits of the repeats of a Put that S3 answers with 409.
const (
	putAttempts = 5
	// shortestPause and longestPause limit the random pause before a repeat. It
	// doubles with each of them.
	shortestPause = 50 * time.Millisecond
	longestPause  = 500 * time.Millisecond
)

// Put writes an object. If other requests keep S3 from deciding whether the
// condition holds, it repeats the write, and returns a retryable fault at last.
// An object that may be missing never counts as one that exists.
func (b *bucket) Put(ctx context.Context, key string, data []byte, version string) (string, error) {
	if err := checkPut(b.prefix+key, b.Place(key), data); err != nil {
		return "", malformed(opPutObject, err)
	}
	sum := sha256.Sum256(data)
	writer := rand.Text()
	in := &s3.PutObjectInput{
		Bucket: &b.name,
		Key:    aws.String(b.prefix + key),
		// Computed here, because the client would send it after the body. A bucket
		// with Object Lock requires a checksum.
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
		ContentType:    contentType(key),
		Metadata:       map[string]string{writerKey: writer},
	}
	if version == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &version
	}
	for attempt := 1; ; attempt++ {
		in.Body = bytes.NewReader(data)
		written, err := b.tryPut(ctx, key, in)
		if !errors.Is(err, errUndecided) {
			return written, err
		}
		if attempt == putAttempts || pause(ctx, attempt) != nil {
			return "", &ptc.Fault{
				Operation: opPutObject, Kind: ptc.FaultUnavailable, Code: codeConflict, Retryable: true,
				Message: "other requests for the object kept S3 from writing it: try again",
			}
		}
	}
}

// codeConflict is S3's error code for a conditional write that conflicts with
// another request.
const codeConflict = "ConditionalRequestConflict"

// errUndecided means that the object was not written, and that it is unknown
// whether another one exists.
var errUndecided = errors.New("another request is under way")

// tryPut writes an object once. Its error is errUndecided if S3 asks to repeat
// the write.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html#conditional-error-response
func (b *bucket) tryPut(ctx context.Context, key string, in *s3.PutObjectInput) (string, error) {
	out, err := b.api.PutObject(ctx, in)
	switch status := fault.Read(err).Status; {
	case err == nil && aws.ToString(out.ETag) == "":
		return "", malformed(opPutObject, errNoVersion)
	case err == nil:
		return *out.ETag, nil
	case status == http.StatusConflict, in.IfNoneMatch != nil && isMissing(err):
		return "", errUndecided
	case status == http.StatusPreconditionFailed, isMissing(err): // missing: the expected version was deleted
		return b.settle(ctx, key, in)
	default:
		return "", faults.Fault(ctx, opPutObject, err)
	}
}

// pause waits before a Put is repeated. It returns the error of ctx if that ends
// first.
func pause(ctx context.Context, attempt int) error {
	limit := min(shortestPause<<attempt, longestPause)
	timer := time.NewTimer(limit/2 + mathrand.N(limit/2)) //nolint:gosec // spreads load, guards nothing
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle finds out who wrote the object that a Put conflicts with. It may be the
// same Put: if the answer to its first attempt is lost, the client's second attempt
// finds what the first wrote. The function may not read evidence, so then it cannot
// find out. A Put that expects a missing object then counts as a conflict, because
// an object exists.
func (b *bucket) settle(ctx context.Context, key string, in *s3.PutObjectInput) (string, error) {
	creates := in.IfNoneMatch != nil
	out, err := b.open(ctx, key)
	switch {
	case creates && errors.Is(err, blob.ErrNotFound):
		return "", errUndecided // it was deleted meanwhile
	case errors.Is(err, blob.ErrNotFound), creates && isDenied(err):
		return "", blob.ErrConflict
	case err != nil:
		return "", err
	}
	_ = out.Body.Close()
	if out.Metadata[writerKey] != in.Metadata[writerKey] {
		return "", blob.ErrConflict
	}
	return *out.ETag, nil
}

func isDenied(err error) bool {
	f, ok := errors.AsType[*ptc.Fault](err)
	return ok && f.Kind == ptc.FaultDenied
}

// contentType lets a browser show or unpack a downloaded object.
func contentType(key string) *string {
	if t, known := map[string]string{".json": "application/json", ".gz": "application/gzip"}[path.Ext(key)]; known {
		return &t
	}
	return nil
}

// List lists keys, a thousand per call.
func (b *bucket) List(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: aws.String(b.prefix + prefix)}
		if after != "" {
			in.StartAfter = aws.String(b.prefix + after)
		}
		pages := s3.NewListObjectsV2Paginator(b.api, in, func(o *s3.ListObjectsV2PaginatorOptions) {
			o.StopOnDuplicateToken = true
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", faults.Fault(ctx, opListObjects, err))
				return
			}
			for _, object := range page.Contents {
				key, ours := strings.CutPrefix(aws.ToString(object.Key), b.prefix)
				if ours && checkKey(key) == nil && !yield(key, nil) {
					return
				}
			}
		}
	}
}
