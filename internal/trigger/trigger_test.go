package trigger_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

const samples = "../../functions/audit/events"

const hubARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"

var (
	home = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	jane = &report.Actor{Name: "jane", ARN: "arn:aws:iam::111122223333:role/Admin", Address: "203.0.113.12"}
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v.UTC()
}

func TestDecodeSamples(t *testing.T) {
	want := map[string]trigger.Message{
		"create.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.ChangeTrigger, Time: at(t, "2026-11-21T22:49:31Z"),
			Call: "CreatePullThroughCacheRule", Prefix: "docker-hub", Actor: jane,
		}},
		"create-ecr.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.ChangeTrigger, Time: at(t, "2026-11-21T23:40:18Z"),
			Call: "CreatePullThroughCacheRule", Prefix: "shared", Actor: jane,
		}},
		"create-root.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.ChangeTrigger, Time: at(t, "2026-11-21T23:44:50Z"),
			Call: "CreatePullThroughCacheRule", Prefix: "ROOT", Actor: jane,
		}},
		"update.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.ChangeTrigger, Time: at(t, "2026-11-21T23:05:12Z"),
			Call: "UpdatePullThroughCacheRule", Prefix: "ghcr", // without the slash of the call
			Actor: &report.Actor{Name: "bob", ARN: "arn:aws:iam::111122223333:user/bob", Address: "203.0.113.12"},
		}},
		"delete.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.ChangeTrigger, Time: at(t, "2026-11-21T23:11:40Z"),
			Call: "DeletePullThroughCacheRule", Prefix: "quay",
			Actor: &report.Actor{Name: "pipeline", ARN: "arn:aws:iam::111122223333:role/cdk-deploy", Address: "cloudformation.amazonaws.com"},
		}},
		"secret.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.SecretTrigger, Time: at(t, "2026-11-21T23:31:55Z"),
			Call: "PutSecretValue", Secret: "ecr-pullthroughcache/hub", Actor: jane,
		}},
		"secret-create.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.SecretTrigger, Time: at(t, "2026-11-21T23:33:02Z"), Call: "CreateSecret", Secret: hubARN, Actor: jane,
		}},
		"secret-policy.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.SecretTrigger, Time: at(t, "2026-11-21T23:34:17Z"), Call: "PutResourcePolicy", Secret: hubARN, Actor: jane,
		}},
		"secret-stage.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.SecretTrigger, Time: at(t, "2026-11-21T23:35:41Z"), Call: "UpdateSecretVersionStage", Secret: hubARN,
			Actor: &report.Actor{Name: "rotate-hub", ARN: "arn:aws:iam::111122223333:role/rotation", Address: "203.0.113.12"},
		}},
		"secret-rotated.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.SecretTrigger, Time: at(t, "2026-11-21T23:35:42Z"), Call: "RotationSucceeded", Secret: hubARN,
			Actor: &report.Actor{ARN: "secretsmanager.amazonaws.com", Address: "secretsmanager.amazonaws.com"},
		}},
		"secret-label.json": {Registry: home, Trigger: report.Trigger{
			Kind: report.SecretTrigger, Time: at(t, "2026-11-21T23:35:41Z"), Call: "Secret Label Updated", Secret: hubARN, // no one knows by whom
		}},
		"request.json": {Registry: home, Trigger: report.Trigger{Kind: report.ScheduleTrigger, Time: at(t, "2026-11-22T00:00:00Z")}},
		"denied.json":  {Ignored: trigger.ChangedNothing},
		"foreign.json": {Ignored: trigger.Unrelated},
	}
	files, err := filepath.Glob(samples + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			raw := sample(t, name)
			if _, isBatch := trigger.Batch(raw); isBatch {
				return // TestBatch
			}
			want, ok := want[name]
			if !ok {
				t.Fatal("no expectation for this sample")
			}
			got, err := trigger.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			var id struct {
				ID     string
				Detail struct{ EventID string }
			}
			if err := json.Unmarshal(raw, &id); err != nil {
				t.Fatal(err)
			}
			if want.Ignored == "" {
				if want.Trigger.EventID = id.Detail.EventID; id.Detail.EventID == "" {
					want.Trigger.EventID = id.ID // it does not come from CloudTrail
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestBatch(t *testing.T) {
	records, ok := trigger.Batch(sample(t, "sqs-batch.json"))
	if !ok || len(records) != 4 {
		t.Fatalf("got %d records, ok %v", len(records), ok)
	}
	type seen struct {
		Receives int
		Failed   bool
		Message  trigger.Message
	}
	create, _ := trigger.Decode(sample(t, "create.json"))
	request, _ := trigger.Decode(sample(t, "request.json"))
	var got []seen
	ids := map[string]bool{}
	for _, r := range records {
		m, err := trigger.Decode(r.Body)
		got = append(got, seen{r.Receives, err != nil, m})
		ids[r.ID] = true
	}
	want := []seen{
		{1, false, create},
		{1, true, trigger.Message{}},
		{1, false, trigger.Message{Ignored: trigger.Unrelated}},
		{2, false, request},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(ids) != 4 || ids[""] {
		t.Errorf("ids %v are not four", ids)
	}
}

// The samples have exactly the shape that AWS's own types describe.
func TestSamplesRoundTrip(t *testing.T) {
	files, err := filepath.Glob(samples + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			raw := sample(t, name)
			var typed any = &events.EventBridgeEvent{}
			switch name {
			case "sqs-batch.json":
				typed = &events.SQSEvent{}
			case "request.json":
				typed = &trigger.Request{}
			}
			if err := json.Unmarshal(raw, typed); err != nil {
				t.Fatal(err)
			}
			back, err := json.Marshal(typed)
			if err != nil {
				t.Fatal(err)
			}
			var before, after any
			if err := errors.Join(json.Unmarshal(raw, &before), json.Unmarshal(back, &after)); err != nil {
				t.Fatal(err)
			}
			// The only member that the type writes and AWS omits.
			added := cmpopts.IgnoreMapEntries(func(k string, v any) bool { return k == "md5OfMessageAttributes" && v == "" })
			if diff := cmp.Diff(before, after, added); diff != "" {
				t.Errorf("(-file +after decoding and encoding)\n%s", diff)
			}
		})
	}
}

// edit decodes a sample after setting one field, or deleting it if value is nil.
func edit(t *testing.T, name string, value any, path ...string) (trigger.Message, error) {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(sample(t, name), &event); err != nil {
		t.Fatal(err)
	}
	at := event
	for _, p := range path[:len(path)-1] {
		at = at[p].(map[string]any)
	}
	if last := path[len(path)-1]; value == nil {
		delete(at, last)
	} else {
		at[last] = value
	}
	raw, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return trigger.Decode(raw)
}

// unreadable is an event whose detail cannot be read.
func unreadable(kind report.TriggerKind) func(*trigger.Message) {
	return func(m *trigger.Message) { m.Trigger = report.Trigger{Kind: kind} }
}

func TestDecodeEvents(t *testing.T) {
	secret := func(id string) any { return map[string]any{"secretId": id} }
	type message = trigger.Message
	tests := []struct {
		name   string
		sample string
		path   string // of what is changed, joined by dots
		value  any
		want   func(*message) // changes what the sample decodes to
		err    error
	}{
		{name: "a later minor version", sample: "create.json", path: "detail.eventVersion", value: "1.99"},
		{name: "no version", sample: "create.json", path: "detail.eventVersion"},
		{name: "a later major version", sample: "create.json", path: "detail.eventVersion", value: "2.0", err: trigger.ErrVersion},
		{name: "version as a number", sample: "create.json", path: "detail.eventVersion", value: 1.11},
		{name: "readOnly is not trusted", sample: "create.json", path: "detail.readOnly", value: true},
		{name: "a failed call", sample: "create.json", path: "detail.errorCode", value: "ThrottlingException", want: ignored(trigger.ChangedNothing)},
		{name: "our own call", sample: "create.json", path: "detail.eventName", value: "ValidatePullThroughCacheRule", want: ignored(trigger.Unrelated)},
		{name: "another call", sample: "create.json", path: "detail.eventName", value: "CreateRepository", want: ignored(trigger.Unrelated)},
		{name: "a rule's call from elsewhere", sample: "create.json", path: "detail.eventSource", value: "ecr-public.amazonaws.com", want: ignored(trigger.Unrelated)},
		{name: "another source", sample: "create.json", path: "source", value: "acme.ecr", want: ignored(trigger.Unrelated)},
		{name: "another detail type", sample: "create.json", path: "detail-type", value: "AWS Service Event via CloudTrail", want: ignored(trigger.Unrelated)},
		{name: "a stack was updated", sample: "create.json", path: "detail-type", value: "CloudFormation Stack Status Change", want: ignored(trigger.Unrelated)},
		{name: "no account", sample: "create.json", path: "account", err: trigger.ErrNoRegistry},
		{name: "account as a number", sample: "create.json", path: "account", value: 111122223333, err: trigger.ErrNoRegistry},
		{name: "no Region", sample: "create.json", path: "region", value: "", err: trigger.ErrNoRegistry},
		{name: "an invalid Region", sample: "create.json", path: "region", value: "eu-west-1/../x", err: trigger.ErrNoRegistry},
		{name: "another account inside", sample: "create.json", path: "detail.recipientAccountId", value: "444455556666", err: trigger.ErrConflict},
		{name: "another Region inside", sample: "create.json", path: "detail.awsRegion", value: "us-east-1", err: trigger.ErrConflict},
		{name: "no registry inside", sample: "create.json", path: "detail.recipientAccountId"},
		{name: "no request parameters", sample: "create.json", path: "detail.requestParameters"},
		{name: "request parameters as text", sample: "create.json", path: "detail.requestParameters", value: "{}"},
		{name: "no response", sample: "create.json", path: "detail.responseElements"},
		{name: "prefix as a number", sample: "create.json", path: "detail.requestParameters.ecrRepositoryPrefix", value: 7},
		{name: "no eventTime", sample: "create.json", path: "detail.eventTime", value: "yesterday"},
		{name: "no eventID", sample: "create.json", path: "detail.eventID"},
		{name: "no caller", sample: "create.json", path: "detail.userIdentity", want: func(m *message) {
			m.Trigger.Actor = &report.Actor{Address: jane.Address}
		}},
		{name: "a service", sample: "create.json", path: "detail.userIdentity", value: map[string]any{"type": "AWSService", "invokedBy": "replication.ecr.amazonaws.com"}, want: func(m *message) {
			m.Trigger.Actor = &report.Actor{ARN: "replication.ecr.amazonaws.com", Address: jane.Address}
		}},
		{name: "root", sample: "create.json", path: "detail.userIdentity", value: map[string]any{"type": "Root", "arn": "arn:aws:iam::111122223333:root"}, want: func(m *message) {
			m.Trigger.Actor = &report.Actor{Name: "root", ARN: "arn:aws:iam::111122223333:root", Address: jane.Address}
		}},
		{name: "a name without an ARN", sample: "create.json", path: "detail.userIdentity", value: map[string]any{"userName": "eve"}, want: func(m *message) {
			m.Trigger.Actor = &report.Actor{Name: "eve", Address: jane.Address}
		}},
		{name: "secret by ARN", sample: "secret.json", path: "detail.requestParameters", value: secret("arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"), want: func(m *message) {
			m.Trigger.Secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"
		}},
		{name: "another secret", sample: "secret.json", path: "detail.requestParameters", value: secret("database/ecr-pullthroughcache/hub"), want: ignored(trigger.Unrelated)},
		{name: "another secret by ARN", sample: "secret.json", path: "detail.requestParameters", value: secret("arn:aws:secretsmanager:eu-west-1:111122223333:secret:database-AbCdEf"), want: ignored(trigger.Unrelated)},
		{name: "no secret", sample: "secret.json", path: "detail.requestParameters", want: func(m *message) { m.Trigger.Secret = hubARN }}, // of the response
		{name: "secret as a number", sample: "secret.json", path: "detail.requestParameters", value: map[string]any{"secretId": 7}, want: func(m *message) { m.Trigger.Secret = hubARN }},
		{name: "a version stage of another secret", sample: "secret-stage.json", path: "detail.requestParameters", value: secret("database/hub"), want: ignored(trigger.Unrelated)},
		{name: "a version stage that could not be moved", sample: "secret-stage.json", path: "detail.errorCode", value: "AccessDenied", want: ignored(trigger.ChangedNothing)},
		{name: "a secret created for something else", sample: "secret-create.json", path: "detail.responseElements", value: map[string]any{"arn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:database-AbCdEf"}, want: ignored(trigger.Unrelated)},
		{name: "a secret created, without a response", sample: "secret-create.json", path: "detail.responseElements", want: func(m *message) { m.Trigger.Secret = "ecr-pullthroughcache/hub" }},
		{name: "a resource policy deleted", sample: "secret-policy.json", path: "detail.eventName", value: "DeleteResourcePolicy", want: func(m *message) { m.Trigger.Call = "DeleteResourcePolicy" }},
		{name: "a resource policy read", sample: "secret-policy.json", path: "detail.eventName", value: "GetResourcePolicy", want: ignored(trigger.Unrelated)},
		{name: "a rotation begun", sample: "secret-policy.json", path: "detail.eventName", value: "RotateSecret", want: func(m *message) { m.Trigger.Call = "RotateSecret" }},
		{name: "a rotation cancelled", sample: "secret-policy.json", path: "detail.eventName", value: "CancelRotateSecret", want: func(m *message) { m.Trigger.Call = "CancelRotateSecret" }},
		{name: "a rotation that failed", sample: "secret-rotated.json", path: "detail.eventName", value: "RotationFailed", want: func(m *message) { m.Trigger.Call = "RotationFailed" }},
		{name: "a rotation that failed with an error code", sample: "secret-rotated.json", path: "detail.errorCode", value: "Throttled"},
		{name: "a rotation of another secret", sample: "secret-rotated.json", path: "detail.additionalEventData.SecretId", value: "database/hub", want: ignored(trigger.Unrelated)},
		{name: "a rotation in another field", sample: "secret-rotated.json", path: "detail.additionalEventData", value: map[string]any{"secretId": "ecr-pullthroughcache/x"}, want: func(m *message) { m.Trigger.Secret = "ecr-pullthroughcache/x" }},
		{name: "a rotation of an unknown secret", sample: "secret-rotated.json", path: "detail.additionalEventData", want: func(m *message) { m.Trigger.Secret = "" }},
		{name: "a rotation without detail", sample: "secret-rotated.json", path: "detail", want: unreadable(report.SecretTrigger)},
		{name: "another service event", sample: "secret-rotated.json", path: "detail.eventName", value: "SecretVersionDeletion", want: ignored(trigger.Unrelated)},
		{name: "a service event of ECR", sample: "secret-rotated.json", path: "source", value: "aws.ecr", want: ignored(trigger.Unrelated)},
		{name: "a label that ECR does not read", sample: "secret-label.json", path: "detail.labelUpdated", value: "AWSPENDING", want: ignored(trigger.Unrelated)},
		{name: "labels as a list", sample: "secret-label.json", path: "detail.labelUpdated", value: []any{"AWSCURRENT"}},
		{name: "a label of another secret", sample: "secret-label.json", path: "resources", value: []any{"arn:aws:secretsmanager:eu-west-1:111122223333:secret:database-AbCdEf"}, want: ignored(trigger.Unrelated)},
		{name: "a label without resources", sample: "secret-label.json", path: "resources", want: func(m *message) { m.Trigger.Secret = "ecr-pullthroughcache/hub" }},
		{name: "a label without detail", sample: "secret-label.json", path: "detail"},
		{name: "a label from elsewhere", sample: "secret-label.json", path: "source", value: "acme", want: ignored(trigger.Unrelated)},
		{name: "a rule's event without detail", sample: "create.json", path: "detail", want: unreadable(report.ChangeTrigger)},
		{name: "a rule's event with a text as detail", sample: "create.json", path: "detail", value: `{"eventName":"GetAuthorizationToken"}`, want: unreadable(report.ChangeTrigger)},
		{name: "a rule's event with a list as detail", sample: "create.json", path: "detail", value: []any{}, want: unreadable(report.ChangeTrigger)},
		{name: "a rule's event without a name", sample: "create.json", path: "detail.eventName", value: 7, want: func(m *message) { m.Trigger.Call = "" }},
		{name: "a rule's event without a service", sample: "create.json", path: "detail.eventSource"},
		{name: "another call without a service", sample: "foreign.json", path: "detail.eventSource", want: ignored(trigger.Unrelated)},
		{name: "a secret's event without detail", sample: "secret.json", path: "detail", want: unreadable(report.SecretTrigger)},
		{name: "a secret's event with a text as detail", sample: "secret.json", path: "detail", value: "x", want: unreadable(report.SecretTrigger)},
		{name: "an event of another service without detail", sample: "foreign.json", path: "source", value: "aws.s3", want: ignored(trigger.Unrelated)},
		{name: "a secret deleted", sample: "secret.json", path: "detail.eventName", value: "DeleteSecret", want: func(m *message) { m.Trigger.Call = "DeleteSecret" }},
		{name: "a secret read", sample: "secret.json", path: "detail.eventName", value: "GetSecretValue", want: ignored(trigger.Unrelated)},
		{name: "a secret written in vain", sample: "secret.json", path: "detail.errorCode", value: "AccessDenied", want: ignored(trigger.ChangedNothing)},
		{name: "a secret's call from ECR", sample: "secret.json", path: "source", value: "aws.ecr", want: ignored(trigger.Unrelated)},
		{name: "request by hand", sample: "request.json", path: "reason", value: "request", want: func(m *message) { m.Trigger.Kind = report.ManualTrigger }},
		{name: "request after a deployment", sample: "request.json", path: "reason", value: "deployment", want: func(m *message) { m.Trigger.Kind = report.DeploymentTrigger }},
		{name: "request for no known reason", sample: "request.json", path: "reason", value: "whim", want: func(m *message) { m.Trigger.Kind = report.ManualTrigger }},
		{name: "request without a time", sample: "request.json", path: "requestedAt", want: func(m *message) { m.Trigger.Time = time.Time{} }},
		{name: "request in another zone", sample: "request.json", path: "requestedAt", value: "2026-11-22T01:00:00+01:00"},
		{name: "request of another schema", sample: "request.json", path: "schema", value: "ptcaudit/request/v2", err: trigger.ErrUnknown},
		{name: "request without an account", sample: "request.json", path: "account", err: trigger.ErrNoRegistry},
		{name: "request without a Region", sample: "request.json", path: "region", err: trigger.ErrNoRegistry},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want, err := trigger.Decode(sample(t, tt.sample))
			if err != nil {
				t.Fatal(err)
			}
			var event struct {
				ID   string
				Time time.Time
			}
			if err := json.Unmarshal(sample(t, tt.sample), &event); err != nil && tt.sample != "request.json" {
				t.Fatal(err)
			}
			if strings.HasSuffix(tt.path, "eventID") {
				tt.want = func(m *message) { m.Trigger.EventID = event.ID }
			}
			if tt.want != nil {
				tt.want(&want)
			}
			if tt.path == "detail" && want.Ignored == "" { // only the envelope is left
				want.Trigger.EventID, want.Trigger.Time = event.ID, event.Time
			}
			if tt.err != nil {
				want = message{}
			}
			got, err := edit(t, tt.sample, tt.value, strings.Split(tt.path, ".")...)
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func ignored(why trigger.Ignored) func(*trigger.Message) {
	return func(m *trigger.Message) { *m = trigger.Message{Ignored: why} }
}

func TestDecodePoison(t *testing.T) {
	for name, raw := range map[string]string{
		"empty":              "",
		"nothing":            "null",
		"an empty object":    "{}",
		"a list":             "[]",
		"text":               `"audit"`,
		"torn":               `{"schema":"ptcaudit/request/v1","account":"1111`,
		"two documents":      `{"schema":"ptcaudit/request/v1"} {}`,
		"schema as a number": `{"schema":1}`,
		"an empty batch":     `{"Records":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := trigger.Batch([]byte(raw)); ok {
				t.Error("read as a batch")
			}
			m, err := trigger.Decode([]byte(raw))
			if err == nil || m != (trigger.Message{}) {
				t.Errorf("got %+v, error %v; want an error and nothing", m, err)
			}
		})
	}
}

func TestBatchCountsReceives(t *testing.T) {
	for count, want := range map[string]int{`"8"`: 8, `""`: 0, `"many"`: 0, `"-1"`: 0} {
		raw := `{"Records":[{"messageId":"m","body":"{}","eventSource":"aws:sqs","attributes":{"ApproximateReceiveCount":` + count + `}}]}`
		records, ok := trigger.Batch([]byte(raw))
		if !ok || len(records) != 1 || records[0].Receives != want {
			t.Errorf("%s: got %+v, want %d receives", count, records, want)
		}
	}
}

// A message with records of the queue is a batch, even with other members.
func TestBatchesAreRecognizedFirst(t *testing.T) {
	raw := `{"detail-type":"x","schema":"ptcaudit/request/v1","account":"111122223333","region":"eu-west-1"`
	if _, ok := trigger.Batch([]byte(raw + `,"Records":[{"eventSource":"aws:sqs"}]}`)); !ok {
		t.Error("records do not come first")
	}
	if _, ok := trigger.Batch([]byte(raw + `,"Records":[{"eventSource":"aws:sns"}]}`)); ok {
		t.Error("records of another source are read as a batch")
	}
	m, err := trigger.Decode([]byte(raw + "}"))
	if err != nil || m.Ignored != trigger.Unrelated {
		t.Errorf("detail-type does not come before schema: %+v, %v", m, err)
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(samples + "/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		f.Add(sample(f, filepath.Base(file)))
	}
	f.Add([]byte(`{"detail-type":{},"detail":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if records, ok := trigger.Batch(raw); ok {
			for _, r := range records {
				check(t, r.Body)
			}
			return
		}
		check(t, raw)
	})
}

// check tests what must hold for every decoded message.
func check(t *testing.T, raw []byte) {
	m, err := trigger.Decode(raw)
	switch {
	case err != nil || m.Ignored != "":
		if m.Registry != (ptc.Registry{}) || m.Trigger != (report.Trigger{}) {
			t.Errorf("%q: asks for nothing, and yet %+v", raw, m)
		}
	case !ptc.ValidAccount(m.Registry.Account) || !ptc.ValidRegion(m.Registry.Region) || m.Trigger.Kind == "":
		t.Errorf("%q: no registry or no reason: %+v", raw, m)
	}
	if _, err := json.Marshal(m); err != nil {
		t.Errorf("%q: cannot be written: %v", raw, err)
	}
}
