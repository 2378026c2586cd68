// Package main_test drives the compiled function, dist/audit/bootstrap, through
// Lambda's runtime interface, against the emulator and a stub of SNS.
package main_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/stand/sqsbatch"
)

// limit is that of an ordinary invocation.
const limit = time.Minute

func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("events", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// outcome is a reply in short: the published statuses for a single message,
// "failed" and the messages that come back for a batch, or the error.
func outcome(t *testing.T, r reply) string {
	t.Helper()
	var body struct {
		ErrorMessage      string
		Notifications     []struct{ Status string }
		Audits            []struct{ Complete bool }
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(r.body, &members); err != nil {
		t.Fatal(err)
	}
	var words []string
	switch names := slices.Sorted(maps.Keys(members)); {
	case r.failed:
		return "error: " + body.ErrorMessage
	case slices.Equal(names, []string{"batchItemFailures"}):
		if string(members["batchItemFailures"]) == "null" {
			t.Error("batchItemFailures is null")
		}
		words = append(words, "failed")
		for _, f := range body.BatchItemFailures {
			words = append(words, f.ItemIdentifier)
		}
	case slices.Equal(names, []string{"audits", "notifications"}):
		words = append(words, "notified")
		for _, m := range body.Notifications {
			words = append(words, m.Status)
		}
		for _, a := range body.Audits {
			words = append(words, map[bool]string{true: "complete", false: "incomplete"}[a.Complete])
		}
	default:
		t.Fatalf("neither reply: %s", r.body)
	}
	return strings.Join(words, " ")
}

func TestEverySample(t *testing.T) {
	// One process takes them all, as in Lambda.
	c := newCloud(t)
	f := start(t, c.env())
	testEverySample(t, c, func(t *testing.T, payload []byte) reply { return f.invoke(t, payload, limit) })
}

// testEverySample has a function that runs in c answer every sample, whichever
// way it is invoked.
func testEverySample(t *testing.T, c *cloud, invoke func(t *testing.T, payload []byte) reply) {
	t.Helper()
	want := map[string]struct {
		reply     string
		published []string
		mail      []string // parts of it
	}{
		"create.json": {"notified FAILED complete", []string{"FAILED"}, []string{
			"docker-hub", "validation-passed", "jane", "arn:aws:iam::111122223333:role/Admin", "22:49:31",
		}},
		"create-ecr.json":     {"notified FAILED complete", []string{"FAILED"}, []string{"jane", "shared"}},
		"create-root.json":    {"notified FAILED complete", []string{"FAILED"}, []string{"jane", "ROOT"}},
		"update.json":         {"notified FAILED complete", []string{"FAILED"}, []string{"bob", "ghcr"}},
		"delete.json":         {"notified FAILED complete", []string{"FAILED"}, []string{"pipeline", "cloudformation.amazonaws.com", "quay"}},
		"secret.json":         {"notified FAILED complete", []string{"FAILED"}, []string{"jane", "ecr-pullthroughcache/hub"}},
		"secret-create.json":  {"notified FAILED complete", []string{"FAILED"}, []string{"jane", "CreateSecret", "ecr-pullthroughcache/hub"}},
		"secret-policy.json":  {"notified FAILED complete", []string{"FAILED"}, []string{"jane", "PutResourcePolicy", "ecr-pullthroughcache/hub"}},
		"secret-stage.json":   {"notified FAILED complete", []string{"FAILED"}, []string{"rotate-hub", "UpdateSecretVersionStage", "ecr-pullthroughcache/hub"}},
		"secret-rotated.json": {"notified FAILED complete", []string{"FAILED"}, []string{"secretsmanager.amazonaws.com", "RotationSucceeded"}},
		"secret-label.json":   {"notified FAILED complete", []string{"FAILED"}, []string{"docker-hub"}},
		"request.json":        {"notified FAILED complete", []string{"FAILED"}, []string{"docker-hub"}},
		"denied.json":         {"notified", nil, nil},
		"foreign.json":        {"notified", nil, nil},
		"sqs-batch.json":      {"failed " + poisonID(t), []string{"FAILED"}, []string{"jane"}},
	}
	files, err := filepath.Glob("events/*.json")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d samples and %d expectations: %v", len(files), len(want), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			before := len(c.published(t))
			got := invoke(t, []byte(c.home(string(sample(t, name)))))
			if got := outcome(t, got); got != want[name].reply {
				t.Errorf("reply: %s\nwant:  %s", got, want[name].reply)
			}
			if diff := cmp.Diff(want[name].published, c.published(t)[before:], equateEmpty); diff != "" {
				t.Errorf("published (-want +got)\n%s", diff)
			}
			for _, part := range want[name].mail {
				if mail := c.mail(t); !strings.Contains(mail, c.home(part)) {
					t.Errorf("the mail lacks %q:\n%s", c.home(part), mail)
				}
			}
		})
	}
	if audits, published := c.ecr.Count("DescribePullThroughCacheRules"), len(c.published(t)); audits != published {
		t.Errorf("ECR was asked for its rules %d times, want %d", audits, published)
	}
	// A message that cannot be read goes to the dead-letter queue soon.
	if diff := cmp.Diff(map[string]int{"AQEBexamplepoison": 0}, c.queue.seconds); diff != "" {
		t.Errorf("put back (-want +got)\n%s", diff)
	}
}

var equateEmpty = cmp.FilterValues(func(a, b []string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())

// poisonID is the message of the sample batch that is torn.
func poisonID(t *testing.T) string {
	t.Helper()
	var b struct {
		Records []struct{ MessageID, Body string }
	}
	if err := json.Unmarshal(sample(t, "sqs-batch.json"), &b); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Records {
		if !json.Valid([]byte(r.Body)) {
			return r.MessageID
		}
	}
	t.Fatal("no poison in the sample batch")
	return ""
}

// TestWhenSomethingFails: which messages are retried and what is published. Each
// case is a batch of one message for the home registry, unless it has another one.
func TestWhenSomethingFails(t *testing.T) {
	const (
		denied    = `"code": "AccessDeniedException"`
		throttled = `"code": "ThrottlingException"`
	)
	list := func(how string) string { return `{"operation": "DescribePullThroughCacheRules", ` + how + `}` }
	validate := func(how string) string { return `{"operation": "ValidatePullThroughCacheRule", ` + how + `}` }
	fault := func(faults ...string) []string { return faults }
	tests := []struct {
		name      string
		faults    []string
		receives  int    // 0 means 1
		message   string // the home registry's request if it is empty
		topic     func(c *cloud)
		limit     time.Duration
		env       []string
		reply     string
		published []string
		mail      []string
		unaudited bool // the message is acknowledged without an audit
	}{
		{name: "nothing", reply: "failed", published: []string{"FAILED"}},
		{
			name: "denied to list", faults: fault(list(denied)), reply: "failed", published: []string{"COULD_NOT_AUDIT"},
			mail: []string{"ecr:DescribePullThroughCacheRules"},
		},
		{
			name: "denied to validate one", faults: fault(validate(denied + `, "prefix": "ghcr"`)), reply: "failed", published: []string{"COULD_NOT_AUDIT"},
			mail: []string{"ecr:ValidatePullThroughCacheRule", "ghcr", "docker-hub"},
		},
		{name: "throttled, and then not", faults: fault(list(throttled + `, "times": 1`)), reply: "failed", published: []string{"FAILED"}},
		{name: "throttled, with tries left", faults: fault(validate(throttled)), reply: "failed m"},
		{name: "throttled at the last try", faults: fault(validate(throttled)), receives: 8, reply: "failed", published: []string{"COULD_NOT_AUDIT"}},
		{
			name: "throttled at the last of fewer tries", faults: fault(list(throttled)), receives: 2, env: []string{"PTCAUDIT_MAX_RECEIVES=2"},
			reply: "failed", published: []string{"COULD_NOT_AUDIT"},
		},
		{name: "broken for a while", faults: fault(list(`"status": 500`)), receives: 7, reply: "failed m"},
		{name: "cut off", faults: fault(list(`"drop": true`)), reply: "failed m"},
		{name: "cut off in the middle", faults: fault(list(`"truncate": true`)), reply: "failed m"},
		{name: "a proxy's page", faults: fault(list(`"status": 502, "body": "<html>Bad Gateway</html>"`)), reply: "failed m"},
		{
			name: "an empty answer", faults: fault(list(`"empty": true`)), receives: 8, reply: "failed", published: []string{"COULD_NOT_AUDIT"},
		},
		{name: "an empty answer, with more tries", faults: fault(list(`"empty": true`)), reply: "failed m"},
		{
			name: "slow, against the deadline", faults: fault(validate(`"delay": "30s"`)), receives: 8, limit: 8 * time.Second,
			reply: "failed", published: []string{"COULD_NOT_AUDIT"}, mail: []string{"time"},
		},
		{
			name: "slow, against a call's own time", faults: fault(validate(`"prefix": "ghcr", "delay": "30s"`)), receives: 8,
			env:   []string{"PTCAUDIT_CALL_TIMEOUT=300ms", "AWS_MAX_ATTEMPTS=1"},
			reply: "failed", published: []string{"COULD_NOT_AUDIT"}, mail: []string{"ghcr"},
		},
		{
			name: "another account", message: sqsbatch.Request("444455556666", region), reply: "failed", unaudited: true,
		},
		{name: "another Region", message: sqsbatch.Request(account, "us-east-1"), reply: "failed"},
		{name: "not a Region with the API", message: sqsbatch.Request(account, "cn-north-1"), reply: "failed"},
		{
			name: "no topic any more", topic: func(c *cloud) { c.topic.Fail("NotFound", 404, 0) }, receives: 8,
			reply: "failed m",
		},
		{name: "topic refuses", topic: func(c *cloud) { c.topic.Fail("AuthorizationError", 403, 0) }, reply: "failed m"},
		{name: "topic throttles once", topic: func(c *cloud) { c.topic.Fail("Throttling", 400, 1) }, reply: "failed", published: []string{"FAILED"}},
		{name: "topic throttles on", topic: func(c *cloud) { c.topic.Fail("Throttled", 429, 0) }, reply: "failed m"},
		{name: "topic out of reach", topic: func(c *cloud) { c.topicServer.Close() }, reply: "failed m"},
		{
			name: "topic does not answer", topic: func(c *cloud) { c.topic.Delay(time.Minute, 0) }, limit: 6 * time.Second,
			reply: "failed m",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, tt.faults...)
			if tt.topic != nil {
				tt.topic(c)
			}
			if tt.limit == 0 {
				tt.limit = limit
			}
			f := start(t, c.env(tt.env...))
			message := tt.message
			if message == "" {
				message = sqsbatch.Request(account, region)
			}
			began := time.Now()
			got := f.invoke(t, sqsbatch.Batch(t, sqsbatch.Message{"m", message, max(tt.receives, 1)}), tt.limit)
			if took := time.Since(began); took >= tt.limit {
				t.Errorf("replied after %v, which is past the function's limit of %v", took, tt.limit)
			}
			if got := outcome(t, got); got != tt.reply {
				t.Errorf("reply: %s\nwant:  %s", got, tt.reply)
			}
			if diff := cmp.Diff(tt.published, c.published(t), equateEmpty); diff != "" {
				t.Errorf("published (-want +got)\n%s", diff)
			}
			for _, part := range tt.mail {
				if mail := c.mail(t); !strings.Contains(mail, part) {
					t.Errorf("the mail lacks %q:\n%s", part, mail)
				}
			}
			// A metric line means that an audit is complete and was published.
			f.stop()
			lines := strings.Count(f.metrics.String(), `"AuditSucceeded":`)
			if want := map[bool]int{true: 1, false: 0}[tt.reply == "failed" && !tt.unaudited]; lines != want {
				t.Errorf("%d lines of metrics, want %d:\n%s", lines, want, f.metrics.String())
			}
		})
	}
}

// A single event is not retried by a queue: it is published at once, and if
// that fails, the function fails.
func TestBareEvents(t *testing.T) {
	c := newCloud(t, `{"operation": "ValidatePullThroughCacheRule", "code": "ThrottlingException"}`)
	f := start(t, c.env("AWS_MAX_ATTEMPTS=1"))
	if got, want := outcome(t, f.invoke(t, sample(t, "create.json"), limit)), "notified COULD_NOT_AUDIT incomplete"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for payload, want := range map[string]string{
		"{}":                               "error: unknown message: send an event of EventBridge, or a request with the schema ptcaudit/request/v1",
		"[1]":                              "error: invalid message: send a JSON object",
		`"x"`:                              "error: invalid message: send a JSON object",
		"null":                             "error: invalid message: send a JSON object",
		`{"schema":"ptcaudit/request/v1"}`: "error: message has no registry: send a twelve-digit account and a Region",
	} {
		if got := outcome(t, f.invoke(t, []byte(payload), limit)); got != want {
			t.Errorf("%s: got %s, want %s", payload, got, want)
		}
	}
	c.topic.Fail("AuthorizationError", 403, 0)
	if got, want := outcome(t, f.invoke(t, sample(t, "create.json"), limit)), "error: message not published: denied AuthorizationError"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The process outlives all of that.
	c.topic.Recover()
	if got, want := outcome(t, f.invoke(t, sample(t, "foreign.json"), limit)), "notified"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The function starts with a broken policy, and reports it for every registry
// that it is asked to audit.
func TestBrokenPolicy(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "acme.yaml")
	if err := os.WriteFile(broken, []byte("apiVersion: ptcaudit/v1\nname: acme\nextends: default\nchecks:\n  - id: mine\n    assert: rule.prefx == \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for policy, want := range map[string]string{
		broken:                "acme.yaml:6:",
		broken + ".not-there": "acme.yaml.not-there",
		filepath.Dir(broken):  filepath.Base(filepath.Dir(broken)),
	} {
		t.Run(filepath.Base(policy), func(t *testing.T) {
			c := newCloud(t)
			f := start(t, c.env("PTCAUDIT_POLICY="+policy))
			for range 2 {
				got := outcome(t, f.invoke(t, sqsbatch.Batch(t, sqsbatch.Message{"a", sqsbatch.Request(account, region), 1}, sqsbatch.Message{"b", sqsbatch.Request(account, "us-east-1"), 1}), limit))
				if got != "failed" {
					t.Errorf("reply: %s", got)
				}
			}
			if diff := cmp.Diff(slices.Repeat([]string{"COULD_NOT_AUDIT"}, 4), c.published(t)); diff != "" {
				t.Errorf("published (-want +got)\n%s", diff)
			}
			if mail := c.mail(t); !strings.Contains(mail, want) {
				t.Errorf("the mail lacks %q:\n%s", want, mail)
			}
			if n := len(c.ecr.Calls()); n != 0 {
				t.Errorf("ECR was asked %d times", n)
			}
		})
	}
}

// With a ledger, a known failure is notified once, also by two functions at
// once, and so is a broken ledger. The evidence has every audit.
func TestLedger(t *testing.T) {
	stores := func(t *testing.T) []string {
		t.Helper()
		return []string{"PTCAUDIT_STATE=file://" + t.TempDir(), "PTCAUDIT_EVIDENCE=file://" + t.TempDir()}
	}
	kept := func(t *testing.T, env []string) int {
		t.Helper()
		files, err := filepath.Glob(strings.TrimPrefix(env[1], "PTCAUDIT_EVIDENCE=file://") + "/" + account + "/" + region + "/*/*/*/*.json.gz")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	again := sqsbatch.Batch(t, sqsbatch.Message{"m", sqsbatch.Request(account, region), 1})
	t.Run("one after another", func(t *testing.T) {
		c, env := newCloud(t), stores(t)
		f := start(t, c.env(env...))
		for range 3 {
			if got := outcome(t, f.invoke(t, again, limit)); got != "failed" {
				t.Errorf("reply: %s", got)
			}
		}
		if diff := cmp.Diff([]string{"FAILED"}, c.published(t)); diff != "" || kept(t, env) != 3 {
			t.Errorf("%d reports are kept; published (-want +got)\n%s", kept(t, env), diff)
		}
		f.stop()
		if n := strings.Count(f.metrics.String(), `"AuditSucceeded":1`); n != 3 {
			t.Errorf("%d of 3 audits are counted", n)
		}
	})
	t.Run("two at once", func(t *testing.T) {
		c, env := newCloud(t), stores(t)
		var functions sync.WaitGroup
		for range 2 {
			f := start(t, c.env(env...))
			functions.Go(func() {
				// A single event, so that the second function waits.
				if got := outcome(t, f.invoke(t, []byte(sqsbatch.Request(account, region)), limit)); !strings.HasSuffix(got, "complete") {
					t.Errorf("reply: %s", got)
				}
			})
		}
		functions.Wait()
		if diff := cmp.Diff([]string{"FAILED"}, c.published(t)); diff != "" || kept(t, env) != 2 {
			t.Errorf("%d reports are kept; published (-want +got)\n%s", kept(t, env), diff)
		}
	})
	t.Run("held", func(t *testing.T) {
		c, env := newCloud(t, `{"operation": "ValidatePullThroughCacheRule", "prefix": "ghcr", "code": "ThrottlingException"}`), stores(t)
		f := start(t, c.env(env...))
		for receives, want := range []string{"failed m", "failed m", "failed"} {
			receives = []int{1, 2, 8}[receives]
			if got := outcome(t, f.invoke(t, sqsbatch.Batch(t, sqsbatch.Message{"m", sqsbatch.Request(account, region), receives}), limit)); got != want {
				t.Errorf("receive %d: %s, want %s", receives, got, want)
			}
		}
		if diff := cmp.Diff([]string{"FAILED", "COULD_NOT_AUDIT"}, c.published(t)); diff != "" {
			t.Errorf("published (-want +got)\n%s", diff)
		}
	})
	t.Run("broken", func(t *testing.T) {
		c, env := newCloud(t), stores(t)
		f := start(t, c.env(append(env, "PTCAUDIT_POLICY=/not/there.yaml")...))
		for range 2 {
			f.invoke(t, again, limit)
		}
		if diff := cmp.Diff([]string{"COULD_NOT_AUDIT"}, c.published(t)); diff != "" {
			t.Errorf("published (-want +got)\n%s", diff)
		}
	})
	t.Run("no store", func(t *testing.T) {
		c := newCloud(t)
		f := start(t, c.env("PTCAUDIT_STATE=file:///dev/null/state"))
		if got := outcome(t, f.invoke(t, sqsbatch.Batch(t, sqsbatch.Message{"m", sqsbatch.Request(account, region), 8}), limit)); got != "failed" {
			t.Errorf("reply: %s", got)
		}
		if diff := cmp.Diff([]string{"COULD_NOT_AUDIT"}, c.published(t)); diff != "" {
			t.Errorf("published (-want +got)\n%s", diff)
		}
	})
}

// A broken environment is published if it has a valid topic.
func TestBrokenEnvironment(t *testing.T) {
	t.Run("with a topic", func(t *testing.T) {
		c := newCloud(t)
		f := start(t, c.env("PTCAUDIT_MIN_SEVERTY=high", "PTCAUDIT_CONCURRENCY=0", "PTCAUDIT_EVIDENCE=bucket"))
		if got, want := outcome(t, f.invoke(t, sample(t, "request.json"), limit)), "notified COULD_NOT_AUDIT incomplete"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for _, want := range []string{"PTCAUDIT_MIN_SEVERTY", "PTCAUDIT_MIN_SEVERITY", "PTCAUDIT_CONCURRENCY", "PTCAUDIT_EVIDENCE", "Correct these environment variables"} {
			if mail := c.mail(t); !strings.Contains(mail, want) {
				t.Errorf("the mail lacks %s:\n%s", want, mail)
			}
		}
	})
	for name, env := range map[string][]string{
		"without":               {"PTCAUDIT_TOPIC_ARN=", "PTCAUDIT_POLCIY=strict", "PTCAUDIT_MAX_RECEIVES=-1"},
		"with an invalid topic": {"PTCAUDIT_TOPIC_ARN=ptcaudit", "PTCAUDIT_POLCIY=strict", "PTCAUDIT_MAX_RECEIVES=-1"},
	} {
		t.Run(name+" a topic", func(t *testing.T) {
			c := newCloud(t)
			f := start(t, c.env(env...))
			select {
			case <-f.exited:
			case <-time.After(20 * time.Second):
				t.Fatal("the function started")
			}
			if f.err == nil {
				t.Error("the function exited with 0")
			}
			for _, want := range []string{"PTCAUDIT_TOPIC_ARN", "PTCAUDIT_POLCIY", "did you mean PTCAUDIT_POLICY?", "PTCAUDIT_MAX_RECEIVES"} {
				if !strings.Contains(f.logs.String(), want) {
					t.Errorf("the log lacks %q:\n%s", want, f.logs.String())
				}
			}
		})
	}
}

// TestCanaries: no text from outside and no credential is logged.
func TestCanaries(t *testing.T) {
	canary := func(what string) string { return "CANARY" + what }
	c := newCloud(t,
		`{"operation": "ValidatePullThroughCacheRule", "prefix": "ghcr", "code": "AccessDeniedException", "message": "CANARYfault", "times": 1}`,
		`{"operation": "DescribePullThroughCacheRules", "set": {"credentialArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/CANARYarn-AbCdEf"}}`,
		`{"operation": "ValidatePullThroughCacheRule", "set": {"isValid": false, "failure": "CANARYfailure"}}`)
	f := start(t, c.env("PTCAUDIT_LOG_LEVEL=debug", "AWS_SECRET_ACCESS_KEY=CANARYkey", "AWS_SESSION_TOKEN=CANARYtoken"))
	change := strings.NewReplacer("jane", canary("actor"), "203.0.113.12", canary("address"), "aws-cli", canary("agent"),
		"docker-hub", canary("prefix")).Replace(string(sample(t, "create.json")))
	f.invoke(t, []byte(change), limit)
	f.invoke(t, sqsbatch.Batch(t, sqsbatch.Message{"a", change, 1}, sqsbatch.Message{"b", canary("poison"), 1}, sqsbatch.Message{"c", `{"detail-type":"CANARYstranger"}`, 1}), limit)
	f.invoke(t, []byte(`{"schema":"CANARYschema"}`), limit)
	if mail := c.mail(t); !strings.Contains(mail, canary("failure")) {
		t.Errorf("no canary came as far as the mail:\n%s", mail)
	}
	c.topic.Fail(canary("code"), 403, 0)
	f.invoke(t, []byte(change), limit)

	for name, logs := range map[string]string{"log": f.logs.String(), "metrics": f.metrics.String()} {
		for line := range strings.Lines(logs) {
			// The code of an error of an API is what a log is for.
			if strings.Contains(strings.ReplaceAll(line, canary("code"), ""), "CANARY") {
				t.Errorf("the %s holds what came from outside: %s", name, line)
			}
		}
	}
	if !strings.Contains(f.logs.String(), `"level":"DEBUG"`) {
		t.Error("nothing was logged at debug level")
	}
	for line := range strings.Lines(f.logs.String()) {
		if strings.Contains(line, `"msg"`) && strings.Count(line, `"lambda_request_id":"request-`) != 1 {
			t.Errorf("a line does not name its invocation once: %s", line)
		}
	}
}
