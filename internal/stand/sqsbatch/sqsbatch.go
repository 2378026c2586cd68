// Package sqsbatch makes the batches of queue messages with which tests invoke the
// function. Only tests may import it.
package sqsbatch

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// QueueARN is the queue of every message in a Batch.
const QueueARN = "arn:aws:sqs:eu-west-1:111122223333:requests"

// Message is one message of a batch: its id and body, and how often the queue has
// delivered it. It is an alias, so that tests can list many without field names.
type Message = struct {
	ID       string
	Body     string
	Receives int
}

// Batch encodes messages as Lambda receives them from a queue:
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
// The receipt handle of a message is "receipt of " and its id. Each was first
// received now.
func Batch(t testing.TB, messages ...Message) []byte {
	t.Helper()
	var records []any
	for _, m := range messages {
		records = append(records, map[string]any{
			"messageId": m.ID, "body": m.Body, "eventSource": "aws:sqs",
			"receiptHandle": "receipt of " + m.ID, "eventSourceARN": QueueARN,
			"attributes": map[string]string{
				"ApproximateReceiveCount": fmt.Sprint(m.Receives), "ApproximateFirstReceiveTimestamp": fmt.Sprint(time.Now().UnixMilli()),
			},
		})
	}
	raw, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Request is an audit request of a registry.
func Request(account, region string) string {
	return fmt.Sprintf(`{"schema":"ptcaudit/request/v1","account":%q,"region":%q,"reason":"schedule"}`, account, region)
}
