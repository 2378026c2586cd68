package emulator

import (
	"net/http"
	"strconv"
)

// reply is an HTTP answer, whole, so that it can be cut.
type reply struct {
	status      int
	contentType string
	body        []byte
}

func (a reply) write(w http.ResponseWriter) { a.writeCut(w, cutNever) }

// writeCut sends the answer, or closes the connection in the middle of it.
func (a reply) writeCut(w http.ResponseWriter, where cut) {
	if where == cutBeforeHead {
		panic(http.ErrAbortHandler) // net/http's way to close a connection
	}
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if where == cutMidBody {
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(a.body) // an error means that the client has disconnected
}

// cut is the place at which a connection is closed.
type cut int

const (
	cutNever cut = iota
	cutBeforeHead
	cutMidBody
)
