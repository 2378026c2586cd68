// Package wire is the HTTP client that our adapters give AWS's clients: it
// limits each attempt, and does not fail calls that were answered. It imports
// nothing of ours, and knows no service.
package wire

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Client makes an HTTP client of the one that a configuration has, which may be
// nil. Each attempt, its answer included, may take as long as timeout, where
// the configuration's client is the SDK's own, as it is unless somebody sets
// another; then transport options apply too. A context with a deadline would
// not do: the SDK takes its end for the caller's and does not retry.
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

// inOnePiece sends requests in one piece. The SDK's own body makes net/http
// send the head alone, and fails if it is read once more after the answer
// began; net/http then closes the connection under the answer. The SDK takes
// that for a call that failed and makes it again: what was published is
// published twice. A body of a kind that net/http knows has neither.
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
