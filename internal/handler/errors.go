package handler

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"ptcaudit/internal/ptc"
)

// errLater says that an audit is left to another try.
var errLater = errors.New("left to another try")

// unsaid is a message that could not be published.
type unsaid struct{ err error }

func (u *unsaid) Error() string { return "publish: " + u.err.Error() }
func (u *unsaid) Unwrap() error { return u.err }

// crash is a panic within an audit.
type crash struct {
	registry ptc.Registry
	value    any
}

func (c *crash) Error() string { return fmt.Sprintf("audit of %s crashed: %v", c.registry, c.value) }

// reason is what may be logged of an error: what failed, and the kind and code
// of an API's fault, but no text from outside. The errors of package trigger hold none.
func reason(err error) string {
	if crashed, ok := errors.AsType[*crash](err); ok {
		if fault, ok := crashed.value.(runtime.Error); ok {
			return "audit crashed: " + fault.Error()
		}
		return fmt.Sprintf("audit crashed: %T", crashed.value)
	}
	if failed, ok := errors.AsType[*unsaid](err); ok {
		if fault, ok := errors.AsType[*ptc.Fault](failed); ok {
			return strings.TrimSpace(fmt.Sprintf("message not published: %s %s", fault.Kind, fault.Code))
		}
		return "message not published"
	}
	return err.Error()
}
