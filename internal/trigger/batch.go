package trigger

import (
	"encoding/json"
	"strconv"
)

// Record is one message of a batch that a queue handed to the function.
type Record struct {
	// ID names the message in the reply, where it failed.
	ID string
	// Body is what Decode reads.
	Body []byte
	// Receives counts how often the queue has handed it out, this time
	// included; 0 where the queue does not say.
	Receives int
	// Queue is the ARN of the queue, and Receipt the name by which it knows
	// this receive; empty where the batch does not say.
	Queue   string
	Receipt string
}

// queueSource is the eventSource of a batch of SQS messages:
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
const queueSource = "aws:sqs"

// Batch takes a batch of queue messages apart. What is no batch is not ok: it
// is a bare message, which Decode reads.
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
			} `json:"attributes"`
		}
	}
	if json.Unmarshal(raw, &batch) != nil || len(batch.Records) == 0 || batch.Records[0].EventSource != queueSource {
		return nil, false
	}
	for _, r := range batch.Records {
		receives, _ := strconv.Atoi(r.Attributes.ReceiveCount) // 0 where it is no number
		records = append(records, Record{
			ID:       r.MessageID,
			Body:     []byte(r.Body),
			Receives: max(receives, 0),
			Queue:    r.EventSourceARN,
			Receipt:  r.ReceiptHandle,
		})
	}
	return records, true
}
