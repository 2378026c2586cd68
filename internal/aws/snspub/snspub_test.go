package snspub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ptcaudit/internal/aws/snspub"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/snsstub"
)

const topic = "arn:aws:sns:eu-west-1:111122223333:audit"

var (
	registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	at       = time.Date(2026, 11, 21, 22, 50, 0, 0, time.UTC)
)

// failing is a message with n failures of one severity.
func failing(n int, severity report.Severity, text string) notify.Message {
	s := report.Notification{Registry: registry, Policy: report.Policy{Name: "default"}, At: at}
	for i := range n {
		s.New = append(s.New, report.Finding{
			Check: "validation-passed", Prefix: fmt.Sprintf("team-%d/hub", i), Outcome: report.Fail, Severity: severity, Message: text,
		})
	}
	return notify.Compose(s)
}

// config is for a client whose retries do not keep a test waiting, in a Region
// that is not the topic's.
func config(endpoint string, attempts int) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "111122223333", SecretAccessKey: "test"}, nil
		}),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = attempts
				o.MaxBackoff = time.Millisecond
			})
		},
	}
}

// serve starts a stub, and returns the Authorization header of its last request.
func serve(t *testing.T, topicARN string) (stub *snsstub.Stub, url string, authorization *atomic.Value) {
	t.Helper()
	stub, authorization = snsstub.New(topicARN), new(atomic.Value)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization.Store(r.Header.Get("Authorization"))
		stub.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return stub, server.URL, authorization
}

func TestPublish(t *testing.T) {
	stub, url, authorization := serve(t, topic)
	m := failing(2, report.Critical, "ECR cannot use it: caf\u00e9 \u2603 & = + %")
	if err := snspub.New(config(url, 1), topic, notify.ForPrograms, snspub.Options{}).Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	published := stub.Published()
	if len(published) != 1 {
		t.Fatalf("%d publications", len(published))
	}
	want := snsstub.Publication{TopicARN: topic, Subject: m.Subject, Message: m.Envelope(notify.ForPrograms).Body, Attributes: map[string]snsstub.Attribute{
		"schema":   {Type: "String", Value: "ptcaudit/message/v1"},
		"status":   {Type: "String.Array", Value: `["FAILED"]`},
		"severity": {Type: "String", Value: "critical"},
		"account":  {Type: "String", Value: "111122223333"},
		"region":   {Type: "String", Value: "eu-west-1"},
		"checks":   {Type: "String.Array", Value: `["validation-passed"]`},
		"prefixes": {Type: "String.Array", Value: `["team-0/hub","team-1/hub"]`},
	}}
	if diff := cmp.Diff(want, published[0], cmpopts.IgnoreFields(snsstub.Publication{}, "MessageID")); diff != "" {
		t.Errorf("publication (-want +got):\n%s", diff)
	}
	if signed := authorization.Load().(string); !strings.Contains(signed, "/eu-west-1/sns/") {
		t.Errorf("signed for another Region than the topic's: %s", signed)
	}
}

// TestLargeMessage: a message over the limit of SNS is shortened and arrives.
func TestLargeMessage(t *testing.T) {
	stub, url, _ := serve(t, topic)
	m := failing(5000, report.High, strings.Repeat("no route to host ", 100))
	if err := snspub.New(config(url, 1), topic, notify.ForPrograms, snspub.Options{}).Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	p := stub.Published()[0]
	var received notify.Message
	if err := json.Unmarshal([]byte(p.Message), &received); err != nil {
		t.Fatal(err)
	}
	if received.Omitted == 0 || len(received.Findings)+received.Omitted != 5000 {
		t.Errorf("%d findings, %d left out", len(received.Findings), received.Omitted)
	}
	t.Logf("%d bytes, %d findings", p.Size(), len(received.Findings))
}

func TestFaults(t *testing.T) {
	type expect struct {
		kind      ptc.FaultKind
		code      string
		retryable bool
		requests  int
	}
	const attempts = 3
	once := func(kind ptc.FaultKind, code string) expect { return expect{kind, code, false, 1} }
	again := func(kind ptc.FaultKind, code string) expect { return expect{kind, code, true, attempts} }
	for _, tc := range []struct {
		name  string
		fault func(s *snsstub.Stub)
		want  expect
	}{
		{"denied", func(s *snsstub.Stub) { s.Fail(snsstub.AuthorizationError, 403, 0) }, once(ptc.FaultDenied, "AuthorizationError")},
		{"expired", func(s *snsstub.Stub) { s.Fail("ExpiredToken", 403, 0) }, once(ptc.FaultDenied, "ExpiredToken")},
		{"clock is wrong", func(s *snsstub.Stub) { s.Fail("RequestExpired", 400, 0) }, once(ptc.FaultDenied, "RequestExpired")},
		{"key refuses", func(s *snsstub.Stub) { s.Fail(snsstub.KMSAccessDenied, 400, 0) }, once(ptc.FaultDenied, "KMSAccessDenied")},
		{"key throttles", func(s *snsstub.Stub) { s.Fail(snsstub.KMSThrottling, 400, 0) }, again(ptc.FaultThrottled, "KMSThrottling")},
		{"key disabled", func(s *snsstub.Stub) { s.Fail("KMSDisabled", 400, 0) }, once(ptc.FaultUnavailable, "KMSDisabled")},
		{"key gone", func(s *snsstub.Stub) { s.Fail("KMSNotFound", 400, 0) }, once(ptc.FaultUnavailable, "KMSNotFound")},
		{"throttled", func(s *snsstub.Stub) { s.Fail(snsstub.Throttled, 429, 0) }, again(ptc.FaultThrottled, "Throttled")},
		{"throttled in other words", func(s *snsstub.Stub) { s.Fail(snsstub.Throttling, 400, 0) }, again(ptc.FaultThrottled, "Throttling")},
		{"invalid", func(s *snsstub.Stub) { s.Fail(snsstub.InvalidParameter, 400, 0) }, once(ptc.FaultMalformed, "InvalidParameter")},
		{"down", func(s *snsstub.Stub) { s.Fail(snsstub.InternalError, 500, 0) }, again(ptc.FaultUnavailable, "InternalError")},
		{"bad gateway", func(s *snsstub.Stub) { s.Fail("", 502, 0) }, again(ptc.FaultUnavailable, "")},
		{"cut off", func(s *snsstub.Stub) { s.Cut(0) }, again(ptc.FaultUnavailable, "")},
		{"slow", func(s *snsstub.Stub) { s.Delay(time.Minute, 0) }, again(ptc.FaultTimeout, "")},
		{"something new", func(s *snsstub.Stub) { s.Fail("Teapot", 418, 0) }, once(ptc.FaultMalformed, "Teapot")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stub, url, _ := serve(t, topic)
			tc.fault(stub)
			options := snspub.Options{}
			if tc.want.kind == ptc.FaultTimeout {
				options.CallTimeout = 50 * time.Millisecond
			}
			err := snspub.New(config(url, attempts), topic, notify.ForPrograms, options).
				Publish(t.Context(), failing(1, report.Critical, "canary-in-the-text"))
			f := asFault(t, err)
			if got := (expect{f.Kind, f.Code, f.Retryable, stub.Requests()}); got != tc.want {
				t.Errorf("fault %+v after %d requests, want %+v", f, stub.Requests(), tc.want)
			}
			if strings.Contains(fmt.Sprintf("%+v %v", *f, f), "canary") {
				t.Errorf("the fault quotes the message: %+v", f)
			}
		})
	}
}

func asFault(t *testing.T, err error) *ptc.Fault {
	t.Helper()
	f, ok := errors.AsType[*ptc.Fault](err)
	if !ok {
		t.Fatalf("error %v is not a fault", err)
	}
	if f.Operation != ptc.OpPublish || f.Message == "" {
		t.Errorf("fault %+v", f)
	}
	return f
}

func TestTopicIsMissing(t *testing.T) {
	stub, url, _ := serve(t, topic)
	f := asFault(t, snspub.New(config(url, 3), topic+"-2", notify.ForPrograms, snspub.Options{}).Publish(t.Context(), failing(1, report.Low, "x")))
	if f.Kind != ptc.FaultUnavailable || f.Code != "NotFound" || f.Retryable || stub.Requests() != 1 {
		t.Errorf("fault %+v after %d requests", f, stub.Requests())
	}
}

func TestTopicDisappears(t *testing.T) {
	server := httptest.NewServer(snsstub.New(topic))
	p := snspub.New(config(server.URL, 2), topic, notify.ForPrograms, snspub.Options{})
	if err := p.Publish(t.Context(), failing(1, report.Low, "x")); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if f := asFault(t, p.Publish(t.Context(), failing(1, report.Low, "x"))); f.Kind != ptc.FaultUnavailable || !f.Retryable {
		t.Errorf("fault %+v", f)
	}
}

// TestTemporaryFaults: the SDK retries, and one message is published.
func TestTemporaryFaults(t *testing.T) {
	stub, url, _ := serve(t, topic)
	stub.Fail(snsstub.Throttled, 429, 1)
	stub.Cut(1)
	stub.Fail(snsstub.InternalError, 500, 1)
	stub.Delay(time.Minute, 1)
	p := snspub.New(config(url, 5), topic, notify.ForPrograms, snspub.Options{CallTimeout: time.Second})
	if err := p.Publish(t.Context(), failing(1, report.Low, "x")); err != nil {
		t.Fatal(err)
	}
	if len(stub.Published()) != 1 || stub.Requests() != 5 {
		t.Errorf("%d published by %d requests", len(stub.Published()), stub.Requests())
	}
}

func TestDeadline(t *testing.T) {
	stub, url, _ := serve(t, topic)
	stub.Delay(time.Minute, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	f := asFault(t, snspub.New(config(url, 3), topic, notify.ForPrograms, snspub.Options{}).Publish(ctx, failing(1, report.Low, "x")))
	if f.Kind != ptc.FaultTimeout || !f.Retryable || f.Message != "the time for publishing ran out" {
		t.Errorf("fault %+v", f)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if f := asFault(t, snspub.New(config(url, 3), topic, notify.ForPrograms, snspub.Options{}).Publish(cancelled, failing(1, report.Low, "x"))); f.Kind != ptc.FaultTimeout {
		t.Errorf("fault %+v", f)
	}
}

func TestCountSubscribers(t *testing.T) {
	stub, url, _ := serve(t, topic)
	p := snspub.New(config(url, 1), topic, notify.ForPeople, snspub.Options{})
	stub.Subscribe(topic, nil)
	if n, err := p.Subscribers(t.Context()); n != 0 || err != nil {
		t.Errorf("%d, %v: an unconfirmed subscriber counts", n, err)
	}
	stub.Subscribe(topic, nil).Confirm()
	if n, err := p.Subscribers(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v, want 1", n, err)
	}
	stub.Unreadable(snsstub.AuthorizationError, http.StatusForbidden)
	_, err := p.Subscribers(t.Context())
	if f, ok := errors.AsType[*ptc.Fault](err); !ok || f.Kind != ptc.FaultDenied || f.Operation != ptc.OpCountSubscribers {
		t.Errorf("error %v of a denied call", err)
	}
}
