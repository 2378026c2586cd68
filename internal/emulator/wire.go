package emulator

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// maxEpoch is the last second of the year 9999.
	maxEpoch     = 253402300799
	jsonType11   = "application/x-amz-json-1.1"
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// success writes the answer to a call: awsJson 1.1, or the XML of the query
// protocol where the service has no target.
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
func (s *service) success(op *operation, out object, requestID string) reply {
	if s.target != "" {
		return jsonReply(http.StatusOK, out)
	}
	return xmlReply(http.StatusOK, op.name+"Response", object{
		op.name + "Result": out,
		"ResponseMetadata": object{"RequestId": requestID},
	})
}

// failure writes a refusal.
func (s *service) failure(err *apiError, requestID string) reply {
	if s.target != "" {
		body := object{"__type": err.name}
		body.set(s.errorText, err.text)
		return jsonReply(err.httpStatus(), body)
	}
	return xmlReply(err.httpStatus(), "ErrorResponse", object{
		"Error":     object{"Type": "Sender", "Code": err.name, "Message": err.text},
		"RequestId": requestID,
	})
}

func jsonReply(status int, o object) reply {
	return reply{status: status, contentType: jsonType11, body: encodeJSON(withTimes(o, epoch))}
}

// encodeJSON writes what the emulator put together itself.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only strings, numbers and such are in it
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// withTimes copies o with each time written by write.
func withTimes(o object, write func(time.Time) any) object {
	out := object{}
	for name, v := range o {
		switch v := v.(type) {
		case time.Time:
			out[name] = write(v)
		case []object:
			list := make([]object, len(v))
			for i, item := range v {
				list[i] = withTimes(item, write)
			}
			out[name] = list
		default:
			out[name] = v
		}
	}
	return out
}

// epoch writes a time as awsJson does: seconds since 1970, with milliseconds.
func epoch(t time.Time) any {
	seconds := float64(t.UnixMilli()) / 1000
	return json.Number(strconv.FormatFloat(seconds, 'f', -1, 64))
}

// timeOfEpoch reads seconds since 1970.
func timeOfEpoch(seconds float64) (time.Time, error) {
	if math.Abs(seconds) > maxEpoch {
		return time.Time{}, errors.New("out of range")
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
}

func xmlReply(status int, root string, o object) reply {
	var b bytes.Buffer
	b.WriteString("<" + root + ` xmlns="` + stsNamespace + `">`)
	writeXML(&b, o)
	b.WriteString("</" + root + ">\n")
	return reply{status: status, contentType: "text/xml", body: b.Bytes()}
}

// writeXML writes the members of o in the order of their names.
func writeXML(b *bytes.Buffer, o object) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		b.WriteString("<" + name + ">")
		switch v := o[name].(type) {
		case object:
			writeXML(b, v)
		case time.Time:
			b.WriteString(v.UTC().Format(time.RFC3339))
		case string:
			_ = xml.EscapeText(b, []byte(v)) // a buffer takes everything
		}
		b.WriteString("</" + name + ">")
	}
}
