package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// runtimeAPI is the part of Lambda's runtime API that a function needs:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// It sends one event at a time and waits for the reply.
type runtimeAPI struct {
	ready   chan time.Time
	events  chan string
	replies chan reply
	server  *http.Server
	address string
}

// reply is the function's reply to an event, or its error.
type reply struct {
	body []byte
	err  error
}

func newRuntimeAPI(ctx context.Context) (*runtimeAPI, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	api := &runtimeAPI{
		ready: make(chan time.Time, 1), events: make(chan string), replies: make(chan reply, 1),
		address: listener.Addr().String(),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case api.ready <- time.Now():
		default:
		}
		select {
		case event := <-api.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "bench")
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:111122223333:function:audit")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			_, _ = io.WriteString(w, event)
		case <-r.Context().Done():
		}
	})
	answer := func(fault bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil && fault {
				err = fmt.Errorf("the function failed: %s", body)
			}
			w.WriteHeader(http.StatusAccepted)
			api.replies <- reply{body, err}
		}
	}
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/bench/response", answer(false))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/bench/error", answer(true))
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", answer(true))
	api.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = api.server.Serve(listener) }()
	return api, nil
}

// function is a running Lambda process.
type function struct {
	api *runtimeAPI
	cmd *exec.Cmd
	// startup is the time from its start to its request for the first event.
	startup time.Duration
}

// start runs a bootstrap until it requests its first event.
func start(ctx context.Context, bootstrap string, env ...string) (*function, error) {
	api, err := newRuntimeAPI(ctx)
	if err != nil {
		return nil, err
	}
	f := &function{api: api, cmd: exec.CommandContext(ctx, bootstrap)}
	f.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + api.address, "AWS_LAMBDA_FUNCTION_NAME=audit", "_HANDLER=bootstrap",
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=111122223333", "AWS_SECRET_ACCESS_KEY=bench",
		"PTCAUDIT_POLICY=strict", "PTCAUDIT_TOPIC_ARN=arn:aws:sns:eu-west-1:111122223333:ptcaudit",
	}, env...)
	f.cmd.Stderr = os.Stderr
	began := time.Now()
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	select {
	case at := <-api.ready:
		f.startup = at.Sub(began)
		return f, nil
	case r := <-api.replies:
		f.stop()
		return nil, fmt.Errorf("%s did not start: %w", bootstrap, r.err)
	case <-time.After(time.Minute):
		f.stop()
		return nil, fmt.Errorf("%s requested no event within a minute", bootstrap)
	}
}

// invoke sends the function one event and waits for its reply.
func (f *function) invoke(event string) ([]byte, error) {
	f.api.events <- event
	r := <-f.api.replies
	return r.body, r.err
}

// resident returns the resident memory of the process, in bytes.
func (f *function) resident() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in /proc/%d/status", f.cmd.Process.Pid)
}

func (f *function) stop() {
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
	_ = f.api.server.Close()
}
