// Package localcloud starts a cloud on this machine for tests: SNS, SQS and
// more, in one process (ministack). It enforces few of AWS's limits: package
// snsstub has those of SNS. launch.py has it play CloudTrail and CloudFormation
// where they hand events to EventBridge. Nothing but tests may import it; it knows no other
// package of ours but toolbox.
package localcloud

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"ptcaudit/internal/stand/toolbox"
)

// Where the cloud takes a caller to be who says nothing else. The account is
// that of an access key id of twelve digits.
const (
	Account = "000000000000"
	Region  = "us-east-1"
)

// How long the cloud may take: it is there after half a second on a machine
// that has nothing else to do.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 10 * time.Second
	pollInterval = 50 * time.Millisecond
)

// Cloud is a cloud that runs until its test ends.
type Cloud struct {
	// Endpoint is the URL of all its services.
	Endpoint string
	client   *http.Client
}

// Options change a cloud.
type Options struct {
	// Dir is where its files and its log are; empty for a folder that goes
	// with the test.
	Dir string
	// Env is what to add to its environment, which functions inherit.
	Env []string
	// Certificate and Key are PEM files; with them it speaks TLS only.
	Certificate, Key string
}

// keeper runs the cloud as its child and ends it when its input ends: on
// demand, and also when the tests are killed before they can clean up.
const keeper = `"$0" "$1" & cloud=$!; read -r _; kill "$cloud"; wait "$cloud"`

// LogName is the name of the log among a cloud's files.
const LogName = "cloud.log"

// Start starts a cloud on a free port of the loopback address, with nothing in
// it and nothing of this process's environment but what env adds. The test
// stops it. Where the test fails it shows the end of the log.
func Start(tb testing.TB, env ...string) *Cloud {
	tb.Helper()
	return StartWith(tb, Options{Env: env})
}

// StartWith starts a cloud that is not quite as others.
func StartWith(tb testing.TB, o Options) *Cloud {
	tb.Helper()
	python := filepath.Join(filepath.Dir(toolbox.Ministack(tb)), "python")
	launcher := filepath.Join(toolbox.Root(tb), "internal", "stand", "localcloud", "launch.py")
	dir := o.Dir
	if dir == "" {
		dir = tb.TempDir()
	}
	port := freePort(tb)
	c := &Cloud{Endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), client: http.DefaultClient}
	var secure []string
	if o.Certificate != "" {
		c.Endpoint = fmt.Sprintf("https://127.0.0.1:%d", port)
		c.client = Trusting(tb, o.Certificate)
		secure = []string{"USE_SSL=1", "MINISTACK_SSL_CERT=" + o.Certificate, "MINISTACK_SSL_KEY=" + o.Key}
	}

	output := filepath.Join(dir, LogName)
	log, err := os.Create(output)
	if err != nil {
		tb.Fatal(err)
	}
	// Stopped through its input, not by a context, so that it can clean up.
	cmd := exec.Command("/bin/sh", "-c", keeper, python, launcher)
	cmd.Dir = dir
	cmd.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir,
		fmt.Sprintf("GATEWAY_PORT=%d", port), "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1",
		"MINISTACK_ACCOUNT_ID=" + Account, "MINISTACK_REGION=" + Region,
		"AWS_ENDPOINT_URL=" + c.Endpoint, "AWS_EC2_METADATA_DISABLED=true",
		"LAMBDA_EXECUTOR=local", "IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
		"PYTHONDONTWRITEBYTECODE=1",
	}, secure, o.Env)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // killed by design: how it ends says nothing
	}()
	tb.Cleanup(func() {
		stop(tb, cmd, input, exited)
		_ = log.Close()
		if tb.Failed() {
			tail(tb, output)
		}
	})
	if err := c.ready(tb.Context(), exited); err != nil {
		tb.Fatalf("the local cloud is not there: %v", err)
	}
	return c
}

// ready waits until the cloud answers.
func (c *Cloud) ready(ctx context.Context, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := c.ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("it exited: %w", err)
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

func (c *Cloud) ask(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Endpoint+"/_ministack/health", nil)
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health: %s", resp.Status)
	}
	return nil
}

// Trusting is a client that trusts the certificate in a file, and no other.
func Trusting(tb testing.TB, certificate string) *http.Client {
	tb.Helper()
	pem, err := os.ReadFile(certificate)
	if err != nil {
		tb.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// stop ends the cloud and whatever it started.
func stop(tb testing.TB, cmd *exec.Cmd, input io.Closer, exited <-chan struct{}) {
	tb.Helper()
	_ = input.Close()
	select {
	case <-exited:
	case <-time.After(stopTimeout):
		tb.Error("the local cloud did not stop when it was told to")
	}
	// The group has only what was started here; usually it is empty by now.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-exited
}

// tail shows the end of the cloud's log.
func tail(tb testing.TB, file string) {
	tb.Helper()
	const most = 4000
	if data, err := os.ReadFile(file); err == nil {
		tb.Logf("the local cloud's log ends:\n%s", data[max(0, len(data)-most):])
	}
}

// freePort finds a port that nobody listens on.
func freePort(tb testing.TB) int {
	tb.Helper()
	var config net.ListenConfig
	l, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
