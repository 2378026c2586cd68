// Package hostile has scenarios in which ECR or SNS gives wrong answers, or the
// store holds a wrong ledger: malformed, partial, missing, or those of another registry. Each scenario has the correct
// result, so that tests require the same of the function and the command. The
// package knows the wire protocol of ECR, SNS and STS's GetCallerIdentity, and
// imports no other package of ptcaudit.
package hostile

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Account and Region name the registry of all scenarios.
const (
	Account = "111122223333"
	Region  = "eu-west-1"
)

// Result is the correct result of an audit in a scenario.
type Result int

// The correct results.
const (
	// Sound: the audit is complete, and no rule fails. These scenarios are the
	// controls: an auditor that reports a failure there is wrong.
	Sound Result = iota
	// Failing: the audit is complete, and at least one rule fails.
	Failing
	// Incomplete: the answers do not show which rules the registry has.
	Incomplete
	// NotSound: a failure and an incomplete audit are both correct.
	NotSound
)

func (h Result) String() string {
	return [...]string{"sound", "failing", "incomplete", "not sound"}[h]
}

// Request is one call to ECR.
type Request struct {
	// Number counts the calls of this operation, from 1.
	Number int
	// Path is the path of the URL.
	Path string
	// Body is the decoded JSON of the call.
	Body map[string]any
}

// text is a string of the call; empty if it has none.
func (r Request) text(key string) string {
	s, _ := r.Body[key].(string)
	return s
}

// Answer is the HTTP response to a call.
type Answer struct {
	// Status is the HTTP status; 0 means 200.
	Status int
	// Header is added to the usual ones and replaces them.
	Header map[string]string
	// Body is sent as it is.
	Body []byte
	// Hang sends nothing until the client gives up.
	Hang bool
	// Drip sends one byte of white space at a time until the client gives up.
	Drip bool
}

// Scenario is an ECR endpoint that gives certain answers.
type Scenario struct {
	Name string
	// Want is the correct result of an audit.
	Want Result
	// Describe answers DescribePullThroughCacheRules.
	Describe func(Request) Answer
	// Validate answers ValidatePullThroughCacheRule. If it is nil, every rule is
	// valid.
	Validate func(Request) Answer
}

// server serves a scenario over HTTP.
type server struct {
	scenario Scenario
	mu       sync.Mutex
	calls    map[string]int // by operation
}

// Serve returns a scenario as the endpoint of ECR and STS.
func Serve(w Scenario) http.Handler {
	if w.Validate == nil {
		w.Validate = valid(nil)
	}
	return &server{scenario: w, calls: map[string]int{}}
}

const identity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
	`<Arn>arn:aws:iam::` + Account + `:user/auditor</Arn><UserId>A</UserId><Account>` + Account + `</Account></GetCallerIdentityResult>` +
	`<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>`

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	if strings.Contains(string(raw), "GetCallerIdentity") {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, identity)
		return
	}
	answer := s.scenario.Describe
	operation := "DescribePullThroughCacheRules"
	if strings.Contains(r.Header.Get("X-Amz-Target"), "Validate") {
		answer, operation = s.scenario.Validate, "ValidatePullThroughCacheRule"
	}
	request := Request{Number: s.count(operation), Path: r.URL.Path}
	_ = json.Unmarshal(raw, &request.Body)
	send(w, r, answer(request))
}

func (s *server) count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[operation]++
	return s.calls[operation]
}

// send writes an answer. Its Content-Length may be wrong on purpose.
func send(w http.ResponseWriter, r *http.Request, a Answer) {
	if a.Hang {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-1.1")
	h.Set("X-Amzn-Requestid", "r-1")
	for key, value := range a.Header {
		h.Set(key, value)
	}
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	if a.Drip {
		drip(w, r)
	}
	if _, err := w.Write(a.Body); err != nil || h.Get("Content-Length") != "" {
		panic(http.ErrAbortHandler) // as a server that promised more than it sends
	}
}

// drip writes until the client goes away.
func drip(w http.ResponseWriter, r *http.Request) {
	controller := http.NewResponseController(w)
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, " "); err != nil || controller.Flush() != nil {
			break
		}
	}
	panic(http.ErrAbortHandler)
}

// object is a JSON object of a call or an answer.
type object map[string]any

// absent is a value that removes its key.
type absent struct{}

func with(base, change object) object {
	out := maps.Clone(base)
	for key, value := range change {
		if _, gone := value.(absent); gone {
			delete(out, key)
			continue
		}
		out[key] = value
	}
	return out
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cannot encode an answer: %v", err))
	}
	return raw
}

// rule is a sound rule with some of its fields changed.
func rule(change object) object {
	return with(object{
		"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io", "upstreamRegistry": "quay",
		"registryId": Account, "createdAt": 1.7e9,
	}, change)
}

// list answers with rules and, if it is not empty, a page token.
func list(token any, rules ...any) Answer {
	body := object{"pullThroughCacheRules": append([]any{}, rules...)}
	if token != "" {
		body["nextToken"] = token
	}
	return Answer{Body: encode(body)}
}

// lists answers every call with the same rules.
func lists(rules ...any) func(Request) Answer {
	a := list("", rules...)
	return func(Request) Answer { return a }
}

// raw answers every call with the same bytes.
func raw(body string) func(Request) Answer {
	return func(Request) Answer { return Answer{Body: []byte(body)} }
}

// fails answers every call with an error of the API.
func fails(status int, code string) func(Request) Answer {
	return func(Request) Answer { return refusal(status, code) }
}

func refusal(status int, code string) Answer {
	return Answer{Status: status, Body: encode(object{"__type": code, "message": "x"})}
}

// valid answers that the rule asked for is valid, with some fields changed.
func valid(change object) func(Request) Answer {
	return func(r Request) Answer {
		return Answer{Body: encode(with(object{
			"ecrRepositoryPrefix": r.text("ecrRepositoryPrefix"), "registryId": Account, "isValid": true,
		}, change))}
	}
}

// numbered returns n sound rules with different prefixes.
func numbered(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = rule(object{"ecrRepositoryPrefix": "quay-" + strconv.Itoa(i)})
	}
	return out
}
