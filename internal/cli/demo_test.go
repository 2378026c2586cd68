package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/cli"
	"ptcaudit/internal/cli/demo"
)

func runDemo(t *testing.T, env ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Run(t.Context(), []string{"demo"}, env, strings.NewReader(""), &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("stderr:\n%s", stderr.String())
	}
	return stdout.String(), code
}

func TestDemoShowsTheLoop(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	// The user's settings must not affect it.
	out, code := runDemo(t, "PTCAUDIT_TOPIC_ARN=arn:aws:sns:eu-west-1:111122223333:audit", "PTCAUDIT_POLICY=nosuch.yaml", "PTCAUDIT_MISSPELT=1")
	if code != cli.ExitOK {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	at := 0
	for _, want := range []string{
		"$ ptcaudit emulate --listen 127.0.0.1:0",
		"6 rules, no failures.",
		"No new findings for 111122223333 eu-west-1: all failures are waived or were already notified.",
		"$ aws ecr create-pull-through-cache-rule",
		"$ timeout --signal=KILL 0.5 ptcaudit event queue.json\nKilled\n",
		"$ ptcaudit event queue.json",
		"Subject: [CRITICAL] docker-hub: ECR cannot use",
		"Changed by: jane (arn:aws:iam::111122223333:role/developer), PutSecretValue",
		"CRITICAL  docker-hub: ECR cannot use",
		"HIGH      quay: ",
		"No new findings for 111122223333 eu-west-1: its 2 failures were already notified.",
		"$ aws secretsmanager put-secret-value",
		`{"ecrRepositoryPrefix":"docker-hub","isValid":true}`,
		"$ aws ecr delete-pull-through-cache-rule",
		"Subject: [RESOLVED] 2 failures - ",
		"$ ptcaudit event queue.json & ptcaudit event queue.json\nSubject: [HIGH] docker-hub: ",
		"Changed by: bob (arn:aws:iam::111122223333:role/developer),",
		"\nNo ",
		"Subject: [HIGH] 1 changed failure on kubernetes",
		"Why now: The waiver of platform@acme.example",
		"$ ptcaudit history",
		"Registry 111122223333 eu-west-1: 7 audits.",
		"2 failures: 2 high.",
	} {
		found := strings.Index(out[at:], want)
		if found < 0 {
			t.Fatalf("%q is missing or in the wrong place:\n%s", want, out)
		}
		at += found + len(want)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind, error %v", left, err)
	}
}

// The mail comes from the handler: no line of it is in the demo.
func TestDemoDoesNotKnowTheMail(t *testing.T) {
	out, _ := runDemo(t)
	_, mail, _ := strings.Cut(out, "Subject: ")
	mail, _, found := strings.Cut(mail, "\n\nRULE CHANGES ")
	if !found {
		t.Fatalf("no mail in\n%s", out)
	}
	files, err := filepath.Glob("demo/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(mail) {
			if line = strings.TrimSpace(line); len(line) > 20 && bytes.Contains(source, []byte(line)) {
				t.Errorf("%s holds a line of the mail: %q", file, line)
			}
		}
	}
}

// A step without the described result ends the demo with an error.
func TestDemoFailsIfAStepFails(t *testing.T) {
	fails := func(code int) func(func() int, []string) int {
		return func(func() int, []string) int { return code }
	}
	tests := []struct {
		name    string
		command string // that goes wrong
		nth     int32
		instead func(run func() int, args []string) int
		want    string
	}{
		{"no emulator", "emulate", 1, fails(2), "the emulator did not start, exit code 2"},
		{"not in order at first", "audit", 1, fails(1), "the first audit ended with exit code 1"},
		{"a mail too many", "event", 1, replies(`{"notifications":[{"status":"FAILED"}]}`), "no mail expected, got one of status FAILED"},
		{"event not handled", "event", 2, fails(3), "the event was not handled, exit code 3"},
		{"no mail", "event", 2, replies(`{"notifications":[]}`), "expected one mail of status FAILED, got 0 mails"},
		{"another mail", "event", 2, replies(`{"notifications":[{"status":"FAILED","findings":[{"prefix":"quay"}]}]}`), "the mail does not mention docker-hub"},
		{"the same again", "event", 3, replies(`{"notifications":[{"status":"REMINDER"}]}`), "no mail expected, got one of status REMINDER"},
		{"a mail without advice", "event", 2, replies(`{"notifications":[{"status":"FAILED","findings":[{"prefix":"quay"},{"prefix":"docker-hub"}]}]}`), "the mail has no command"},
		{"bad advice", "event", 2, replies(`{"notifications":[{"status":"FAILED","findings":[{"prefix":"quay","remediation":"aws ecr delete-pull-through-cache-rule --ecr-repository-prefix qua"},{"prefix":"docker-hub"}]}]}`), "PullThroughCacheRuleNotFoundException"},
		{"not fixed", "event", 4, replies(`{"notifications":[]}`), "expected one mail of status RESOLVED, got 0 mails"},
		{"two at once, two mails", "event", 5, replies(`{"notifications":[{"status":"FAILED"},{"status":"FAILED"}]}`), "expected one mail of status FAILED, got "},
		{"covered by a waiver", "event", 7, replies(`{"notifications":[]}`), "expected one mail of status CHANGED, got 0 mails"},
		{"no history", "history", 1, fails(3), "the history ended with exit code 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			command := cli.OnDemo()
			err := demo.Run(t.Context(), demo.Options{
				Out:     io.Discard,
				Process: cli.Process,
				Command: func(ctx context.Context, cfg aws.Config, env []string, out io.Writer, args ...string) int {
					run := func() int { return command(ctx, cfg, env, out, args...) }
					if args[0] != tt.command || calls.Add(1) != tt.nth {
						return run()
					}
					return tt.instead(run, args)
				},
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that contains %q", err, tt.want)
			}
		})
	}
}

// A process that ends before it is killed fails the demo.
func TestDemoKills(t *testing.T) {
	err := demo.Run(t.Context(), demo.Options{
		Out: io.Discard, Command: cli.OnDemo(),
		Process: func(ctx context.Context, _ []string, _ ...string) *exec.Cmd {
			return exec.CommandContext(ctx, "true") // ends at once, however busy the machine is
		},
	})
	if want := "the auditor ended before it could be killed"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that contains %q", err, want)
	}
}

// replies has a command write other JSON to its file.
func replies(content string) func(func() int, []string) int {
	return func(run func() int, args []string) int {
		code := run()
		for _, arg := range args {
			if file, ok := strings.CutPrefix(arg, "json="); ok {
				_ = os.WriteFile(file, []byte(content), 0o600)
			}
		}
		return code
	}
}
