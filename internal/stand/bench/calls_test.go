package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/stand/localcloud"
	"ptcaudit/internal/stand/snsstub"
	"ptcaudit/internal/stand/toolbox"
)

const (
	topic    = "arn:aws:sns:eu-west-1:111122223333:ptcaudit"
	state    = "state"
	evidence = "evidence"
)

// requests records the requests to the server behind it.
type requests struct {
	mu   sync.Mutex
	seen []string // method and bucket
	next http.Handler
}

func (r *requests) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	r.mu.Lock()
	r.seen = append(r.seen, req.Method+" "+bucket)
	r.mu.Unlock()
	r.next.ServeHTTP(w, req)
}

// taken returns the requests since the last call.
func (r *requests) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// The compiled function makes few S3 calls for a full registry with one failing
// rule. `make bench` prints the attributes.
func TestCallsToS3(t *testing.T) {
	cloud := localcloud.Start(t)
	target, err := url.Parse(cloud.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	seen := &requests{next: httputil.NewSingleHostReverseProxy(target)}
	for _, bucket := range []string{state, evidence} {
		localcloud.CreateBucket(t, awsConfig(cloud.Endpoint), bucket)
	}
	ecr := full()
	ecr.Rules[0].Validation = &emulator.Validation{Failure: "It fails."}
	e, err := emulator.New(emulator.Fixture{Registries: []emulator.Registry{ecr}})
	if err != nil {
		t.Fatal(err)
	}
	sns := snsstub.New(topic)
	f, err := start(t.Context(), toolbox.Bootstrap(t, "audit"),
		"AWS_ENDPOINT_URL_ECR="+listen(t, e), "AWS_ENDPOINT_URL_S3="+listen(t, seen), "AWS_ENDPOINT_URL_SNS="+listen(t, sns),
		"PTCAUDIT_POLICY=default", "PTCAUDIT_MIN_SEVERITY=medium", "PTCAUDIT_LOG_LEVEL=error",
		"PTCAUDIT_STATE=s3://"+state, "PTCAUDIT_EVIDENCE=s3://"+evidence)
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()

	schedule := fmt.Sprintf(`{"schema": "ptcaudit/request/v1", "account": %q, "region": %q, "reason": "schedule"}`, registry.Account, registry.Region)
	get, put, keep := "GET "+state, "PUT "+state, "PUT "+evidence
	for _, tt := range []struct {
		name   string
		body   string
		notify bool
		want   []string
	}{
		{"with a notification", schedule, true, []string{get, keep, put, put}}, // the lease, then the result
		{"by schedule", schedule, false, []string{get, keep, put}},
		{"by a change", change("now", time.Now()), false, []string{get, keep, put}},
		{"not needed", change("late", time.Now().Add(-2*time.Hour)), false, []string{get, keep, put}},
		{"not needed, and known", change("late", time.Now().Add(-2*time.Hour)), false, []string{get, keep}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(sns.Published())
			seen.taken()
			reply, err := f.invoke(batch(t, tt.body))
			if err != nil || string(reply) != `{"batchItemFailures":[]}` {
				t.Fatalf("got %s, %v", reply, err)
			}
			got := seen.taken()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if published := len(sns.Published()) > before; published != tt.notify {
				t.Errorf("published: %v, want %v", published, tt.notify)
			}
			t.Attr("calls", strconv.Itoa(len(got)))
			age(t, cloud.Endpoint)
		})
	}
}

// batch returns the event of a queue with one message.
func batch(t *testing.T, body string) string {
	t.Helper()
	out, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": "message", "body": body, "receiptHandle": "receipt",
		"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:ptcaudit",
		"attributes": map[string]string{"ApproximateReceiveCount": "1"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// change returns CloudTrail's event for a change of a rule that does not fail.
func change(id string, at time.Time) string {
	return fmt.Sprintf(`{"detail-type": "AWS API Call via CloudTrail", "source": "aws.ecr", "account": %[1]q, "region": %[2]q, "time": %[3]q, "detail": {
		"eventVersion": "1.11", "eventSource": "ecr.amazonaws.com", "eventName": "UpdatePullThroughCacheRule", "eventTime": %[3]q, "eventID": %[4]q,
		"userIdentity": {"userName": "jane"}, "requestParameters": {"ecrRepositoryPrefix": "team-01"}}}`,
		registry.Account, registry.Region, at.UTC().Format(time.RFC3339), id)
}

// age moves the last audit in the ledger back by an hour, because a change right
// after an audit waits.
func age(t *testing.T, endpoint string) {
	t.Helper()
	s, err := store.Open("s3://"+state, awsConfig(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	data, version, err := s.Get(t.Context(), ledger.Key(registry))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	ago := time.Now().Add(-time.Hour)
	l.LastAudit.StartedAt, l.SeenUntil = ago, ago
	if _, err := s.Put(t.Context(), ledger.Key(registry), l.Encode(), version); err != nil {
		t.Fatal(err)
	}
}

// listen starts a server until the test ends, and returns its URL.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
