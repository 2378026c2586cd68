// Package wire prepares the configuration and the HTTP client that all AWS clients
// of the adapters share. The HTTP client limits the time of each attempt, and
// prevents that a call fails although AWS has answered it.
package wire

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Client makes an HTTP client from the one of a configuration, which may be nil.
// If that one is nil or the SDK's own, timeout limits each attempt, its answer
// included, and the transport options apply. A context with a deadline would not
// work: the SDK takes its end for the caller's and does not retry.
func Client(given aws.HTTPClient, timeout time.Duration, options ...func(*http.Transport)) aws.HTTPClient {
	client, ok := given.(*awshttp.BuildableClient)
	if given != nil && !ok {
		return inOnePiece{given}
	}
	if client == nil {
		client = awshttp.NewBuildableClient()
	}
	return inOnePiece{client.WithTimeout(timeout).WithTransportOptions(options...)}
}

// inOnePiece sends each request from memory. With the SDK's own body, net/http
// sends the head alone, and a read of the body after the answer has begun fails:
// net/http then closes the connection during the answer. The SDK retries the call
// although it succeeded, so that a message would be published twice. A body from
// memory avoids both.
type inOnePiece struct{ aws.HTTPClient }

func (c inOnePiece) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req = req.WithContext(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.HTTPClient.Do(req)
}
