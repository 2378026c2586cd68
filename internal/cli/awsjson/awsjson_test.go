package awsjson_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/cli/awsjson"
)

func TestDo(t *testing.T) {
	for name, tt := range map[string]struct {
		status         int
		answer         string
		want, complain string
	}{
		"answers":                {http.StatusOK, `{"a":1}`, `{"a":1}`, ""},
		"refuses":                {http.StatusBadRequest, `{"__type":"ValidationException","message":"no"}`, "", "400 Bad Request: ValidationException: no"},
		"refuses without a word": {http.StatusForbidden, `{}`, "", "403 Forbidden"},
		"refuses in other words": {http.StatusBadGateway, `<html>`, "", "502 Bad Gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			var body []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				body, _ = io.ReadAll(r.Body)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.answer)
			}))
			defer server.Close()
			answer, err := awsjson.Do(t.Context(), server.Client(), aws.Credentials{AccessKeyID: "111122223333", SecretAccessKey: "any"}, awsjson.Call{
				Endpoint: server.URL, Service: "events", Region: "eu-west-1", Target: "AWSEvents.PutEvents", Body: []byte(`{}`),
			})
			if string(answer) != tt.want || err == nil != (tt.complain == "") || err != nil && err.Error() != tt.complain {
				t.Errorf("answer %q, error %v", answer, err)
			}
			if got.URL.Path != "/" || got.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" || string(body) != `{}` ||
				!strings.Contains(got.Header.Get("Authorization"), "Credential=111122223333/") ||
				!strings.Contains(got.Header.Get("Authorization"), "/eu-west-1/events/aws4_request") {
				t.Errorf("called with %v, body %q", got.Header, body)
			}
		})
	}
}
