package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/report"
)

var update = flag.Bool("update", false, "rewrite the table of README.md")

// cloud plays AWS as far as creating and removing goes. Its programs are the AWS
// CLI and the CDK's CLI.
type cloud struct {
	t       *testing.T
	exists  map[string]bool // by kind and name
	objects map[string]int  // of buckets
	calls   int
	// failAt is the call that fails after it took effect, or ends the run; 0 for
	// none.
	failAt int
	fail   func() error
	// keeps are calls that never succeed.
	keeps []string
}

// creates and removes are the kinds of things by operation, with the flag that
// has the name.
var (
	creates = map[string][2]string{
		"create-queue": {"queue", "--queue-name"}, "put-rule": {"event rule", "--name"}, "put-targets": {"targets", "--rule"},
		"create-pull-through-cache-rule": {"rule", "--ecr-repository-prefix"}, "create-secret": {"secret", "--name"},
		"create-role": {"role", "--role-name"}, "create-repository-creation-template": {"template", "--prefix"},
		"batch-get-image": {"repository", "--repository-name"},
	}
	removes = map[string][2]string{
		"delete-queue": {"queue", "--queue-url"}, "delete-rule": {"event rule", "--name"}, "remove-targets": {"targets", "--rule"},
		"delete-pull-through-cache-rule": {"rule", "--ecr-repository-prefix"}, "delete-secret": {"secret", "--secret-id"},
		"delete-role": {"role", "--role-name"}, "delete-repository-creation-template": {"template", "--prefix"},
		"delete-repository": {"repository", "--repository-name"}, "delete-stack": {"stack", "--stack-name"}, "delete-bucket": {"bucket", "--bucket"},
	}
)

// errMissing is how the AWS CLI reports what does not exist.
var errMissing = errors.New("exit status 254: An error occurred (ResourceNotFoundException) when calling the X operation: it is missing")

func flagOf(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func (c *cloud) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	c.calls++
	answer, err := c.do(filepath.Base(program), args)
	if c.calls == c.failAt {
		return nil, c.fail()
	}
	return []byte(answer), err
}

func (c *cloud) do(program string, args []string) (string, error) {
	if program == "cdk" {
		name := ""
		for _, arg := range args {
			if value, ok := strings.CutPrefix(arg, "stackName="); ok {
				name = value
			}
		}
		c.exists["stack "+name] = true
		for _, b := range []string{"state", "evidence"} {
			c.exists["bucket "+b] = true
			c.objects[b] = 2
		}
		return "", os.WriteFile(flagOf(args, "--outputs-file"), []byte(`{"`+name+`":{"LogGroup":"log","EvidenceBucket":"evidence","StateBucket":"state","Function":"f"}}`), 0o600)
	}
	operation := args[1]
	if slices.Contains(c.keeps, operation) {
		return "", errors.New("exit status 254: An error occurred (AccessDenied) when calling the X operation: no")
	}
	if made, ok := creates[operation]; ok {
		c.exists[made[0]+" "+flagOf(args, made[1])] = true
	}
	if gone, ok := removes[operation]; ok {
		name := filepath.Base(flagOf(args, gone[1]))
		if slices.Contains([]string{"rule", "template", "repository", "secret"}, gone[0]) {
			name = flagOf(args, gone[1])
		}
		switch key := gone[0] + " " + name; {
		case operation == "delete-stack": // succeeds always
			delete(c.exists, key)
		case !c.exists[key]:
			return "", errMissing
		case gone[0] == "event rule" && c.exists["targets "+name], gone[0] == "bucket" && c.objects[name] > 0:
			return "", errors.New("exit status 254: An error occurred (ValidationException) when calling the X operation: it is not empty")
		default:
			delete(c.exists, key)
		}
	}
	switch operation {
	case "get-caller-identity":
		return `{"Account":"999988887777","Arn":"arn:aws:iam::999988887777:user/jane"}`, nil
	case "get-queue-url":
		name := flagOf(args, "--queue-name")
		if !c.exists["queue "+name] {
			return "", errMissing
		}
		return `{"QueueUrl":"https://sqs/999988887777/` + name + `"}`, nil
	case "create-secret":
		return `{"ARN":"arn:aws:secretsmanager:eu-west-1:999988887777:secret:x","VersionId":"v1"}`, nil
	case "put-secret-value":
		return `{"VersionId":"v2"}`, nil
	case "list-stack-resources":
		if !c.exists["stack "+flagOf(args, "--stack-name")] {
			return "", errMissing
		}
		return `{"StackResourceSummaries":[{"ResourceType":"AWS::S3::Bucket","PhysicalResourceId":"state"},{"ResourceType":"AWS::S3::Bucket","PhysicalResourceId":"evidence"},{"ResourceType":"AWS::KMS::Key","PhysicalResourceId":"key"}]}`, nil
	case "describe-stacks":
		if !c.exists["stack "+flagOf(args, "--stack-name")] {
			return "", errMissing
		}
	case "list-object-versions":
		if c.objects[flagOf(args, "--bucket")] > 0 {
			return `{"Versions":[{"Key":"a","VersionId":"1"}],"DeleteMarkers":[{"Key":"b","VersionId":"2"}]}`, nil
		}
	case "delete-objects":
		c.objects[flagOf(args, "--bucket")] = 0
	case "describe-repositories":
		var list []string
		for key := range c.exists {
			if name, ok := strings.CutPrefix(key, "repository "); ok {
				list = append(list, `{"repositoryName":"`+name+`"}`)
			}
		}
		return `{"repositories":[` + strings.Join(list, ",") + `,{"repositoryName":"of-someone-else"}]}`, nil
	}
	return "", nil
}

// try runs the program against a cloud of its own.
func try(ctx context.Context, t *testing.T, c *cloud) (result, string) {
	t.Helper()
	c.t, c.exists, c.objects = t, map[string]bool{"repository of-someone-else": true}, map[string]int{}
	dir := t.TempDir()
	s := settings{
		account: "999988887777", region: "eu-west-1", id: "abc123", root: dir, scratch: filepath.Join(dir, "scratch"), recorded: filepath.Join(dir, "recorded"),
		architecture: "arm64", endpoint: func(string) string { return "" }, run: c.run, pause: func(context.Context, time.Duration) {}, log: io.Discard,
	}
	r, text, err := s.accept(ctx, steps)
	if err != nil {
		t.Fatal(err)
	}
	return r, text
}

// rest is what a run left in a cloud, without what was there before.
func (c *cloud) rest() []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, bool) bool) {
		for key := range c.exists {
			if key != "repository of-someone-else" && !yield(key, true) {
				return
			}
		}
	})))
}

func TestRunRemovesEverything(t *testing.T) {
	c := &cloud{}
	r, text := try(t.Context(), t, c)
	if r.failure != nil || len(r.left) > 0 {
		t.Errorf("failure %v, not removed %q", r.failure, r.left)
	}
	if rest := c.rest(); len(rest) > 0 {
		t.Errorf("there remain %q", rest)
	}
	if !c.exists["repository of-someone-else"] {
		t.Error("a repository of someone else was deleted")
	}
	if want := []string{"key key: AWS deletes it after 7 days"}; !cmp.Equal(r.remains, want) {
		t.Errorf("remains %q, want %q", r.remains, want)
	}
	if strings.Contains(text, "999988887777") {
		t.Errorf("the report has the account:\n%s", text)
	}
}

// Each call of a run fails once after it took effect, as if the connection was
// cut; and once Ctrl-C comes just then. Everything is removed all the same.
func TestEverythingIsRemovedAfterAFailureOfAnyCall(t *testing.T) {
	whole := &cloud{}
	try(t.Context(), t, whole)
	total := whole.calls
	if total < 60 {
		t.Fatalf("a run makes only %d calls", total)
	}
	for at := 1; at <= total; at++ {
		cut := &cloud{failAt: at, fail: func() error { return errors.New("exit status 1: connection reset") }}
		r, _ := try(t.Context(), t, cut)
		if rest := cut.rest(); len(rest) > 0 || len(r.left) > 0 {
			t.Errorf("call %d failed: there remain %q, reported as not removed %q", at, rest, r.left)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		stopped := &cloud{failAt: at, fail: func() error { cancel(errInterrupted); return errInterrupted }}
		r, text := try(ctx, t, stopped)
		if rest := stopped.rest(); len(rest) > 0 || len(r.left) > 0 {
			t.Errorf("interrupted at call %d: there remain %q, reported as not removed %q", at, rest, r.left)
		}
		if r.failure != nil && !strings.Contains(text, "The run was interrupted") {
			t.Errorf("interrupted at call %d: the report does not show it:\n%.300s", at, text)
		}
	}
}

// Each step fails at its end. The report names the step, everything is removed,
// and later steps are left out.
func TestEverythingIsRemovedAfterAFailureInEachStep(t *testing.T) {
	for i, failing := range steps {
		t.Run(failing.name, func(t *testing.T) {
			c := &cloud{}
			ran := 0
			original := steps
			defer func() { steps = original }()
			steps = slices.Clone(original)
			for j := range steps {
				do := original[j].do
				steps[j].do = func(w *world, ctx context.Context) error {
					ran++
					if err := do(w, ctx); err != nil || j != i {
						return err
					}
					return errors.New("the moon is full")
				}
			}
			r, text := try(t.Context(), t, c)
			if ran != i+1 {
				t.Errorf("%d steps ran, want %d", ran, i+1)
			}
			if r.failure == nil || !strings.Contains(text, failing.name+": the moon is full") {
				t.Errorf("the report lacks the failure:\n%.300s", text)
			}
			if rest := c.rest(); len(rest) > 0 || len(r.left) > 0 {
				t.Errorf("there remain %q, reported as not removed %q", rest, r.left)
			}
		})
	}
}

// What AWS refuses to remove is listed. Everything else is removed.
func TestWhatCannotBeRemovedIsListed(t *testing.T) {
	for operation, want := range map[string]string{
		"delete-role": "role ptcaudit-accept-abc123-role", "delete-secret": "secret ecr-pullthroughcache/ptcaudit-accept-abc123",
		"delete-bucket": "stack ptcaudit-accept-abc123 and its buckets: bucket state: aws s3api delete-bucket: (AccessDenied)", "remove-targets": "target of the EventBridge rule ptcaudit-accept-abc123-calls",
	} {
		t.Run(operation, func(t *testing.T) {
			c := &cloud{keeps: []string{operation}}
			r, text := try(t.Context(), t, c)
			if !slices.ContainsFunc(r.left, func(line string) bool { return strings.HasPrefix(line, want) }) {
				t.Errorf("not removed %q, want %q", r.left, want)
			}
			if !strings.Contains(text, "## Not removed") {
				t.Errorf("the report does not list it:\n%s", text)
			}
			kinds := map[string]bool{}
			for _, key := range c.rest() {
				kinds[strings.Fields(key)[0]] = true
			}
			expected := map[string]map[string]bool{
				"delete-role": {"role": true}, "delete-secret": {"secret": true}, "delete-bucket": {"bucket": true}, "remove-targets": {"targets": true, "event": true},
			}
			if diff := cmp.Diff(expected[operation], kinds); diff != "" {
				t.Errorf("what remains (-want +got)\n%s", diff)
			}
		})
	}
}

func TestGoAhead(t *testing.T) {
	for goAhead, ok := range map[string]bool{
		"111122223333/eu-west-1": true, "": false, "yes": false, "111122223333": false, "eu-west-1": false, "1111/eu-west-1": false, "111122223333/": false,
	} {
		account, region, err := parseGoAhead(goAhead)
		if (err == nil) != ok || ok && account+"/"+region != goAhead {
			t.Errorf("%q: account %q, Region %q, error %v", goAhead, account, region, err)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := command(t.Context(), "", "arm64", &stdout, &stderr); code != 2 || stdout.Len() > 0 {
		t.Errorf("exit code %d without a go-ahead, output %q", code, stdout.String())
	}
	for _, part := range []string{"Cost: about $1", "It creates:", "ACCEPT=111122223333/eu-west-1"} {
		if !strings.Contains(stderr.String(), part) {
			t.Errorf("the refusal lacks %q:\n%s", part, stderr.String())
		}
	}
}

// The credentials are of another account than the go-ahead names.
func TestOtherAccountIsRefused(t *testing.T) {
	c := &cloud{}
	w := newWorld(settings{account: "111122223333", region: "eu-west-1", id: "abc123", endpoint: func(string) string { return "" }, run: c.run, log: io.Discard})
	if err := w.play(t.Context(), steps); err == nil || !strings.Contains(err.Error(), "of account 999988887777, not of 111122223333") || c.calls != 1 {
		t.Errorf("error %v after %d calls", err, c.calls)
	}
}

func message(s report.Severity) notify.Message { return notify.Message{Severity: s} }

func TestFilterProbe(t *testing.T) {
	both := []notify.Message{message(report.High), message(report.Critical)}
	for name, tt := range map[string]struct {
		everything, critical []notify.Message
		final                bool
		want                 verdict
	}{
		"the critical one and no other":         {both, both[1:], false, confirmed},
		"also another":                          {both, both, false, refuted},
		"only another":                          {both[:1], both[:1], false, refuted},
		"nothing yet":                           {both, nil, false, notSeen},
		"nothing at all":                        {both, nil, true, refuted},
		"no other notification to compare with": {both[1:], both[1:], true, notSeen},
		"no critical notification":              {both[:1], nil, true, notSeen},
	} {
		t.Run(name, func(t *testing.T) {
			if got := filterSeverity(&facts{everything: tt.everything, critical: tt.critical}, tt.final); got.verdict != tt.want || got.seen == "" {
				t.Errorf("%+v, want %s", got, tt.want)
			}
		})
	}
}

// anEvent is an event of another account than those of redacted events.
func anEvent(name, detail string) event {
	return parseEvent([]byte(`{"detail-type":"`+name+`","source":"aws.ecr","account":"999988887777","region":"eu-west-1","detail":`+detail+`}`), time.Time{})
}

func TestProbes(t *testing.T) {
	const call = "AWS API Call via CloudTrail"
	created := anEvent(call, `{"eventName":"CreatePullThroughCacheRule","eventSource":"ecr.amazonaws.com","eventVersion":"1.11","userIdentity":{"arn":"arn:aws:iam::999988887777:user/jane"},
		"requestParameters":{"ecrRepositoryPrefix":"pa1/quay"},"responseElements":{"createdAt":"Nov 21, 2026 10:49:31 PM"}}`)
	refusal := anEvent(call, `{"eventName":"CreatePullThroughCacheRule","errorCode":"AccessDenied"}`)
	validated := anEvent(call, `{"eventName":"ValidatePullThroughCacheRule","readOnly":false}`)
	for name, tt := range map[string]struct {
		point string
		facts facts
		final bool
		want  verdict
	}{
		"rule event":                      {"rule-event", facts{prefix: "pa1", events: []event{created}}, false, confirmed},
		"rule event with another prefix":  {"rule-event", facts{prefix: "pa2", events: []event{created}}, false, refuted},
		"refused call":                    {"rule-event-denied", facts{events: []event{refusal}}, true, confirmed},
		"two changes, two audits":         {"batching", facts{events: []event{created, created}, audits: slices.Repeat([]report.Report{{Triggers: []report.Trigger{{Kind: report.ChangeTrigger}}}}, 2)}, true, refuted},
		"no rule event":                   {"rule-event", facts{}, true, notSeen},
		"date that is not ISO 8601":       {"rule-event-date", facts{events: []event{created}}, true, confirmed},
		"Validate has an event":           {"validate-event", facts{events: []event{created, validated}}, false, refuted},
		"Validate has none":               {"validate-event", facts{events: []event{created}}, true, confirmed},
		"Validate may still come":         {"validate-event", facts{events: []event{created}}, false, notSeen},
		"Validate is not read-only":       {"validate-read-only", facts{reads: []event{validated}}, true, refuted},
		"failed pull with a code":         {"pull-failed-event", facts{events: []event{anEvent(pullAction, `{"sync-status":"FAILURE","failure-code":"X"}`)}}, true, confirmed},
		"failed pull without a code":      {"pull-failed-event", facts{events: []event{anEvent(pullAction, `{"sync-status":"FAILED"}`)}}, true, refuted},
		"successful pull only":            {"pull-failed-event", facts{events: []event{anEvent(pullAction, `{"sync-status":"SUCCESS"}`)}}, true, notSeen},
		"secret that ECR calls valid":     {"validate-malformed", facts{validations: map[string]validation{malformed: {Valid: true}}}, true, refuted},
		"secret that ECR calls invalid":   {"validate-malformed", facts{validations: map[string]validation{malformed: {Failure: "x"}}}, true, confirmed},
		"validation that ECR refuses":     {"validate-malformed", facts{validations: map[string]validation{malformed: {refused: "x"}}}, true, refuted},
		"longer prefix":                   {"overlap", facts{prefix: "pa1", events: []event{anEvent(pullAction, `{"repository-name":"pa1/quay/longer/x","ecr-repository-prefix":"pa1/quay/longer"}`)}}, true, confirmed},
		"shorter prefix":                  {"overlap", facts{prefix: "pa1", events: []event{anEvent(pullAction, `{"repository-name":"pa1/quay/longer/x","ecr-repository-prefix":"pa1/quay"}`)}}, true, refuted},
		"idle template hides":             {"idle-template", facts{prefix: "pa1", repositories: map[string]string{"pa1/template/docker/x": "MUTABLE"}}, true, refuted},
		"stage change names the secret":   {"secret-stage-event", facts{events: []event{anEvent(call, `{"eventName":"UpdateSecretVersionStage","requestParameters":{"secretId":"ecr-pullthroughcache/x"}}`)}}, true, confirmed},
		"label of the first version":      {"label-event-first", facts{versions: []string{"a", "b"}, events: []event{anEvent("Secret Label Updated", `{"versionId":"a"}`)}}, true, confirmed},
		"label of the second only":        {"label-event-first", facts{versions: []string{"a", "b"}, events: []event{anEvent("Secret Label Updated", `{"versionId":"b"}`)}}, true, refuted},
		"heartbeat is still on":           {"heartbeat", facts{alarms: map[string]string{"heartbeat": "ALARM"}}, false, notSeen},
		"heartbeat stays on":              {"heartbeat", facts{alarms: map[string]string{"heartbeat": "ALARM"}}, true, refuted},
		"no metric":                       {"log-metrics", facts{}, true, refuted},
		"bucket without encryption":       {"buckets", facts{buckets: map[string]bucket{"a": {versioning: "Enabled"}, "b": {versioning: "Enabled"}}}, true, refuted},
		"bucket that answers without TLS": {"buckets-tls", facts{buckets: map[string]bucket{"a": {plain: "no error"}, "b": {plain: "no error"}}}, true, refuted},
		"notifications of a sealed topic": {"publish-encrypted", facts{everything: []notify.Message{message(report.Low)}}, true, confirmed},
		"ten audits, none by schedule":    {"schedule", facts{audits: []report.Report{{Triggers: []report.Trigger{{Kind: report.ChangeTrigger}}}}}, true, refuted},
		"two changes, one audit":          {"batching", facts{events: []event{created, created}, audits: []report.Report{{Triggers: []report.Trigger{{Kind: report.ChangeTrigger}, {Kind: report.ChangeTrigger}}}}}, true, confirmed},
	} {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(points, func(p point) bool { return p.id == tt.point })
			if got := points[i].probe(&tt.facts, tt.final); got.verdict != tt.want || got.seen == "" {
				t.Errorf("%+v, want %s", got, tt.want)
			}
		})
	}
}

// Without any facts, no point is confirmed.
func TestNothingSeenConfirmsNothing(t *testing.T) {
	for _, final := range []bool{false, true} {
		for _, p := range points {
			if got := p.probe(&facts{}, final); got.verdict == confirmed || !final && got.verdict != notSeen || got.seen == "" {
				t.Errorf("%s (final %t): %+v", p.id, final, got)
			}
		}
	}
}

func TestReport(t *testing.T) {
	f := &facts{validations: map[string]validation{brokenRule: {Failure: "denied to arn:aws:iam::999988887777:role/Deployer from 198.51.100.7 | `@jane`"}}}
	r := result{
		version: "1f3a148", region: "eu-west-1", architecture: "arm64", began: time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC), ended: time.Date(2026, 11, 27, 20, 30, 0, 0, time.UTC),
		failure: errors.New("deploy: no"), answers: answersOf(f, false), failures: failureTexts(f), calls: map[string]outcome{deniedRule: {"(SecretNotFoundException) x"}, quayRule: {}},
		files: []string{"a.json"}, problems: []string{"late"}, remains: []string{"key 1"}, left: []string{"bucket b"},
	}
	text := r.markdown(newRedactor())
	for _, part := range []string{
		"# Acceptance on AWS, eu-west-1\n", "Version `1f3a148`, arm64, 2026-11-27 20:00 UTC, 30 minutes.", "**The run failed:** `deploy: no`",
		"| [filter-severity](https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html) | not seen | Does a queue",
		"| [validate-rejected](", "role/Example from 203.0.113.1 \\| `@jane`", "## Calls that were refused\n\n- `denied: (SecretNotFoundException) x`\n",
		"## Recorded events\n\n- `a.json`\n", "## Problems\n\n- `late`\n", "## Remains for some days\n\n- `key 1`\n", "## Not removed: remove it by hand\n\n- `bucket b`\n",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the report lacks %q:\n%s", part, text)
		}
	}
	if rows := strings.Count(text, "\n| ["); rows != len(points) {
		t.Errorf("%d rows for %d points", rows, len(points))
	}
	for _, secret := range []string{"999988887777", "Deployer", "198.51.100.7"} {
		if strings.Contains(text, secret) {
			t.Errorf("the report has %s", secret)
		}
	}
	r.failure = errInterrupted
	if text := r.markdown(newRedactor()); !strings.Contains(text, "**The run was interrupted.**") {
		t.Errorf("the report of an interrupted run:\n%.200s", text)
	}
}

// One event of each kind is recorded, redacted with the names of all of them.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	events := []event{
		anEvent("x", `{"eventName":"CreateSecret","note":"of jane"}`),
		anEvent("x", `{"eventName":"CreateSecret","note":"another"}`),
		anEvent("x", `{"eventName":"CreateSecret","errorCode":"Access/../Denied","userIdentity":{"userName":"jane"}}`),
		anEvent(pullAction, `{"sync-status":"FAILED","failure-code":"X"}`),
	}
	names, err := record(dir, events, newRedactor())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"CreateSecret-Access-Denied.json", "CreateSecret.json", "ECR-Pull-Through-Cache-Action-FAILED-X.json"}, names); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	data, err := os.ReadFile(filepath.Join(dir, "CreateSecret.json"))
	if err != nil || strings.Contains(string(data), "jane") || !strings.Contains(string(data), "111122223333") {
		t.Errorf("recorded %s, error %v", data, err)
	}
}

// README.md lists exactly the points of the table.
func TestREADMEListsEveryPoint(t *testing.T) {
	var b strings.Builder
	b.WriteString("| point | question | seen on the local cloud |\n|---|---|---|\n")
	ids := map[string]bool{}
	for _, p := range points {
		if ids[p.id] || p.probe == nil || !strings.HasPrefix(p.source, docs) || !strings.HasSuffix(p.question, "?") {
			t.Errorf("point %+v is incomplete, or its id is not unique", p)
		}
		ids[p.id] = true
		local := "no"
		if p.local {
			local = "yes"
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s |\n", p.id, p.source, p.question, local)
	}
	const file = "README.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)(<!-- generated: points -->\n).*?(<!-- end -->\n)`)
	if !section.Match(data) {
		t.Fatal("README.md has no place for the table")
	}
	want := section.ReplaceAllString(string(data), "${1}"+strings.ReplaceAll(b.String(), "$", "$$")+"${2}")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("run go test ./internal/stand/accept -update (-want +got)\n%s", diff)
	}
}
