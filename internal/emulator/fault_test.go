package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/emulator"
)

const (
	describeOp = "DescribePullThroughCacheRules"
	validateOp = "ValidatePullThroughCacheRule"
	createOp   = "CreatePullThroughCacheRule"
)

// broken is a registry with the rules quay and k8s, and faults.
func broken(faults ...emulator.Fault) emulator.Fixture {
	f := one(emulator.Registry{Rules: []emulator.Rule{
		{EcrRepositoryPrefix: "k8s", UpstreamRegistryURL: "registry.k8s.io"},
		{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io"},
	}})
	f.Faults = faults
	return f
}

func TestFaultsByCode(t *testing.T) {
	tests := []struct {
		fault  emulator.Fault
		status int
		text   string
	}{
		{emulator.Fault{Code: "ThrottlingException"}, 400, "Rate exceeded"},
		{emulator.Fault{Code: "TooManyRequestsException"}, 429, "Rate exceeded"},
		{emulator.Fault{Code: "AccessDeniedException"}, 400, "arn:aws:iam::111122223333:user/emulator is not authorized to perform: ecr:DescribePullThroughCacheRules because no identity-based policy allows"},
		{emulator.Fault{Code: "ExpiredTokenException"}, 400, "expired"},
		{emulator.Fault{Code: "UnrecognizedClientException"}, 400, "invalid"},
		{emulator.Fault{Code: "ServerException"}, 500, ""},
		{emulator.Fault{Code: "ServiceUnavailableException"}, 503, ""},
		{emulator.Fault{Code: "UnknownOperationException"}, 400, ""},
		{emulator.Fault{Code: "Strange", Status: 429, Message: "go away"}, 429, "go away"},
	}
	for _, tt := range tests {
		t.Run(tt.fault.Code, func(t *testing.T) {
			_, url := serve(t, broken(tt.fault))
			a := ask(t, url, describeOp, "{}")
			text, _ := a.members(t)["message"].(string)
			if a.status != tt.status || a.members(t)["__type"] != tt.fault.Code || !strings.Contains(text, tt.text) {
				t.Errorf("%d %s", a.status, a.body)
			}
			_, err := client(url).DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{})
			if got := code(t, err); got != tt.fault.Code {
				t.Errorf("the client reads %v", err)
			}
		})
	}
}

// Which calls a fault strikes.
func TestFaultsChooseTheirCalls(t *testing.T) {
	const throttled, denied = "ThrottlingException", "AccessDeniedException"
	type asked struct{ operation, prefix, code string }
	tests := []struct {
		name   string
		faults []emulator.Fault
		calls  []asked
	}{
		{"the first calls", []emulator.Fault{{Operation: validateOp, Code: throttled, Times: 2}}, []asked{
			{validateOp, "quay", throttled},
			{describeOp, "", ""},
			{validateOp, "k8s", throttled},
			{validateOp, "quay", ""},
		}},
		{"one rule", []emulator.Fault{{Operation: validateOp, Prefix: "quay", Code: denied}}, []asked{
			{validateOp, "k8s", ""},
			{validateOp, "quay/", denied},
			{validateOp, "quay", denied},
		}},
		{"every operation", []emulator.Fault{{Code: throttled}}, []asked{{describeOp, "", throttled}, {validateOp, "quay", throttled}}},
		{"one after another", []emulator.Fault{{Code: throttled, Times: 1}, {Code: denied, Times: 1}}, []asked{
			{describeOp, "", throttled},
			{describeOp, "", denied},
			{describeOp, "", ""},
		}},
		{"each with turns of its own", []emulator.Fault{{Prefix: "quay", Code: throttled, Times: 1}, {Prefix: "k8s", Code: throttled, Times: 1}}, []asked{
			{validateOp, "k8s", throttled},
			{validateOp, "quay", throttled},
			{validateOp, "quay", ""},
		}},
		{"a listing that names the rule", []emulator.Fault{{Operation: describeOp, Prefix: "quay/", Code: throttled}}, []asked{
			{describeOp, "quay", throttled},
			{describeOp, "k8s", ""},
			{describeOp, "", ""},
		}},
		{"another Region", []emulator.Fault{{Region: "us-east-1", Code: throttled}, {Account: "444455556666", Code: throttled}}, []asked{{describeOp, "", ""}}},
		{"this registry", []emulator.Fault{{Account: account, Region: region, Code: throttled}}, []asked{{describeOp, "", throttled}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, url := serve(t, broken(tt.faults...))
			var want []emulator.Call
			for i, call := range tt.calls {
				body := `{}`
				switch {
				case call.operation == validateOp:
					body = `{"ecrRepositoryPrefix":"` + call.prefix + `"}`
				case call.prefix != "":
					body = `{"ecrRepositoryPrefixes":["` + call.prefix + `"]}`
				}
				if got, _ := ask(t, url, call.operation, body).members(t)["__type"].(string); got != call.code {
					t.Errorf("call %d: %q, want %q", i, got, call.code)
				}
				seen := emulator.Call{Operation: call.operation, Account: account, Region: region, Code: call.code}
				if call.operation == validateOp {
					seen.Prefix = call.prefix
				}
				want = append(want, seen)
			}
			if diff := cmp.Diff(want, e.Calls()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultsOfTheConnection(t *testing.T) {
	tests := []struct {
		name  string
		fault emulator.Fault
		want  error // while reading the head, or the body
		body  bool
	}{
		{"before the head", emulator.Fault{Drop: true}, io.EOF, false},
		{"in mid-body", emulator.Fault{Drop: true, Truncate: true}, io.ErrUnexpectedEOF, true},
		{"truncated", emulator.Fault{Truncate: true}, io.ErrUnexpectedEOF, true},
		{"an error truncated", emulator.Fault{Code: "ServerException", Truncate: true}, io.ErrUnexpectedEOF, true},
		{"a page truncated", emulator.Fault{Status: 502, Body: "<html>", Truncate: true}, io.ErrUnexpectedEOF, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, url := serve(t, broken(tt.fault))
			resp, err := http.DefaultClient.Do(signed(t, url, "{}", "X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+describeOp))
			if tt.body {
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if _, err := client(url).DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{}); err == nil {
				t.Error("the client takes it for an answer")
			}
		})
	}
}

// A call that is answered by a fault changes nothing; one whose answer is cut
// in the middle was carried out.
func TestWhatAFaultLeavesBehind(t *testing.T) {
	tests := []struct {
		name   string
		fault  emulator.Fault
		made   bool
		events int
	}{
		{"code", emulator.Fault{Operation: createOp, Code: "AccessDeniedException"}, false, 1},
		{"drop", emulator.Fault{Operation: createOp, Drop: true}, false, 0},
		{"empty", emulator.Fault{Operation: createOp, Empty: true}, false, 0},
		{"page", emulator.Fault{Operation: createOp, Status: 502, Body: "<html>"}, false, 0},
		{"truncate", emulator.Fault{Operation: createOp, Truncate: true}, true, 1},
		{"delay", emulator.Fault{Operation: createOp, Delay: emulator.Duration(time.Nanosecond)}, true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events := 0
			_, url := serve(t, broken(tt.fault), emulator.WithEvents(func([]byte) { events++ }))
			_, _ = client(url).CreatePullThroughCacheRule(t.Context(), creation{prefix: "new", url: "quay.io"}.input())
			_, err := client(url).DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{EcrRepositoryPrefixes: []string{"new"}})
			if made := err == nil; made != tt.made || events != tt.events {
				t.Errorf("made %t, events %d, want %t, %d", made, events, tt.made, tt.events)
			}
		})
	}
}

func TestFaultsOfTheAnswer(t *testing.T) {
	tests := []struct {
		name      string
		fault     emulator.Fault
		operation string
		status    int
		want      string
	}{
		{"empty", emulator.Fault{Empty: true}, describeOp, 200, `{}`},
		{"page", emulator.Fault{Status: 502, Body: "<html>Bad Gateway</html>"}, describeOp, 502, "<html>Bad Gateway</html>"},
		{"no JSON", emulator.Fault{Body: "not JSON"}, describeOp, 200, "not JSON"},
		{"status alone", emulator.Fault{Status: 503}, describeOp, 503, ""},
		{"without the upstream", emulator.Fault{Omit: []string{"upstreamRegistry", "upstreamRepositoryPrefix"}}, describeOp, 200, `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"k8s","registryId":"111122223333","upstreamRegistryUrl":"registry.k8s.io"},{"ecrRepositoryPrefix":"quay","registryId":"111122223333","upstreamRegistryUrl":"quay.io"}]}`},
		{"of another registry", emulator.Fault{Set: map[string]any{"registryId": "999999999999"}, Omit: []string{"upstreamRegistry"}}, describeOp, 200, `{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"k8s","registryId":"999999999999","upstreamRegistryUrl":"registry.k8s.io"},{"ecrRepositoryPrefix":"quay","registryId":"999999999999","upstreamRegistryUrl":"quay.io"}]}`},
		{"a nil list", emulator.Fault{Set: map[string]any{"pullThroughCacheRules": nil}}, describeOp, 200, `{"pullThroughCacheRules":null}`},
		{"no list", emulator.Fault{Omit: []string{"pullThroughCacheRules"}}, describeOp, 200, `{}`},
		{"pages without end", emulator.Fault{Set: map[string]any{"nextToken": "again", "pullThroughCacheRules": []any{}}}, describeOp, 200, `{"nextToken":"again","pullThroughCacheRules":[]}`},
		{"of another rule", emulator.Fault{Set: map[string]any{"ecrRepositoryPrefix": "other"}}, validateOp, 200, `{"ecrRepositoryPrefix":"other","isValid":true,"registryId":"111122223333","upstreamRegistryUrl":"quay.io"}`},
		{"no validation result", emulator.Fault{Omit: []string{"isValid"}}, validateOp, 200, `{"ecrRepositoryPrefix":"quay","registryId":"111122223333","upstreamRegistryUrl":"quay.io"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, url := serve(t, broken(tt.fault))
			body := `{}`
			if tt.operation == validateOp {
				body = `{"ecrRepositoryPrefix":"quay"}`
			}
			a := ask(t, url, tt.operation, body)
			if a.status != tt.status || a.body != tt.want {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	t.Run("once only", func(t *testing.T) {
		_, url := serve(t, broken(emulator.Fault{Operation: describeOp, Omit: []string{"pullThroughCacheRules"}, Times: 1}))
		first, second := ask(t, url, describeOp, ""), ask(t, url, describeOp, "")
		if first.body != "{}" || !strings.Contains(second.body, "quay") {
			t.Errorf("%s, then %s", first.body, second.body)
		}
	})
}

func TestDelayEndsWithTheRequest(t *testing.T) {
	e, url := serve(t, broken(emulator.Fault{Operation: validateOp, Delay: emulator.Duration(time.Hour)}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client(url).ValidatePullThroughCacheRule(ctx, &ecr.ValidatePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("quay")})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	// The server's close waits for handlers: that the test ends shows that
	// the delay did. Another call is not held up by it.
	if a := ask(t, url, describeOp, ""); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if e.Count(validateOp) != 1 {
		t.Error("the call was not counted")
	}
}

func TestDelaysAddUp(t *testing.T) {
	const each = 20 * time.Millisecond
	e, url := serve(t, broken(emulator.Fault{Delay: emulator.Duration(each)}, emulator.Fault{Operation: validateOp, Prefix: "quay", Delay: emulator.Duration(each), Code: "ThrottlingException"}))
	start := time.Now()
	if _, code := validate(t, url, "quay"); code != "ThrottlingException" {
		t.Errorf("got %q", code)
	}
	if took := time.Since(start); took < 2*each {
		t.Errorf("took %v, want at least %v", took, 2*each)
	}
	if got := e.Peak(validateOp); got != 1 {
		t.Errorf("%d calls at once, want 1", got)
	}
}

func TestPeak(t *testing.T) {
	e, url := serve(t, broken(emulator.Fault{Operation: validateOp, Delay: emulator.Duration(time.Hour)}))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			_, _ = client(url).ValidatePullThroughCacheRule(ctx, &ecr.ValidatePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("quay")})
		})
	}
	for e.Count(validateOp) < 3 {
		runtime.Gosched()
	}
	cancel()
	wg.Wait()
	if got := e.Peak(validateOp); got != 3 {
		t.Errorf("%d calls at once, want 3", got)
	}
}

func TestDurationsAreWrittenAsTheyAreRead(t *testing.T) {
	var d emulator.Duration
	if err := json.Unmarshal([]byte(`"1m30s"`), &d); err != nil || time.Duration(d) != 90*time.Second {
		t.Errorf("%v, %v", d, err)
	}
	if b, err := json.Marshal(d); err != nil || string(b) != `"1m30s"` {
		t.Errorf("%s, %v", b, err)
	}
	for _, bad := range []string{`"soon"`, `100`, `"-1s"`} {
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s is read as a duration", bad)
		}
	}
}
