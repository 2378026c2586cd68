package hostile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ptcaudit/internal/app"
	"ptcaudit/internal/aws/queue"
	"ptcaudit/internal/cli"
	"ptcaudit/internal/config"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/stand/hostile"
	"ptcaudit/internal/stand/snsstub"
	"ptcaudit/internal/stand/toolbox"
)

// asCommand is set if the test binary is to run the command.
const asCommand = "TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(cli.Run(context.Background(), os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const topic = "arn:aws:sns:eu-west-1:111122223333:ptcaudit"

// settings is the environment of a command whose ECR is a scenario. Calls time
// out soon, so that a scenario that never answers ends.
func settings(endpoint string, more ...string) []string {
	return append([]string{
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=" + hostile.Region, "AWS_ACCESS_KEY_ID=" + hostile.Account,
		"AWS_SECRET_ACCESS_KEY=any", "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=2", "HOME=/nonexistent",
		"PTCAUDIT_CALL_TIMEOUT=500ms",
	}, more...)
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// command runs the command and returns its exit code and outputs.
func command(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...) //nolint:gosec // this very binary
	cmd.Env = slices.Concat(env, []string{asCommand + "=1"})
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	exited := &exec.ExitError{}
	if err != nil && !errors.As(err, &exited) {
		t.Fatalf("run: %v\n%s", err, errs.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestCommand requires the exit code of the correct result in every scenario.
func TestCommand(t *testing.T) {
	toolbox.Prove(t)
	allowed := map[hostile.Result][]int{
		hostile.Sound: {0}, hostile.Failing: {1}, hostile.Incomplete: {3}, hostile.NotSound: {1, 3},
	}
	for _, w := range hostile.ECR() {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			env := settings(serve(t, hostile.Serve(w)))
			code, stdout, stderr := command(t, env, "audit")
			if !slices.Contains(allowed[w.Want], code) {
				t.Errorf("exit code %d, want one of %v (%s)\n%s%s", code, allowed[w.Want], w.Want, stdout, stderr)
			}
			if strings.Contains(stdout+stderr, "goroutine ") {
				t.Errorf("a trace was printed:\n%s", stderr)
			}
			if w.Want == hostile.Incomplete && !strings.Contains(stdout, "NOT CHECKED") && !strings.Contains(stdout, "NOT AUDITED") {
				t.Errorf("the output does not say that something was not checked:\n%s", stdout)
			}
			checkLines(t, stdout)
		})
	}
}

// checkLines requires that no line, whatever its indentation, begins with words
// of hostile.Injection: a reader could take them for a command or a result of
// ours.
func checkLines(t *testing.T, text string) {
	t.Helper()
	words := strings.Fields(hostile.Injection)
	for line := range strings.Lines(text) {
		first := strings.Fields(line)
		for i := range words {
			if n := min(2, len(words)-i); len(first) >= n && slices.Equal(first[:n], words[i:i+n]) {
				t.Errorf("text from outside begins a line: %q", line)
			}
		}
	}
}

// TestLinesAtAnyWidth runs checkLines on reports and notifications for several
// widths of a terminal.
func TestLinesAtAnyWidth(t *testing.T) {
	world := scenario(t, "a URL with line breaks")
	request := filepath.Join(t.TempDir(), "request.json")
	content := `{"schema":"ptcaudit/request/v1","account":"` + hostile.Account + `","region":"` + hostile.Region + `","reason":"request"}`
	if err := os.WriteFile(request, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	env := settings(serve(t, hostile.Serve(world)))
	for _, columns := range []string{"60", "66", "72", "80", "100"} {
		for _, args := range [][]string{{"audit"}, {"event", request}, {"audit", "-o", "markdown"}, {"audit", "-o", "github"}} {
			_, stdout, stderr := command(t, append(slices.Clone(env), "COLUMNS="+columns), args...)
			if !strings.Contains(stdout, "evil.example") {
				t.Errorf("%v shows nothing of the URL:\n%s%s", args, stdout, stderr)
			}
			checkLines(t, stdout)
		}
	}
}

// TestFunction requires a notification with the correct result in every scenario.
func TestFunction(t *testing.T) {
	for _, w := range hostile.ECR() {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t)
			f.enter(hostile.Serve(w))
			acknowledged := f.invoke(t, lastTry)
			if !acknowledged {
				t.Errorf("the last try is not acknowledged:\n%s", f.logs)
			}
			checkStatuses(t, w.Want, f.statuses())
		})
	}
}

// TestIncompleteAuditKeepsKnownFailures: an incomplete audit neither resolves a
// failure nor removes it from the ledger.
func TestIncompleteAuditKeepsKnownFailures(t *testing.T) {
	toolbox.Prove(t)
	for _, w := range hostile.ECR() {
		if w.Want != hostile.Incomplete {
			continue
		}
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t, "PTCAUDIT_STATE=file://"+t.TempDir())
			before := hostile.Before(w)
			f.enter(hostile.Serve(before))
			f.invoke(t, lastTry)
			checkStatuses(t, hostile.Failing, f.statuses())

			f.enter(hostile.Serve(w))
			f.invoke(t, lastTry)
			if f.mentions("RESOLVED") {
				t.Errorf("resolved by an audit that was incomplete: %v", f.statuses())
			}
			published := len(f.topic.Published())
			f.enter(hostile.Serve(before))
			f.invoke(t, lastTry)
			for _, m := range f.topic.Published()[published:] {
				if strings.Contains(m.Attributes["status"].Value, "FAILED") {
					t.Errorf("a known failure was forgotten and is new again: %s", m.Subject)
				}
			}
		})
	}
}

// TestTopics: a message of the queue is acknowledged, and a failure counts as
// notified, only if SNS has accepted the notification.
func TestTopics(t *testing.T) {
	for _, tt := range hostile.Topics() {
		t.Run(tt.Name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t, "PTCAUDIT_STATE=file://"+t.TempDir())
			f.enter(hostile.Serve(hostile.ECR()[0])) // a forbidden upstream
			f.answer(tt.Answer)
			if got := f.invoke(t, batch(1)); got != tt.Delivered {
				t.Errorf("acknowledged: %v, want %v\n%s", got, tt.Delivered, f.logs)
			}
			f.answer(f.topic)
			f.invoke(t, lastTry)
			if got := f.mentions("FAILED"); got == tt.Delivered {
				t.Errorf("the next audit published %v after delivered was %v", f.statuses(), tt.Delivered)
			}
		})
	}
}

// TestStates: a new failure is notified, or its message is not acknowledged,
// whatever the ledger says. That holds for a change and for a schedule, on the
// first try and on the last. make test tries a change on the last.
func TestStates(t *testing.T) {
	change := `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ecr","account":"` + hostile.Account + `","region":"` + hostile.Region + `","time":"TIME",` +
		`"detail":{"eventVersion":"1.11","eventSource":"ecr.amazonaws.com","eventName":"CreatePullThroughCacheRule","eventTime":"TIME","eventID":"e-1",` +
		`"userIdentity":{"userName":"jane"},"requestParameters":{"ecrRepositoryPrefix":"evil-prefix"}}}`
	change = strings.ReplaceAll(change, "TIME", time.Now().UTC().Format(time.RFC3339))
	for _, state := range hostile.States() {
		for name, body := range map[string]string{"change": change, "schedule": scheduled} {
			for _, receives := range []int{1, 8} {
				t.Run(fmt.Sprintf("%s, %s, try %d", state.Name, name, receives), func(t *testing.T) {
					if name != "change" || receives != 8 {
						toolbox.Prove(t)
					}
					t.Parallel()
					folder := t.TempDir()
					f := newFunction(t, "PTCAUDIT_STATE=file://"+folder)
					f.enter(hostile.Serve(scenario(t, "two sound rules")))
					f.invoke(t, batch(1))
					file := filepath.Join(folder, "ledger", hostile.Account, hostile.Region+".json")
					rewrite(t, file, state)

					f.enter(hostile.Serve(scenario(t, "a forbidden upstream")))
					acknowledged := f.invoke(t, batchOf(body, receives))
					if !f.mentions("FAILED") && (acknowledged || receives == 8) {
						t.Errorf("acknowledged: %v, published %v\n%s", acknowledged, f.statuses(), f.logs)
					}
					if f.mentions("RESOLVED") || strings.Contains(f.logs.String(), "crashed") {
						t.Errorf("published %v\n%s", f.statuses(), f.logs)
					}
				})
			}
		}
	}
}

// scenario returns the scenario of ECR with that name.
func scenario(t *testing.T, name string) hostile.Scenario {
	t.Helper()
	i := slices.IndexFunc(hostile.ECR(), func(w hostile.Scenario) bool { return w.Name == name })
	if i < 0 {
		t.Fatalf("unknown scenario %q", name)
	}
	return hostile.ECR()[i]
}

// rewrite replaces a stored ledger.
func rewrite(t *testing.T, file string, state hostile.State) {
	t.Helper()
	stored, err := os.ReadFile(file) //nolint:gosec // in the test's own folder
	if err != nil {
		t.Fatal(err)
	}
	var ledger map[string]any
	if err := json.Unmarshal(stored, &ledger); err != nil {
		t.Fatal(err)
	}
	content := state.Rewrite(stored, ledger, time.Now().UTC())
	if content == nil {
		if content, err = json.Marshal(ledger); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMemoryIsBounded even if answers are large or do not end.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 256 << 20 // bytes that may be allocated in all
	for _, w := range hostile.ECR() {
		if w.Name != "ten thousand rules" && w.Name != "a gzip bomb" && w.Name != "pages without end" {
			continue
		}
		t.Run(w.Name, func(t *testing.T) {
			f := newFunction(t)
			f.enter(hostile.Serve(w))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f.invoke(t, lastTry)
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > limit {
				t.Errorf("%d MiB allocated, want at most %d", got>>20, limit>>20)
			}
		})
	}
}

// checkStatuses compares what was published with the correct result.
func checkStatuses(t *testing.T, want hostile.Result, got []string) {
	t.Helper()
	all := strings.Join(got, " ")
	incomplete, failed := strings.Contains(all, "COULD_NOT_AUDIT"), strings.Contains(all, "FAILED")
	correct := map[hostile.Result]bool{
		hostile.Sound: len(got) == 0, hostile.Failing: failed && !incomplete,
		hostile.Incomplete: incomplete, hostile.NotSound: failed || incomplete,
	}
	if !correct[want] || strings.Contains(all, "RESOLVED") {
		t.Errorf("published %v of a registry that is %s", got, want)
	}
}

// function is the Lambda function with its topic. A test may change the scenario
// between invocations.
type function struct {
	topic  *snsstub.Stub
	invoke func(t *testing.T, payload []byte) (acknowledged bool)
	logs   *bytes.Buffer

	mu       sync.Mutex // guards what follows: calls of an earlier scenario may still be open
	scenario http.Handler
	sns      http.Handler // answers Publish: topic, unless a test replaces it
}

func newFunction(t *testing.T, more ...string) *function {
	t.Helper()
	f := &function{topic: snsstub.New(topic), logs: &bytes.Buffer{}}
	f.answer(f.topic)
	c, err := config.LoadFunction(append(more, "PTCAUDIT_TOPIC_ARN="+topic, "PTCAUDIT_CALL_TIMEOUT=500ms"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(c.Policy)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := serve(t, http.HandlerFunc(f.route))
	cfg := aws.Config{
		Region: hostile.Region, BaseEndpoint: &endpoint, RetryMaxAttempts: 2,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secretcanary", "tokencanary"),
	}
	h := app.New(c, cfg, p, app.Options{
		Account: func(context.Context) (string, error) { return hostile.Account, nil },
		Log:     slog.New(slog.NewJSONHandler(f.logs, nil)),
	}).Handler
	h.Queue = queue.New(cfg)
	f.invoke = func(t *testing.T, payload []byte) bool {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		reply, err := h.Invoke(ctx, payload)
		if err != nil {
			t.Fatalf("the function failed: %v\n%s", err, f.logs)
		}
		var got struct{ BatchItemFailures []any }
		if err := json.Unmarshal(reply, &got); err != nil {
			t.Fatal(err)
		}
		return len(got.BatchItemFailures) == 0
	}
	return f
}

// route passes a call to the service that it is meant for.
func (f *function) route(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	scenario, sns := f.scenario, f.sns
	f.mu.Unlock()
	switch {
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS"):
		_, _ = io.WriteString(w, `{"Successful":[],"Failed":[]}`)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		sns.ServeHTTP(w, r)
	default:
		scenario.ServeHTTP(w, r)
	}
}

// enter makes another scenario answer for ECR.
func (f *function) enter(scenario http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scenario = scenario
}

// answer makes another handler answer Publish.
func (f *function) answer(sns http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sns = sns
}

func (f *function) statuses() []string {
	var out []string
	for _, m := range f.topic.Published() {
		out = append(out, m.Attributes["status"].Value)
	}
	return out
}

func (f *function) mentions(status string) bool {
	return slices.ContainsFunc(f.statuses(), func(s string) bool { return strings.Contains(s, status) })
}

// lastTry is a batch with a scheduled request that the queue delivers for the
// last time.
var lastTry = batch(8)

const scheduled = `{"schema":"ptcaudit/request/v1","account":"111122223333","region":"eu-west-1","reason":"schedule"}`

func batch(receives int) []byte { return batchOf(scheduled, receives) }

// batchOf is a batch with one message.
func batchOf(request string, receives int) []byte {
	raw, _ := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": "m1", "receiptHandle": "r1", "body": request, "eventSource": "aws:sqs",
		"eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:q",
		"attributes":     map[string]string{"ApproximateReceiveCount": string(rune('0' + receives))},
	}}})
	return raw
}

// TestScenarioNamesAreUnique, and can be names of folders.
func TestScenarioNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range hostile.ECR() {
		if seen[w.Name] || w.Name != filepath.Base(w.Name) {
			t.Errorf("scenario name %q is not unique, or cannot be the name of a folder", w.Name)
		}
		seen[w.Name] = true
	}
}
