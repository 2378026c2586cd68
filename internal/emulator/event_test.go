package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/emulator"
)

const canary = "canary-in-the-secret"

// Every event is compared with a golden file: it is what the auditor's
// decoder, and a rule of EventBridge, have to understand.
func TestEvents(t *testing.T) {
	const ecrTarget, secretsTarget = "AmazonEC2ContainerRegistry_V20150921.", "secretsmanager."
	session := map[string]string{"X-Amz-Security-Token": sessionToken(t, "arn:aws:iam::111122223333:role/teams/Admin", "jane")}
	tests := []struct {
		name, target, body string
		headers            map[string]string
		faults             []emulator.Fault
	}{
		{"create", ecrTarget + "CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"github","upstreamRegistryUrl":"ghcr.io","credentialArn":"` + hub + `"}`, session, nil},
		{"create-by-user", ecrTarget + "CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io","unknown":"ignored"}`, nil, nil},
		{"create-refused", ecrTarget + "CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"mcr","upstreamRegistryUrl":"mcr.microsoft.com"}`, session, nil},
		{"create-denied", ecrTarget + "CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io"}`, session, []emulator.Fault{{Code: "AccessDeniedException"}}},
		{"create-invalid", ecrTarget + "CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"-"}`, nil, nil},
		{"update", ecrTarget + "UpdatePullThroughCacheRule", `{"ecrRepositoryPrefix":"docker-hub","credentialArn":"` + hub + `"}`, session, nil},
		{"delete", ecrTarget + "DeletePullThroughCacheRule", `{"ecrRepositoryPrefix":"docker-hub"}`, session, nil},
		{"delete-in-another-account", ecrTarget + "DeletePullThroughCacheRule", `{"ecrRepositoryPrefix":"docker-hub","registryId":"444455556666"}`, nil, nil},
		{"validate", ecrTarget + "ValidatePullThroughCacheRule", `{"ecrRepositoryPrefix":"docker-hub"}`, nil, nil},
		{"secret-create", secretsTarget + "CreateSecret", `{"Name":"ecr-pullthroughcache/new","SecretString":"{\"username\":\"u\",\"accessToken\":\"` + canary + `\"}"}`, session, nil},
		{"secret-put", secretsTarget + "PutSecretValue", `{"SecretId":"ecr-pullthroughcache/hub","ClientRequestToken":"0123456789abcdef0123456789abcdef","SecretString":"` + canary + `"}`, session, nil},
		{"secret-update", secretsTarget + "UpdateSecret", `{"SecretId":"` + hub + `","SecretBinary":"` + canary + `"}`, session, nil},
		{"secret-delete", secretsTarget + "DeleteSecret", `{"SecretId":"` + hub + `","RecoveryWindowInDays":7}`, session, nil},
		{"secret-restore", secretsTarget + "RestoreSecret", `{"SecretId":"` + hub + `"}`, session, nil},
		{"secret-not-found", secretsTarget + "PutSecretValue", `{"SecretId":"none","SecretString":"` + canary + `"}`, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := one(emulator.Registry{
				Behaviour: emulator.Behaviour{ValidateEvents: emulator.Send},
				Rules: []emulator.Rule{{
					EcrRepositoryPrefix: "docker-hub", UpstreamRegistryURL: "registry-1.docker.io", UpstreamRepositoryPrefix: "ROOT",
					CredentialArn: hub, CreatedAt: emulator.Time{Time: time.Date(2018, 7, 11, 22, 17, 44, 0, time.UTC)},
				}},
			})
			f.Faults = tt.faults
			events, _ := record(t, f, tt.target, tt.body, tt.headers)
			if len(events) != 1 {
				t.Fatalf("%d events, want 1", len(events))
			}
			if strings.Contains(events[0], canary) {
				t.Errorf("the secret's value is in %s", events[0])
			}
			golden(t, "event-"+tt.name+".json", events[0])
		})
	}
}

func TestCallsWithoutEvents(t *testing.T) {
	const ecrTarget = "AmazonEC2ContainerRegistry_V20150921."
	tests := []struct{ name, target, body string }{
		{"describe", ecrTarget + "DescribePullThroughCacheRules", `{}`},
		{"validate", ecrTarget + "ValidatePullThroughCacheRule", `{"ecrRepositoryPrefix":"none"}`},
		{"another operation", ecrTarget + "DescribeRepositories", `{}`},
		{"no JSON", ecrTarget + "CreatePullThroughCacheRule", `{`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if events, _ := record(t, emulator.Fixture{}, tt.target, tt.body, nil); len(events) != 0 {
				t.Errorf("%s", events)
			}
		})
	}
}

func TestErrorsInEventsAreCut(t *testing.T) {
	f := emulator.Fixture{Faults: []emulator.Fault{{Code: "ServerException", Message: strings.Repeat("é", 1024)}}}
	events, _ := record(t, f, "AmazonEC2ContainerRegistry_V20150921.DeletePullThroughCacheRule", `{"ecrRepositoryPrefix":"quay"}`, nil)
	var e struct{ Detail struct{ ErrorMessage string } }
	if err := json.Unmarshal([]byte(events[0]), &e); err != nil {
		t.Fatal(err)
	}
	if got := e.Detail.ErrorMessage; got != strings.Repeat("é", 512) {
		t.Errorf("%d bytes, want 1024 of whole characters", len(got))
	}
}

// A hook may use the emulator, as one that runs the auditor does.
func TestTheHookMayCall(t *testing.T) {
	var e *emulator.Emulator
	listed := 0
	e, err := emulator.New(emulator.Fixture{}, emulator.WithEvents(func([]byte) {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, recorded(t, "AmazonEC2ContainerRegistry_V20150921.DescribePullThroughCacheRules", "{}", nil))
		listed = strings.Count(w.Body.String(), "ecrRepositoryPrefix")
	}))
	if err != nil {
		t.Fatal(err)
	}
	e.ServeHTTP(httptest.NewRecorder(), recorded(t, "AmazonEC2ContainerRegistry_V20150921.CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io"}`, nil))
	if listed != 1 {
		t.Errorf("the hook sees %d rules, want the one that its event tells of", listed)
	}
}

// recorded is a request with everything in it given, so that its event can be
// compared.
func recorded(t testing.TB, target, body string, headers map[string]string) *http.Request {
	t.Helper()
	r := signed(t, "http://emulator/", body, "X-Amz-Target", target)
	r.RemoteAddr = "203.0.113.12:40000"
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return r
}

// record calls a new emulator, and returns the events and the answer.
func record(t *testing.T, f emulator.Fixture, target, body string, headers map[string]string) (events []string, answer string) {
	t.Helper()
	ids := 0
	e, err := emulator.New(f,
		emulator.WithClock(func() time.Time { return now }),
		emulator.WithIDs(func() string { ids++; return fmt.Sprintf("00000000-0000-4000-8000-%012d", ids) }),
		emulator.WithEvents(func(event []byte) { events = append(events, string(event)) }))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, recorded(t, target, body, headers))
	return events, w.Body.String()
}

// golden compares JSON with a file of testdata, or rewrites the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(got), "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, indented.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), indented.String()); diff != "" {
		t.Error(diff)
	}
}
