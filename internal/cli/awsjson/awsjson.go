// Package awsjson makes one signed call of AWS's JSON protocol, where a client of
// the SDK would be more than is needed. Only the command uses it: nothing that is
// deployed may import it.
package awsjson

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Call is a call and its destination.
type Call struct {
	// Endpoint is a URL, for example "http://127.0.0.1:5000".
	Endpoint string
	// Service is its name in signatures, for example "ecr".
	Service, Region string
	// Target names the operation, with the version of its API.
	Target string
	Body   []byte
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// Do signs and sends a call, once, and returns its answer. If the service
// refuses, the error has the HTTP status, and the service's error name and text:
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
func Do(ctx context.Context, client *http.Client, caller aws.Credentials, c Call) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.Endpoint, "/")+"/", bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", c.Target)
	sum := sha256.Sum256(c.Body)
	if err := v4.NewSigner().SignHTTP(ctx, caller, request, hex.EncodeToString(sum[:]), c.Service, c.Region, time.Now()); err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, refusal(response.Status, answer)
	}
	return answer, nil
}

// refusal is the error of a service that refuses a call. An answer
// that is not in its own words is left out: it may be a page of anything.
func refusal(status string, answer []byte) error {
	var answered struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer, &answered); err != nil || answered.Type == "" {
		return errors.New(status)
	}
	return fmt.Errorf("%s: %s: %s", status, answered.Type, answered.Message)
}
