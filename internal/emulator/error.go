package emulator

import (
	"fmt"
	"net/http"
)

// apiError is a refusal of the API.
type apiError struct {
	name   string // the error's name, for example PullThroughCacheRuleNotFoundException
	text   string
	status int // HTTP; 0: the one that belongs to name
}

func errorf(name, format string, args ...any) *apiError {
	return &apiError{name: name, text: fmt.Sprintf(format, args...)}
}

// code is the error's name; empty for none.
func (e *apiError) code() string {
	if e == nil {
		return ""
	}
	return e.name
}

// httpStatus is the status that AWS sends with an error: awsJson 1.1 puts
// nearly every client's error into 400.
func (e *apiError) httpStatus() int {
	if e.status != 0 {
		return e.status
	}
	switch e.name {
	case "ServerException", "InternalFailure", "InternalServerError", "InternalServiceError":
		return http.StatusInternalServerError
	case "ServiceUnavailable", "ServiceUnavailableException":
		return http.StatusServiceUnavailable
	case "TooManyRequestsException":
		return http.StatusTooManyRequests
	}
	return http.StatusBadRequest
}
