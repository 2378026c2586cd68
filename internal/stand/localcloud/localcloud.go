// Package localcloud starts a cloud on this machine for tests: SNS, SQS, S3 and
// more, in one process (ministack). It enforces few of AWS's limits; package
// snsstub enforces those of SNS. launch.py adds the events of CloudTrail and
// CloudFormation. Only tests import it.
package localcloud

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ptcaudit/internal/stand/toolbox"
)

// The account and Region of calls that do not name them. If an access key ID has
// twelve digits, it is the account.
const (
	Account = "000000000000"
	Region  = "us-east-1"
)

// The cloud starts within half a second on an idle machine.
const (
	startTimeout = 3 * time.Minute // twelve start at once on two cores
	stopTimeout  = 30 * time.Second
	pollInterval = 50 * time.Millisecond
)

// Cloud is a running cloud. It stops when its test ends.
type Cloud struct {
	// Endpoint is the URL of all its services.
	Endpoint string
	client   *http.Client
}

// Options of a cloud.
type Options struct {
	// Dir has its files and its log; empty for a folder that is deleted with
	// the test.
	Dir string
	// Env is added to its environment, which functions inherit.
	Env []string
	// Certificate and Key are PEM files. If they are set, it accepts TLS only.
	Certificate, Key string
}

// LogName is the name of the cloud's log in its folder.
const LogName = "cloud.log"

// Start starts an empty cloud on a free port of the loopback address. Of this
// process's environment it gets only PATH; env adds to it. The cloud stops when
// the test ends. If the test fails, the end of the cloud's log is shown.
func Start(tb testing.TB, env ...string) *Cloud {
	tb.Helper()
	return StartWith(tb, Options{Env: env})
}

// StartWith is Start with options.
func StartWith(tb testing.TB, o Options) *Cloud {
	tb.Helper()
	c, exited := launch(tb, o)
	if err := c.ready(tb.Context(), exited); err != nil {
		tb.Fatalf("the local cloud did not start: %v", err)
	}
	return c
}

// launch starts the process. It returns when the process has a port, which is
// before it answers there. exited is closed when the process has ended.
func launch(tb testing.TB, o Options) (c *Cloud, exited <-chan struct{}) {
	tb.Helper()
	python := filepath.Join(filepath.Dir(toolbox.Ministack(tb)), "python")
	dir := o.Dir
	if dir == "" {
		dir = tb.TempDir()
	}
	c = &Cloud{client: http.DefaultClient}
	var secure []string
	if o.Certificate != "" {
		c.client = Trusting(tb, o.Certificate)
		secure = []string{"USE_SSL=1", "MINISTACK_SSL_CERT=" + o.Certificate, "MINISTACK_SSL_KEY=" + o.Key}
	}

	output := filepath.Join(dir, LogName)
	log, err := os.Create(output)
	if err != nil {
		tb.Fatal(err)
	}
	reported, report, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = reported.Close() }()
	// Stopped through its input, not by a context: so it can clean up, and it
	// also stops when the tests are killed.
	cmd := exec.Command(python, filepath.Join(toolbox.Root(tb), "internal", "stand", "localcloud", "launch.py"))
	cmd.Dir = dir
	cmd.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir,
		"MINISTACK_ACCOUNT_ID=" + Account, "MINISTACK_REGION=" + Region,
		"AWS_EC2_METADATA_DISABLED=true",
		"LAMBDA_EXECUTOR=local", "IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
		"PYTHONDONTWRITEBYTECODE=1",
	}, secure, o.Env)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{report} // file descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	err = cmd.Start()
	_ = report.Close()
	if err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // ended by a signal: its status tells nothing
	}()
	tb.Cleanup(func() {
		stop(tb, cmd, input, ended)
		_ = log.Close()
		if tb.Failed() {
			tail(tb, output)
		}
	})
	url, err := bufio.NewReader(reported).ReadString('\n')
	if err != nil {
		tb.Fatalf("the local cloud reported no port: %v", err)
	}
	c.Endpoint = strings.TrimSpace(url)
	return c, ended
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

// stop ends the cloud and its child processes.
func stop(tb testing.TB, cmd *exec.Cmd, input io.Closer, exited <-chan struct{}) {
	tb.Helper()
	_ = input.Close()
	select {
	case <-exited:
	case <-time.After(stopTimeout):
		tb.Error("the local cloud did not stop when its input ended")
	}
	// The group has only processes that were started here. Usually it is empty.
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
