package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/cli/awsjson"
)

// eventBridge hands events to the default event bus of a local cloud, as
// CloudTrail does on AWS. AWS itself takes no event of its own services from
// anybody, so one call and one signature are all there is to it.
type eventBridge struct {
	endpoint string
	client   *http.Client
}

// eventTimeout is how long a call of the emulator waits for its event to be
// taken, since an answer means that the event is on its way.
const eventTimeout = 10 * time.Second

// localSecret is the secret access key that local clouds take.
const localSecret = "test" //nolint:gosec // no credential of anything

func newEventBridge(endpoint string) (*eventBridge, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("--events-endpoint %s: write http://HOST:PORT", endpoint)
	}
	return &eventBridge{endpoint: endpoint, client: &http.Client{Timeout: eventTimeout}}, nil
}

// event is what EventBridge wants to know of an event apart: the rest it adds.
type event struct {
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Region     string          `json:"region"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"`
}

// put sends one event to the bus of its own account and Region.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func (b *eventBridge) put(ctx context.Context, raw []byte) error {
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

// refusal says why an event was not taken; nil where it was.
func refusal(answer []byte) error {
	var out struct {
		FailedEntryCount int
		Entries          []struct{ ErrorCode, ErrorMessage string }
	}
	switch err := json.Unmarshal(answer, &out); {
	case err != nil:
		return fmt.Errorf("the answer is not EventBridge's: %w", err)
	case out.FailedEntryCount > 0 && len(out.Entries) > 0:
		return fmt.Errorf("%s: %s", out.Entries[0].ErrorCode, out.Entries[0].ErrorMessage)
	case out.FailedEntryCount > 0:
		return errors.New("refused")
	}
	return nil
}

// sink puts events, and complains of those that it could not put.
func (b *eventBridge) sink(ctx context.Context, complaints io.Writer) func(event []byte) {
	return func(event []byte) {
		if err := b.put(ctx, event); err != nil {
			_, _ = fmt.Fprintln(complaints, "ptcaudit: event not delivered:", err)
		}
	}
}
