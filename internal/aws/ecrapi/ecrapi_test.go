package ecrapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ptcaudit/internal/aws/ecrapi"
	"ptcaudit/internal/ptc"
)

var registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}

const requestID = "5f3c1d7e-0000-4000-8000-000000000001"

// config is that of a client whose calls go to url and whose retries do not
// keep a test waiting. Its own Region is not the registry's.
func config(url string) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	}
}

// request is one call as a server received it.
type request struct {
	Operation string
	Region    string // of the signature
	Input     map[string]any
}

// answer writes the answer to the nth call, from 0.
type answer func(w http.ResponseWriter, r *http.Request, n int)

// server answers calls and records them.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	calls []request
}

func serve(t *testing.T, answer answer) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := request{Operation: r.Header.Get("X-Amz-Target")}
		if scope := strings.Split(r.Header.Get("Authorization"), "/"); len(scope) > 2 {
			call.Region = scope[2]
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		if err := json.Unmarshal(body, &call.Input); err != nil {
			t.Errorf("request is not JSON: %v", err)
		}
		s.mu.Lock()
		n := len(s.calls)
		s.calls = append(s.calls, call)
		s.mu.Unlock()
		w.Header().Set("X-Amzn-RequestId", requestID)
		answer(w, r, n)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *server) client() *ecrapi.Client { return ecrapi.New(config(s.URL), ecrapi.Options{}) }

// always returns the same answer to every call.
func always(status int, body string) answer {
	return func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// inTurn returns answers one after the other, and repeats the last.
func inTurn(answers ...answer) answer {
	return func(w http.ResponseWriter, r *http.Request, n int) { answers[min(n, len(answers)-1)](w, r, n) }
}

// cutBeforeHead drops the connection without an answer.
func cutBeforeHead(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) }

// cutMidBody drops the connection in the middle of an answer.
func cutMidBody(w http.ResponseWriter, _ *http.Request, _ int) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"pullThroughCacheRules":[{"ecrRepos`)
	if err := http.NewResponseController(w).Flush(); err != nil {
		panic(err)
	}
	panic(http.ErrAbortHandler)
}

// resetMidBody has the connection reset in the middle of an answer.
func resetMidBody(w http.ResponseWriter, _ *http.Request, _ int) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nX-Amzn-RequestId: " + requestID + "\r\nContent-Length: 1000\r\n\r\n{")
	_ = buffered.Flush()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// apiError is an error's body.
func apiError(code, message string) string {
	return fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message)
}

// item is one rule of an answer to Describe.
func item(prefix string) string {
	return fmt.Sprintf(`{"ecrRepositoryPrefix":%q,"registryId":"111122223333","upstreamRegistryUrl":"quay.io","upstreamRegistry":"quay"}`, prefix)
}

// page is an answer to Describe.
func page(token string, items ...string) string {
	if token != "" {
		token = fmt.Sprintf(`,"nextToken":%q`, token)
	}
	return `{"pullThroughCacheRules":[` + strings.Join(items, ",") + `]` + token + `}`
}

// rule is one whose upstream needs a credential.
var rule = ptc.Rule{Prefix: "docker-hub", Upstream: ptc.Upstream{Registry: ptc.DockerHub, URL: "registry-1.docker.io"}}
