package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/stand/localcloud"
	"ptcaudit/internal/stand/toolbox"
)

// The registry of every world.
const (
	account = localcloud.Account
	region  = localcloud.Region
)

// world is the environment of one story: a cloud, an ECR, the stack, and the
// queues that subscribe.
type world struct {
	t   *testing.T
	dir string
	options

	cloud *localcloud.Cloud
	// trust is the file of the cloud's certificate; empty without TLS.
	trust string
	// topic is in front of SNS; nil if the cloud enforces IAM.
	topic *proxy
	// registry is in front of the emulator, which gets another port each time it
	// starts.
	registry *proxy
	emulator *exec.Cmd
	// ending it ends the emulator.
	emulatorInput io.Closer

	ecr *ecr.Client
	sqs *sqs.Client
	// cfg is for clients of the cloud.
	cfg aws.Config

	// outputs are those of the stack.
	outputs  map[string]string
	inboxes  map[string]string // URLs by name
	received map[string][]message
}

// options change a world.
type options struct {
	enforceIAM bool
}

// newWorld starts a world without a stack.
func newWorld(t *testing.T, dir string, o options) *world {
	w := &world{t: t, dir: dir, options: o, received: map[string][]message{}, inboxes: map[string]string{}}
	w.registry = newProxy(t)
	start := localcloud.Options{Dir: dir, Env: []string{"AWS_ENDPOINT_URL_ECR=" + w.registry.server.URL}}
	if o.enforceIAM {
		start.Certificate, start.Key = w.certify()
		w.trust = start.Certificate
		start.Env = append(start.Env, "AUTH=true", "AWS_CA_BUNDLE="+w.trust)
	} else {
		w.topic = newProxy(t)
		start.Env = append(start.Env, "AWS_ENDPOINT_URL_SNS="+w.topic.server.URL)
	}
	w.cloud = localcloud.StartWith(t, start)
	if w.topic != nil {
		w.must(w.topic.forward(w.cloud.Endpoint))
	}
	w.emulate(sound)
	t.Cleanup(w.stopEmulator)

	cfg := aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider(account, "test", "")}
	if w.trust != "" {
		cfg.HTTPClient = localcloud.Trusting(t, w.trust)
	}
	cfg.HTTPClient = wire.Client(cfg.HTTPClient, time.Minute) // sends and receives no message twice
	at := func(endpoint string) aws.Config { cfg := cfg.Copy(); cfg.BaseEndpoint = &endpoint; return cfg }
	w.cfg = at(w.cloud.Endpoint)
	w.ecr, w.sqs = ecr.NewFromConfig(at(w.registry.server.URL)), sqs.NewFromConfig(w.cfg)
	for _, name := range []string{everything, criticalOnly} {
		made, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{
			QueueName: &name, Attributes: map[string]string{"Policy": deliveries(name)},
		})
		w.must(err)
		w.inboxes[name] = *made.QueueUrl
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// deliveries is the IAM policy that a subscriber's queue needs.
// https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
func deliveries(name string) string {
	return fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": %q,
		"Principal": {"Service": "sns.amazonaws.com"},
		"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:%s:%s:ptcaudit-*"}}}]}`, queueARN(name), region, account)
}

// sound is a registry in which everything is as acme.yaml wants it. A fixture
// is written as JSON: its rules, its secrets, and what goes wrong.
var sound = fixture{}

type fixture struct {
	rules  []string
	faults []string
	// hub is the state of docker-hub's secret; empty is ok.
	hub string
}

const (
	hubSecret    = "arn:aws:secretsmanager:" + region + ":" + account + ":secret:ecr-pullthroughcache/hub-AbCdEf"
	brokenSecret = "arn:aws:secretsmanager:" + region + ":" + account + ":secret:ecr-pullthroughcache/broken-GhIjKl"
)

func (f fixture) String() string {
	hub := f.hub
	if hub == "" {
		hub = "ok"
	}
	rules := append([]string{
		`{"ecrRepositoryPrefix": "docker-hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": "` + hubSecret + `"}`,
		`{"ecrRepositoryPrefix": "ecr-public", "upstreamRegistryUrl": "public.ecr.aws"}`,
	}, f.rules...)
	return fmt.Sprintf(`{"registries": [{"account": %q, "region": %q, "rules": [%s], "secrets": [
		{"arn": %q, "state": %q}, {"arn": %q, "state": "rejected"}]}], "faults": [%s]}`,
		account, region, strings.Join(rules, ", "), hubSecret, hub, brokenSecret, strings.Join(f.faults, ", "))
}

// keeper runs a program until its own input ends, which it does also when the
// tests are killed.
const keeper = `"$0" "$@" & it=$!; read -r _; kill "$it"; wait "$it"`

// emulate replaces the content of ECR with that of the fixture f. No event
// reports the change.
func (w *world) emulate(f fixture) {
	w.t.Helper()
	w.stopEmulator()
	path := filepath.Join(w.dir, "fixture.json")
	w.must(os.WriteFile(path, []byte(f.String()), 0o600))
	cmd := exec.Command("/bin/sh", "-c", keeper, toolbox.Command(w.t), "emulate", "--listen", "127.0.0.1:0", "--fixture", path,
		"--events", filepath.Join(w.dir, "events.jsonl"), "--events-endpoint", w.cloud.Endpoint)
	cmd.Env = w.environ()
	cmd.Stderr = w.file("emulator.log")
	in, err := cmd.StdinPipe()
	w.must(err)
	out, err := cmd.StdoutPipe()
	w.must(err)
	w.must(cmd.Start())
	w.emulator, w.emulatorInput = cmd, in
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		w.t.Fatalf("the emulator printed %q: %v", line, err)
	}
	w.must(w.registry.forward(address))
}

// stopEmulator makes ECR unreachable.
func (w *world) stopEmulator() {
	if w.emulator == nil {
		return
	}
	w.registry.target.Store(nil)
	_ = w.emulatorInput.Close()
	_ = w.emulator.Wait() // ended by a signal: its status shows nothing
	w.emulator = nil
}

// environ is the environment of programs that a story runs: nothing of the
// user's AWS settings is in it.
func (w *world) environ() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.dir, "CI=true", "NO_COLOR=1",
		"AWS_ENDPOINT_URL=" + w.cloud.Endpoint, "AWS_ENDPOINT_URL_ECR=" + w.registry.server.URL,
		"AWS_ACCESS_KEY_ID=" + account, "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region, "AWS_PAGER=",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}
	if w.trust != "" { // the AWS CLI, Node and Go each read another variable
		env = append(env, "AWS_CA_BUNDLE="+w.trust, "NODE_EXTRA_CA_CERTS="+w.trust, "SSL_CERT_FILE="+w.trust)
	}
	return env
}

// file is a file of the story's folder to append to.
func (w *world) file(name string) *os.File {
	w.t.Helper()
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	w.must(err)
	w.t.Cleanup(func() { _ = f.Close() })
	return f
}

// run runs a program, and returns what it wrote to its standard output.
func (w *world) run(env []string, program string, args ...string) []byte {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), program, args...)
	cmd.Dir, cmd.Env = toolbox.Root(w.t), env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	log := w.file("programs.log")
	_, _ = fmt.Fprintf(log, "$ %s %s\n%s%s\n", program, strings.Join(args, " "), stdout.Bytes(), stderr.Bytes())
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, stderr.String())
	}
	return stdout.Bytes()
}

// aws runs the AWS CLI and reads its answer into out, where out is not nil.
func (w *world) aws(out any, args ...string) {
	w.t.Helper()
	w.awsAs(nil, out, args...)
}

// awsAs runs the AWS CLI with more in its environment.
func (w *world) awsAs(env []string, out any, args ...string) {
	w.t.Helper()
	endpoint := w.cloud.Endpoint
	switch args[0] {
	case "ecr", "secretsmanager", "sts":
		endpoint = w.registry.server.URL
	}
	answer := w.run(append(w.environ(), env...), toolbox.AWS(w.t), append(args, "--endpoint-url", endpoint, "--output", "json")...)
	if out != nil {
		w.must(json.Unmarshal(answer, out))
	}
}

// eventually waits until what holds, or fails with the last description.
func (w *world) eventually(limit time.Duration, what string, holds func() (bool, string)) {
	w.t.Helper()
	for deadline := time.Now().Add(limit); ; {
		ok, seen := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("not within %v: %s: %s", limit, what, seen)
		}
		pause(w.t.Context(), 200*time.Millisecond)
	}
}

// pause waits if no event shows when to look again.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// proxy is in front of a service. It cuts every connection if it has no target or
// is down.
type proxy struct {
	server *httptest.Server
	target atomic.Pointer[httputil.ReverseProxy]
	down   atomic.Bool
	// hold is what to do once, with the next message that is published for
	// programs.
	hold atomic.Pointer[held]
}

// held is a request that is not answered.
type held struct {
	// passOn sends it to the target nevertheless.
	passOn  bool
	reached chan struct{}
}

func newProxy(t *testing.T) *proxy {
	p := &proxy{}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	return p
}

func (p *proxy) forward(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	p.target.Store(httputil.NewSingleHostReverseProxy(u))
	return nil
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := p.target.Load()
	if p.down.Load() || target == nil {
		panic(http.ErrAbortHandler) // the connection is cut
	}
	// Only once the body is read does the server notice that the caller is gone.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	// The stories look at the subscriber of the topic for programs, which comes
	// after the topic for people.
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") != "Publish" || !strings.Contains(form.Get("TopicArn"), "Records") {
		target.ServeHTTP(w, r)
		return
	}
	if h := p.hold.Swap(nil); h != nil {
		if h.passOn {
			target.ServeHTTP(httptest.NewRecorder(), r)
		}
		close(h.reached)
		<-r.Context().Done() // until the caller is gone
		return
	}
	target.ServeHTTP(w, r)
}

// killFunction ends the function's process, as the Lambda service may at any
// time: the one program that runs from this world's folder as "bootstrap".
func (w *world) killFunction() error {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return err
	}
	for _, link := range links {
		exe, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(exe, w.dir+"/") || filepath.Base(exe) != "bootstrap" {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(link, "/proc/%d/exe", &pid); err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	}
	return errors.New("the function does not run")
}
