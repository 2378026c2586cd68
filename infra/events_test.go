package main

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

// home is where the stack is deployed, as in the sample events.
var home = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}

// The deployed rules must match exactly the events that the function accepts.
func TestRulesMatchWhatTheFunctionAccepts(t *testing.T) {
	files, err := filepath.Glob("../functions/audit/events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	events := map[string]map[string]any{}
	for _, file := range files {
		event := map[string]any{}
		if err := json.Unmarshal(read(file), &event); err != nil {
			t.Fatal(err)
		}
		if event["detail-type"] != nil {
			events[filepath.Base(file)] = event
		}
	}
	// Variants of these events: no other call triggers the function.
	vary := func(name, from string, change func(detail map[string]any)) {
		event := map[string]any{}
		if err := json.Unmarshal(encode(t, events[from]), &event); err != nil {
			t.Fatal(err)
		}
		change(event["detail"].(map[string]any))
		events[name] = event
	}
	for _, call := range []string{"ValidatePullThroughCacheRule", "DescribePullThroughCacheRules", "CreateRepository"} {
		vary(call, "create.json", func(d map[string]any) { d["eventName"] = call })
	}
	for name, secret := range map[string]string{
		"secret by ARN":         "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
		"secret of China":       "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
		"another secret":        "database/password",
		"another secret by ARN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:database/ecr-pullthroughcache/x-AbCdEf",
	} {
		vary(name, "secret.json", func(d map[string]any) { d["requestParameters"] = map[string]any{"secretId": secret} })
	}
	for _, call := range append(trigger.SecretCalls(), "GetResourcePolicy", "TagResource", "CreateSecret") {
		vary("secret: "+call, "secret.json", func(d map[string]any) { d["eventName"] = call })
	}
	vary("created by another name", "secret-create.json", func(d map[string]any) {
		d["requestParameters"], d["responseElements"] = map[string]any{"name": "database/password"}, nil
	})
	for _, name := range []string{"RotationFailed", "SecretVersionDeletion"} {
		vary(name, "secret-rotated.json", func(d map[string]any) { d["eventName"] = name })
	}
	vary("rotation of another secret", "secret-rotated.json", func(d map[string]any) {
		d["additionalEventData"] = map[string]any{"SecretId": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:database-AbCdEf"}
	})
	vary("rotation in another field", "secret-rotated.json", func(d map[string]any) {
		d["additionalEventData"] = map[string]any{"secretId": "ecr-pullthroughcache/hub"}
	})
	vary("pending label", "secret-label.json", func(d map[string]any) { d["labelUpdated"] = "AWSPENDING" })
	vary("GetSecretValue", "secret.json", func(d map[string]any) { d["eventName"] = "GetSecretValue" })

	// Other accounts and Regions can send their events to the same bus. Their
	// events are valid, but not for this deployment.
	for field, value := range map[string]string{"account": "444455556666", "region": "us-east-1"} {
		for _, name := range []string{"create.json", "secret.json", "secret-label.json", "secret-rotated.json", "secret-create.json"} {
			event := maps.Clone(events[name])
			event[field] = value
			if matches(plain().template, event) {
				t.Errorf("%s of another %s matches", name, field)
			}
		}
	}

	matched := 0
	for name, event := range events {
		message, err := trigger.Decode(encode(t, event))
		if err != nil {
			t.Fatal(name, err)
		}
		want := message.Ignored != trigger.Unrelated
		got := matches(plain().template, event)
		if got != want {
			t.Errorf("%s: a rule matches: %v, the function accepts it: %v", name, got, want)
		}
		if got {
			matched++
		}
	}
	if matched < 20 {
		t.Errorf("%d events match, want at least 20", matched)
	}
}

// README lists every event that triggers an audit, beside its rule.
func TestReadmeListsEveryEvent(t *testing.T) {
	readme := string(read("README.md"))
	for _, r := range plain().template.of("AWS::Events::Rule") {
		pattern := r.Properties["EventPattern"].(map[string]any)
		detail := pattern["detail"].(map[string]any)
		events, _ := detail["eventName"].([]any)
		if source := pattern["source"].([]any)[0]; events == nil && source != "aws.cloudformation" {
			events = pattern["detail-type"].([]any)
		}
		for _, event := range events {
			if !strings.Contains(readme, "`"+event.(string)+"`") {
				t.Errorf("README.md does not list %v", event)
			}
		}
	}
	for _, id := range []string{"RuleChanged", "SecretChanged", "SecretCreated", "SecretRotated", "SecretInForce", "Deployed"} {
		plain().template.one(t, "AWS::Events::Rule", id)
		if !strings.Contains(readme, "\n| `"+id+"` |") {
			t.Errorf("README.md does not list the rule %s", id)
		}
	}
}

// Only a completed deployment of this stack matches.
func TestDeploymentsMatch(t *testing.T) {
	event := func(stack any, status string) map[string]any {
		return map[string]any{
			"source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change",
			"account": home.Account, "region": home.Region,
			"detail": map[string]any{"stack-id": stack, "status-details": map[string]any{"status": status, "status-reason": ""}},
		}
	}
	this := map[string]any{"Ref": "AWS::StackId"}
	for name, tt := range map[string]struct {
		event map[string]any
		want  bool
	}{
		"created":       {event(this, "CREATE_COMPLETE"), true},
		"updated":       {event(this, "UPDATE_COMPLETE"), true},
		"in progress":   {event(this, "UPDATE_IN_PROGRESS"), false},
		"deleted":       {event(this, "DELETE_COMPLETE"), false},
		"another stack": {event("arn:aws:cloudformation:eu-west-1:111122223333:stack/other/1", "CREATE_COMPLETE"), false},
	} {
		if got := matches(plain().template, tt.event); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestRequestsOfTheStackAreValid(t *testing.T) {
	d := plain().template
	target := d.one(t, "AWS::Scheduler::Schedule", "Schedule").Properties["Target"].(map[string]any)
	rule := d.one(t, "AWS::Events::Rule", "Deployed").Properties["Targets"].([]any)[0].(map[string]any)
	for kind, input := range map[report.TriggerKind]any{report.ScheduleTrigger: target["Input"], report.DeploymentTrigger: rule["Input"]} {
		text := strings.NewReplacer("ACCOUNT", "111122223333", "REGION", "eu-west-1").Replace(names(input))
		m, err := trigger.Decode([]byte(text))
		if err != nil || m.Trigger.Kind != kind || m.Registry.Account != "111122223333" || m.Registry.Region != "eu-west-1" {
			t.Errorf("%s is decoded as %+v, %v", text, m, err)
		}
	}
}

func TestDeliveriesAreRetriedAndKept(t *testing.T) {
	d := plain().template
	schedule := d.one(t, "AWS::Scheduler::Schedule", "Schedule").Properties
	if schedule["ScheduleExpression"] != "rate(6 hours)" || schedule["ScheduleExpressionTimezone"] != "UTC" {
		t.Errorf("schedule: %v", schedule)
	}
	if diff := cmp.Diff(map[string]any{"Mode": "OFF"}, schedule["FlexibleTimeWindow"]); diff != "" {
		t.Errorf("window (-want +got)\n%s", diff)
	}
	targets := []any{schedule["Target"]}
	for _, r := range d.of("AWS::Events::Rule") {
		targets = append(targets, r.Properties["Targets"].([]any)...)
	}
	if len(targets) != 7 {
		t.Errorf("%d targets, want 6 of rules and 1 of the schedule", len(targets))
	}
	for _, target := range targets {
		got := target.(map[string]any)
		want := map[string]any{
			"Arn":              arnOf(t, d, "AWS::SQS::Queue", "Requests"),
			"DeadLetterConfig": map[string]any{"Arn": arnOf(t, d, "AWS::SQS::Queue", "Undelivered")},
			"RetryPolicy":      map[string]any{"MaximumEventAgeInSeconds": 86400.0, "MaximumRetryAttempts": 185.0},
		}
		for key := range want {
			if diff := cmp.Diff(want[key], got[key]); diff != "" {
				t.Errorf("%s (-want +got)\n%s", key, diff)
			}
		}
	}
	// The rule must match the end of the first deployment, so it is created
	// before the slow resources.
	mapping := d.one(t, "AWS::Lambda::EventSourceMapping", "")
	if !slices.ContainsFunc(mapping.DependsOn, func(id string) bool { return plainName(id) == "Deployed" }) {
		t.Errorf("the event source mapping depends only on %v", mapping.DependsOn)
	}
}

// The first audit may be due at once: then its role must have its policy, and the
// function must receive requests.
func TestScheduleIsCreatedLast(t *testing.T) {
	d := company().template
	schedule := d.one(t, "AWS::Scheduler::Schedule", "Schedule")
	var after []string
	for _, id := range schedule.DependsOn {
		after = append(after, d.Resources[id].Type)
	}
	slices.Sort(after)
	if diff := cmp.Diff([]string{"AWS::IAM::Role", "AWS::Lambda::EventSourceMapping"}, after); diff != "" {
		t.Errorf("depends on (-want +got)\n%s", diff)
	}
	if d.one(t, "AWS::IAM::Role", "ScheduleRole").Properties["Policies"] == nil {
		t.Error("the role's policy is another resource, which the schedule does not depend on")
	}
	if diff := cmp.Diff(map[string]any{"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60.0}, schedule.Properties["FlexibleTimeWindow"]); diff != "" {
		t.Errorf("window (-want +got)\n%s", diff)
	}
}

// matches reports whether a rule of the template matches an event. It supports
// the parts of EventBridge's patterns that are used here:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
func matches(d template, event map[string]any) bool {
	for _, r := range d.of("AWS::Events::Rule") {
		if matchesPattern(r.Properties["EventPattern"], event) {
			return true
		}
	}
	return false
}

func matchesPattern(pattern, value any) bool {
	switch p := pattern.(type) {
	case map[string]any: // each field
		fields, _ := value.(map[string]any)
		ok := true
		for name, inner := range p {
			ok = ok && matchesPattern(inner, fields[name])
		}
		return ok
	case []any: // one of these
		if list, ok := value.([]any); ok { // one of those
			return slices.ContainsFunc(list, func(one any) bool { return matchesPattern(pattern, one) })
		}
		return slices.ContainsFunc(p, func(choice any) bool { return matchesValue(choice, value) })
	}
	return false
}

func matchesValue(choice, value any) bool {
	text, _ := value.(string)
	if special, ok := choice.(map[string]any); ok {
		switch special["Ref"] {
		case "AWS::AccountId":
			return text == home.Account
		case "AWS::Region":
			return text == home.Region
		}
		if special["exists"] == false {
			return value == nil
		}
		if prefix, ok := special["prefix"].(string); ok {
			return strings.HasPrefix(text, prefix)
		}
		if wildcard, ok := special["wildcard"].(string); ok {
			return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(wildcard), `\*`, ".*") + "$").MatchString(text)
		}
	}
	return cmp.Equal(choice, value)
}
