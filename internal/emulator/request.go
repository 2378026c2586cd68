package emulator

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// readCall finds out what is asked, and by whom. The call's service is set
// even where it is refused.
func readCall(r *http.Request, body []byte) (*call, *apiError) {
	c := &call{service: ecrService, userAgent: r.UserAgent()}
	c.source, _, _ = net.SplitHostPort(r.RemoteAddr)

	name, form := "", url.Values(nil)
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		for _, s := range services {
			if after, ok := strings.CutPrefix(target, s.target+"."); ok && s.target != "" {
				c.service, name = s, after
			}
		}
	} else if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		c.service = stsService
		form, _ = url.ParseQuery(string(body)) // what is no form has no Action
		name = form.Get("Action")
	}
	i := slices.IndexFunc(c.service.operations, func(o *operation) bool { return o.name == name })
	if i < 0 || r.Method != http.MethodPost {
		return c, errorf("UnknownOperationException", "")
	}
	c.operation = c.service.operations[i]

	var err *apiError
	if c.caller, err = identify(r); err != nil {
		return c, err
	}
	if form != nil {
		c.input = formInput(c.operation, form)
		return c, nil
	}
	c.input, err = jsonInput(c.operation, body)
	return c, err
}

// formInput reads the known members of a query protocol request.
func formInput(op *operation, form url.Values) object {
	in := object{}
	for _, m := range op.input {
		in.set(m.name, form.Get(m.name))
	}
	return in
}

// jsonInput takes the known members of an awsJson request. Unknown ones are
// ignored and null ones absent, as AWS does; a member of another type is
// refused.
func jsonInput(op *operation, body []byte) (object, *apiError) {
	if len(bytes.TrimSpace(body)) == 0 {
		return object{}, nil
	}
	var sent map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&sent); err != nil || d.More() {
		return nil, errorf("SerializationException", "")
	}
	in := object{}
	for _, m := range op.input {
		v, ok := sent[m.name]
		if !ok || v == nil {
			continue
		}
		value, ok := m.kind.convert(v)
		if !ok {
			return nil, errorf("SerializationException", "%s can not be converted to %s", jsonType(v), m.kind)
		}
		in[m.name] = value
	}
	return in, nil
}

// kind is the type of a member.
type kind int

const (
	text kind = iota
	textList
	integer
	boolean
)

// String is the type's name in AWS's own error texts.
func (k kind) String() string {
	return [...]string{"a String", "a Collection", "an Integer", "a Boolean"}[k]
}

// convert makes a decoded JSON value one of this kind.
func (k kind) convert(v any) (any, bool) {
	switch k {
	case textList:
		values, ok := v.([]any)
		list := make([]string, len(values))
		for i, e := range values {
			s, isText := e.(string)
			list[i], ok = s, ok && isText
		}
		return list, ok
	case integer:
		n, ok := v.(json.Number)
		if !ok {
			return nil, false
		}
		i, err := n.Int64()
		return i, err == nil
	case boolean:
		b, ok := v.(bool)
		return b, ok
	case text:
		s, ok := v.(string)
		return s, ok
	}
	return nil, false
}

// jsonType names the type of a decoded JSON value as AWS does.
func jsonType(v any) string {
	switch v.(type) {
	case string:
		return "STRING_VALUE"
	case json.Number:
		return "NUMBER_VALUE"
	case bool:
		return "TRUE_VALUE"
	case []any:
		return "START_ARRAY"
	}
	return "START_OBJECT"
}
