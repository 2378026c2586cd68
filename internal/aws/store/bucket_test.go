package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/stand/localcloud"
)

// network is a proxy between a client and the local cloud. next decides what
// happens to a call; if it returns false, the call passes unchanged.
type network struct {
	mu   sync.Mutex
	next func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool
}

func (n *network) play(next func(http.ResponseWriter, *http.Request, func(http.ResponseWriter)) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = next
}

// cut ends the connection without an answer.
func cut() { panic(http.ErrAbortHandler) }

// startNetwork returns the URL of a cloud behind a network.
func startNetwork(t *testing.T) (*network, string, string) {
	t.Helper()
	cloud := localcloud.Start(t).Endpoint
	target, err := url.Parse(cloud)
	if err != nil {
		t.Fatal(err)
	}
	n := &network{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		next := n.next
		n.mu.Unlock()
		pass := func(w http.ResponseWriter) { proxy.ServeHTTP(w, r) }
		if next == nil || !next(w, r, pass) {
			pass(w)
		}
	}))
	t.Cleanup(server.Close)
	return n, cloud, server.URL
}

// answerS3 answers as S3 does.
func answerS3(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Amz-Request-Id", "request-1")
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>S3 says no</Message></Error>`, code)
}

// TestLostAnswers: a write whose answer is lost is made again by the client,
// and finds its own result. That is not a conflict; the write of another is.
func TestLostAnswers(t *testing.T) {
	n, cloud, behind := startNetwork(t)
	address := func(t *testing.T) string { t.Helper(); return localcloud.NewBucket(t, config(cloud)) }
	isPut := func(r *http.Request) bool { return r.Method == http.MethodPut }
	// once loses the answer to the first write, and then runs another function.
	once := func(lose func(w http.ResponseWriter), then func()) {
		var seen atomic.Bool
		n.play(func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool {
			if !isPut(r) || seen.Swap(true) {
				return false
			}
			pass(httptest.NewRecorder())
			if then != nil {
				then()
			}
			lose(w)
			return true
		})
	}
	dropped := func(http.ResponseWriter) { cut() }
	broken := func(w http.ResponseWriter) { answerS3(w, http.StatusServiceUnavailable, "ServiceUnavailable") }

	for name, lose := range map[string]func(http.ResponseWriter){"dropped": dropped, "broken": broken} {
		t.Run(name, func(t *testing.T) {
			where := address(t)
			s, other := open(t, where, config(behind)), open(t, where, config(cloud))
			once(lose, nil)
			first := put(t, s, "a", "one", "")
			wantObject(t, other, "a", "one", first)
			once(lose, nil)
			second := put(t, s, "a", "two", first)
			wantObject(t, other, "a", "two", second)

			for what, content := range map[string]string{"another's": "theirs", "the same of another": "ours"} {
				t.Run(what, func(t *testing.T) {
					now := second
					once(lose, func() {
						_, written, err := other.Get(t.Context(), "a")
						if err == nil {
							now, err = other.Put(t.Context(), "a", []byte(content), written)
						}
						if err != nil {
							t.Error(err)
						}
					})
					if _, err := s.Put(t.Context(), "a", []byte("ours"), second); !errors.Is(err, blob.ErrConflict) {
						t.Errorf("got %v", err)
					}
					wantObject(t, other, "a", content, now)
					second = now
				})
			}
		})
	}

	t.Run("never answered", func(t *testing.T) {
		where := address(t)
		n.play(func(_ http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool {
			if isPut(r) {
				pass(httptest.NewRecorder())
				cut()
			}
			return false
		})
		_, err := open(t, where, config(behind)).Put(t.Context(), "a", []byte("one"), "")
		if f := wantFault(t, err, ptc.FaultUnavailable); !f.Retryable || f.Operation != "PutObject" {
			t.Errorf("got %+v", f)
		}
		if data, _, err := open(t, where, config(cloud)).Get(t.Context(), "a"); err != nil || string(data) != "one" {
			t.Errorf("got %q, %v", data, err) // it may have been written
		}
	})

	t.Run("nothing may be read", func(t *testing.T) {
		where := address(t)
		version := put(t, open(t, where, config(cloud)), "a", "theirs", "")
		n.play(func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
			if isPut(r) {
				return false
			}
			answerS3(w, http.StatusForbidden, "AccessDenied")
			return true
		})
		s := open(t, where, config(behind))
		if _, err := s.Put(t.Context(), "a", []byte("ours"), ""); !errors.Is(err, blob.ErrConflict) {
			t.Errorf("got %v", err) // an object exists; who wrote it is unknown
		}
		_, err := s.Put(t.Context(), "a", []byte("ours"), version+"0")
		if f := wantFault(t, err, ptc.FaultDenied); f.Operation != "GetObject" {
			t.Errorf("got %+v", f)
		}
	})
}

// TestOnlyAPreconditionMeansExists: of all refusals only 412 says that an object
// exists. Everything else is repeated, with a limit, and is then a fault: an
// object that is not there must never count as stored.
func TestOnlyAPreconditionMeansExists(t *testing.T) {
	type answer struct {
		status int
		code   string
	}
	var (
		conflict = answer{http.StatusConflict, "ConditionalRequestConflict"}
		aborted  = answer{http.StatusConflict, "OperationAborted"}
		exists   = answer{http.StatusPreconditionFailed, "PreconditionFailed"}
		missing  = answer{http.StatusNotFound, "NoSuchKey"}
		denied   = answer{http.StatusForbidden, "AccessDenied"}
		written  = answer{status: http.StatusOK}
	)
	const fails = "a retryable fault"
	for _, tt := range []struct {
		name    string
		puts    []answer // the last one repeats
		get     answer
		version string
		want    any // an error, fails, or nil if it was written
		calls   int
	}{
		{"new, 409 for ever", []answer{conflict}, missing, "", fails, 5},
		{"new, 409 for ever, nothing may be read", []answer{conflict}, denied, "", fails, 5},
		{"new, another 409", []answer{aborted}, denied, "", fails, 5},
		{"new, 409, then written", []answer{conflict, conflict, written}, missing, "", nil, 3},
		{"new, 409, then 412", []answer{conflict, exists}, denied, "", blob.ErrConflict, 2},
		{"new, 412", []answer{exists}, denied, "", blob.ErrConflict, 1},
		{"new, 412, but missing", []answer{exists, written}, missing, "", nil, 2},
		{"new, 412 for ever, but missing", []answer{exists}, missing, "", fails, 5},
		{"new, 404", []answer{missing}, denied, "", fails, 5},
		{"replace, 409 for ever", []answer{conflict}, missing, `"1"`, fails, 5},
		{"replace, 409, then written", []answer{conflict, written}, missing, `"1"`, nil, 2},
		{"replace, 412, but missing", []answer{exists}, missing, `"1"`, blob.ErrConflict, 1},
		{"replace, 404", []answer{missing}, missing, `"1"`, blob.ErrConflict, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				a := tt.get
				if r.Method == http.MethodPut {
					if string(body) != "ours" {
						t.Errorf("attempt %d has the body %q", calls, body)
					}
					a = tt.puts[min(calls, len(tt.puts)-1)]
					calls++
				}
				if a == written {
					w.Header().Set("ETag", `"2"`)
					return
				}
				answerS3(w, a.status, a.code)
			}))
			defer server.Close()
			version, err := open(t, "s3://state", config(server.URL)).Put(t.Context(), "a", []byte("ours"), tt.version)
			switch want := tt.want.(type) {
			case nil:
				if err != nil || version != `"2"` {
					t.Errorf("got %q, %v", version, err)
				}
			case error:
				if !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			default:
				if f := wantFault(t, err, ptc.FaultUnavailable); !f.Retryable || f.Operation != "PutObject" {
					t.Errorf("got %+v", f)
				}
			}
			if calls != tt.calls {
				t.Errorf("%d attempts, want %d", calls, tt.calls)
			}
		})
	}
}

// TestConflictsEndWithTheirContext: the repeats stop when time is up.
func TestConflictsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		defer cancel()
		answerS3(w, http.StatusConflict, "ConditionalRequestConflict")
	}))
	defer server.Close()
	if _, err := open(t, "s3://state", config(server.URL)).Put(ctx, "a", []byte("ours"), ""); err == nil || errors.Is(err, blob.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

// TestRequests: the requests that S3 receives.
func TestRequests(t *testing.T) {
	var got []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		if body, err := io.ReadAll(r.Body); r.Method == http.MethodPut && (err != nil || string(body) != "hello" || r.ContentLength != 5) {
			t.Errorf("body %q, length %d, %v", body, r.ContentLength, err)
		}
		w.Header().Set("ETag", `"1"`)
	}))
	defer server.Close()
	s := open(t, "s3://state/p", config(server.URL))
	put(t, s, "ledger/one.json", "hello", "")
	put(t, s, "one.json.gz", "hello", `"0"`)
	if len(got) != 2 {
		t.Fatalf("%d calls", len(got))
	}
	for i, want := range []map[string]string{
		{"If-None-Match": "*", "If-Match": "", "Content-Type": "application/json"},
		{"If-None-Match": "", "If-Match": `"0"`, "Content-Type": "application/gzip"},
	} {
		for name, value := range want {
			if header := got[i].Header.Get(name); header != value {
				t.Errorf("call %d: %s is %q, want %q", i, name, header, value)
			}
		}
		// printf hello | sha256sum | xxd -r -p | base64
		if sum := got[i].Header.Get("X-Amz-Checksum-Sha256"); sum != "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=" {
			t.Errorf("checksum %q", sum)
		}
		if encoding := got[i].Header.Get("Content-Encoding") + got[i].Header.Get("X-Amz-Trailer"); encoding != "" {
			t.Errorf("the body is not as it was: %s", encoding)
		}
	}
	if got[0].URL.Path != "/state/p/ledger/one.json" || got[1].URL.Path != "/state/p/one.json.gz" {
		t.Errorf("paths %s, %s", got[0].URL.Path, got[1].URL.Path)
	}
	if a, b := got[0].Header.Get("X-Amz-Meta-Writer"), got[1].Header.Get("X-Amz-Meta-Writer"); a == "" || a == b {
		t.Errorf("writers %q, %q", a, b)
	}
}

// TestFaults: only NoSuchKey with status 404 means that an object is missing.
func TestFaults(t *testing.T) {
	type fault struct {
		Kind  ptc.FaultKind
		Code  string
		Retry bool
	}
	answer := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			answerS3(w, status, code)
		}
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   fault
	}{
		{"denied", answer(403, "AccessDenied"), fault{ptc.FaultDenied, "AccessDenied", false}},
		{"denied without a body", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, fault{ptc.FaultDenied, "Forbidden", false}},
		{"denied with code NoSuchKey", answer(403, "NoSuchKey"), fault{ptc.FaultDenied, "NoSuchKey", false}},
		{"another's signature", answer(403, "SignatureDoesNotMatch"), fault{ptc.FaultDenied, "SignatureDoesNotMatch", false}},
		{"expired", answer(400, "ExpiredToken"), fault{ptc.FaultDenied, "ExpiredToken", false}},
		{"archived", answer(403, "InvalidObjectState"), fault{ptc.FaultUnavailable, "InvalidObjectState", false}},
		{"no bucket", answer(404, "NoSuchBucket"), fault{ptc.FaultUnavailable, "NoSuchBucket", false}},
		{"a proxy's 404", func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) }, fault{ptc.FaultUnavailable, "NotFound", false}},
		{"another Region's", answer(301, "PermanentRedirect"), fault{ptc.FaultMalformed, "PermanentRedirect", false}},
		{"not understood", answer(400, "InvalidArgument"), fault{ptc.FaultMalformed, "InvalidArgument", false}},
		{"not implemented", answer(501, "NotImplemented"), fault{ptc.FaultMalformed, "NotImplemented", false}},
		{"slow down", answer(503, "SlowDown"), fault{ptc.FaultThrottled, "SlowDown", true}},
		{"too many", answer(429, "Whatever"), fault{ptc.FaultThrottled, "Whatever", true}},
		{"unavailable", answer(503, "ServiceUnavailable"), fault{ptc.FaultUnavailable, "ServiceUnavailable", true}},
		{"broken", answer(500, "InternalError"), fault{ptc.FaultUnavailable, "InternalError", true}},
		{"a proxy's 502", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, fault{ptc.FaultUnavailable, "BadGateway", true}},
		{"too slow for S3", answer(400, "RequestTimeout"), fault{ptc.FaultTimeout, "RequestTimeout", true}},
		{"its key is disabled", answer(400, "KMS.DisabledException"), fault{ptc.FaultUnavailable, "KMS.DisabledException", false}},
		{"cut off", func(http.ResponseWriter, *http.Request) { cut() }, fault{ptc.FaultUnavailable, "", true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			s := open(t, "s3://state", config(server.URL))
			_, _, get := s.Get(t.Context(), "a")
			_, create := s.Put(t.Context(), "a", nil, "")
			_, replace := s.Put(t.Context(), "a", nil, `"1"`)
			calls := map[string]error{"GetObject": get, "PutObject": errors.Join(create, replace)}
			for _, err := range s.List(t.Context(), "", "") {
				calls["ListObjectsV2"] = err
			}
			for operation, err := range calls {
				got, ok := errors.AsType[*ptc.Fault](err)
				if !ok || errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrConflict) {
					t.Fatalf("%s: got %v", operation, err)
				}
				if diff := cmp.Diff(tt.want, fault{got.Kind, got.Code, got.Retryable}); diff != "" || got.Operation != operation || got.Message == "" {
					t.Errorf("%s: %+v (-want +got)\n%s", operation, got, diff)
				}
				if got.RequestID != "" && (got.Message != "S3 says no" || got.RequestID != "request-1") {
					t.Errorf("%s: message %q, request %q", operation, got.Message, got.RequestID)
				}
			}
		})
	}
}

// TestAnswers: answers to Get that are not objects.
func TestAnswers(t *testing.T) {
	body := func(header map[string]string, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range header {
				w.Header().Set(name, value)
			}
			_, _ = io.WriteString(w, text)
		}
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		kind   ptc.FaultKind
		retry  bool
	}{
		"cut off":         {body(map[string]string{"ETag": `"1"`, "Content-Length": "10"}, "hello"), ptc.FaultUnavailable, true},
		"damaged":         {body(map[string]string{"ETag": `"1"`, "X-Amz-Checksum-Crc32": "AAAAAA=="}, "hello"), ptc.FaultUnavailable, true},
		"without version": {body(nil, "hello"), ptc.FaultMalformed, false},
		"too large":       {body(map[string]string{"ETag": `"1"`}, strings.Repeat("a", blob.MaxSize+1)), ptc.FaultMalformed, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			data, _, err := open(t, "s3://state", config(server.URL)).Get(t.Context(), "a")
			if f := wantFault(t, err, tt.kind); f.Retryable != tt.retry || data != nil {
				t.Errorf("got %q, %+v", data, f)
			}
		})
	}
}

// TestNoAnswer: a call has its time, and so has one attempt of it.
func TestNoAnswer(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the caller has gone
		<-r.Context().Done()
	}))
	defer server.Close()
	t.Run("of an attempt", func(t *testing.T) {
		cfg := config(server.URL)
		cfg.HTTPClient = &http.Client{Timeout: 50 * time.Millisecond}
		_, err := open(t, "s3://state", cfg).Put(t.Context(), "a", []byte("a"), "")
		if f := wantFault(t, err, ptc.FaultTimeout); !f.Retryable || asked.Load() != 3 {
			t.Errorf("got %+v after %d attempts", f, asked.Load())
		}
	})
	t.Run("of the call", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := open(t, "s3://state", config(server.URL)).Put(ctx, "a", []byte("a"), "")
		if f := wantFault(t, err, ptc.FaultTimeout); !strings.Contains(f.Message, "time") {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("connection refused", func(t *testing.T) {
		_, _, err := open(t, "s3://state", config("http://127.0.0.1:1")).Get(t.Context(), "a")
		if f := wantFault(t, err, ptc.FaultUnavailable); !f.Retryable {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("no credentials", func(t *testing.T) {
		cfg := config(server.URL)
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no session")
		})
		_, _, err := open(t, "s3://state", cfg).Get(t.Context(), "a")
		if f := wantFault(t, err, ptc.FaultDenied); f.Message != "no credentials: no session" {
			t.Errorf("got %+v", f)
		}
		cfg.Credentials = credentials.NewStaticCredentialsProvider("", "", "")
		_, _, err = open(t, "s3://state", cfg).Get(t.Context(), "a")
		wantFault(t, err, ptc.FaultDenied)
	})
}

// TestListFails: a page that fails ends the list, after those that came.
func TestListFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("continuation-token") != "" {
			answerS3(w, http.StatusForbidden, "AccessDenied")
			return
		}
		_, _ = io.WriteString(w, `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>2</NextContinuationToken>`+
			`<Contents><Key>p/a</Key></Contents><Contents><Key>p/folder/</Key></Contents><Contents><Key>p/.hidden</Key></Contents><Contents><Key>other</Key></Contents></ListBucketResult>`)
	}))
	defer server.Close()
	var got []string
	for key, err := range open(t, "s3://state/p", config(server.URL)).List(t.Context(), "", "") {
		if err != nil {
			wantFault(t, err, ptc.FaultDenied)
			key = "denied"
		}
		got = append(got, key)
	}
	if diff := cmp.Diff([]string{"a", "denied"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
