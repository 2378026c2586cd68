package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ptcaudit/internal/app"
	"ptcaudit/internal/config"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var home = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}

const topic = "arn:aws:sns:eu-west-1:111122223333:ptcaudit"

func serve(t *testing.T, faults ...emulator.Fault) (*emulator.Emulator, aws.Config) {
	t.Helper()
	e, err := emulator.New(emulator.Fixture{
		Registries: []emulator.Registry{{Account: home.Account, Region: home.Region, Rules: []emulator.Rule{
			{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io", Validation: &emulator.Validation{Failure: "no"}},
		}}},
		Faults: faults,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return e, aws.Config{
		Region:           home.Region,
		BaseEndpoint:     &server.URL,
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider(home.Account, "test", ""),
	}
}

func load(t *testing.T) (config.Config, *policy.Policy) {
	t.Helper()
	c, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(c.Policy)
	if err != nil {
		t.Fatal(err)
	}
	return c, p
}

func sample(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../functions/audit/events/create.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// As the command does it: credentials that STS knows, and no topic.
func TestNew(t *testing.T) {
	e, cfg := serve(t)
	c, p := load(t)
	a := app.New(c, cfg, p, app.Options{})
	if a.Handler.Delivery.Topics != nil {
		t.Error("a publisher without a topic")
	}
	for range 2 {
		got, err := a.Handler.Handle(t.Context(), sample(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Notifications) != 1 || got.Notifications[0].Status != report.Failed || !got.Audits[0].Complete {
			t.Errorf("got %+v", got)
		}
	}
	if n := e.Count("GetCallerIdentity"); n != 1 {
		t.Errorf("STS was asked %d times", n)
	}
	r := a.Engine.Audit(t.Context(), home, nil)
	if !r.Complete || r.Summary.Highest != report.Critical || r.Policy != p.Ref() || r.Audit.Version != app.Version {
		t.Errorf("got %+v", r)
	}

	c.TopicARN, c.RecordsTopicARN, c.ChatTopicARN = topic, topic+"-records", topic+"-chat"
	var names []string
	for _, each := range app.New(c, cfg, p, app.Options{}).Handler.Delivery.Topics {
		names = append(names, each.Name())
	}
	if want := []string{topic, topic + "-records", topic + "-chat"}; !slices.Equal(names, want) {
		t.Errorf("topics %v, want %v: people first", names, want)
	}
}

func TestNewKeepsToItsConfiguration(t *testing.T) {
	e, cfg := serve(t, emulator.Fault{Operation: "ValidatePullThroughCacheRule", Delay: emulator.Duration(time.Minute)})
	c, p := load(t)
	c.CallTimeout = 100 * time.Millisecond
	account := func(context.Context) (string, error) { return home.Account, nil }
	began := time.Now()
	got, err := app.New(c, cfg, p, app.Options{Account: account}).Handler.Handle(t.Context(), sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Notifications) != 1 || got.Notifications[0].Status != report.CouldNotAudit {
		t.Errorf("got %+v", got.Notifications)
	}
	if took := time.Since(began); took > config.DefaultCallTimeout/2 {
		t.Errorf("a call took %v, which is longer than it may", took)
	}
	if n := e.Count("GetCallerIdentity"); n != 0 {
		t.Errorf("STS was asked %d times", n)
	}
}

// Lambda takes the level of a line only if it has a timestamp under this key.
func TestLinesOfTheLogHaveTheKeysOfLambda(t *testing.T) {
	for name, value := range map[string]string{
		"PTCAUDIT_TOPIC_ARN": topic, "PTCAUDIT_LOG_LEVEL": "debug", "AWS_REGION": home.Region,
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(name, value)
	}
	var logs bytes.Buffer
	h, err := app.Function(os.Environ(), &logs, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	h.Log.DebugContext(t.Context(), "hello")
	var line struct{ Timestamp, Level string }
	if err := json.Unmarshal(logs.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339, line.Timestamp); err != nil || line.Level != "DEBUG" {
		t.Errorf("%s: %v", logs.String(), err)
	}
}

func TestIdentity(t *testing.T) {
	_, cfg := serve(t)
	got, err := app.Identity(t.Context(), cfg)
	if err != nil || got != home {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestIdentityFaults(t *testing.T) {
	sts := func(f emulator.Fault) func(*testing.T) aws.Config {
		return func(t *testing.T) aws.Config {
			f.Operation = "GetCallerIdentity"
			_, cfg := serve(t, f)
			return cfg
		}
	}
	tests := []struct {
		name string
		cfg  func(t *testing.T) aws.Config
		kind ptc.FaultKind
		text string // in the error
	}{
		{"denied", sts(emulator.Fault{Code: "ExpiredTokenException", Status: http.StatusForbidden}), ptc.FaultDenied, "GetCallerIdentity: ExpiredTokenException: The security token"},
		{"broken", sts(emulator.Fault{Status: http.StatusInternalServerError}), ptc.FaultUnavailable, "GetCallerIdentity: "},
		{"cut off", sts(emulator.Fault{Drop: true}), ptc.FaultUnavailable, "EOF"},
		{"no credentials", func(t *testing.T) aws.Config {
			_, cfg := serve(t)
			cfg.Credentials = credentials.NewStaticCredentialsProvider("", "", "")
			return cfg
		}, ptc.FaultDenied, "credentials"},
		{"connection refused", func(t *testing.T) aws.Config {
			_, cfg := serve(t)
			cfg.BaseEndpoint = aws.String("http://127.0.0.1:1")
			return cfg
		}, ptc.FaultUnavailable, "127.0.0.1:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := app.Identity(t.Context(), tt.cfg(t))
			fault, ok := errors.AsType[*ptc.Fault](err)
			if !ok || fault.Kind != tt.kind || fault.Operation != "GetCallerIdentity" || got != (ptc.Registry{}) {
				t.Errorf("got %v and %#v, want a fault of kind %s", got, err, tt.kind)
			}
			if err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q lacks %q", err, tt.text)
			}
		})
	}
}

// setenv gives this process the environment of a function, which the SDK
// reads by itself, and returns it.
func setenv(t *testing.T, endpoint string, more ...string) []string {
	t.Helper()
	for _, v := range append([]string{
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=111122223333", "AWS_SECRET_ACCESS_KEY=test", "AWS_MAX_ATTEMPTS=1",
		"AWS_ENDPOINT_URL=" + endpoint, "PTCAUDIT_TOPIC_ARN=" + topic,
	}, more...) {
		key, value, _ := strings.Cut(v, "=")
		t.Setenv(key, value)
	}
	return os.Environ()
}

// invocation is the context of one by Lambda.
func invocation(t *testing.T) context.Context {
	t.Helper()
	return lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
		InvokedFunctionArn: "arn:aws:lambda:eu-west-1:111122223333:function:audit:live",
	})
}

func TestFunction(t *testing.T) {
	e, cfg := serve(t)
	var logs, metrics strings.Builder
	h, err := app.Function(setenv(t, *cfg.BaseEndpoint), &logs, &metrics)
	if err != nil {
		t.Fatal(err)
	}
	h.Delivery.Topics = nil // the emulator has no topic
	got, err := h.Handle(invocation(t), sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Notifications) != 1 || got.Notifications[0].Status != report.Failed || !got.Audits[0].Complete {
		t.Errorf("got %+v", got)
	}
	if n := e.Count("GetCallerIdentity"); n != 0 {
		t.Errorf("STS was asked %d times", n)
	}
	if !strings.Contains(logs.String(), `"msg":"report delivered"`) || !strings.Contains(metrics.String(), `"AuditSucceeded":1`) {
		t.Errorf("logs %s\nmetrics %s", logs.String(), metrics.String())
	}
	// Without Lambda's context, the account of the function is unknown.
	got, err = h.Handle(t.Context(), sample(t))
	if err != nil || len(got.Notifications) != 1 || got.Notifications[0].Status != report.CouldNotAudit {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFunctionThatIsBroken(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want string // in the notification; empty if the function does not start
		err  error
	}{
		{"no topic", []string{"PTCAUDIT_TOPIC_ARN="}, "", config.ErrMissing},
		{"no topic, and more", []string{"PTCAUDIT_TOPIC_ARN=", "PTCAUDIT_STATE=x"}, "", config.ErrInvalid},
		{"the SDK's variables", []string{"AWS_MAX_ATTEMPTS=many"}, "", nil},
		{"no authorities", []string{"AWS_CA_BUNDLE=/dev/null"}, "", nil},
		{"no bundle", []string{"AWS_CA_BUNDLE=/not/there"}, "", os.ErrNotExist},
		{"a variable", []string{"PTCAUDIT_CONCURRENCY=0"}, "PTCAUDIT_CONCURRENCY", nil},
		{"the policy", []string{"PTCAUDIT_POLICY=/not/there.yaml"}, "/not/there.yaml", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, cfg := serve(t)
			var logs strings.Builder
			h, err := app.Function(setenv(t, *cfg.BaseEndpoint, tt.env...), &logs, nil)
			if tt.want == "" {
				if err == nil || tt.err != nil && !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			h.Delivery.Topics = nil
			got, err := h.Handle(invocation(t), sample(t))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Notifications) != 1 || got.Notifications[0].Status != report.CouldNotAudit || !strings.Contains(got.Notifications[0].Text, tt.want) {
				t.Errorf("notified %+v, want %q", got.Notifications, tt.want)
			}
		})
	}
}

// An endpoint whose certificate only AWS_CA_BUNDLE vouches for.
func TestFunctionTrustsABundle(t *testing.T) {
	e, _ := serve(t)
	server := httptest.NewTLSServer(e)
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	var logs strings.Builder
	h, err := app.Function(setenv(t, server.URL, "AWS_CA_BUNDLE="+bundle), &logs, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Delivery.Topics = nil
	got, err := h.Handle(invocation(t), sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Audits[0].Complete {
		t.Errorf("got %+v", got.Notifications)
	}
}

// With stores, a failure is notified once, and so is a broken configuration. A
// store that cannot be opened is notified each time.
func TestStores(t *testing.T) {
	state, evidence := t.TempDir(), t.TempDir()
	tests := []struct {
		name string
		env  []string
		sent []int // messages of one audit after another
		want string
	}{
		{"sound", nil, []int{1, 0}, "FAILED"},
		{"the policy is broken", []string{"PTCAUDIT_POLICY=/not/there.yaml"}, []int{1, 0}, "COULD_NOT_AUDIT"},
		{"no store", []string{"PTCAUDIT_STATE=file:///../state"}, []int{1, 1}, "COULD_NOT_AUDIT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, cfg := serve(t)
			folder := strings.ReplaceAll(tt.name, " ", "-")
			var logs strings.Builder
			env := append([]string{
				"PTCAUDIT_STATE=file://" + filepath.Join(state, folder), "PTCAUDIT_EVIDENCE=file://" + filepath.Join(evidence, folder),
			}, tt.env...)
			h, err := app.Function(setenv(t, *cfg.BaseEndpoint, env...), &logs, nil)
			if err != nil {
				t.Fatal(err)
			}
			h.Delivery.Topics = nil
			for i, want := range tt.sent {
				got, err := h.Handle(invocation(t), sample(t))
				if err != nil || len(got.Notifications) != want {
					t.Fatalf("audit %d sent %+v, %v", i, got.Notifications, err)
				}
				if err := got.Settle(t.Context(), true); err != nil {
					t.Fatal(err)
				}
				for _, m := range got.Notifications {
					if string(m.Status) != tt.want || !strings.HasPrefix(m.Evidence, "file://"+evidence) {
						t.Errorf("notified %s with the evidence %q", m.Status, m.Evidence)
					}
				}
			}
		})
	}
}
