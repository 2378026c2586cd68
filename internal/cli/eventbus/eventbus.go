// Package eventbus sends CloudTrail events to EventBridge of a local cloud.
// Only the command uses it.
package eventbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/cli/awsjson"
)

// Bus is the default event bus of a local cloud. AWS itself accepts events of
// its services from CloudTrail only, so no client of the SDK is needed.
type Bus struct {
	endpoint string
	client   *http.Client
}

// timeout bounds the delivery of one event. The emulator's caller waits for it,
// so that the event is delivered before the caller has the answer.
const timeout = 10 * time.Second

// localSecret is the secret access key that local clouds accept.
const localSecret = "test" //nolint:gosec // not a credential of anything

// New returns the bus at an endpoint, for example http://127.0.0.1:4566.
func New(endpoint string) (*Bus, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("invalid endpoint %q: use http://HOST:PORT", endpoint)
	}
	return &Bus{endpoint: endpoint, client: &http.Client{Timeout: timeout}}, nil
}

// event has the members that PutEvents takes separately; EventBridge adds the
// others.
type event struct {
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Region     string          `json:"region"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"`
}

// Put sends one event, as EventBridge would deliver it, to the bus of its
// account and Region.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func (b *Bus) Put(ctx context.Context, raw []byte) error {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return err
	}
	type entry struct {
		Source, DetailType, Detail string
		Time                       int64
	}
	body, err := json.Marshal(map[string][]entry{"Entries": {{e.Source, e.DetailType, string(e.Detail), e.Time.Unix()}}})
	if err != nil {
		return err
	}
	answer, err := awsjson.Do(ctx, b.client, aws.Credentials{AccessKeyID: e.Account, SecretAccessKey: localSecret}, awsjson.Call{
		Endpoint: b.endpoint, Service: "events", Region: e.Region, Target: "AWSEvents.PutEvents", Body: body,
	})
	if err != nil {
		return err
	}
	return refusal(answer)
}

// refusal is the error in an answer; nil if the event was accepted.
func refusal(answer []byte) error {
	var out struct {
		FailedEntryCount int
		Entries          []struct{ ErrorCode, ErrorMessage string }
	}
	switch err := json.Unmarshal(answer, &out); {
	case err != nil:
		return fmt.Errorf("the endpoint is not EventBridge: %w", err)
	case out.FailedEntryCount > 0 && len(out.Entries) > 0:
		return fmt.Errorf("%s: %s", out.Entries[0].ErrorCode, out.Entries[0].ErrorMessage)
	case out.FailedEntryCount > 0:
		return errors.New("EventBridge refused it without a reason")
	}
	return nil
}
