package eventbus_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/cli/eventbus"
)

func TestNew(t *testing.T) {
	for endpoint, valid := range map[string]bool{
		"http://127.0.0.1:4566": true,
		"https://cloud.example": true,
		"127.0.0.1:4566":        false,
		"ftp://cloud.example":   false,
		"http://":               false,
		"":                      false,
	} {
		if _, err := eventbus.New(endpoint); (err == nil) != valid {
			t.Errorf("New(%q): error %v, want valid %t", endpoint, err, valid)
		}
	}
}

func TestPut(t *testing.T) {
	const sent = `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ecr","account":"111122223333","region":"eu-west-1","time":"2026-11-27T20:00:00Z","detail":{"eventName":"X"}}`
	tests := []struct {
		name, event, answer string
		want                string // part of the error; empty if the event is accepted
	}{
		{"accepted", sent, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`, ""},
		{"refused", sent, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"later"}]}`, "InternalFailure: later"},
		{"refused without a reason", sent, `{"FailedEntryCount":1}`, "refused it without a reason"},
		{"another server", sent, `<html>`, "the endpoint is not EventBridge"},
		{"invalid event", `{`, `{}`, "unexpected end of JSON input"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var request *http.Request
			var body []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				request = r
				body, _ = io.ReadAll(r.Body) // a short body fails the comparison
				_, _ = io.WriteString(w, tt.answer)
			}))
			defer server.Close()
			bus, err := eventbus.New(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			err = bus.Put(t.Context(), []byte(tt.event))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if tt.event != sent {
				return
			}
			if target := request.Header.Get("X-Amz-Target"); target != "AWSEvents.PutEvents" {
				t.Errorf("target %q", target)
			}
			if scope := "Credential=111122223333/"; !strings.Contains(request.Header.Get("Authorization"), scope) {
				t.Errorf("the call is not signed by the event's account: %q", request.Header.Get("Authorization"))
			}
			var got map[string][]map[string]any
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			want := map[string][]map[string]any{"Entries": {{
				"Source": "aws.ecr", "DetailType": "AWS API Call via CloudTrail", "Detail": `{"eventName":"X"}`, "Time": 1795809600.0,
			}}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("body differs (-want +got):\n%s", diff)
			}
		})
	}
}
