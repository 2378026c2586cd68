package snsstub_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ptcaudit/internal/stand/snsstub"
)

func counts(t *testing.T, server *httptest.Server, arn string) (int, string) {
	t.Helper()
	return post(t, server, url.Values{"Action": {"GetTopicAttributes"}, "Version": {"2010-03-31"}, "TopicArn": {arn}})
}

// A subscriber with a filter hears a message with string structure only: with
// MessageStructure=json, SNS drops the attributes.
func TestSubscriptions(t *testing.T) {
	const other = topic + "-other"
	stub := snsstub.New(topic, other)
	server := httptest.NewServer(stub)
	defer server.Close()
	if _, body := counts(t, server, topic); !strings.Contains(body, "<key>SubscriptionsConfirmed</key><value>1</value>") {
		t.Errorf("a new topic has no subscriber:\n%s", body)
	}
	all := stub.Subscribe(topic, nil)
	failed := stub.Subscribe(topic, map[string][]string{"status": {"FAILED"}})
	resolved := stub.Subscribe(topic, map[string][]string{"status": {"RESOLVED"}})
	elsewhere := stub.Subscribe(other, nil)
	text := form("MessageStructure", "-", "Message", "text")
	post(t, server, text) // before anyone has confirmed
	for _, sub := range []*snsstub.Subscription{all, failed, resolved, elsewhere} {
		sub.Confirm()
	}
	post(t, server, text)
	post(t, server, form())
	for name, tt := range map[string]struct {
		sub  *snsstub.Subscription
		want int
	}{"all": {all, 2}, "failed": {failed, 1}, "resolved": {resolved, 0}, "elsewhere": {elsewhere, 0}} {
		if got := len(tt.sub.Received()); got != tt.want {
			t.Errorf("%s received %d, want %d", name, got, tt.want)
		}
	}
	stub.Subscribe(topic, nil)
	if _, body := counts(t, server, topic); !strings.Contains(body, "Confirmed</key><value>3<") || !strings.Contains(body, "Pending</key><value>1<") {
		t.Errorf("wrong counts:\n%s", body)
	}
	if got := stub.Published()[2].Attributes; len(got) != 0 {
		t.Errorf("attributes %v of a message with JSON structure", got)
	}
	if status, _ := counts(t, server, topic+"-missing"); status != http.StatusNotFound {
		t.Errorf("answer %d about a topic that does not exist", status)
	}
	stub.Unreadable(snsstub.AuthorizationError, http.StatusForbidden)
	if status, _ := counts(t, server, topic); status != http.StatusForbidden {
		t.Errorf("answer %d, want 403", status)
	}
	if status, _ := post(t, server, text); status != http.StatusOK {
		t.Errorf("answer %d to a message: only reading was to fail", status)
	}
}
