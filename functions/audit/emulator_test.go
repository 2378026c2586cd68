package main_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"ptcaudit/internal/stand/toolbox"
)

// emulatedAccount is that of every function in AWS's emulator of the runtime
// interface, which `sam local invoke` runs too. It cannot be set.
const emulatedAccount = "012345678912"

// The function also runs in AWS's own emulator of the runtime interface.
func TestRuntimeInterfaceEmulator(t *testing.T) {
	c := newCloudAt(t, "127.0.0.1", emulatedAccount)
	address := freeAddress(t)
	var logs buffer
	cmd := exec.CommandContext(t.Context(), toolbox.RuntimeInterfaceEmulator(t),
		"--log-level", "error", "--runtime-interface-emulator-address", address, "--runtime-api-address", freeAddress(t),
		toolbox.Bootstrap(t, "audit"))
	cmd.Env = append(c.env(), "PATH=/usr/bin:/bin", "AWS_LAMBDA_FUNCTION_NAME=audit", "AWS_LAMBDA_FUNCTION_TIMEOUT=30")
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

	invoke := func(t *testing.T, payload []byte) reply { return emulated(post(t, address, payload)) }
	testEverySample(t, c, invoke)
	if got := invoke(t, sample(t, "create.json")); !got.failed || !bytes.Contains(got.body, []byte("out of scope")) {
		t.Errorf("another account: %s", got.body)
	}
	if got := invoke(t, []byte("{}")); !got.failed {
		t.Errorf("poison is no function error: %s", got.body)
	}
}

// emulated is a reply of the emulator, which marks an error only in the body.
func emulated(body []byte) reply {
	return reply{body: body, failed: bytes.Contains(body, []byte(`"errorType"`))}
}

// post posts an event until the emulator listens.
func post(t *testing.T, address string, payload []byte) []byte {
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
		time.Sleep(20 * time.Millisecond) // it prints nothing when it is ready
	}
}

// freeAddress is an address on which no process listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
