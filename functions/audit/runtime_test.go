package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ptcaudit/internal/emulator"
	"ptcaudit/internal/stand/snsstub"
	"ptcaudit/internal/stand/toolbox"
)

const (
	account  = "111122223333"
	region   = "eu-west-1"
	topicARN = "arn:aws:sns:eu-west-1:111122223333:ptcaudit"
)

// cloud is what the function of an account calls: ECR, a topic, and the queue
// of its batches.
type cloud struct {
	account     string
	ecr         *emulator.Emulator
	topic       *snsstub.Stub
	queue       *queue
	ecrServer   *httptest.Server
	topicServer *httptest.Server
	queueServer *httptest.Server
}

// queue records which messages it is to deliver again, and after how long.
type queue struct {
	mu      sync.Mutex
	seconds map[string]int // by receipt
}

func (q *queue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Entries []struct {
			ReceiptHandle     string
			VisibilityTimeout int
		}
	}
	if r.Header.Get("X-Amz-Target") != "AmazonSQS.ChangeMessageVisibilityBatch" || json.NewDecoder(r.Body).Decode(&in) != nil {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range in.Entries {
		q.seconds[e.ReceiptHandle] = e.VisibilityTimeout
	}
	_, _ = io.WriteString(w, `{"Successful":[],"Failed":[]}`)
}

// registry is the fixture of a registry in which two rules are broken: the
// token of docker-hub is refused, and quay has lost its secret.
const registry = `
  {"account": "111122223333", "region": "eu-west-1", "rules": [
    {"ecrRepositoryPrefix": "docker-hub", "upstreamRegistryUrl": "registry-1.docker.io", "createdAt": "2026-01-08T09:14:02Z",
     "credentialArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"},
    {"ecrRepositoryPrefix": "ghcr", "upstreamRegistryUrl": "ghcr.io", "createdAt": "2026-01-08T09:14:02Z",
     "credentialArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/github-GhIjKl"},
    {"ecrRepositoryPrefix": "ecr-public", "upstreamRegistryUrl": "public.ecr.aws", "createdAt": "2026-01-08T09:14:02Z"}
  ], "secrets": [
    {"arn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", "state": "rejected"},
    {"arn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/github-GhIjKl", "state": "ok"}
  ]}`

// newCloud makes a cloud with the registry above and some faults, in the JSON
// of a fixture.
func newCloud(t *testing.T, faults ...string) *cloud {
	t.Helper()
	return newCloudAt(t, "127.0.0.1", account, faults...)
}

// newCloudAt makes one that listens on an address of this machine, whose
// registry is another account's.
func newCloudAt(t *testing.T, host, account string, faults ...string) *cloud {
	t.Helper()
	c := &cloud{account: account, topic: snsstub.New(topicARN), queue: &queue{seconds: map[string]int{}}}
	fixture, err := emulator.ParseFixture([]byte(`{"registries": [` + c.home(registry) + `], "faults": [` + strings.Join(faults, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.ecr, err = emulator.New(fixture); err != nil {
		t.Fatal(err)
	}
	c.ecrServer, c.topicServer, c.queueServer = serve(t, host, c.ecr), serve(t, host, c.topic), serve(t, host, c.queue)
	return c
}

// serve has a handler listen on an address of this machine.
func serve(t *testing.T, host string, h http.Handler) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	_ = server.Listener.Close() // it is on loopback
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// home is a text with the samples' account replaced by the cloud's own.
func (c *cloud) home(text string) string { return strings.ReplaceAll(text, account, c.account) }

// published lists the status of every message that the topic took.
func (c *cloud) published(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, p := range c.topic.Published() {
		var statuses []string
		if err := json.Unmarshal([]byte(p.Attributes["status"].Value), &statuses); err != nil {
			t.Fatal(err)
		}
		out = append(out, statuses[0])
	}
	return out
}

// mail is the text of the last message.
func (c *cloud) mail(t *testing.T) string {
	t.Helper()
	published := c.topic.Published()
	if len(published) == 0 {
		t.Fatal("nothing was published")
	}
	return published[len(published)-1].Message
}

// env is the environment of a function in this cloud.
func (c *cloud) env(more ...string) []string {
	return append([]string{
		"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + c.account, "AWS_SECRET_ACCESS_KEY=test", "AWS_MAX_ATTEMPTS=2",
		"AWS_ENDPOINT_URL_ECR=" + c.ecrServer.URL, "AWS_ENDPOINT_URL_SNS=" + c.topicServer.URL,
		"AWS_ENDPOINT_URL_SQS=" + c.queueServer.URL,
		"PTCAUDIT_TOPIC_ARN=" + topicARN,
	}, more...)
}

// function is the compiled function in a process, and the runtime interface
// that hands it its events:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type function struct {
	logs, metrics buffer // its stderr and stdout
	events        chan invocation
	stop          func() // ends it; then all that it wrote can be read
	exited        chan struct{}
	err           error // of the process, once it exited

	mu      sync.Mutex
	waiting map[string]chan reply
	count   int
}

type invocation struct {
	payload  []byte
	deadline time.Time
	reply    chan reply
}

// reply is what the function answers. failed means a function error.
type reply struct {
	body   []byte
	failed bool
}

// buffer takes what a process writes while others read.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs the function with env instead of the environment of this process.
func start(t *testing.T, env []string) *function {
	t.Helper()
	f := &function{events: make(chan invocation), exited: make(chan struct{}), waiting: map[string]chan reply{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)

	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, toolbox.Bootstrap(t, "audit"))
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=audit", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "_HANDLER=bootstrap",
	}, env...)
	cmd.Stderr, cmd.Stdout = &f.logs, &f.metrics
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		f.err = cmd.Wait()
		close(f.exited)
	}()
	f.stop = func() {
		cancel()
		<-f.exited
	}
	t.Cleanup(func() {
		f.stop()
		if t.Failed() {
			t.Logf("logs of the function:\n%s", f.logs.String())
		}
	})
	return f
}

// ServeHTTP is the runtime interface.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	if path == "next" {
		select {
		case i := <-f.events:
			f.mu.Lock()
			f.count++
			id := "request-" + strconv.Itoa(f.count)
			f.waiting[id] = i.reply
			f.mu.Unlock()
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":"+account+":function:audit:live")
			_, _ = w.Write(i.payload)
		case <-r.Context().Done():
		}
		return
	}
	id, kind, _ := strings.Cut(path, "/")
	body, err := io.ReadAll(r.Body)
	f.mu.Lock()
	answer := f.waiting[id]
	delete(f.waiting, id)
	f.mu.Unlock()
	if err != nil || answer == nil {
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	answer <- reply{body, kind == "error"}
}

// invoke hands the function one event, and waits until its limit for the
// reply.
func (f *function) invoke(t *testing.T, payload []byte, limit time.Duration) reply {
	t.Helper()
	i := invocation{payload, time.Now().Add(limit), make(chan reply, 1)}
	timeout := time.After(limit + 20*time.Second) // for a busy machine; the limit itself is asserted by who cares
	select {
	case f.events <- i:
	case <-f.exited:
		t.Fatalf("the function exited before it took an event: %v\n%s", f.err, f.logs.String())
	case <-timeout:
		t.Fatal("the function takes no event")
	}
	select {
	case got := <-i.reply:
		return got
	case <-f.exited:
		t.Fatalf("the function exited instead of replying: %v\n%s", f.err, f.logs.String())
	case <-timeout:
		t.Fatal("the function does not reply")
	}
	panic("unreachable")
}
