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
	"syscall"
	"time"

	"ptcaudit/internal/cli/eventbus"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/fixture"
	"ptcaudit/internal/untrusted"
)

type emulateCommand struct {
	Listen         string `default:"127.0.0.1:5000" placeholder:"HOST:PORT" help:"The address to listen on; port 0 picks a free port (default: 127.0.0.1:5000)."`
	Fixture        string `placeholder:"FILE" help:"The registries at the start and the faults to inject, as YAML or JSON; or the output of aws ecr describe-pull-through-cache-rules."`
	Region         string `placeholder:"REGION" help:"The Region of the fixture, if it is the output of aws ecr."`
	Events         string `placeholder:"FILE" help:"Append the CloudTrail event of every change to this file, one JSON object per line."`
	EventsEndpoint string `placeholder:"URL" help:"Send the CloudTrail event of every change to EventBridge of a local cloud, for example http://127.0.0.1:4566."`
	Schema         bool   `help:"Print the JSON schema of fixtures and exit."`
}

// Help is shown below the summary.
func (*emulateCommand) Help() string {
	return `Emulates the five pull through cache operations of ECR with their constraints and errors, GetCallerIdentity and AssumeRole of STS, and the operations of Secrets Manager that a rule's credential needs. The AWS CLI and SDKs work with it unchanged. A twelve-digit access key ID is the account; with any other, the account is 000000000000. The Region is that of the call.

    ptcaudit emulate --fixture registry.yaml --events events.jsonl &
    export AWS_ENDPOINT_URL=http://127.0.0.1:5000
    export AWS_ACCESS_KEY_ID=111122223333 AWS_SECRET_ACCESS_KEY=any
    aws ecr describe-pull-through-cache-rules --region eu-west-1

A local cloud whose EventBridge accepts events with the source aws.ecr can run the whole path from change to notification:

    ptcaudit emulate --events-endpoint http://127.0.0.1:4566

The format of fixtures is a JSON schema, which editors can check:

    ptcaudit emulate --schema > fixture.schema.json

The first line of output is the address; GET /health succeeds once it is ready. SIGTERM or Ctrl-C ends it with exit code 0; an invalid flag or fixture, with 2.`
}

// Run serves until ctx ends.
func (e *emulateCommand) Run(ctx context.Context, c *command) error {
	if e.Schema {
		return writeJSON(c.out, emulator.Schema())
	}
	var start emulator.Fixture
	if e.Fixture != "" {
		data, err := c.readFile(e.Fixture)
		if err != nil {
			return usage(err)
		}
		if start, err = fixture.Parse(sourceOf(e.Fixture), data, e.Region); err != nil {
			return usage(err)
		}
	}
	var sinks []func(event []byte)
	if e.Events != "" {
		if err := checkTarget(e.Events); err != nil {
			return usage(fmt.Errorf("--events %s: %w", e.Events, err))
		}
		file, err := os.OpenFile(e.Events, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return usage(err)
		}
		defer file.Close() //nolint:errcheck // every line was written at once
		sinks = append(sinks, appendLines(file, c.err))
	}
	if e.EventsEndpoint != "" {
		bus, err := eventbus.New(e.EventsEndpoint)
		if err != nil {
			return usage(fmt.Errorf("--events-endpoint: %w", err))
		}
		sinks = append(sinks, func(event []byte) {
			if err := bus.Put(ctx, event); err != nil {
				_, _ = fmt.Fprintf(c.err, "ptcaudit: event not delivered: %s\n", untrusted.Verbatim(err.Error()))
			}
		})
	}
	api, err := emulator.New(start, emulator.WithEvents(func(event []byte) {
		for _, sink := range sinks {
			sink(event)
		}
	}))
	if err != nil {
		return usage(err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", e.Listen)
	if err != nil {
		return usage(cannotListen(e.Listen, err))
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

// cannotListen explains why no server can listen on an address.
func cannotListen(address string, err error) error {
	_, _, invalid := net.SplitHostPort(address)
	switch {
	case invalid != nil:
		return fmt.Errorf("invalid --listen %s: use HOST:PORT, for example 127.0.0.1:5000", address)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("--listen %s: another program uses this port: use another one, or 0 for a free one", address)
	}
	return fmt.Errorf("--listen %s: %w", address, err)
}

// appendLines writes each event as one line to w, and errors to stderr.
func appendLines(w, stderr io.Writer) func(event []byte) {
	var mu sync.Mutex
	return func(event []byte) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := w.Write(append(event, '\n')); err != nil {
			_, _ = fmt.Fprintln(stderr, "ptcaudit: write event:", err)
		}
	}
}
