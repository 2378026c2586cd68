package emulator_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"

	"ptcaudit/internal/emulator"
)

var update = flag.Bool("update", false, "rewrite golden files")

const (
	account = "111122223333"
	region  = "eu-west-1"
	hub     = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"
	working = `{"username":"u","accessToken":"t"}`
)

// now is the time of the emulators in these tests.
var now = time.Date(2026, 11, 5, 12, 0, 0, 123_000_000, time.UTC)

// serve starts an emulator with a fixture.
func serve(t testing.TB, f emulator.Fixture, opts ...emulator.Option) (*emulator.Emulator, string) {
	t.Helper()
	e, err := emulator.New(f, append([]emulator.Option{emulator.WithClock(func() time.Time { return now })}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return e, server.URL
}

// one is a fixture of one registry, that of account and region.
func one(r emulator.Registry) emulator.Fixture {
	r.Account, r.Region = account, region
	return emulator.Fixture{Registries: []emulator.Registry{r}}
}

// config is an SDK configuration for an emulator, with one attempt a call.
func config(url, account, region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider(account, "secret", ""),
		Retryer:      func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 1) },
	}
}

func client(url string) *ecr.Client { return ecr.NewFromConfig(config(url, account, region)) }

// code is the API's error code in err; "" for no error.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("not an API error: %v", err)
	}
	return api.ErrorCode()
}

// answer is the answer of the emulator to a request written by hand.
type answer struct {
	status int
	header http.Header
	body   string
}

// members are those of a JSON answer.
func (a answer) members(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return m
}

// signed is the head of a request by account for region, with headers given
// as name, value, name, value.
func signed(t testing.TB, url, body string, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20261105/"+region+"/ecr/aws4_request, SignedHeaders=host, Signature=0")
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("User-Agent", "test")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

func send(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// ask calls an operation of ECR with a body written by hand, so that no
// client keeps anything from the server.
func ask(t *testing.T, url, operation, body string) answer {
	t.Helper()
	return send(t, signed(t, url, body, "X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+operation))
}

// askSecrets calls an operation of Secrets Manager.
func askSecrets(t *testing.T, url, operation, body string) answer {
	t.Helper()
	return send(t, signed(t, url, body, "X-Amz-Target", "secretsmanager."+operation))
}

func TestOnlyTheStandardLibrary(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); !slices.Equal(got, []string{"ptcaudit/internal/emulator"}) {
		t.Errorf("beside the standard library it imports %v", got)
	}
}

func TestHealth(t *testing.T) {
	_, url := serve(t, emulator.Fixture{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := send(t, req); a.status != http.StatusOK || a.members(t)["status"] != "ok" {
		t.Errorf("GET /health: %d %s", a.status, a.body)
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	var mu sync.Mutex
	events := 0
	e, url := serve(t, emulator.Fixture{Faults: []emulator.Fault{{Operation: "DeletePullThroughCacheRule", Code: "ServerException", Times: 10}}},
		emulator.WithEvents(func([]byte) { mu.Lock(); events++; mu.Unlock() }))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c := client(url)
			prefix := aws.String("p" + string(rune('a'+i)))
			_, err := c.CreatePullThroughCacheRule(t.Context(), &ecr.CreatePullThroughCacheRuleInput{EcrRepositoryPrefix: prefix, UpstreamRegistryUrl: aws.String("quay.io")})
			if err != nil {
				t.Error(err)
			}
			if _, err := c.DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{}); err != nil {
				t.Error(err)
			}
			_, _ = c.DeletePullThroughCacheRule(t.Context(), &ecr.DeletePullThroughCacheRuleInput{EcrRepositoryPrefix: prefix})
		})
	}
	wg.Wait()
	left, err := client(url).DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(left.PullThroughCacheRules); got != 10 {
		t.Errorf("%d rules are left, want the 10 whose deletion was made to fail", got)
	}
	if events != 40 {
		t.Errorf("%d events, want one for each of the 40 mutating calls", events)
	}
	if got := e.Count("CreatePullThroughCacheRule"); got != 20 {
		t.Errorf("counted %d creations, want 20", got)
	}
	if got := len(e.Calls()); got != 61 {
		t.Errorf("remembered %d calls, want 61", got)
	}
}
