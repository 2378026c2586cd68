// Package hostile is a set of wrong answers that an AWS endpoint could give:
// malformed, partial, missing, or those of another registry. For each, it has the
// correct result of an audit, so that the tests of the engine, the function and
// the command can require the same result. It knows the wire protocol of ECR and
// of STS's GetCallerIdentity, and imports no other package of ptcaudit.
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

// Account and Region name the registry that a world plays.
const (
	Account = "111122223333"
	Region  = "eu-west-1"
)

// Honest is what an auditor may conclude from a world.
type Honest int

// The honest conclusions.
const (
	// Sound: the registry was seen whole, and nothing is wrong with it. These
	// worlds are the controls: an auditor that cries wolf fails them.
	Sound Honest = iota
	// Failing: the registry was seen whole, and at least one rule fails.
	Failing
	// Incomplete: the answers do not tell what the registry holds.
	Incomplete
	// NotSound: a finding and an incomplete audit are both honest.
	NotSound
)

func (h Honest) String() string {
	return [...]string{"sound", "failing", "incomplete", "not sound"}[h]
}

// Request is one call to ECR.
type Request struct {
	// Number counts the calls of this operation, from 1.
	Number int
	// Path is the URL's.
	Path string
	// Body is the decoded JSON of the call.
	Body map[string]any
}

// text is a string of the call; empty if it has none.
func (r Request) text(key string) string {
	s, _ := r.Body[key].(string)
	return s
}

// Answer is what a world sends back.
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

// World is one way to lie.
type World struct {
	Name string
	// Want is what an honest auditor concludes.
	Want Honest
	// Describe answers DescribePullThroughCacheRules.
	Describe func(Request) Answer
	// Validate answers ValidatePullThroughCacheRule; nil says that every rule is
	// valid.
	Validate func(Request) Answer
}

// server plays a world over HTTP.
type server struct {
	world World
	mu    sync.Mutex
	calls map[string]int // by operation
}

// Serve plays a world as the endpoint of ECR and STS.
func Serve(w World) http.Handler {
	if w.Validate == nil {
		w.Validate = valid(nil)
	}
	return &server{world: w, calls: map[string]int{}}
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
	answer := s.world.Describe
	operation := "DescribePullThroughCacheRules"
	if strings.Contains(r.Header.Get("X-Amz-Target"), "Validate") {
		answer, operation = s.world.Validate, "ValidatePullThroughCacheRule"
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

// send writes an answer, also one that contradicts its own Content-Length.
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

// absent, as a value, removes a key.
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
		panic(fmt.Sprintf("a world that is no JSON: %v", err))
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
	return func(Request) Answer { return list("", rules...) }
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

// numbered gives n sound rules with prefixes of their own.
func numbered(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = rule(object{"ecrRepositoryPrefix": "quay-" + strconv.Itoa(i)})
	}
	return out
}
