// Package snsstub plays standard topics of Amazon SNS for tests: an http.Handler that
// accepts Publish and GetTopicAttributes from any real client, checks every message
// against the limits that SNS documents (local clouds do not), keeps what it
// accepted, delivers it to subscriptions, and fails on request. Like SNS, it drops
// the attributes of a message with MessageStructure=json:
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html It imports the standard library only, so that it does not repeat
// a mistake of the code under test.
//
//	stub := snsstub.New("arn:aws:sns:eu-west-1:111122223333:audit")
//	server := httptest.NewServer(stub)
//	// … point a client's endpoint at server.URL; server.Close() makes the topic unreachable
package snsstub

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Codes of the errors that a publisher meets, for Fail:
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
// https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
const (
	AuthorizationError = "AuthorizationError" // 403
	InternalError      = "InternalError"      // 500
	InvalidParameter   = "InvalidParameter"   // 400
	KMSAccessDenied    = "KMSAccessDenied"    // 400
	KMSThrottling      = "KMSThrottling"      // 400
	NotFound           = "NotFound"           // 404
	Throttling         = "Throttling"         // 400
	Throttled          = "Throttled"          // 429
)

// Publication is one message that a topic accepted.
type Publication struct {
	TopicARN  string
	MessageID string
	Subject   string
	// Structure is "json" if Message holds one text per protocol.
	Structure string
	// Message is the message as it was sent.
	Message string
	// Attributes are those that subscribers get: none with the structure "json".
	Attributes map[string]Attribute
}

// Attribute is one message attribute.
type Attribute struct{ Type, Value string }

// Stub is one or more topics. Its methods may be called while it serves.
type Stub struct {
	mu        sync.Mutex
	topics    map[string]*topic
	unread    *refusal // the answer to every GetTopicAttributes, if set
	published []Publication
	requests  int
	faults    []*fault
}

// fault is what happens to requests instead of being served: the connection
// is cut, the answer is late, or an error is the answer.
type fault struct {
	code   string
	status int
	cut    bool
	delay  time.Duration
	always bool
	left   int
}

// New makes topics. Requests for any other are answered NotFound. Each topic has
// one confirmed subscriber, until Subscribe is called for it.
func New(topicARNs ...string) *Stub {
	s := &Stub{topics: map[string]*topic{}}
	for _, arn := range topicARNs {
		s.topics[arn] = &topic{others: 1}
	}
	return s
}

// Published lists what all topics accepted, in order.
func (s *Stub) Published() []Publication {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Publication(nil), s.published...)
}

// Requests counts all requests to publish, including those that failed.
func (s *Stub) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Fail answers the next requests to publish with an error: as many as times, or all of
// them if times is 0. Calls add up: the next one starts when one is used up.
func (s *Stub) Fail(code string, status, times int) {
	s.add(&fault{code: code, status: status, left: times})
}

// Cut drops the connection of the next requests to publish before anything is answered.
func (s *Stub) Cut(times int) { s.add(&fault{cut: true, left: times}) }

// Delay answers the next requests to publish that much later, and then as it would have.
// It stops when the client does.
func (s *Stub) Delay(d time.Duration, times int) { s.add(&fault{delay: d, left: times}) }

// Recover ends all faults.
func (s *Stub) Recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Stub) add(f *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.always = f.left == 0
	s.faults = append(s.faults, f)
}

// next uses up one of the current fault, if there is one.
func (s *Stub) next() *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if len(s.faults) == 0 {
		return nil
	}
	f := s.faults[0]
	if f.left--; !f.always && f.left == 0 {
		s.faults = s.faults[1:]
	}
	return f
}

// ServeHTTP answers one request as SNS would:
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
func (s *Stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parseErr := r.ParseForm()
	if parseErr == nil && r.PostForm.Get("Action") == getAttributes {
		s.attributes(w, r.PostForm.Get("TopicArn"))
		return
	}
	if f := s.next(); f != nil {
		switch {
		case f.cut:
			panic(http.ErrAbortHandler)
		case f.delay > 0:
			select {
			case <-time.After(f.delay):
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		default:
			fail(w, &refusal{f.status, f.code, "The stub was configured to fail."})
			return
		}
	}
	if parseErr != nil {
		fail(w, &refusal{http.StatusBadRequest, "MalformedQueryString", "The body is not a form."})
		return
	}
	p, refused := s.take(r.PostForm)
	if refused != nil {
		fail(w, refused)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	answer(w, publishResponse{Result: publishResult{MessageID: p.MessageID}, Metadata: metadata{RequestID: requestID}})
}

// take checks a request against SNS's limits, and keeps it if it passes.
func (s *Stub) take(form url.Values) (Publication, *refusal) {
	if action := form.Get("Action"); action != "Publish" {
		return Publication{}, &refusal{http.StatusBadRequest, "InvalidAction", "The stub has no action " + action + "."}
	}
	p := Publication{
		TopicARN:   form.Get("TopicArn"),
		Subject:    form.Get("Subject"),
		Structure:  form.Get("MessageStructure"),
		Message:    form.Get("Message"),
		Attributes: map[string]Attribute{},
	}
	if s.topics[p.TopicARN] == nil { // the set of topics never changes
		return Publication{}, &refusal{http.StatusNotFound, NotFound, "Topic does not exist"}
	}
	for n := 1; form.Has(attributeKey(n, "Name")); n++ {
		name := form.Get(attributeKey(n, "Name"))
		if _, twice := p.Attributes[name]; twice {
			return Publication{}, invalid("the attribute %s is given twice", name)
		}
		if !form.Has(attributeKey(n, "Value.StringValue")) {
			return Publication{}, invalid("the attribute %s has no string value; the stub takes no other", name)
		}
		p.Attributes[name] = Attribute{
			Type:  form.Get(attributeKey(n, "Value.DataType")),
			Value: form.Get(attributeKey(n, "Value.StringValue")),
		}
	}
	if form.Has("Subject") && p.Subject == "" {
		return Publication{}, invalid("Subject")
	}
	if refused := p.check(); refused != nil {
		return Publication{}, refused
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	p.MessageID = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(s.published)+1)
	if p.Structure == "json" {
		p.Attributes = map[string]Attribute{}
	}
	s.published = append(s.published, p)
	for _, sub := range s.topics[p.TopicARN].subscriptions {
		if sub.confirmed && sub.matches(p) {
			sub.received = append(sub.received, p)
		}
	}
	return p, nil
}

func attributeKey(n int, field string) string {
	return fmt.Sprintf("MessageAttributes.entry.%d.%s", n, field)
}

// refusal is an answer that is an error.
type refusal struct {
	status  int
	code    string
	message string
}

func invalid(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, InvalidParameter, "Invalid parameter: " + fmt.Sprintf(format, args...)}
}

const (
	namespace = "http://sns.amazonaws.com/doc/2010-03-31/"
	requestID = "00000000-0000-4000-8000-000000000000"
)

type publishResponse struct {
	XMLName  xml.Name      `xml:"http://sns.amazonaws.com/doc/2010-03-31/ PublishResponse"`
	Result   publishResult `xml:"PublishResult"`
	Metadata metadata      `xml:"ResponseMetadata"`
}

type publishResult struct {
	MessageID string `xml:"MessageId"`
}

type metadata struct {
	RequestID string `xml:"RequestId"`
}

type errorResponse struct {
	XMLName   xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func fail(w http.ResponseWriter, r *refusal) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(r.status)
	side := "Sender"
	if r.status >= http.StatusInternalServerError {
		side = "Receiver"
	}
	answer(w, errorResponse{Type: side, Code: r.code, Message: r.message, RequestID: requestID})
}

// answer writes XML. A client that has disconnected is no error.
func answer(w http.ResponseWriter, v any) {
	var b strings.Builder
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(v); err != nil {
		panic(err) // v is one of the structs above
	}
	_, _ = w.Write([]byte(b.String()))
}
