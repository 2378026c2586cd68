package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"ptcaudit/internal/emulator"
)

type emulateCommand struct {
	Listen         string `default:"127.0.0.1:5000" placeholder:"HOST:PORT" help:"Where to listen; port 0 takes a free one (default 127.0.0.1:5000)."`
	Fixture        string `placeholder:"FILE" help:"What the registries hold at first, and what is to go wrong: YAML or JSON, or the output of aws ecr describe-pull-through-cache-rules."`
	Region         string `placeholder:"REGION" help:"The Region of a fixture that is such an output."`
	Events         string `placeholder:"FILE" help:"Append the CloudTrail event of every change to this file, one JSON object a line."`
	EventsEndpoint string `placeholder:"URL" help:"Send the CloudTrail event of every change to EventBridge of a local cloud."`
}

// Help is shown below the summary.
func (*emulateCommand) Help() string {
	return `Serves the five pull through cache operations of ECR, with their constraints and errors, GetCallerIdentity of STS, and as much of Secrets Manager as a rule's credential needs. The AWS CLI and the SDKs talk to it unmodified. A twelve-digit access key id is the account, any other stands for account 000000000000; the Region is the caller's.

    ptcaudit emulate --fixture registry.yaml --events events.jsonl &
    export AWS_ENDPOINT_URL=http://127.0.0.1:5000
    export AWS_ACCESS_KEY_ID=111122223333 AWS_SECRET_ACCESS_KEY=any
    aws ecr describe-pull-through-cache-rules --region eu-west-1

A local cloud that lets events with a source of AWS's own pass, which EventBridge does for CloudTrail alone, runs the whole loop:

    ptcaudit emulate --events-endpoint http://127.0.0.1:4566

The first line of its output says where it listens; GET /health answers when it is up. It ends, with exit code 0, on SIGTERM or Ctrl-C.`
}

// Run serves until ctx ends.
func (e *emulateCommand) Run(ctx context.Context, c *command) error {
	var fixture emulator.Fixture
	if e.Fixture != "" {
		var err error
		if fixture, err = readFixture(e.Fixture, e.Region); err != nil {
			return usage(err)
		}
	}
	var sinks []func(event []byte)
	if e.Events != "" {
		file, err := os.OpenFile(e.Events, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return usage(err)
		}
		defer file.Close() //nolint:errcheck // every line was written at once
		sinks = append(sinks, lines(file, c.err))
	}
	if e.EventsEndpoint != "" {
		bus, err := newEventBridge(e.EventsEndpoint)
		if err != nil {
			return usage(err)
		}
		sinks = append(sinks, bus.sink(ctx, c.err))
	}
	api, err := emulator.New(fixture, emulator.WithEvents(func(event []byte) {
		for _, sink := range sinks {
			sink(event)
		}
	}))
	if err != nil {
		return usage(err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", e.Listen)
	if err != nil {
		return usage(err)
	}
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if _, err := fmt.Fprintf(c.out, "listening on http://%s\n", listener.Addr()); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// lines writes each event as a line of its own.
func lines(w, complaints io.Writer) func(event []byte) {
	var mu sync.Mutex
	return func(event []byte) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := w.Write(append(event, '\n')); err != nil {
			_, _ = fmt.Fprintln(complaints, "ptcaudit: write event:", err)
		}
	}
}
