package snspub_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/aws/snspub"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/report"
)

// answers is an HTTP client that gives every request the same answer.
type answers struct {
	status int
	body   string
}

func (a answers) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"text/xml"}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r, ContentLength: int64(len(a.body)),
	}, nil
}

// FuzzPublishAnswer: without an error, the answer has status 200 and names a
// message. No answer makes Publish panic.
func FuzzPublishAnswer(f *testing.F) {
	f.Add(200, "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>")
	f.Add(200, "<PublishResponse><PublishResult><MessageId> </MessageId></PublishResult></PublishResponse>")
	f.Add(200, "<ErrorResponse><Error><Code>AuthorizationError</Code></Error></ErrorResponse>")
	f.Add(200, "")
	f.Add(204, "")
	f.Add(302, "<html>")
	f.Add(500, "<ErrorResponse>")
	names := regexp.MustCompile(`<(?:\w+:)?MessageId[^>]*>`)
	message := failing(1, report.High, "text")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			t.Skip() // not a final HTTP status
		}
		cfg := config("http://sns.invalid", 1)
		cfg.HTTPClient = aws.HTTPClient(answers{status, body})
		err := snspub.New(cfg, topic, notify.ForPeople, snspub.Options{}).Publish(t.Context(), message)
		if err == nil && (status >= 300 || !names.MatchString(body)) {
			t.Errorf("status %d and %q count as published", status, body)
		}
	})
}
