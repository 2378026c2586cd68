package main_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ptcaudit/internal/toolbox"
)

// emulatedAccount is that of every function in AWS's emulator of the runtime
// interface, which `sam local invoke` runs too. It cannot be set.
const emulatedAccount = "012345678912"

// The function also runs in AWS's own emulator of the runtime interface.
func TestRuntimeInterfaceEmulator(t *testing.T) {
	c := newCloud(t)
	address := freeAddress(t)
	var logs buffer
	cmd := exec.CommandContext(t.Context(), toolbox.RuntimeInterfaceEmulator(t),
		"--log-level", "error", "--runtime-interface-emulator-address", address, "--runtime-api-address", freeAddress(t),
		toolbox.Bootstrap(t, "audit"))
	cmd.Env = append(c.env(), "PATH=/usr/bin:/bin", "AWS_LAMBDA_FUNCTION_NAME=audit", "AWS_LAMBDA_FUNCTION_TIMEOUT=30",
		"AWS_ACCESS_KEY_ID="+emulatedAccount)
	cmd.Stdout, cmd.Stderr = &logs, &logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(logs.String())
		}
	})

	home := func(name string) []byte {
		return bytes.ReplaceAll(sample(t, name), []byte(account), []byte(emulatedAccount))
	}
	for _, tt := range []struct {
		name    string
		payload []byte
		want    string
	}{
		// The registry of this account is empty, and the default policy asks
		// for no rule.
		{"create.json", home("create.json"), "said complete"},
		{"sqs-batch.json", home("sqs-batch.json"), "failed " + poisonID(t)},
		{"another account", sample(t, "create.json"), "said COULD_NOT_AUDIT incomplete"},
		{"foreign.json", home("foreign.json"), "said"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := invokeEmulated(t, address, tt.payload)
			if got := outcome(t, reply{body: body}); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if n := c.ecr.Count("DescribePullThroughCacheRules"); n != 2 {
		t.Errorf("ECR was asked for its rules %d times, want 2", n)
	}
	if body := invokeEmulated(t, address, []byte("{}")); !strings.Contains(string(body), "errorMessage") {
		t.Errorf("poison is no function error: %s", body)
	}
}

// invokeEmulated posts an event until the emulator listens.
func invokeEmulated(t *testing.T, address string, payload []byte) []byte {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		resp, err := http.Post("http://"+address+"/2015-03-31/functions/function/invocations", "application/json", bytes.NewReader(payload))
		if err == nil {
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s %s: %v", resp.Status, body, err)
			}
			return body
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // it says nothing when it is ready
	}
}

// freeAddress is one that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
