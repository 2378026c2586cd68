package notify

import "encoding/json"

// Envelope is a message as SNS takes it: once, for all subscribers of a topic.
type Envelope struct {
	Subject string
	// Body is JSON with one text per protocol, for MessageStructure=json:
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

// Size is the number of bytes that SNS counts: see MaxSize.
func (e Envelope) Size() int {
	size := len(e.Subject) + len(e.Body)
	for _, a := range e.Attributes {
		size += len(a.Name) + len(a.Type) + len(a.Value)
	}
	return size
}

// Envelope encodes the message for SNS.
func (m Message) Envelope() Envelope {
	data := encode(m)
	e := Envelope{
		Subject: m.Subject,
		Body: encode(struct {
			Default string `json:"default"` // mail, and every protocol that is not named below
			SMS     string `json:"sms"`     // at most 1,600 characters
			HTTPS   string `json:"https"`   // Amazon Q Developer in chat applications
			SQS     string `json:"sqs"`
			Lambda  string `json:"lambda"`
		}{m.Text, m.Subject, m.chat, data, data}),
	}
	add := func(name, kind, value string) {
		if value != "" && value != "[]" { // SNS rejects empty values
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

// Chat is the chat form: a custom notification of Amazon Q Developer in chat
// applications.
func (m Message) Chat() json.RawMessage { return json.RawMessage(m.chat) }
