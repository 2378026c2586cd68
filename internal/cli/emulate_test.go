package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"ptcaudit/internal/cli"
	"ptcaudit/internal/trigger"
)

// bus is an EventBridge that always returns the same answer, and records calls.
type bus struct {
	status int
	answer string

	mu   sync.Mutex
	puts []put
}

type put struct {
	Target, Authorization string
	Entries               []struct {
		Source, DetailType, Detail string
		Time                       int64
	}
}

func (b *bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := put{Target: r.Header.Get("X-Amz-Target"), Authorization: r.Header.Get("Authorization")}
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.puts = append(b.puts, p)
	b.mu.Unlock()
	w.WriteHeader(b.status)
	_, _ = io.WriteString(w, b.answer)
}

// create creates a rule on an emulator that sends its events to endpoint, and
// gives the emulator's standard error.
func create(t *testing.T, endpoint string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	read, write := io.Pipe()
	var stderr bytes.Buffer
	exited := make(chan int, 1)
	go func() {
		exited <- cli.Run(ctx, []string{"emulate", "--listen", "127.0.0.1:0", "--events-endpoint", endpoint}, nil, strings.NewReader(""), write, &stderr)
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, _ := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	client := ecr.New(ecr.Options{
		Region: "eu-west-1", BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider("111122223333", "secret", ""),
	})
	if _, err := client.CreatePullThroughCacheRule(ctx, &ecr.CreatePullThroughCacheRuleInput{
		EcrRepositoryPrefix: aws.String("quay"), UpstreamRegistryUrl: aws.String("quay.io"),
	}); err != nil {
		t.Fatal(err)
	}
	stop()
	if code := <-exited; code != cli.ExitOK {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	return stderr.String()
}

// TestEmulateEventsEndpoint: the event of a call is on the bus of its account and
// Region before the call is answered.
func TestEmulateEventsEndpoint(t *testing.T) {
	b := &bus{status: http.StatusOK, answer: `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`}
	server := httptest.NewServer(b)
	defer server.Close()
	if stderr := create(t, server.URL); stderr != "" {
		t.Error(stderr)
	}
	if len(b.puts) != 1 || len(b.puts[0].Entries) != 1 {
		t.Fatalf("got %+v", b.puts)
	}
	p, e := b.puts[0], b.puts[0].Entries[0]
	if p.Target != "AWSEvents.PutEvents" || !strings.Contains(p.Authorization, "Credential=111122223333/") || !strings.Contains(p.Authorization, "/eu-west-1/events/aws4_request") {
		t.Errorf("got %+v", p)
	}
	if e.Source != trigger.ECRSource || e.DetailType != trigger.DetailType || time.Since(time.Unix(e.Time, 0)).Abs() > time.Minute {
		t.Errorf("got %+v", e)
	}
	// EventBridge makes the envelope again.
	m, err := trigger.Decode([]byte(`{"detail-type":"` + e.DetailType + `","source":"` + e.Source + `","account":"111122223333","region":"eu-west-1","detail":` + e.Detail + `}`))
	if err != nil || m.Trigger.Call != "CreatePullThroughCacheRule" || m.Trigger.Prefix != "quay" {
		t.Errorf("got %+v, %v", m, err)
	}
}

// An event that cannot be delivered is an error on stderr; the call succeeds.
func TestEmulateEventsEndpointRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		bus  *bus
		want string
	}{
		"the entry": {
			&bus{status: http.StatusOK, answer: `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorizedForSourceException","ErrorMessage":"Not authorized for the source."}]}`},
			"ptcaudit: event not delivered: NotAuthorizedForSourceException: Not authorized for the source.\n",
		},
		"the entry, without a reason": {&bus{status: http.StatusOK, answer: `{"FailedEntryCount":1}`}, "ptcaudit: event not delivered: EventBridge refused it without a reason\n"},
		"the call":                    {&bus{status: http.StatusForbidden, answer: `{}`}, "ptcaudit: event not delivered: 403 Forbidden\n"},
		"not an EventBridge":          {&bus{status: http.StatusOK, answer: `<html>`}, "the endpoint is not EventBridge"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.bus)
			defer server.Close()
			if got := create(t, server.URL); !strings.Contains(got, tt.want) {
				t.Errorf("got  %swant %s", got, tt.want)
			}
		})
	}
	if got := create(t, "http://127.0.0.1:1"); !strings.Contains(got, "event not delivered") {
		t.Errorf("nothing listens: %q", got)
	}
}

func TestEmulateInvalidEventsEndpoint(t *testing.T) {
	for _, endpoint := range []string{"127.0.0.1:4566", "ftp://127.0.0.1", "http://", ":"} {
		var stderr bytes.Buffer
		code := cli.Run(t.Context(), []string{"emulate", "--listen", "127.0.0.1:0", "--events-endpoint", endpoint}, nil, strings.NewReader(""), io.Discard, &stderr)
		if code != cli.ExitUsage || !strings.Contains(stderr.String(), "--events-endpoint") {
			t.Errorf("%s: exit code %d: %s", endpoint, code, stderr.String())
		}
	}
}
