package snsstub

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What SNS takes: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
// and, for attributes,
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
const (
	// maxSize counts the message as it was sent, with all its protocols, and
	// name, type and value of every attribute.
	maxSize    = 256 * 1024
	maxSubject = 99
	maxName    = 256
	// maxAttributes is what a queue with raw delivery can be handed; SNS
	// takes more, and then drops the message for that queue.
	maxAttributes = 10
)

var (
	subjectPattern   = regexp.MustCompile(`^[!-~][ -~]*$`) // older texts: ASCII, begins with a letter, number or punctuation
	namePattern      = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	reservedPattern  = regexp.MustCompile(`(?i)^(aws|amazon)\.`)
	typeNamesAllowed = map[string]bool{"String": true, "String.Array": true, "Number": true}
)

// Check returns the error with which SNS would refuse a publication, or nil.
func (p Publication) Check() error {
	if r := p.check(); r != nil {
		return errors.New(r.message)
	}
	return nil
}

// check returns an error if a publication exceeds a limit.
func (p Publication) check() *refusal {
	if p.Subject != "" && (len(p.Subject) > maxSubject || !subjectPattern.MatchString(p.Subject)) {
		return invalid("Subject")
	}
	if p.Message == "" {
		return invalid("Empty message")
	}
	if !validText(p.Message) {
		return invalid("Message is not UTF-8, or holds characters that a queue cannot")
	}
	switch p.Structure {
	case "":
	case "json":
		if refused := checkJSON(p.Message); refused != nil {
			return refused
		}
	default:
		return invalid("MessageStructure")
	}
	if refused := checkAttributes(p.Attributes); refused != nil {
		return refused
	}
	if size := p.Size(); size > maxSize {
		return invalid("Message too long (%d bytes)", size)
	}
	return nil
}

// Size is what SNS counts: message and attributes, in bytes.
func (p Publication) Size() int {
	size := len(p.Message)
	for name, a := range p.Attributes {
		size += len(name) + len(a.Type) + len(a.Value)
	}
	return size
}

// validText reports whether s is UTF-8 and has only characters that SQS accepts,
// because SNS delivers to SQS:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func validText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	}) < 0
}

// checkJSON wants one object with a text for "default", no key twice, and
// texts that can be delivered once they are unescaped.
func checkJSON(message string) *refusal {
	const what = "Message Structure - "
	dec := json.NewDecoder(strings.NewReader(message))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return invalid(what + "JSON message body failed to parse")
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return invalid(what + "JSON message body failed to parse")
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			return invalid(what + "JSON message body failed to parse")
		}
		if seen[name] {
			return invalid(what+"duplicate key %s", name)
		}
		text, isText := value.(string)
		seen[name] = isText
		if !validText(text) {
			return invalid(what+"%s holds characters that a queue cannot", name)
		}
	}
	if _, err := dec.Token(); err != nil {
		return invalid(what + "JSON message body failed to parse")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid(what + "JSON message body failed to parse")
	}
	if !seen["default"] {
		return invalid(what + "No default entry in JSON message body")
	}
	return nil
}

func checkAttributes(attributes map[string]Attribute) *refusal {
	if len(attributes) > maxAttributes {
		return invalid("more than %d attributes cannot reach a queue with raw delivery", maxAttributes)
	}
	for name, a := range attributes {
		switch {
		case len(name) > maxName || !namePattern.MatchString(name) || reservedPattern.MatchString(name):
			return invalid("attribute name %q", name)
		case !typeNamesAllowed[a.Type]:
			return invalid("type %q of attribute %s", a.Type, name)
		case a.Value == "":
			return invalid("attribute %s is empty", name)
		case !validText(a.Value):
			return invalid("attribute %s holds characters that a queue cannot", name)
		case a.Type == "String.Array" && !scalarArray(a.Value):
			return invalid("attribute %s is not an array of strings, numbers, booleans and nulls", name)
		case a.Type == "Number" && !isNumber(a.Value):
			return invalid("attribute %s is not a number", name)
		}
	}
	return nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func scalarArray(s string) bool {
	var list []json.RawMessage
	if json.Unmarshal([]byte(s), &list) != nil || list == nil {
		return false
	}
	for _, v := range list {
		if bytes.ContainsAny(v[:1], "[{") {
			return false
		}
	}
	return true
}
