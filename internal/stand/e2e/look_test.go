package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

// message is what a subscriber got.
type message struct{ notify.Message }

// failed lists the failures in a message, as "check of prefix".
func (m message) failed() []string {
	var out []string
	for _, f := range m.Findings {
		if f.Outcome == report.Fail {
			out = append(out, f.Check+" of "+f.Prefix)
		}
	}
	return out
}

// settle is longer than a change waits in the queue until it is audited: 30 s,
// and as long again where an audit began just before.
const settle = 90 * time.Second

// receive returns what a subscriber gets next, within limit; nil for nothing.
func (w *world) receive(inbox string, limit time.Duration) *message {
	w.t.Helper()
	for deadline := time.Now().Add(limit); ; {
		url := w.inboxes[inbox]
		out, err := w.sqs.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 1})
		w.must(err)
		for _, raw := range out.Messages {
			_, err := w.sqs.DeleteMessage(w.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: raw.ReceiptHandle})
			w.must(err)
			_, _ = fmt.Fprintf(w.file("messages.jsonl"), "%s %s\n", inbox, *raw.Body)
			var envelope struct{ Message string }
			w.must(json.Unmarshal([]byte(*raw.Body), &envelope))
			var m message
			if err := json.Unmarshal([]byte(envelope.Message), &m.Message); err != nil {
				w.t.Fatalf("%s got something else than a message: %s", inbox, *raw.Body)
			}
			w.received[inbox] = append(w.received[inbox], m)
			return &m
		}
		if time.Now().After(deadline) {
			return nil
		}
	}
}

// await is the next message for which all of which holds. Others may come
// before it: the deployment asks for an audit, and changes that are not taken
// in one batch are audited apart.
func (w *world) await(inbox string, limit time.Duration, which ...func(message) bool) message {
	w.t.Helper()
	var others []string
next:
	for deadline := time.Now().Add(limit); ; {
		m := w.receive(inbox, time.Until(deadline))
		if m == nil {
			w.t.Fatalf("%s did not get it within %v; it got %q", inbox, limit, others)
		}
		for _, holds := range which {
			if !holds(*m) {
				others = append(others, fmt.Sprint(m.Subject, m.failed()))
				continue next
			}
		}
		return *m
	}
}

// says matches messages with that status that name at least these failures.
func says(status report.Status, failed ...string) func(message) bool {
	return func(m message) bool {
		for _, f := range failed {
			if !slices.Contains(m.failed(), f) {
				return false
			}
		}
		return m.Status == status
	}
}

// by holds for messages that name a call among the changes that led to them.
func by(call, prefix string) func(message) bool {
	return func(m message) bool {
		return slices.ContainsFunc(m.Changes, func(t report.Trigger) bool { return t.Call == call && t.Prefix == prefix })
	}
}

// expect fails if the text of a message lacks something.
func (w *world) expect(m message, parts ...string) {
	w.t.Helper()
	text := strings.Join(strings.Fields(m.Text), " ") // mails break lines
	for _, part := range parts {
		if !strings.Contains(text, part) {
			w.t.Errorf("the message lacks %q:\n%s", part, m.Text)
		}
	}
}

// line is a line of the function's log, as far as stories look at it.
type line struct {
	Msg            string
	Statuses       []report.Status
	Complete       bool
	Receives       int
	DelaySeconds   int `json:"delay_seconds"`
	Reason, Kind   string
	AuditSucceeded *int // of a line of metrics
	AuditFailed    *int `json:"AuditIncomplete"`
	PublishError   *int `json:"NotificationsFailed"`

	text string
}

// logs are the lines of the function's log.
func (w *world) logs() []line {
	w.t.Helper()
	var out struct{ Events []struct{ Message string } }
	w.aws(&out, "logs", "filter-log-events", "--log-group-name", w.outputs["LogGroup"])
	var lines []line
	for _, event := range out.Events {
		for text := range strings.Lines(event.Message) {
			l := line{text: strings.TrimSpace(text)}
			_ = json.Unmarshal([]byte(l.text), &l) // not all are JSON
			lines = append(lines, l)
		}
	}
	return lines
}

// logged counts the lines of the log with the message msg.
func (w *world) logged(msg string) int {
	return len(w.lines(func(l line) bool { return l.Msg == msg }))
}

func (w *world) lines(which func(line) bool) []line {
	return slices.DeleteFunc(w.logs(), func(l line) bool { return !which(l) })
}

// invocations counts how often the function was invoked.
func (w *world) invocations() int {
	return len(w.lines(func(l line) bool { return strings.HasPrefix(l.text, "START RequestId") }))
}

// resolved lists the resolved findings in a message, as "check of prefix".
func (m message) resolved() []string {
	var out []string
	for _, f := range m.Findings {
		if f.Status == report.Resolved {
			out = append(out, f.Check+" of "+f.Prefix)
		}
	}
	return out
}

// ends matches messages that report a finding as resolved.
func ends(finding string) func(message) bool {
	return func(m message) bool { return slices.Contains(m.resolved(), finding) }
}

// silent fails if there is a message to receive.
func (w *world) silent(when string) {
	w.t.Helper()
	if m := w.receive(everything, 3*time.Second); m != nil {
		w.t.Errorf("%s: published %s\n%s", when, m.Subject, m.Text)
	}
}

// audited asks for an audit and waits until it is over.
func (w *world) audited() {
	w.t.Helper()
	before := w.lastAudit()
	w.ask()
	w.eventually(settle, "audited", func() (bool, string) {
		last := w.lastAudit()
		return last != before, "the last audit is " + last
	})
}

// untilSettled waits for the audit that the deployment itself asked for.
func (w *world) untilSettled() {
	w.t.Helper()
	pause(w.t.Context(), 25*time.Second) // it is in the queue for longer
	w.eventually(settle, "the deployment is audited", func() (bool, string) {
		return w.lastAudit() != "", "no ledger"
	})
}

// taking has the function take requests from the queue, or leave them there.
func (w *world) taking(on bool) {
	w.t.Helper()
	var mappings struct {
		EventSourceMappings []struct{ UUID string }
	}
	w.aws(&mappings, "lambda", "list-event-source-mappings", "--function-name", w.outputs["Function"])
	flag := map[bool]string{true: "--enabled", false: "--no-enabled"}[on]
	for _, m := range mappings.EventSourceMappings {
		w.aws(nil, "lambda", "update-event-source-mapping", "--uuid", m.UUID, flag)
	}
}

// counts are how many messages a queue of the stack holds.
type counts struct{ ready, delayed, underWay int }

func (c counts) all() int { return c.ready + c.delayed + c.underWay }

func (w *world) count(queue string) counts {
	w.t.Helper()
	url := w.outputs[queue]
	out, err := w.sqs.GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	w.must(err)
	number := func(name types.QueueAttributeName) int {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		w.must(err)
		return n
	}
	return counts{
		number(types.QueueAttributeNameApproximateNumberOfMessages),
		number(types.QueueAttributeNameApproximateNumberOfMessagesDelayed),
		number(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
	}
}

// ask puts a request for an audit into the queue, as a person may, to be taken
// without the queue's delay.
func (w *world) ask() {
	w.t.Helper()
	body, err := json.Marshal(trigger.Request{Schema: trigger.RequestSchema, Account: account, Region: region, Reason: trigger.ReasonRequest})
	w.must(err)
	w.send(string(body))
}

func (w *world) send(body string) {
	w.t.Helper()
	url := w.outputs["RequestsQueue"]
	_, err := w.sqs.SendMessage(w.t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(body), DelaySeconds: 1})
	w.must(err)
}

// visibility sets how long an unacknowledged request waits until it comes back,
// and not after 12 minutes: six times the function's limit, as AWS asks for.
func (w *world) visibility(d time.Duration) {
	w.t.Helper()
	url := w.outputs["RequestsQueue"]
	_, err := w.sqs.SetQueueAttributes(w.t.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: &url, Attributes: map[string]string{string(types.QueueAttributeNameVisibilityTimeout): strconv.Itoa(int(d.Seconds()))},
	})
	w.must(err)
}

// useUp receives the messages of a queue of the stack as often as that, and
// does nothing with them.
func (w *world) useUp(queue string, times int) {
	w.t.Helper()
	url := w.outputs[queue]
	for range times {
		w.eventually(settle, "a message to receive", func() (bool, string) {
			out, err := w.sqs.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
			w.must(err)
			for _, m := range out.Messages {
				_, err := w.sqs.ChangeMessageVisibility(w.t.Context(), &sqs.ChangeMessageVisibilityInput{
					QueueUrl: &url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0,
				})
				w.must(err)
			}
			return len(out.Messages) > 0, "nothing"
		})
	}
}
