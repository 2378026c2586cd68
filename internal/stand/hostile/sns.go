package hostile

import (
	"io"
	"net/http"
)

// Topic is an SNS endpoint that answers Publish in a certain way.
type Topic struct {
	Name string
	// Delivered is true if the answer proves that SNS has accepted the message.
	Delivered bool
	// Answer writes the answer.
	Answer http.HandlerFunc
}

const published = `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId></PublishResult>` +
	`<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>`

// Topics lists correct and wrong answers to Publish.
func Topics() []Topic {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	return []Topic{
		{"a message id", true, answer(200, published)},
		{"nothing", false, answer(200, "")},
		{"a page of HTML", false, answer(200, "<html><body>Welcome</body></html>")},
		{"an error with status 200", false, answer(200, "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>")},
		{"half an answer", false, answer(200, published[:80])},
		{"an empty message id", false, answer(200, "<PublishResponse><PublishResult><MessageId></MessageId></PublishResult></PublishResponse>")},
		{"a message id of spaces", false, answer(200, "<PublishResponse><PublishResult><MessageId>  </MessageId></PublishResult></PublishResponse>")},
		{"another operation's answer", false, answer(200, "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes></Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>")},
		{"JSON", false, answer(200, `{"MessageId":"m-1"}`)},
		{"no content", false, answer(204, "")},
		{"a redirect", false, answer(302, "")},
		{"denied", false, answer(403, "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>")},
		{"an error", false, answer(500, "")},
		{"no answer", false, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}},
	}
}
