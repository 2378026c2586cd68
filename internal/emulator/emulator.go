// Package emulator is the pull through cache API of Amazon ECR as an
// http.Handler: the five operations with their constraints, errors, paging and
// quota, the calls of STS and Secrets Manager that rules need, and the CloudTrail
// event of every change. The AWS SDKs and the AWS CLI can use it unmodified. It
// fails on request.
//
// It imports the standard library only, so that it does not repeat a mistake of
// the auditor's code.
//
// Behaviour has a switch for each detail that AWS does not document.
// Signatures are not verified: the access key id names the account, and the
// credential scope the Region.
package emulator

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// bodyLimit bounds a request; the largest legal one, a secret of 64 KiB, is
// far below it.
const bodyLimit = 1 << 20

// Emulator answers API calls. It is safe for concurrent use. Registries are
// isolated: one exists for every account and Region that is asked for.
type Emulator struct {
	now   func() time.Time
	newID func() string
	emit  func(event []byte)

	regions map[string]bool // of the fixture's registries

	mu         sync.Mutex // guards what follows
	registries map[registryKey]*registry
	faults     []*armedFault
	journal    journal
}

// Option changes how an Emulator works.
type Option func(*Emulator)

// WithClock sets the clock of timestamps. Delays of faults do not go by it.
func WithClock(now func() time.Time) Option { return func(e *Emulator) { e.now = now } }

// WithIDs sets where request ids and event ids come from, for tests that
// compare them. newID is called from several goroutines at once.
func WithIDs(newID func() string) Option { return func(e *Emulator) { e.newID = newID } }

// WithEvents has every mutating call, the refused ones too, hand its
// EventBridge event (JSON) to emit before the caller has its answer. emit is
// called from several goroutines at once where calls come at once, and may
// call the emulator.
func WithEvents(emit func(event []byte)) Option { return func(e *Emulator) { e.emit = emit } }

// New makes an emulator with the content of f. The error names everything
// that is wrong with f.
func New(f Fixture, opts ...Option) (*Emulator, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	e := &Emulator{
		now:        time.Now,
		newID:      newUUID,
		emit:       func([]byte) {},
		registries: map[registryKey]*registry{},
		regions:    map[string]bool{},
		journal:    newJournal(),
	}
	for _, opt := range opts {
		opt(e)
	}
	for _, r := range f.Registries {
		e.registries[registryKey{r.Account, r.Region}] = newRegistry(r)
		e.regions[r.Region] = true
	}
	for _, fault := range f.Faults {
		e.faults = append(e.faults, &armedFault{Fault: fault})
	}
	return e, nil
}

// ServeHTTP answers one API call, or GET /health.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/health" {
		reply{status: http.StatusOK, contentType: "application/json", body: []byte(`{"status":"ok"}` + "\n")}.write(w)
		return
	}
	requestID := e.newID()
	w.Header().Set("X-Amzn-Requestid", requestID)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		jsonReply(http.StatusRequestEntityTooLarge, object{"__type": "RequestEntityTooLargeException"}).write(w)
		return
	}
	c, refusal := readCall(r, body)
	if refusal != nil {
		c.service.failure(refusal, requestID).write(w)
		return
	}
	c.requestID, c.now = requestID, e.now().UTC()
	e.serve(w, r, c)
}

// serve answers a call that could be read, as the faults want it.
func (e *Emulator) serve(w http.ResponseWriter, r *http.Request, c *call) {
	fault := e.begin(c)
	if !sleep(r.Context(), fault.delay) {
		e.end(c, "RequestCanceled")
		http.Error(w, "the request was cancelled", http.StatusServiceUnavailable)
		return
	}
	if in := fault.instead; in != nil && in.Code == "" {
		// The caller gets no answer of the API. It is unknown whether AWS
		// would record the call, so the emulator does not.
		e.end(c, "NoAnswer")
		in.reply().writeCut(w, in.cut())
		return
	}
	var out object
	var refusal *apiError
	if in := fault.instead; in != nil {
		refusal = in.error(c)
	} else {
		out, refusal = e.run(c)
	}
	e.end(c, refusal.code())
	if c.mutates(e.behaviour(c)) {
		e.emit(newEvent(c, out, refusal, e.newID))
	}
	if refusal != nil {
		c.service.failure(refusal, c.requestID).writeCut(w, fault.cut)
		return
	}
	c.service.success(c.operation, fault.alter(out), c.requestID).writeCut(w, fault.cut)
}

// withoutAPI reports whether a Region answers as one that has no pull through
// cache rules: those that AWS documents to be without, unless the fixture has a
// registry there:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
func (e *Emulator) withoutAPI(region string) bool {
	if !strings.HasPrefix(region, "cn-") && !strings.HasPrefix(region, "us-gov-") {
		return false
	}
	return !e.regions[region]
}

// run checks a call and carries it out.
func (e *Emulator) run(c *call) (object, *apiError) {
	if c.service.name == "ecr" && e.withoutAPI(c.region) {
		return nil, errorf("UnknownOperationException", "")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.authorize(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return c.operation.run(e.registry(c), c)
}

// registry finds the caller's registry; e.mu is held.
func (e *Emulator) registry(c *call) *registry {
	key := registryKey{c.account, c.region}
	r, ok := e.registries[key]
	if !ok {
		r = newRegistry(Registry{Account: c.account, Region: c.region})
		e.registries[key] = r
	}
	return r
}

// behaviour is that of the caller's registry.
func (e *Emulator) behaviour(c *call) Behaviour {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.registry(c).behaviour
}

// begin records a call and gives the faults that apply to it.
func (e *Emulator) begin(c *call) effect {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.journal.begin(c)
	return take(e.faults, c)
}

// end notes how a call came out.
func (e *Emulator) end(c *call, code string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.journal.end(c, code)
}

// sleep waits for d, and reports whether the client still waits for the answer.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// newUUID makes a random UUID, the form of AWS's request and event ids.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // never fails: it ends the program instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
