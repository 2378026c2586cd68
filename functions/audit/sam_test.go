package main_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ptcaudit/internal/stand/toolbox"
)

// The function of the template that is deployed, in `sam local`: every sample,
// each in its own container. What the function calls runs on the host. The
// test prints what the function publishes for each sample.
func TestSAMLocal(t *testing.T) {
	requireDocker(t)
	c := newCloudAt(t, dockerHost(t), emulatedAccount)
	s := newSAM(t, c)
	testEverySample(t, c, func(t *testing.T, payload []byte) reply {
		before := len(c.topic.Published())
		cmd := s.command(t, "invoke", "AuditFunction", "--event", "-")
		cmd.Stdin = bytes.NewReader(payload)
		body := output(t, cmd)
		printPublished(t, c, before)
		return emulated(body)
	})

	t.Run("start-lambda", func(t *testing.T) {
		before := len(c.topic.Published())
		_, port, _ := net.SplitHostPort(s.startLambda(t))
		file, payload := filepath.Join(s.dir, "reply.json"), c.home(string(sample(t, "create.json")))
		cmd := exec.CommandContext(t.Context(), toolbox.AWS(t), "lambda", "invoke", "--function-name", "AuditFunction",
			"--endpoint-url", "http://127.0.0.1:"+port, "--payload", payload, file)
		cmd.Env = s.env
		output(t, cmd)
		printPublished(t, c, before)
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(t, emulated(body)); got != "notified FAILED complete" {
			t.Errorf("reply: %s", body)
		}
	})
}

// printPublished prints what the topic accepted after its first before messages.
func printPublished(t *testing.T, c *cloud, before int) {
	t.Helper()
	name := path.Base(t.Name())
	published, statuses := c.topic.Published()[before:], c.published(t)[before:]
	if len(published) == 0 {
		fmt.Printf("%-16s nothing published\n", name)
	}
	for i, p := range published {
		fmt.Printf("%-16s %s: %s\n", name, statuses[i], p.Subject)
	}
}

// sam is the SAM CLI with what it needs to run the function.
type sam struct {
	dir   string
	env   []string
	flags []string
}

func newSAM(t *testing.T, c *cloud) *sam {
	t.Helper()
	s := &sam{dir: t.TempDir()}
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "DOCKER_HOST=" + os.Getenv("DOCKER_HOST"), "HOME=" + s.dir, "SAM_CLI_TELEMETRY=0",
		// The SAM CLI passes these to the function.
		"AWS_DEFAULT_REGION=" + region, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + c.account, "AWS_SECRET_ACCESS_KEY=test",
		// The SAM CLI asks STS for their account.
		"AWS_ENDPOINT_URL_STS=" + c.ecrServer.URL,
		// The SAM CLI looks for a newer version of itself. The proxy address
		// does not exist, so that no call leaves this machine.
		"HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=localhost,127.0.0.1", "AWS_EC2_METADATA_DISABLED=true",
	}
	s.flags = []string{
		"--template", filepath.Join(synthesize(t), "ptcaudit.template.json"),
		"--skip-pull-image", "--invoke-image", standIn(t, c) + ":any",
		"--add-host", "host.docker.internal:host-gateway",
		"--env-vars", s.file(t, "env.json", map[string]any{"Parameters": map[string]string{
			"PTCAUDIT_TOPIC_ARN": topicARN, "PTCAUDIT_STATE": "file:///tmp/state", "PTCAUDIT_EVIDENCE": "file:///tmp/evidence", // of the container
		}}),
	}
	return s
}

func (s *sam) file(t *testing.T, name string, content any) string {
	t.Helper()
	data, err := json.Marshal(content)
	file := filepath.Join(s.dir, name)
	if err := errors.Join(err, os.WriteFile(file, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	return file
}

// command is a subcommand of `sam local`. It removes its containers when the
// test ends.
func (s *sam) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), toolbox.SAM(t), slices.Concat([]string{"local"}, args, s.flags)...)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// startLambda runs `sam local start-lambda` until the test ends, and returns the
// address where it listens.
func (s *sam) startLambda(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	var logs buffer
	cmd := s.command(t, "start-lambda", "--warm-containers", "EAGER", "--port", port)
	cmd.Stdout, cmd.Stderr = &logs, &logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(logs.String())
		}
	})
	for deadline := time.Now().Add(time.Minute); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// synthesize returns the folder of the template, as `make synth` writes it for
// this machine's architecture.
func synthesize(t *testing.T) string {
	t.Helper()
	toolbox.Bootstrap(t, "audit")
	folder := t.TempDir()
	cmd := exec.CommandContext(t.Context(), toolbox.CDK(t), "synth", "--quiet", "--no-notices", "--output", folder,
		"--context", "architecture="+runtime.GOARCH, "--context", "settings=none", "--context", "email=none")
	cmd.Dir = toolbox.Root(t)
	output(t, cmd)
	return folder
}

// standIn makes the image in which the function runs. AWS's own image would have
// to be downloaded; this one has only the Runtime Interface Emulator. Its
// environment has the addresses of the emulated services, because `sam local` sets
// only the variables of the template.
func standIn(t *testing.T, c *cloud) string {
	t.Helper()
	rie, err := os.ReadFile(toolbox.RuntimeInterfaceEmulator(t))
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err = errors.Join(
		w.WriteHeader(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}),
		w.WriteHeader(&tar.Header{Name: "var/rapid/aws-lambda-rie", Mode: 0o755, Size: int64(len(rie))}),
	)
	_, writeErr := w.Write(rie)
	if err := errors.Join(err, writeErr, w.Close()); err != nil {
		t.Fatal(err)
	}

	args := []string{"import", "--change", "WORKDIR /var/task", "--change", "ENV LAMBDA_TASK_ROOT=/var/task"}
	for _, variable := range c.env() {
		if name, url, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_ENDPOINT_URL_") {
			_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
			args = append(args, "--change", "ENV "+name+"=http://host.docker.internal:"+port)
		}
	}
	// The SAM CLI always looks for this tag.
	repository := fmt.Sprintf("ptcaudit-stand-in-%d", os.Getpid())
	image := repository + ":rapid-" + map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	cmd := exec.CommandContext(t.Context(), "docker", append(args, "-", image)...)
	cmd.Stdin = &archive
	output(t, cmd)
	t.Cleanup(func() { output(t, exec.CommandContext(context.Background(), "docker", "image", "rm", image)) })
	return repository
}

// requireDocker skips a test if no Docker engine answers, but fails it
// where REQUIRE_DOCKER is set, as `make sam-local` does.
func requireDocker(t *testing.T) {
	t.Helper()
	const missing = "no Docker engine answers (docker version): install and start one"
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	switch err := exec.CommandContext(ctx, "docker", "version").Run(); {
	case err == nil:
	case os.Getenv("REQUIRE_DOCKER") != "":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}

// dockerHost is the address where containers find what listens on this
// machine: that of Docker's bridge. Docker Desktop has none here, and leads
// them to loopback.
func dockerHost(t *testing.T) string {
	t.Helper()
	bridge, err := net.InterfaceByName("docker0")
	if err != nil {
		return "127.0.0.1"
	}
	addresses, err := bridge.Addrs()
	for _, a := range addresses {
		if ip, _, err := net.ParseCIDR(a.String()); err == nil && ip.To4() != nil {
			return ip.String()
		}
	}
	t.Fatalf("docker0 has no address: %v", err)
	return ""
}

// output runs a program and returns what it prints.
func output(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s\n%s", cmd, stderr.String())
		}
	})
	return out
}
