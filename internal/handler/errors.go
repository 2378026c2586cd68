package handler

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"ptcaudit/internal/delivery"
	"ptcaudit/internal/ptc"
)

// errSoon means that an audit is deferred: another has just begun.
var errSoon = errors.New("deferred")

// crash is a panic within an audit.
type crash struct {
	registry ptc.Registry
	value    any
}

func (c *crash) Error() string { return fmt.Sprintf("audit of %s crashed: %v", c.registry, c.value) }

// reason returns what may be logged of an error: what failed, and the kind and
// code of a fault, but no text from outside. Errors of package trigger hold no
// such text.
func reason(err error) string {
	if crashed, ok := errors.AsType[*crash](err); ok {
		if fault, ok := crashed.value.(runtime.Error); ok {
			return "audit crashed: " + fault.Error()
		}
		return fmt.Sprintf("audit crashed: %T", crashed.value)
	}
	what := ""
	fault, isFault := errors.AsType[*ptc.Fault](err)
	if _, ok := errors.AsType[*delivery.PublishError](err); ok {
		what = "message not published"
	} else if isFault {
		what = fault.Operation
	}
	switch {
	case isFault:
		return strings.TrimSpace(fmt.Sprintf("%s: %s %s", what, fault.Kind, fault.Code))
	case what != "":
		return what
	}
	return err.Error()
}
