package emulator

import "time"

// object is a structure of the API: a request or an answer. Times in it are
// time.Time until it is written, because the API and CloudTrail write them
// differently.
type object map[string]any

// set puts v under name, unless v is empty: absent members are not written.
func (o object) set(name, v string) {
	if v != "" {
		o[name] = v
	}
}

// call is one API call that could be read.
type call struct {
	caller
	service   *service
	operation *operation
	input     object // only members that the operation knows
	requestID string
	now       time.Time
	userAgent string
	source    string // the client's address
}

// text is a string member of the input; empty if it is absent.
func (c *call) text(name string) string {
	s, _ := c.input[name].(string)
	return s
}

// mutates reports whether a call sends an event.
func (c *call) mutates(b Behaviour) bool {
	if c.operation.name == "ValidatePullThroughCacheRule" {
		return b.ValidateEvents == Send
	}
	return c.operation.mutates
}

// action is the call's name in IAM.
func (c *call) action() string { return c.service.name + ":" + c.operation.name }
