package notify

import "encoding/json"

// Form is one form of a message. Each has a topic of its own, because SNS sends
// the attributes of a message to subscribers only if its structure is String:
// one text for everyone.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
type Form string

// The forms.
const (
	// ForPeople is text, for mail and SMS.
	ForPeople Form = "findings"
	// ForPrograms is the JSON form of a Message, for queues, functions and https.
	ForPrograms Form = "records"
	// ForChat is a custom notification of Amazon Q Developer in chat applications:
	// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
	ForChat Form = "chat"
)

// Forms lists all forms in the order in which they are published: people first.
func Forms() []Form { return []Form{ForPeople, ForPrograms, ForChat} }

// Envelope is one form of a message as SNS takes it.
type Envelope struct {
	Subject    string
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

// Envelope encodes a form of the message for SNS. Subject and attributes are the
// same in all forms. An unknown form is an error of the program, and panics.
func (m Message) Envelope(form Form) Envelope {
	e := Envelope{Subject: m.Subject}
	switch form {
	case ForPeople:
		e.Body = m.Text
	case ForPrograms:
		e.Body = encode(m)
	case ForChat:
		e.Body = m.chat
	default:
		panic("notify: unknown form " + string(form))
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
