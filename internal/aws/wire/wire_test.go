package wire_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"ptcaudit/internal/aws/wire"
)

// TestAnsweredCallsAreNotRepeated. Without inOnePiece, about one call in fifteen is
// repeated on a fast network.
func TestAnsweredCallsAreNotRepeated(t *testing.T) {
	const calls = 60
	var asked atomic.Int64
	answer := `{"QueueUrl": "` + strings.Repeat("x", 1<<20) + `"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != `{"QueueName":"requests"}` {
			t.Errorf("got %s, %v", body, err)
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, HTTPClient: wire.Client(nil, time.Minute),
		Credentials: credentials.NewStaticCredentialsProvider("111122223333", "secret", ""),
	})
	for range calls {
		if _, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("requests")}); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != calls {
		t.Errorf("%d calls were made %d times", calls, n)
	}
}

// other is an HTTP client that is not the SDK's own.
type other struct{ asked *http.Request }

func (o *other) Do(req *http.Request) (*http.Response, error) {
	o.asked = req
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestClient(t *testing.T) {
	request := func(ctx context.Context, url string) *http.Request {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer slow.Close()
	for name, given := range map[string]aws.HTTPClient{"none": nil, "the SDK's": awshttp.NewBuildableClient()} {
		t.Run(name, func(t *testing.T) {
			tuned := false
			client := wire.Client(given, 50*time.Millisecond, func(*http.Transport) { tuned = true })
			resp, err := client.Do(request(t.Context(), slow.URL))
			if err == nil {
				_ = resp.Body.Close()
				t.Error("no end to an attempt")
			}
			if !tuned {
				t.Error("the transport's options are not applied")
			}
		})
	}
	t.Run("another", func(t *testing.T) {
		given := &other{}
		req := request(t.Context(), "http://127.0.0.1")
		resp, err := wire.Client(given, time.Millisecond).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if body, err := io.ReadAll(given.asked.Body); err != nil || string(body) != "body" || given.asked.ContentLength != 4 {
			t.Errorf("asked with %q, length %d, %v", body, given.asked.ContentLength, err)
		}
	})
}
