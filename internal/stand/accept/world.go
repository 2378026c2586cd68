package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// runner runs a program and returns its standard output.
type runner func(ctx context.Context, program string, args ...string) ([]byte, error)

// settings are what a run depends on.
type settings struct {
	account, region string
	// id makes names of this run unique: letters and digits, at most 8.
	id string
	// local is true for the local cloud.
	local bool
	// root is the folder of the repository, scratch one for temporary files, and
	// recorded that of the recorded events.
	root, scratch, recorded string
	// architecture of the function: arm64 or amd64.
	architecture string
	// endpoint returns the URL of a service, or "" for that of AWS.
	endpoint func(service string) string
	run      runner
	// pause waits, or returns early if ctx ends.
	pause func(ctx context.Context, d time.Duration)
	// interval is how long to wait between two looks, notification how long to
	// wait for one, and patience how long to wait for everything at the end.
	interval, notification, patience time.Duration
	log                              io.Writer
}

// name is that of the stack, and the beginning of every other name.
func (s settings) name() string { return "ptcaudit-accept-" + s.id }

// prefix is that of all rules, without a slash. ECR allows 30 characters for the
// whole prefix of a rule.
func (s settings) prefix() string { return "pa" + s.id }

// undo removes something that a step creates.
type undo struct {
	what string
	do   func(ctx context.Context) error
}

// world is one run. Not safe for concurrent use.
type world struct {
	settings
	facts     facts
	partition string
	outputs   map[string]string // of the stack
	queues    map[string]string // URLs
	undos     []undo
	// left is what remains on purpose, and what could not be removed.
	remains, left []string
	problems      []string
	seen          map[string]bool // messages of queues, objects of evidence
	secretARN     string
	stackBuckets  []string // that remain when the stack is deleted
}

func newWorld(s settings) *world {
	return &world{settings: s, partition: "aws", outputs: map[string]string{}, queues: map[string]string{}, seen: map[string]bool{}, facts: facts{
		local: s.local, prefix: s.prefix(), validations: map[string]validation{}, calls: map[string]outcome{},
		alarms: map[string]string{}, buckets: map[string]bucket{}, repositories: map[string]string{},
	}}
}

// aws runs the AWS CLI and decodes its answer into out, if out is not nil.
func (w *world) aws(ctx context.Context, out any, args ...string) error {
	args = append(args, "--region", w.region, "--output", "json")
	if url := w.endpoint(args[0]); url != "" && !slices.Contains(args, "--endpoint-url") {
		args = append(args, "--endpoint-url", url)
	}
	answer, err := w.run(ctx, filepath.Join(w.root, ".cache", "clients", "bin", "aws"), args...)
	if err != nil {
		return fmt.Errorf("aws %s %s: %w", args[0], args[1], err)
	}
	if out == nil || len(bytes.TrimSpace(answer)) == 0 {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// try makes a call that AWS may refuse, and remembers the outcome under a name.
func (w *world) try(ctx context.Context, name string, args ...string) bool {
	err := w.aws(ctx, nil, args...)
	o := outcome{}
	if err != nil {
		o.err = short(err)
	}
	w.facts.calls[name] = o
	return err == nil
}

// undoing remembers how to remove something. It is called before the thing is
// created, because the creation can be interrupted after it took effect.
func (w *world) undoing(what string, do func(ctx context.Context) error) {
	w.undos = append(w.undos, undo{what, do})
}

// deleting is undoing by one call of the AWS CLI.
func (w *world) deleting(what string, args ...string) {
	w.undoing(what, func(ctx context.Context) error { return gone(w.aws(ctx, nil, args...)) })
}

// gone is the error of removing one thing: nil if it did not exist.
func gone(err error) error {
	if err != nil && missing.MatchString(err.Error()) {
		return nil
	}
	return err
}

// missing are the error codes and texts of things that do not exist.
var missing = regexp.MustCompile(`\((?:[\w.]*(?:NotFound|NoSuch|NonExistent|DoesNotExist)\w*)\)|does not exist|can't find the specified secret`)

// cleanUpTries is how often removing a thing is tried. Some can be removed only
// when others are gone.
const cleanUpTries = 3

// cleanUp removes everything, the latest first, whatever fails, also if ctx has
// ended. It returns what it could not remove.
func (w *world) cleanUp(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	open := slices.Clone(w.undos)
	slices.Reverse(open)
	failed := map[string]error{}
	for try := range cleanUpTries {
		if try > 0 && len(open) > 0 {
			w.pause(ctx, 3*w.interval)
		}
		open = slices.DeleteFunc(open, func(u undo) bool {
			err := u.do(ctx)
			if err == nil {
				w.say("removed: %s", u.what)
				return true
			}
			failed[u.what] = err
			return false
		})
	}
	for _, u := range open {
		w.left = append(w.left, u.what+": "+short(failed[u.what]))
	}
	w.undos = nil
	return w.left
}

// cleanUpTimeout bounds the cleanup. Deleting a stack takes a few minutes.
const cleanUpTimeout = 30 * time.Minute

func (w *world) say(format string, args ...any) {
	_, _ = fmt.Fprintf(w.log, format+"\n", args...)
}

// until looks until ready returns true, at most for limit. It reports whether
// ready was.
func (w *world) until(ctx context.Context, limit time.Duration, ready func() (bool, error)) (bool, error) {
	for deadline := time.Now().Add(limit); ; {
		ok, err := ready()
		switch {
		case ok || err != nil:
			return ok, err
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case !time.Now().Before(deadline):
			return false, nil
		}
		w.pause(ctx, w.interval)
	}
}

// introduction is how the AWS CLI begins an error.
var introduction = regexp.MustCompile(`(?:exit status \d+: )?An error occurred `)

// short is an error in one line without the introduction of the AWS CLI.
func short(err error) string {
	return introduction.ReplaceAllString(strings.Join(strings.Fields(err.Error()), " "), "")
}

// execute is the runner of real programs. A program runs in its own process
// group, so that Ctrl-C ends it through ctx only, and cleanup commands not at all.
func execute(environ []string, folder string) runner {
	return func(ctx context.Context, program string, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // programs of this repository
		cmd.Dir, cmd.Env = folder, environ
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		// The CDK's CLI starts other programs.
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
		cmd.WaitDelay = 10 * time.Second
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if err == nil {
			return stdout.Bytes(), nil
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		const most = 2000 // the end has the error
		text := strings.TrimSpace(stderr.String())
		return nil, fmt.Errorf("%w: %s", err, text[max(0, len(text)-most):])
	}
}

// pause waits on the clock.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// errInterrupted is the cause of a run that Ctrl-C ended.
var errInterrupted = errors.New("interrupted")

// readFiles reads the files below a folder by path.
func readFiles(folder string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(path) //nolint:gosec // a file of this run
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return files, err
}
