package snsstub_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ptcaudit/internal/stand/snsstub"
)

const topic = "arn:aws:sns:eu-west-1:111122223333:audit"

// form is a request that passes, changed by pairs of key and value; a value of
// "-" takes the key away.
func form(pairs ...string) url.Values {
	f := url.Values{
		"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {topic},
		"Subject": {"[HIGH] one"}, "MessageStructure": {"json"}, "Message": {`{"default":"text"}`},
		"MessageAttributes.entry.1.Name":              {"status"},
		"MessageAttributes.entry.1.Value.DataType":    {"String.Array"},
		"MessageAttributes.entry.1.Value.StringValue": {`["FAILED"]`},
	}
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "-" {
			f.Del(pairs[i])
		}
	}
	return f
}

func post(t *testing.T, server *httptest.Server, f url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(f.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := server.Client().Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestLimits(t *testing.T) {
	const name, kind, value = "MessageAttributes.entry.1.Name", "MessageAttributes.entry.1.Value.DataType", "MessageAttributes.entry.1.Value.StringValue"
	attributes := len("status") + len("String.Array") + len(`["FAILED"]`)
	exact := `{"default":"` + strings.Repeat("x", 256*1024-attributes-len(`{"default":""}`)) + `"}`
	eleven := form()
	for n := 2; n <= 11; n++ {
		eleven.Set(fmt.Sprintf("MessageAttributes.entry.%d.Name", n), fmt.Sprint("a", n))
		eleven.Set(fmt.Sprintf("MessageAttributes.entry.%d.Value.DataType", n), "String")
		eleven.Set(fmt.Sprintf("MessageAttributes.entry.%d.Value.StringValue", n), "x")
	}
	for _, tc := range []struct {
		name   string
		form   url.Values
		status int
		says   string
	}{
		{"sound", form(), 200, "<MessageId>"},
		{"no subject", form("Subject", "-"), 200, ""},
		{"plain message", form("MessageStructure", "-", "Message", "text"), 200, ""},
		{"99 characters of subject", form("Subject", strings.Repeat("s", 99)), 200, ""},
		{"100 characters of subject", form("Subject", strings.Repeat("s", 100)), 400, "Subject"},
		{"empty subject", form("Subject", ""), 400, "Subject"},
		{"line break in subject", form("Subject", "a\nb"), 400, "Subject"},
		{"accent in subject", form("Subject", "caf\u00e9"), 400, "Subject"},
		{"subject begins with a blank", form("Subject", " a"), 400, "Subject"},
		{"empty message", form("Message", ""), 400, "Empty message"},
		{"not UTF-8", form("Message", "{\"default\":\"\xff\"}"), 400, "UTF-8"},
		{"control character once unescaped", form("Message", `{"default":"\u0007"}`), 400, "queue"},
		{"no JSON", form("Message", `{"default":`), 400, "failed to parse"},
		{"no object", form("Message", `["default"]`), 400, "failed to parse"},
		{"more than one object", form("Message", `{"default":"a"}{}`), 400, "failed to parse"},
		{"no default", form("Message", `{"sqs":"a"}`), 400, "No default entry"},
		{"default is no text", form("Message", `{"default":1}`), 400, "No default entry"},
		{"a key twice", form("Message", `{"default":"a","default":"b"}`), 400, "duplicate"},
		{"unknown structure", form("MessageStructure", "xml"), 400, "MessageStructure"},
		{"just fits", form("Message", exact), 200, ""},
		{"one byte too long", form("Message", exact[:len(exact)-2]+`x"}`), 400, "too long"},
		{"one byte too long by an attribute", form("Message", exact, value, `["FAILED" ]`), 400, "too long"},
		{"reserved attribute name", form(name, "AWS.status"), 400, "attribute name"},
		{"attribute name with a blank", form(name, "my status"), 400, "attribute name"},
		{"unknown attribute type", form(kind, "List"), 400, "type"},
		{"empty attribute", form(value, ""), 400, "empty"},
		{"invalid JSON in an array", form(value, "FAILED"), 400, "not an array"},
		{"array of arrays", form(value, `[["FAILED"]]`), 400, "not an array"},
		{"invalid number", form(kind, "Number", value, "x"), 400, "not a number"},
		{"eleven attributes", eleven, 400, "raw delivery"},
		{"another topic", form("TopicArn", topic+"2"), 404, "<Code>NotFound</Code>"},
		{"another action", form("Action", "Subscribe"), 400, "InvalidAction"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stub := snsstub.New(topic)
			server := httptest.NewServer(stub)
			defer server.Close()
			status, body := post(t, server, tc.form)
			if status != tc.status || !strings.Contains(body, tc.says) {
				t.Errorf("answer %d, want %d with %q:\n%s", status, tc.status, tc.says, body)
			}
			if got, want := len(stub.Published()), map[bool]int{true: 1}[tc.status == 200]; got != want {
				t.Errorf("published %d, want %d", got, want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	stub := snsstub.New(topic)
	server := httptest.NewServer(stub)
	defer server.Close()
	stub.Fail(snsstub.AuthorizationError, http.StatusForbidden, 1)
	stub.Cut(1)
	stub.Fail(snsstub.Throttled, http.StatusTooManyRequests, 2)
	for i, want := range []int{403, 0, 429, 429, 200} {
		if status, body := post(t, server, form()); status != want {
			t.Errorf("request %d: answer %d, want %d:\n%s", i, status, want, body)
		}
	}
	stub.Fail(snsstub.InternalError, http.StatusInternalServerError, 0)
	for range 3 {
		if status, _ := post(t, server, form()); status != 500 {
			t.Errorf("answer %d, want 500 for ever", status)
		}
	}
	stub.Recover()
	if status, _ := post(t, server, form()); status != 200 {
		t.Errorf("answer %d after Recover", status)
	}
	if got := stub.Requests(); got != 9 {
		t.Errorf("%d requests, want 9", got)
	}
	if got := len(stub.Published()); got != 2 {
		t.Errorf("%d published, want 2", got)
	}
}
