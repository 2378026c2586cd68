package notify

import (
	"encoding/json"
	"strings"
)

// MaxSize is what SNS takes, in bytes: subject, body as it is encoded, and
// name, type and value of every attribute. A topic can be made to take more,
// but its publisher does not know.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const MaxSize = 256 * 1024

// Envelope is a message as SNS takes it, once, for all its subscribers.
type Envelope struct {
	Subject string
	// Body is JSON with one text per protocol, to be sent with
	// MessageStructure=json:
	// https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
	Body       string
	Attributes []Attribute
}

// Attribute is one message attribute:
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
type Attribute struct{ Name, Type, Value string }

// Types of attributes.
const (
	stringType = "String"
	arrayType  = "String.Array"
)

// Size is what SNS counts.
func (e Envelope) Size() int {
	size := len(e.Subject) + len(e.Body)
	for _, a := range e.Attributes {
		size += len(a.Name) + len(a.Type) + len(a.Value)
	}
	return size
}

// Envelope encodes the message for SNS.
func (m Message) Envelope() Envelope {
	said := encode(m)
	e := Envelope{
		Subject: m.Subject,
		Body: encode(struct {
			Default string `json:"default"` // mail, and all that is not named below
			SMS     string `json:"sms"`     // a telephone takes 1,600 characters at most
			HTTPS   string `json:"https"`   // Amazon Q Developer in chat applications
			SQS     string `json:"sqs"`
			Lambda  string `json:"lambda"`
		}{m.Text, m.Subject, m.chat, said, said}),
	}
	add := func(name, kind, value string) {
		if value != "" && value != "[]" { // SNS takes no empty value
			e.Attributes = append(e.Attributes, Attribute{name, kind, value})
		}
	}
	a := m.Attributes
	add("schema", stringType, a.Schema)
	add("status", arrayType, encode(a.Status))
	add("severity", stringType, string(a.Severity))
	add("account", stringType, a.Account)
	add("region", stringType, a.Region)
	add("checks", arrayType, encode(a.Checks))
	add("prefixes", arrayType, encode(a.Prefixes))
	return e
}

// Chat is the https part: a custom notification of Amazon Q Developer in chat
// applications.
func (m Message) Chat() json.RawMessage { return json.RawMessage(m.chat) }

// encode is JSON without the escapes that are for HTML.
func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("notify: " + err.Error()) // strings, numbers, and times within JSON's range
	}
	return strings.TrimSuffix(b.String(), "\n")
}
