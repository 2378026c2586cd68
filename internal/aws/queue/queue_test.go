package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/aws/queue"
	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/stand/localcloud"
)

func config(endpoint string) aws.Config {
	return aws.Config{
		Region:       localcloud.Region,
		BaseEndpoint: aws.String(endpoint),
		HTTPClient:   wire.Client(nil, time.Minute), // sends no message twice
		Credentials:  credentials.NewStaticCredentialsProvider(localcloud.Account, "test", ""),
	}
}

func arn(name string) string {
	return "arn:aws:sqs:" + localcloud.Region + ":" + localcloud.Account + ":" + name
}

// TestDelay: a real queue delivers a message again after the delay that was set.
func TestDelay(t *testing.T) {
	cfg := config(localcloud.Start(t).Endpoint)
	client := sqs.NewFromConfig(cfg)
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName:  aws.String("requests"),
		Attributes: map[string]string{"VisibilityTimeout": "600"},
	})
	if err != nil {
		t.Fatal(err)
	}
	receive := func(seconds int32) (out []types.Message) {
		for {
			got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
				QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: seconds,
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Messages) == 0 {
				return out
			}
			out = append(out, got.Messages...)
		}
	}
	// More than one call may name.
	const total, soon = 12, 11
	for i := range total {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: aws.String(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	delays := map[string]time.Duration{}
	for i, m := range receive(1) {
		if delays[*m.ReceiptHandle] = 0; i >= soon {
			delays[*m.ReceiptHandle] = time.Hour
		}
	}
	if len(delays) != total {
		t.Fatalf("received %d", len(delays))
	}
	queues := queue.New(cfg)
	if err := queues.Delay(t.Context(), arn("requests"), delays); err != nil {
		t.Fatal(err)
	}
	if n := len(receive(1)); n != soon {
		t.Errorf("%d messages are there at once, want %d", n, soon)
	}

	for name, at := range map[string]string{"invalid receipt handle": arn("requests"), "no such queue": arn("other")} {
		t.Run(name, func(t *testing.T) {
			err := queues.Delay(t.Context(), at, map[string]time.Duration{"unknown": 0})
			fault, ok := errors.AsType[*ptc.Fault](err)
			if !ok || fault.Operation != ptc.OpChangeMessageVisibility || fault.Code == "" {
				t.Errorf("got %#v, want a fault with a code", err)
			}
		})
	}
}

// TestRequest: the request that SQS receives, and its Region.
func TestRequest(t *testing.T) {
	var got struct {
		QueueUrl string //nolint:revive // the API's name
		Entries  []struct {
			VisibilityTimeout int
			ReceiptHandle     string
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		if signed := r.Header.Get("Authorization"); !strings.Contains(signed, "/cn-north-1/sqs/") {
			t.Errorf("signed for another Region: %s", signed)
		}
		_, _ = io.WriteString(w, `{"Successful":[],"Failed":[]}`)
	}))
	defer server.Close()
	err := queue.New(config(server.URL)).Delay(t.Context(), "arn:aws-cn:sqs:cn-north-1:111122223333:requests",
		map[string]time.Duration{"receipt": 22500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got.QueueUrl != "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/requests" {
		t.Errorf("queue %s", got.QueueUrl)
	}
	if len(got.Entries) != 1 || got.Entries[0].VisibilityTimeout != 23 || got.Entries[0].ReceiptHandle != "receipt" {
		t.Errorf("entries %+v", got.Entries)
	}
}

// Whatever the delay, a message waits for 0 to 130 seconds: a wrong clock keeps
// none in the queue.
func TestDelayIsLimited(t *testing.T) {
	for delay, want := range map[time.Duration]int{
		math.MinInt64: 0, -time.Hour: 0, -1: 0, 0: 0, 1: 1, time.Second: 1, 129001 * time.Millisecond: 130,
		130 * time.Second: 130, 131 * time.Second: 130, 73 * 365 * 24 * time.Hour: 130, math.MaxInt64: 130,
	} {
		var got struct {
			Entries []struct{ VisibilityTimeout int }
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
				t.Error(err)
			}
			_, _ = io.WriteString(w, `{"Successful":[],"Failed":[]}`)
		}))
		err := queue.New(config(server.URL)).Delay(t.Context(), arn("requests"), map[string]time.Duration{"receipt": delay})
		server.Close()
		if err != nil || len(got.Entries) != 1 || got.Entries[0].VisibilityTimeout != want {
			t.Errorf("%v: %+v, %v; want %d", delay, got.Entries, err, want)
		}
	}
}

func TestFaults(t *testing.T) {
	answer := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s","message":"no"}`, code)
		}
	}
	type fault struct {
		Kind  ptc.FaultKind
		Code  string
		Retry bool
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   fault
	}{
		{"denied", answer(403, "AccessDeniedException"), fault{ptc.FaultDenied, "AccessDeniedException", false}},
		{"denied in SQS's way", answer(400, "AccessDenied"), fault{ptc.FaultDenied, "AccessDenied", false}},
		{"throttled", answer(400, "RequestThrottled"), fault{ptc.FaultThrottled, "RequestThrottled", true}},
		{"broken", answer(500, "InternalFailure"), fault{ptc.FaultUnavailable, "InternalFailure", true}},
		{"gone", answer(400, "QueueDoesNotExist"), fault{ptc.FaultUnavailable, "QueueDoesNotExist", false}},
		{"one of a batch", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"Successful":[],"Failed":[{"Id":"0","SenderFault":true,"Code":"ReceiptHandleIsInvalid","Message":"no"}]}`)
		}, fault{ptc.FaultUnavailable, "ReceiptHandleIsInvalid", false}},
		{"cut off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault{ptc.FaultUnavailable, "", true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			err := queue.New(config(server.URL)).Delay(t.Context(), arn("requests"), map[string]time.Duration{"a": 0})
			got, ok := errors.AsType[*ptc.Fault](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(tt.want, fault{got.Kind, got.Code, got.Retryable}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	t.Run("no time", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the caller has gone
			<-r.Context().Done()
		}))
		defer server.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		fault, ok := errors.AsType[*ptc.Fault](queue.New(config(server.URL)).Delay(ctx, arn("requests"), map[string]time.Duration{"a": 0}))
		if !ok || fault.Kind != ptc.FaultTimeout {
			t.Errorf("got %+v", fault)
		}
	})
	for _, name := range []string{"", "requests", "arn:aws:sns:us-east-1:111122223333:requests", "arn:aws:sqs:us-east-1:111122223333:"} {
		t.Run("not a queue: "+name, func(t *testing.T) {
			fault, ok := errors.AsType[*ptc.Fault](queue.New(config("http://127.0.0.1:1")).Delay(t.Context(), name, nil))
			if !ok || fault.Kind != ptc.FaultMalformed {
				t.Errorf("got %+v", fault)
			}
		})
	}
}
