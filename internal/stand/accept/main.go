// Command accept deploys ptcaudit into an AWS account under a throw-away name,
// answers what only an account can answer, and removes everything. `make accept`
// runs it; README.md lists the questions. It calls AWS through the AWS CLI and the
// CDK's CLI.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"ptcaudit/internal/ptc"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	// Further signals do nothing, so that no second Ctrl-C ends the cleanup.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		_, _ = fmt.Fprintln(os.Stderr, "interrupted: removing everything, please wait")
		cancel(errInterrupted)
	}()
	os.Exit(command(ctx, os.Getenv("ACCEPT"), os.Getenv("ARCH"), os.Stdout, os.Stderr))
}

// command runs with a go-ahead, ACCOUNT/REGION, and returns the exit code: 0 if
// the run was complete and nothing is left, 2 without a valid go-ahead, else 1.
func command(ctx context.Context, goAhead, architecture string, stdout, stderr io.Writer) int {
	account, region, err := parseGoAhead(goAhead)
	_, _ = fmt.Fprint(stderr, plan)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 2
	}
	root, err := os.Getwd()
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	id := newID()
	scratch := filepath.Join(root, ".cache", "accept", id)
	s := settings{
		account: account, region: region, id: id, root: root, scratch: scratch, architecture: architecture,
		recorded: filepath.Join(root, "functions", "audit", "events", "recorded"),
		endpoint: func(string) string { return "" },
		run:      execute(append(os.Environ(), "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "AWS_PAGER="), root),
		pause:    pause, interval: 15 * time.Second, notification: 10 * time.Minute, patience: 15 * time.Minute, log: stderr,
	}
	r, text, err := s.accept(ctx, steps)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
	}
	_, _ = fmt.Fprint(stdout, text)
	if r.failure != nil || len(r.left) > 0 || err != nil {
		return 1
	}
	return 0
}

// accept plays the steps, removes everything, and writes recorded events and the
// report. Its error means that one of the latter could not be written.
func (s settings) accept(ctx context.Context, list []step) (r result, text string, err error) {
	w := newWorld(s)
	r = result{region: s.region, architecture: s.architecture, local: s.local, began: time.Now(), version: s.version(ctx)}
	if err := os.MkdirAll(s.scratch, 0o750); err != nil {
		return r, "", err
	}
	w.say("Every name begins with %s or %s.", w.name(), w.prefix())
	r.failure = w.play(ctx, list)
	if r.failure != nil {
		w.say("failed: %v", r.failure)
	}
	r.left = w.cleanUp(ctx)
	r.ended = time.Now()

	red := newRedactor()
	red.account(s.account) // it becomes 111122223333
	r.files, err = record(s.recorded, append(w.facts.events, w.facts.reads...), red)
	r.answers, r.failures, r.calls = answersOf(&w.facts, r.failure == nil), failureTexts(&w.facts), w.facts.calls
	r.problems, r.remains = w.problems, w.remains
	text = r.markdown(red)
	if err == nil {
		file := filepath.Join(s.scratch, "report.md")
		err = os.WriteFile(file, []byte(text), 0o600)
		w.say("The report is %s, the events are in %s.", file, s.recorded)
	}
	return r, text, err
}

// version is the commit that is tried.
func (s settings) version(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "-C", s.root, "describe", "--always", "--dirty").Output() //nolint:gosec // the repository
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// plan is printed before anything is created.
const plan = `make accept deploys ptcaudit into your AWS account for about 30 minutes. It creates:
  - a stack: function, queues, topics, 2 keys, 2 buckets, alarms; a trail if none logs in this Region
  - 4 queues, 3 EventBridge rules, a secret and a role
  - up to 9 pull through cache rules, 2 repository creation templates and a few repositories
It removes all of them at the end, also after a failure or Ctrl-C, and lists what it could not
remove. AWS deletes the keys after 7 days. The service-linked role of ECR and the packages in the
CDK's bootstrap bucket remain. Cost: about $1, mostly keys and alarms.
The account must have been prepared with make bootstrap.

`

// parseGoAhead reads ACCOUNT/REGION.
func parseGoAhead(s string) (account, region string, err error) {
	account, region, _ = strings.Cut(s, "/")
	if !ptc.ValidAccount(account) || !ptc.ValidRegion(region) {
		return "", "", fmt.Errorf("no go-ahead for an account and a Region: run make accept ACCEPT=ACCOUNT/REGION, for example ACCEPT=111122223333/eu-west-1")
	}
	return account, region, nil
}

// newID is the part of all names that differs from run to run.
func newID() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
