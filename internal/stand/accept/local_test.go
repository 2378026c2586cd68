package main

import (
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"ptcaudit/internal/cli/eventbus"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/stand/localcloud"
	"ptcaudit/internal/stand/toolbox"
)

// The whole program against the local cloud and the emulator: `make accept LOCAL=1`.
// There, every point that they show must be confirmed, and no other may be refuted.
func TestLocal(t *testing.T) {
	if os.Getenv("ACCEPT_LOCAL") == "" {
		t.Skip("takes two minutes: run `make accept LOCAL=1`")
	}
	root, err := filepath.Abs(toolbox.Root(t))
	if err != nil {
		t.Fatal(err)
	}
	scratch := filepath.Join(root, ".cache", "accept", "local")
	if err := os.RemoveAll(scratch); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(scratch, 0o750); err != nil {
		t.Fatal(err)
	}
	registry, connect := emulate(t)
	cloud := localcloud.Start(t, "AWS_ENDPOINT_URL_ECR="+registry)
	connect(cloud.Endpoint)

	environ := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + scratch, "CI=true", "NO_COLOR=1",
		"AWS_ENDPOINT_URL=" + cloud.Endpoint, "AWS_ACCESS_KEY_ID=" + localcloud.Account, "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=" + localcloud.Region, "AWS_DEFAULT_REGION=" + localcloud.Region, "AWS_PAGER=",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1", "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION=1",
	}
	// Outside of the repository's root, so that the app is not run.
	if _, err := execute(environ, scratch)(t.Context(), toolbox.CDK(t), "bootstrap", "--no-notices", "aws://"+localcloud.Account+"/"+localcloud.Region); err != nil {
		t.Fatal(err)
	}
	s := settings{
		account: localcloud.Account, region: localcloud.Region, id: newID(), local: true,
		root: root, scratch: scratch, recorded: filepath.Join(scratch, "recorded"), architecture: runtime.GOARCH,
		endpoint: func(service string) string {
			if slices.Contains([]string{"ecr", "secretsmanager", "sts"}, service) {
				return registry
			}
			return cloud.Endpoint // the CLI ignores the environment for SQS
		},
		run: execute(environ, root), pause: pause, interval: time.Second, notification: 90 * time.Second, patience: time.Minute, log: testLog{t},
	}
	r, text, err := s.accept(t.Context(), steps)
	t.Log(text)
	if err != nil || r.failure != nil || len(r.left) > 0 || len(r.problems) > 0 {
		t.Errorf("failure %v, error %v, not removed %q, problems %q", r.failure, err, r.left, r.problems)
	}
	for i, p := range points {
		if got := r.answers[i].verdict; p.local && got != confirmed || got == refuted {
			t.Errorf("%s: %s: %s", p.id, got, r.answers[i].seen)
		}
	}
	files, err := readFiles(s.recorded)
	if err != nil || len(files) < 3 {
		t.Errorf("recorded %q, error %v", slices.Sorted(maps.Keys(files)), err)
	}
	for path, data := range files {
		again, err := newRedactor().event(data)
		if err != nil || strings.Contains(string(data), localcloud.Account) || len(again) == 0 {
			t.Errorf("%s is not redacted: %v\n%s", path, err, data)
		}
	}
	if strings.Contains(text, localcloud.Account) {
		t.Error("the report has the account")
	}
}

// testLog writes to a test's log.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// emulate serves ECR, STS and Secrets Manager. The events of its changes go to the
// local cloud once connect was called.
func emulate(t *testing.T) (url string, connect func(cloud string)) {
	t.Helper()
	var bus *eventbus.Bus
	api, err := emulator.New(emulator.Fixture{}, emulator.WithEvents(func(event []byte) {
		if err := bus.Put(t.Context(), event); err != nil {
			t.Errorf("event not delivered: %v", err)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return server.URL, func(cloud string) {
		if bus, err = eventbus.New(cloud); err != nil {
			t.Fatal(err)
		}
	}
}
