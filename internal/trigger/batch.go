package trigger

import (
	"encoding/json"
	"strconv"
	"time"
)

// Record is one message of a batch from a queue.
type Record struct {
	// ID names the message in the reply, if it failed.
	ID string
	// Body is what Decode reads.
	Body []byte
	// Receives is how often the queue has delivered it, this time included;
	// 0 if unknown.
	Receives int
	// Received is when the queue delivered it for the first time, by the queue's
	// clock, UTC; zero if unknown.
	Received time.Time
	// Queue is the ARN of the queue, and Receipt its handle of this receive;
	// empty if unknown.
	Queue   string
	Receipt string
}

// queueSource is the eventSource of a batch of SQS messages:
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
const queueSource = "aws:sqs"

// Batch splits a batch of queue messages. ok is false if raw is not a batch:
// it is then a single message, for Decode.
func Batch(raw []byte) (records []Record, ok bool) {
	var batch struct {
		Records []struct {
			MessageID      string `json:"messageId"`
			ReceiptHandle  string `json:"receiptHandle"`
			Body           string `json:"body"`
			EventSource    string `json:"eventSource"`
			EventSourceARN string `json:"eventSourceARN"`
			Attributes     struct {
				ReceiveCount string `json:"ApproximateReceiveCount"`
				FirstReceive string `json:"ApproximateFirstReceiveTimestamp"` // milliseconds since 1970
			} `json:"attributes"`
		}
	}
	if json.Unmarshal(raw, &batch) != nil || len(batch.Records) == 0 || batch.Records[0].EventSource != queueSource {
		return nil, false
	}
	for _, r := range batch.Records {
		receives, _ := strconv.Atoi(r.Attributes.ReceiveCount) // 0 if it is not a number
		records = append(records, Record{
			ID:       r.MessageID,
			Body:     []byte(r.Body),
			Receives: max(receives, 0),
			Received: firstReceive(r.Attributes.FirstReceive),
			Queue:    r.EventSourceARN,
			Receipt:  r.ReceiptHandle,
		})
	}
	return records, true
}

// firstReceive reads the time of a message's first delivery. Zero, if it is
// invalid.
func firstReceive(milliseconds string) time.Time {
	n, err := strconv.ParseInt(milliseconds, 10, 64)
	if at := time.UnixMilli(n).UTC(); err == nil && n > 0 && at.Year() <= 9999 {
		return at
	}
	return time.Time{}
}
