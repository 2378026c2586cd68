package main

import (
	"debug/elf"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/config"
	"ptcaudit/internal/policy"
)

// asset matches the name of an asset, a hash that changes with every build.
var asset = regexp.MustCompile(`[0-9a-f]{64}\.(zip|json)`)

// digest matches the policy's digest, which changes with every edit of a policy.
// TestPackageHasThePolicyInOneFile checks it.
var digest = regexp.MustCompile(`"[0-9a-f]{64}"`)

func TestTemplate(t *testing.T) {
	for name, d := range map[string]deployment{"plain": plain(), "full": full()} {
		t.Run(name, func(t *testing.T) {
			var text map[string]any
			if err := json.Unmarshal(read(filepath.Join(d.folder, "ptcaudit.template.json")), &text); err != nil {
				t.Fatal(err)
			}
			// They change with every edit of a policy. TestFacts checks them.
			delete(text["Metadata"].(map[string]any)[factsKey].(map[string]any), "checks")
			got, err := json.MarshalIndent(text, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(asset.ReplaceAll(got, []byte("ASSET.$1")), '\n')
			got = digest.ReplaceAll(got, []byte(`"DIGEST"`))
			golden := filepath.Join("testdata", name+".template.json")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(read(golden)), string(got)); diff != "" {
				t.Errorf("the template changed: check the difference, then run go test ./infra -update (-old +new)\n%s", diff)
			}
		})
	}
}

func TestNagIsClean(t *testing.T) {
	for name, d := range map[string]deployment{"plain": plain(), "full": full()} {
		for _, finding := range d.nag {
			t.Errorf("%s: %s", name, finding)
		}
	}
}

func TestTemplateIsNotBoundToAPartition(t *testing.T) {
	// Only addresses may contain these.
	text := strings.ReplaceAll(string(read(filepath.Join(full().folder, "ptcaudit.template.json"))), tickets, "")
	for _, forbidden := range []string{"arn:aws:", "arn:aws-cn:", "amazonaws.com.cn", "eu-west-1", "111122223333"} {
		if strings.Contains(text, forbidden) {
			t.Errorf("the template contains %q", forbidden)
		}
	}
}

func TestQueues(t *testing.T) {
	d := full().template
	requests := maps.Clone(d.one(t, "AWS::SQS::Queue", "Requests").Properties)
	want := map[string]any{
		"DelaySeconds":           30.0,
		"MessageRetentionPeriod": 4 * 86400.0,
		"VisibilityTimeout":      6*120 + 20.0,
		"SqsManagedSseEnabled":   true,
		"RedrivePolicy": map[string]any{
			"deadLetterTargetArn": arnOf(t, d, "AWS::SQS::Queue", "DeadLetters"),
			"maxReceiveCount":     float64(config.DefaultMaxReceives),
		},
	}
	// The full deployment has tags.
	delete(requests, "Tags")
	if diff := cmp.Diff(want, requests); diff != "" {
		t.Errorf("requests (-want +got)\n%s", diff)
	}
	for _, id := range []string{"DeadLetters", "Undelivered", "Unsent"} {
		p := d.one(t, "AWS::SQS::Queue", id).Properties
		if p["MessageRetentionPeriod"] != 14*86400.0 || p["SqsManagedSseEnabled"] != true {
			t.Errorf("%s: %v", id, p)
		}
	}
	if n := len(plain().template.of("AWS::SQS::Queue")); n != 3 {
		t.Errorf("%d queues without a subscriber that redrives, want 3", n)
	}
}

func TestBuckets(t *testing.T) {
	for name, d := range map[string]deployment{"plain": plain(), "full": full()} {
		for _, id := range []string{"State", "Evidence"} {
			r := d.template.one(t, "AWS::S3::Bucket", id)
			if r.DeletionPolicy != retainExceptOnCreate || r.UpdateReplacePolicy != "Retain" {
				t.Errorf("%s: %s has the policies %s and %s", name, id, r.DeletionPolicy, r.UpdateReplacePolicy)
			}
			got := maps.Clone(r.Properties)
			for _, property := range []string{"Tags", "LifecycleConfiguration", "ObjectLockEnabled", "ObjectLockConfiguration"} {
				if id == "State" && strings.HasPrefix(property, "ObjectLock") && got[property] != nil {
					t.Errorf("%s: state has %s: %v", name, property, got[property])
				}
				delete(got, property)
			}
			// Only earlier versions of a ledger are deleted.
			ledgers := map[string]any{"Rules": []any{map[string]any{
				"Status": "Enabled", "NoncurrentVersionExpiration": map[string]any{"NoncurrentDays": 90.0},
			}}}
			if diff := cmp.Diff(ledgers, r.Properties["LifecycleConfiguration"]); id == "State" && diff != "" {
				t.Errorf("%s: lifecycle of state (-want +got)\n%s", name, diff)
			}
			want := map[string]any{
				"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{
					map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}},
				}},
				"OwnershipControls": map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}}},
				"PublicAccessBlockConfiguration": map[string]any{
					"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
				},
				"VersioningConfiguration": map[string]any{"Status": "Enabled"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s (-want +got)\n%s", name, id, diff)
			}
		}
	}
}

func TestEvidenceIsKeptAndLocked(t *testing.T) {
	tests := []struct {
		name       string
		deployment deployment
		days       float64
		lock       any
	}{
		// Without a rule, so that a rule of an earlier deployment is removed.
		{"plain", plain(), 400, map[string]any{"ObjectLockEnabled": "Enabled"}},
		{"full", full(), 2555, map[string]any{
			"ObjectLockEnabled": "Enabled",
			"Rule":              map[string]any{"DefaultRetention": map[string]any{"Mode": "COMPLIANCE", "Days": 365.0}},
		}},
		{"governance", other(), 40, map[string]any{
			"ObjectLockEnabled": "Enabled",
			"Rule":              map[string]any{"DefaultRetention": map[string]any{"Mode": "GOVERNANCE", "Days": 40.0}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.deployment.template.one(t, "AWS::S3::Bucket", "Evidence").Properties
			lifecycle := map[string]any{"Rules": []any{map[string]any{
				"Status": "Enabled", "ExpirationInDays": tt.days,
				"NoncurrentVersionExpiration": map[string]any{"NoncurrentDays": 30.0},
			}}}
			if diff := cmp.Diff(lifecycle, p["LifecycleConfiguration"]); diff != "" {
				t.Errorf("lifecycle (-want +got)\n%s", diff)
			}
			// Always, so that a lock can be added without a new bucket.
			if p["ObjectLockEnabled"] != true {
				t.Error("Object Lock is not enabled")
			}
			if diff := cmp.Diff(tt.lock, p["ObjectLockConfiguration"]); diff != "" {
				t.Errorf("lock (-want +got)\n%s", diff)
			}
		})
	}
}

func TestFunction(t *testing.T) {
	d := full().template
	p := d.one(t, "AWS::Lambda::Function", "AuditFunction").Properties
	for name, want := range map[string]any{
		"Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 120.0, "MemorySize": 256.0,
		"Architectures": []any{"arm64"},
	} {
		if diff := cmp.Diff(want, p[name]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	for _, name := range []string{"VpcConfig", "ReservedConcurrentExecutions", "Layers"} {
		if p[name] != nil {
			t.Errorf("%s is set: %v", name, p[name])
		}
	}
	logging := p["LoggingConfig"].(map[string]any)
	if logging["LogFormat"] != "JSON" || logging["LogGroup"] == nil || logging["ApplicationLogLevel"] != "INFO" {
		t.Errorf("logging: %v", logging)
	}
	mapping := maps.Clone(d.one(t, "AWS::Lambda::EventSourceMapping", "").Properties)
	delete(mapping, "Tags")
	want := map[string]any{
		"BatchSize":                      10.0,
		"MaximumBatchingWindowInSeconds": 20.0,
		"ScalingConfig":                  map[string]any{"MaximumConcurrency": 2.0},
		"FunctionResponseTypes":          []any{"ReportBatchItemFailures"},
		"EventSourceArn":                 arnOf(t, d, "AWS::SQS::Queue", "Requests"),
		"FunctionName":                   mapping["FunctionName"],
	}
	if diff := cmp.Diff(want, mapping); diff != "" {
		t.Errorf("mapping (-want +got)\n%s", diff)
	}
}

// Lambda drops lines below its own level, which must therefore follow logLevel, but
// must never drop the lines of metrics, which count as INFO.
func TestLogLevel(t *testing.T) {
	for level, d := range map[string]template{"DEBUG": company().template, "INFO": other().template} { // debug and error
		p := d.one(t, "AWS::Lambda::Function", "AuditFunction").Properties
		if got := p["LoggingConfig"].(map[string]any)["ApplicationLogLevel"]; got != level {
			t.Errorf("%v, want %s", got, level)
		}
	}
}

func TestFunctionTakesItsLimitsFromTheContext(t *testing.T) {
	for name, tt := range map[string]struct {
		d    template
		want [2]any
	}{
		"default": {plain().template, [2]any{"10s", "8"}},
		"context": {company().template, [2]any{"20s", "2"}},
	} {
		p := tt.d.one(t, "AWS::Lambda::Function", "AuditFunction").Properties
		variables := p["Environment"].(map[string]any)["Variables"].(map[string]any)
		if got := [2]any{variables[config.KeyCallTimeout], variables[config.KeyConcurrency]}; got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// The environment of the function is valid for the function.
func TestFunctionEnvironmentIsValid(t *testing.T) {
	for name, d := range map[string]deployment{"plain": plain(), "full": full()} {
		function := d.template.one(t, "AWS::Lambda::Function", "AuditFunction")
		variables := function.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		var environ []string
		for key, value := range variables {
			text, ok := value.(string)
			if !ok { // a reference: it has a value only when it is deployed
				text = map[string]string{
					config.KeyTopicARN:        "arn:aws:sns:eu-west-1:111122223333:findings",
					config.KeyRecordsTopicARN: "arn:aws:sns:eu-west-1:111122223333:records",
					config.KeyChatTopicARN:    "arn:aws:sns:eu-west-1:111122223333:chat",
					config.KeyState:           strings.Replace(names(value), "State", "ptcaudit-state-1a2b3c", 1),
					config.KeyEvidence:        strings.Replace(names(value), "Evidence", "ptcaudit-evidence-1a2b3c", 1),
				}[key]
			}
			environ = append(environ, key+"="+text)
		}
		c, err := config.LoadFunction(environ)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.MaxReceives != config.DefaultMaxReceives || c.Policy != policyFile {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestPackageHasThePolicyInOneFile(t *testing.T) {
	for name, d := range map[string]deployment{"default": plain(), "strict": full()} {
		var folder string
		files, err := filepath.Glob(filepath.Join(d.folder, "asset.*", policyFile))
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: %v, %v; want one policy", name, files, err)
		}
		folder = filepath.Dir(files[0])
		want, err := policy.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := policy.Load(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if got.Ref() != want.Ref() || d.template.Outputs["PolicyDigest"].Value != want.Ref().Digest || d.template.Outputs["PolicyName"].Value != name {
			t.Errorf("%s: packed %v, output %v, want %v", name, got.Ref(), d.template.Outputs["PolicyDigest"], want.Ref())
		}
		if strings.Contains(string(read(files[0])), `"extends"`) {
			t.Errorf("%s: the packed policy extends another", name)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 2 {
			t.Errorf("%s: the package has %v, want only bootstrap and the policy", name, entries)
		}
		info, err := os.Stat(filepath.Join(folder, "bootstrap"))
		if err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s: bootstrap is not executable: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestErrorsPreventSynthesis(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("apiVersion: ptcaudit/v1\nname: broken\nextends: default\nchecks:\n  - id: upstream-known\n    severity: severe\n  - id: mine\n    title: Mine\n    severity: low\n    assert: rule.prefx != \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := bootstrapFor(elf.EM_AARCH64)
	tests := []struct {
		name      string
		context   map[string]any
		bootstrap []byte
		want      []string
	}{
		{"broken policy", map[string]any{"policy": broken}, good, []string{
			broken + ":6:15: ", "    severity: severe\n              ^\n",
			broken + ":10:18: ", "    assert: rule.prefx != \"\"\n                 ^\n",
		}},
		{"unknown policy", map[string]any{"policy": "strikt"}, good, []string{"strikt", "did you mean strict?"}},
		{"everything at once", map[string]any{"policy": broken, "shedule": "rate(1 hour)", "memory": "1"}, nil, []string{
			"context shedule: unknown key", "context memory: invalid number", broken + ":6:15: ", broken + ":10:18: ", "bootstrap is missing",
		}},
		{"misspelled key", map[string]any{"shedule": "rate(1 hour)"}, good, []string{"context shedule: unknown key: did you mean schedule?"}},
		{"not built", nil, nil, []string{"bootstrap is missing: run `make build ARCH=arm64`"}},
		{"built for another architecture", map[string]any{"architecture": "amd64"}, good, []string{"is built for EM_AARCH64, not for amd64: run `make build ARCH=amd64`"}},
		{"not an executable", nil, []byte("#!/bin/sh"), []string{"is not an executable", "make build"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := synthesizeWith(tt.context, tt.bootstrap)
			if d.err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(d.err.Error()+"\n", want) {
					t.Errorf("missing %q in:\n%v", want, d.err)
				}
			}
			if _, err := os.Stat(filepath.Join(d.folder, "manifest.json")); err == nil {
				t.Error("an assembly was written")
			}
		})
	}
}

func TestSubscriptions(t *testing.T) {
	d := full().template
	unsent := arnOf(t, d, "AWS::SQS::Queue", "Unsent")
	var got []map[string]any
	for id, r := range d.of("AWS::SNS::Subscription") {
		p := maps.Clone(r.Properties)
		p["TopicArn"] = topicOf(t, d, p["TopicArn"])
		if p["Protocol"] == email && p["RedrivePolicy"] != nil {
			t.Errorf("%s: a mail address with a redrive policy", id)
		}
		if p["Protocol"] != email {
			if diff := cmp.Diff(map[string]any{"deadLetterTargetArn": unsent}, p["RedrivePolicy"]); diff != "" {
				t.Errorf("%s (-want +got)\n%s", id, diff)
			}
		}
		delete(p, "RedrivePolicy")
		got = append(got, p)
	}
	want := []map[string]any{
		{"TopicArn": "Alarms", "Protocol": "email", "Endpoint": "oncall@example.com"},
		{"TopicArn": "Alarms", "Protocol": "https", "Endpoint": "https://hooks.example.com/alarms"},
		{"TopicArn": "Findings", "Protocol": "email", "Endpoint": "lead@example.com", "FilterPolicy": map[string]any{"severity": []any{"critical"}}},
		{"TopicArn": "Findings", "Protocol": "email", "Endpoint": "ops@example.com"},
		{"TopicArn": "Records", "Protocol": "https", "Endpoint": "https://hooks.example.com/ptc", "FilterPolicy": map[string]any{"status": []any{"FAILED", "COULD_NOT_AUDIT"}}},
		{"TopicArn": "Records", "Protocol": "sqs", "Endpoint": "arn:aws:sqs:eu-west-1:111122223333:tickets", "FilterPolicy": map[string]any{"severity": []any{"high", "critical"}}},
	}
	order := func(a, b map[string]any) int {
		return strings.Compare(a["TopicArn"].(string)+a["Protocol"].(string)+a["Endpoint"].(string), b["TopicArn"].(string)+b["Protocol"].(string)+b["Endpoint"].(string))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSwitches(t *testing.T) {
	off, on := plain().template, full().template
	if len(off.of("AWS::CloudTrail::Trail")) != 0 || len(on.of("AWS::CloudTrail::Trail")) != 1 {
		t.Error("createTrail does not switch the trail on and off")
	}
	for id, r := range on.Resources {
		if tags, ok := r.Properties["Tags"].([]any); ok && !strings.Contains(string(encode(t, tags)), `{"Key":"team","Value":"build"}`) {
			t.Errorf("%s lacks the tag: %v", id, tags)
		}
	}
	if on.one(t, "AWS::Lambda::Function", "AuditFunction").Properties["Tags"] == nil {
		t.Error("the function has no tags")
	}
	if !strings.Contains(string(read(filepath.Join(full().folder, "manifest.json"))), `"terminationProtection": true`) {
		t.Error("terminationProtection has no effect")
	}
	if n := len(other().template.of("AWS::CloudWatch::Dashboard")); n != 0 {
		t.Errorf("%d dashboards, want 0", n)
	}
}

// retainExceptOnCreate keeps a resource when the stack is deleted, but not when its
// first deployment fails.
const retainExceptOnCreate = "RetainExceptOnCreate"

// Only buckets remain when the stack is deleted, and all three do.
func TestOnlyBucketsAreRetained(t *testing.T) {
	for id, r := range full().template.Resources {
		if isBucket := r.Type == "AWS::S3::Bucket"; isBucket != (r.DeletionPolicy == retainExceptOnCreate) || r.DeletionPolicy == "Retain" {
			t.Errorf("%s (%s) has the deletion policy %q", id, r.Type, r.DeletionPolicy)
		}
	}
}

// The commands of the README use outputs, each under its own name.
func TestRunbookUsesOutputs(t *testing.T) {
	outputs := map[string]bool{}
	for name := range full().template.Outputs {
		outputs[strings.ToUpper(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "${1}_$2"))] = true
	}
	// The reader's own.
	outputs["VERSION_ID"], outputs["OLD_STATE_BUCKET"] = true, true
	used := regexp.MustCompile(`"(?:s3://)?\$([A-Z_]+)`).FindAllStringSubmatch(string(read(readme)), -1)
	if len(used) < 10 {
		t.Errorf("%d variables in the commands, want at least 10", len(used))
	}
	for _, variable := range used {
		if !outputs[variable[1]] {
			t.Errorf("no output gives $%s", variable[1])
		}
	}
}

// The README's command that turns outputs into variables works.
func TestRunbookReadsOutputs(t *testing.T) {
	block := regexp.MustCompile("(?m)^aws cloudformation describe-stacks .*\\n(.*outputs.txt\\)\")$").FindStringSubmatch(string(read(readme)))
	if block == nil {
		t.Fatal("the README does not read the outputs")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", block[1]+"\necho \"$FUNCTION $DEAD_LETTERS_ARN\"")
	cmd.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(cmd.Dir, "outputs.txt"), []byte("Function\taudit\nDeadLettersArn\tarn:aws:sqs:eu-west-1:111122223333:dead letters\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "audit arn:aws:sqs:eu-west-1:111122223333:dead letters\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTrail(t *testing.T) {
	d := full().template
	trail := d.one(t, "AWS::CloudTrail::Trail", "Trail")
	properties := maps.Clone(trail.Properties)
	delete(properties, "Tags")
	want := map[string]any{
		"TrailName":    "ptcaudit-changes", // as in the bucket's policy
		"S3BucketName": map[string]any{"Ref": idOf(t, d, "AWS::S3::Bucket", "TrailBucket")},
		"IsLogging":    true, "IsMultiRegionTrail": false, "IncludeGlobalServiceEvents": false, "EnableLogFileValidation": true,
		"EventSelectors": []any{map[string]any{"IncludeManagementEvents": true, "ReadWriteType": "WriteOnly"}},
	}
	if diff := cmp.Diff(want, properties); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !slices.ContainsFunc(trail.DependsOn, func(id string) bool { return plainName(id) == "TrailBucketPolicy" }) {
		t.Errorf("CloudTrail refuses the bucket before it has its policy, but the trail depends on %v", trail.DependsOn)
	}
}

// Settings of companies that limit what a deployment may create.
func TestRolesAndKeysOfACompany(t *testing.T) {
	d := company().template
	roles := d.of("AWS::IAM::Role")
	if len(roles) != 2 {
		t.Errorf("%d roles, want 2", len(roles))
	}
	for id, r := range roles {
		if r.Properties["PermissionsBoundary"] != companyContext["permissionsBoundary"] || r.Properties["Path"] != "/auditors/" {
			t.Errorf("%s has the boundary %v and the path %v", id, r.Properties["PermissionsBoundary"], r.Properties["Path"])
		}
	}
	if keys := d.of("AWS::KMS::Key"); len(keys) != 0 {
		t.Errorf("the stack has keys of its own: %v", keys)
	}
	for topic, key := range map[string]string{"Findings": "findingsKey", "Alarms": "alarmsKey"} {
		if got := d.one(t, "AWS::SNS::Topic", topic).Properties["KmsMasterKeyId"]; got != companyContext[key] {
			t.Errorf("%s is encrypted with %v", topic, got)
		}
	}
	const use = "AuditRole may kms:Decrypt, kms:GenerateDataKey on "
	if !slices.Contains(d.statements(t), use+companyContext["findingsKey"].(string)) {
		t.Errorf("no statement allows %s", use)
	}
	for id, r := range plain().template.of("AWS::IAM::Role") {
		if r.Properties["PermissionsBoundary"] != nil || r.Properties["Path"] != nil {
			t.Errorf("%s: %v", id, r.Properties)
		}
	}
}

// arnOf returns the reference to the ARN of a resource.
func arnOf(t *testing.T, d template, kind, id string) map[string]any {
	t.Helper()
	return map[string]any{"Fn::GetAtt": []any{idOf(t, d, kind, id), "Arn"}}
}

// idOf returns the logical ID of a resource.
func idOf(t *testing.T, d template, kind, id string) string {
	t.Helper()
	for name := range d.of(kind) {
		if strings.HasPrefix(name, id) && !strings.Contains(name, "Policy") {
			return name
		}
	}
	t.Fatalf("no %s %s", kind, id)
	return ""
}

// topicOf returns the name in the code of a referenced topic.
func topicOf(t *testing.T, d template, ref any) string {
	t.Helper()
	name, _ := ref.(map[string]any)["Ref"].(string)
	for _, topic := range []string{"Findings", "Records", "Chat", "Alarms"} {
		if strings.HasPrefix(name, topic) && d.Resources[name].Type == "AWS::SNS::Topic" {
			return topic
		}
	}
	t.Fatalf("%v is not a topic", ref)
	return ""
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
