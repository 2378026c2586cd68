package emulator_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/emulator"
	"ptcaudit/internal/stand/toolbox"
)

// environ is the environment of a client: it has no configuration of this machine,
// and only the address of the emulator.
func environ(more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"),
		"AWS_ACCESS_KEY_ID=" + account,
		"AWS_SECRET_ACCESS_KEY=secret",
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_MAX_ATTEMPTS=1",
		"AWS_PAGER=",
	}, more...)
}

// pythonCall is one call that calls.py makes.
type pythonCall struct {
	Endpoint  string          `json:"endpoint"`
	Service   string          `json:"service"`
	Operation string          `json:"operation"`
	Input     json.RawMessage `json:"input"`
}

type pythonResult struct {
	Output  map[string]any `json:"output"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Status  int            `json:"status"`
}

// boto3 makes calls in one process of Python.
func boto3(t *testing.T, calls []pythonCall) []pythonResult {
	t.Helper()
	job, err := json.Marshal(map[string]any{"account": account, "region": region, "calls": calls})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), toolbox.Python(t), "testdata/calls.py")
	cmd.Env, cmd.Stdin = environ(), bytes.NewReader(job)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var results []pythonResult
	if err := json.Unmarshal(out, &results); err != nil || len(results) != len(calls) {
		t.Fatalf("%v: %s", err, out)
	}
	return results
}

// Tests every constraint again with a client that does not check them itself.
func TestConstraintsByBoto3(t *testing.T) {
	var cases []constraintCase
	var calls []pythonCall
	for _, tt := range constraintCases() {
		// A client cannot send a request of an invalid form.
		if tt.code == "SerializationException" || tt.body == "" || strings.Contains(tt.body, "whatever") {
			continue
		}
		_, url := serve(t, emulator.Fixture{})
		cases = append(cases, tt)
		calls = append(calls, pythonCall{url, "ecr", tt.operation, json.RawMessage(tt.body)})
	}
	for i, got := range boto3(t, calls) {
		tt := cases[i]
		if got.Code != tt.code || !strings.Contains(got.Message, tt.text) {
			t.Errorf("%s: %s %q, want %s", tt.name, got.Code, got.Message, tt.code)
		}
	}
}

func TestTheLifeOfARuleByBoto3(t *testing.T) {
	_, url := serve(t, one(emulator.Registry{PageSize: 1, Rules: []emulator.Rule{{EcrRepositoryPrefix: "k8s", UpstreamRegistryURL: "registry.k8s.io"}}}))
	_, throttled := serve(t, emulator.Fixture{Faults: []emulator.Fault{{Code: "ThrottlingException"}}})
	call := func(service, operation, input string) pythonCall {
		return pythonCall{url, service, operation, json.RawMessage(input)}
	}
	const at = "2026-11-05T12:00:00.123000+00:00"
	rule := map[string]any{
		"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "upstreamRepositoryPrefix": "ROOT",
		"credentialArn": hub, "registryId": account,
	}
	with := func(more ...any) map[string]any {
		m := maps.Clone(rule)
		for i := 0; i+1 < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	steps := []struct {
		call pythonCall
		code string
		want map[string]any // nil: not compared
	}{
		{call("sts", "GetCallerIdentity", `{}`), "", map[string]any{"Account": account, "Arn": "arn:aws:iam::111122223333:user/emulator", "UserId": "AIDAV2ZCCZQP6CITJOZ2"}},
		{call("ecr", "CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub","upstreamRegistryUrl":"registry-1.docker.io","credentialArn":"`+hub+`"}`), "", with("upstreamRegistry", "docker-hub", "createdAt", at)},
		{call("ecr", "CreatePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub","upstreamRegistryUrl":"quay.io"}`), "PullThroughCacheRuleAlreadyExistsException", nil},
		{call("ecr", "DescribePullThroughCacheRules", `{"maxResults":5}`), "", map[string]any{"nextToken": "YWZ0ZXI6aHVi", "pullThroughCacheRules": []any{with("upstreamRegistry", "docker-hub", "createdAt", at)}}},
		{call("ecr", "DescribePullThroughCacheRules", `{"nextToken":"YWZ0ZXI6aHVi"}`), "", map[string]any{"pullThroughCacheRules": []any{map[string]any{"ecrRepositoryPrefix": "k8s", "upstreamRegistryUrl": "registry.k8s.io", "upstreamRegistry": "k8s", "registryId": account}}}},
		{call("secretsmanager", "PutSecretValue", `{"SecretId":"ecr-pullthroughcache/hub","SecretString":"broken"}`), "", nil},
		{call("ecr", "ValidatePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub"}`), "", with("isValid", false, "failure", "The authentication to the upstream registry failed. Verify that the credentials in the secret are correct.")},
		{call("secretsmanager", "PutSecretValue", `{"SecretId":"ecr-pullthroughcache/hub","SecretString":"{\"username\":\"u\",\"accessToken\":\"t\"}"}`), "", nil},
		{call("ecr", "ValidatePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub"}`), "", with("isValid", true)},
		{call("ecr", "UpdatePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub"}`), invalid, nil},
		{call("ecr", "UpdatePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub","credentialArn":"`+hub+`"}`), "", map[string]any{"ecrRepositoryPrefix": "hub", "credentialArn": hub, "upstreamRepositoryPrefix": "ROOT", "registryId": account, "updatedAt": at}},
		{call("secretsmanager", "DeleteSecret", `{"SecretId":"ecr-pullthroughcache/hub"}`), "", map[string]any{"ARN": hub, "Name": "ecr-pullthroughcache/hub", "DeletionDate": "2026-12-05T12:00:00.123000+00:00"}},
		{call("ecr", "UpdatePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub","credentialArn":"`+hub+`"}`), "SecretNotFoundException", nil},
		{call("secretsmanager", "RestoreSecret", `{"SecretId":"`+hub+`"}`), "", map[string]any{"ARN": hub, "Name": "ecr-pullthroughcache/hub"}},
		{call("secretsmanager", "DescribeSecret", `{"SecretId":"`+hub+`"}`), "", map[string]any{"ARN": hub, "Name": "ecr-pullthroughcache/hub"}},
		{call("secretsmanager", "PutSecretValue", `{"SecretId":"none","SecretString":"x"}`), "ResourceNotFoundException", nil},
		{call("ecr", "DeletePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub"}`), "", with("createdAt", at)},
		{call("ecr", "DeletePullThroughCacheRule", `{"ecrRepositoryPrefix":"hub"}`), notFound, nil},
		{call("ecr", "DescribeRepositories", `{}`), "UnknownOperationException", nil},
		{pythonCall{throttled, "ecr", "ValidatePullThroughCacheRule", json.RawMessage(`{"ecrRepositoryPrefix":"hub"}`)}, "ThrottlingException", nil},
		{pythonCall{throttled, "sts", "GetCallerIdentity", json.RawMessage(`{}`)}, "ThrottlingException", nil},
	}
	var calls []pythonCall
	for _, s := range steps {
		calls = append(calls, s.call)
	}
	for i, got := range boto3(t, calls) {
		s := steps[i]
		for name, v := range got.Output {
			// boto3 returns times in the machine's time zone.
			if text, ok := v.(string); ok {
				got.Output[name] = inUTC(text)
			}
		}
		rules, _ := got.Output["pullThroughCacheRules"].([]any)
		for _, r := range rules {
			if m := r.(map[string]any); m["createdAt"] != nil {
				m["createdAt"] = inUTC(m["createdAt"].(string))
			}
		}
		if got.Code != s.code {
			t.Errorf("step %d, %s: %s %q, want %q", i, s.call.Operation, got.Code, got.Message, s.code)
		}
		if diff := cmp.Diff(s.want, got.Output); s.want != nil && diff != "" {
			t.Errorf("step %d, %s: %s", i, s.call.Operation, diff)
		}
	}
}

// inUTC converts a time of Python to UTC, and returns any other text unchanged.
func inUTC(s string) string {
	const layout = "2006-01-02T15:04:05.000000-07:00"
	if at, err := time.Parse(layout, s); err == nil {
		return at.UTC().Format(layout)
	}
	return s
}

// The unmodified AWS CLI works with the address of the emulator alone.
func TestTheAWSCLI(t *testing.T) {
	aws := toolbox.AWS(t)
	// With its own validation off, so that constraints reach the server.
	configFile := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(configFile, []byte("[default]\nparameter_validation = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var events []string
	_, url := serve(t, one(emulator.Registry{PageSize: 1, Rules: []emulator.Rule{{EcrRepositoryPrefix: "k8s", UpstreamRegistryURL: "registry.k8s.io"}}}),
		emulator.WithEvents(func(e []byte) { events = append(events, string(e)) }))
	tests := []struct {
		args string // between blanks
		want string // part of the output; the name of an error means that the command fails
	}{
		{"sts get-caller-identity --query Arn", `"arn:aws:iam::111122223333:user/emulator"`},
		{"ecr create-pull-through-cache-rule --ecr-repository-prefix hub --upstream-registry-url registry-1.docker.io --credential-arn " + hub, `"upstreamRegistry": "docker-hub"`},
		{"ecr create-pull-through-cache-rule --ecr-repository-prefix hub --upstream-registry-url quay.io", "PullThroughCacheRuleAlreadyExistsException"},
		{"ecr create-pull-through-cache-rule --ecr-repository-prefix mcr --upstream-registry-url mcr.microsoft.com", noUpstream},
		{"ecr create-pull-through-cache-rule --ecr-repository-prefix Quay --upstream-registry-url quay.io", invalid},
		{"ecr describe-pull-through-cache-rules --query pullThroughCacheRules[].ecrRepositoryPrefix --output text", "hub\nk8s"},
		{"ecr describe-pull-through-cache-rules --ecr-repository-prefixes none", notFound},
		{"ecr update-pull-through-cache-rule --ecr-repository-prefix hub", invalid},
		{"ecr update-pull-through-cache-rule --ecr-repository-prefix hub --credential-arn " + hub, `"updatedAt"`},
		{"secretsmanager put-secret-value --secret-id ecr-pullthroughcache/hub --secret-string broken", `"ARN"`},
		{"ecr validate-pull-through-cache-rule --ecr-repository-prefix hub", `"isValid": false`},
		{"secretsmanager put-secret-value --secret-id ecr-pullthroughcache/hub --secret-string " + working, `"VersionId"`},
		{"ecr validate-pull-through-cache-rule --ecr-repository-prefix hub", `"isValid": true`},
		{"ecr validate-pull-through-cache-rule --ecr-repository-prefix hub --registry-id 444455556666", "AccessDeniedException"},
		{"ecr delete-pull-through-cache-rule --ecr-repository-prefix hub", `"createdAt"`},
		{"ecr delete-pull-through-cache-rule --ecr-repository-prefix hub", notFound},
	}
	for _, tt := range tests {
		cmd := exec.CommandContext(t.Context(), aws, append(strings.Fields(tt.args), "--endpoint-url", url)...)
		cmd.Env = environ("AWS_CONFIG_FILE=" + configFile)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); !strings.Contains(got, tt.want) {
			t.Errorf("aws %s\n%s\nwant: %s", tt.args, got, tt.want)
		}
		if fails := strings.HasSuffix(tt.want, "Exception"); fails != (err != nil) {
			t.Errorf("aws %s: %v", tt.args, err)
		}
	}
	if len(events) != 10 {
		t.Errorf("%d events, want 10: one for each mutating call, the refused ones too\n%s", len(events), strings.Join(events, "\n"))
	}
	for _, e := range events {
		if strings.Contains(e, "accessToken") || strings.Contains(e, "broken") {
			t.Errorf("a secret's value is in %s", e)
		}
	}
}
