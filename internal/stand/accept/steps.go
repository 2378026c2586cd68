package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// The rules of a run, by the part of their prefix after the slash.
const (
	publicRule   = "ecr-public"
	quayRule     = "quay"
	k8sRule      = "k8s"
	brokenRule   = "broken"
	deniedRule   = "denied"
	ecrRule      = "ecr"
	roleRule     = "role"
	prefixRule   = "upstream-prefix"
	templateRule = "template"
	longerRule   = quayRule + "/longer"
)

// openRules are those of the upstreams that need no authentication.
func openRules() []string { return []string{publicRule, quayRule, k8sRule} }

// Names of calls and validations that are not a rule.
const (
	duplicate    = "create a rule of an existing prefix"
	malformed    = "secret without accessToken"
	stageSecret  = "update-secret-version-stage"
	templates    = "create-repository-creation-template"
	pullGood     = "pull through " + publicRule
	pullBroken   = "pull through " + brokenRule
	pullLonger   = "pull through " + longerRule
	pullTemplate = "pull through " + templateRule
)

// step is a part of a run. If a step fails, those after it are left out.
type step struct {
	name string
	do   func(w *world, ctx context.Context) error
}

// steps are those of a run, in order. A notification below critical must come
// before a critical one, or both would be one notification.
var steps = []step{
	{"check the account", (*world).identify},
	{"create the queues", (*world).createQueues},
	{"record events", (*world).recordEvents},
	{"deploy", (*world).deploy},
	{"create rules of open upstreams", (*world).createOpenRules},
	{"wait for a notification below critical", (*world).awaitOther},
	{"create a rule with a broken secret", (*world).createBrokenRule},
	{"change the secret", (*world).changeSecret},
	{"create rules that AWS may refuse", (*world).createDoubtfulRules},
	{"validate the rules", (*world).validate},
	{"pull", (*world).pull},
	{"wait for everything", (*world).awaitAll},
}

// play runs the steps until one fails or ctx ends.
func (w *world) play(ctx context.Context, list []step) error {
	for _, s := range list {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.say("%s", s.name)
		if err := s.do(w, ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (w *world) identify(ctx context.Context) error {
	var caller struct{ Account, Arn string }
	if err := w.aws(ctx, &caller, "sts", "get-caller-identity"); err != nil {
		return err
	}
	if caller.Account != w.account {
		return fmt.Errorf("the credentials are of account %s, not of %s: use other credentials, or name that account in ACCEPT", caller.Account, w.account)
	}
	if arn, ok := ptc.ParseARN(caller.Arn); ok {
		w.partition = arn.Partition
	}
	return nil
}

// The queues of a run, by the end of their names.
const (
	everythingQueue = "everything"
	criticalQueue   = "critical"
	eventsQueue     = "events"
	readsQueue      = "reads"
)

func (w *world) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", w.partition, service, w.region, w.account, resource)
}

func (w *world) queueARN(queue string) string { return w.arn("sqs", w.name()+"-"+queue) }

// createQueues creates the queues of subscribers and of recorded events. What is
// received is not deleted, but stays hidden until the run ends.
func (w *world) createQueues(ctx context.Context) error {
	for queue, sender := range map[string][2]string{
		everythingQueue: {"sns.amazonaws.com", w.arn("sns", w.name()+"-*")},
		criticalQueue:   {"sns.amazonaws.com", w.arn("sns", w.name()+"-*")},
		eventsQueue:     {"events.amazonaws.com", w.arn("events", "rule/"+w.name()+"-*")},
		readsQueue:      {"events.amazonaws.com", w.arn("events", "rule/"+w.name()+"-*")},
	} {
		name := w.name() + "-" + queue
		w.undoing("queue "+name, func(ctx context.Context) error {
			// The answer with the URL may have been lost.
			var found struct{ QueueUrl string }
			if err := w.aws(ctx, &found, "sqs", "get-queue-url", "--queue-name", name); err != nil {
				return gone(err)
			}
			return gone(w.aws(ctx, nil, "sqs", "delete-queue", "--queue-url", found.QueueUrl))
		})
		policy := encode(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": w.queueARN(queue),
			"Principal": map[string]string{"Service": sender[0]},
			"Condition": map[string]any{"ArnLike": map[string]string{"aws:SourceArn": sender[1]}},
		}}})
		const twelveHours = "43200"
		attributes := encode(map[string]string{"Policy": policy, "VisibilityTimeout": twelveHours})
		var made struct{ QueueUrl string }
		if err := w.aws(ctx, &made, "sqs", "create-queue", "--queue-name", name, "--attributes", attributes); err != nil {
			return err
		}
		w.queues[queue] = made.QueueUrl
	}
	return nil
}

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings
	}
	return string(data)
}

// recordedCalls are the calls whose events are recorded.
var recordedCalls = []string{
	"CreatePullThroughCacheRule", "UpdatePullThroughCacheRule", "ValidatePullThroughCacheRule", "CreateRepository",
	"CreateRepositoryCreationTemplate", "CreateSecret", "PutSecretValue", "UpdateSecretVersionStage",
}

// recordEvents creates rules of EventBridge that send events to queues of the run.
func (w *world) recordEvents(ctx context.Context) error {
	sources := []string{"aws.ecr", "aws.secretsmanager"}
	calls := func(names ...string) map[string]any {
		return map[string]any{"source": sources, "detail-type": []string{"AWS API Call via CloudTrail"}, "detail": map[string]any{"eventName": names}}
	}
	for _, r := range []struct {
		name, state, queue string
		pattern            map[string]any
	}{
		{"calls", "ENABLED", eventsQueue, calls(recordedCalls...)},
		{"services", "ENABLED", eventsQueue, map[string]any{"source": sources, "detail-type": []string{pullAction, "Secret Label Updated", "AWS Service Event via CloudTrail"}}},
		{"reads", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", readsQueue, calls("ValidatePullThroughCacheRule")},
	} {
		name := w.name() + "-" + r.name
		w.deleting("EventBridge rule "+name, "events", "delete-rule", "--name", name)
		if err := w.aws(ctx, nil, "events", "put-rule", "--name", name, "--state", r.state, "--event-pattern", encode(r.pattern)); err != nil {
			return err
		}
		w.deleting("target of the EventBridge rule "+name, "events", "remove-targets", "--rule", name, "--ids", "queue")
		if err := w.aws(ctx, nil, "events", "put-targets", "--rule", name, "--targets", encode([]any{map[string]string{"Id": "queue", "Arn": w.queueARN(r.queue)}})); err != nil {
			return err
		}
	}
	return nil
}

// deploy deploys the stack with the settings of a run. If no trail logs, the
// stack creates one.
func (w *world) deploy(ctx context.Context) error {
	if !w.local {
		logging, err := w.hasTrail(ctx)
		if err != nil {
			return err
		}
		w.facts.trail.created = !logging
	}
	w.undoing("stack "+w.name()+" and its buckets", w.removeStack)
	file := filepath.Join(w.scratch, "outputs.json")
	args := []string{"deploy", "--require-approval", "never", "--no-notices", "--output", filepath.Join(w.scratch, "cdk.out"), "--outputs-file", file}
	for key, value := range map[string]string{
		"settings":  "none", // not those of the user's own deployment
		"stackName": w.name(), "architecture": w.architecture, "policy": "internal/stand/accept/policy.yaml",
		"sqs":       w.queueARN(everythingQueue) + "; " + w.queueARN(criticalQueue) + " severity=critical",
		"dashboard": "false", "schedule": "rate(5 minutes)", "createTrail": strconv.FormatBool(w.facts.trail.created),
	} {
		args = append(args, "--context", key+"="+value)
	}
	if _, err := w.run(ctx, filepath.Join(w.root, ".cache", "cdk", "node_modules", ".bin", "cdk"), args...); err != nil {
		return fmt.Errorf("%w (was `make bootstrap` run in this account and Region?)", err)
	}
	data, err := os.ReadFile(file) //nolint:gosec // a file of this run
	if err != nil {
		return err
	}
	var stacks map[string]map[string]string
	if err := json.Unmarshal(data, &stacks); err != nil {
		return err
	}
	w.outputs = stacks[w.name()]
	return nil
}

// hasTrail reports whether a trail of the account logs in this Region.
func (w *world) hasTrail(ctx context.Context) (bool, error) {
	var list struct {
		TrailList []struct {
			TrailARN string `json:"TrailARN"`
		} `json:"trailList"`
	}
	if err := w.aws(ctx, &list, "cloudtrail", "describe-trails"); err != nil {
		return false, err
	}
	for _, t := range list.TrailList {
		var status struct{ IsLogging bool }
		// A trail of the organization can be unreadable for a member.
		if err := w.aws(ctx, &status, "cloudtrail", "get-trail-status", "--name", t.TrailARN); err == nil && status.IsLogging {
			return true, nil
		}
	}
	return false, nil
}

// removeStack deletes the stack, also one whose creation was interrupted, and then
// the buckets that it leaves.
func (w *world) removeStack(ctx context.Context) error {
	var resources struct {
		StackResourceSummaries []struct {
			ResourceType, PhysicalResourceId string
		}
	}
	if err := w.aws(ctx, &resources, "cloudformation", "list-stack-resources", "--stack-name", w.name()); gone(err) != nil {
		return err
	}
	for _, r := range resources.StackResourceSummaries {
		switch {
		case r.PhysicalResourceId == "":
		case r.ResourceType == "AWS::S3::Bucket":
			if what := "bucket " + r.PhysicalResourceId; !w.seen[what] {
				w.seen[what] = true
				w.stackBuckets = append(w.stackBuckets, r.PhysicalResourceId)
			}
		case r.ResourceType == "AWS::KMS::Key":
			if what := "key " + r.PhysicalResourceId + ": AWS deletes it after 7 days"; !slices.Contains(w.remains, what) {
				w.remains = append(w.remains, what)
			}
		}
	}
	if err := w.aws(ctx, nil, "cloudformation", "delete-stack", "--stack-name", w.name()); err != nil {
		return err
	}
	const limit = 15 * time.Minute
	deleted, err := w.until(ctx, limit, func() (bool, error) {
		var out struct {
			Stacks []struct{ StackStatus string }
		}
		switch err := w.aws(ctx, &out, "cloudformation", "describe-stacks", "--stack-name", w.name()); {
		case err != nil:
			return gone(err) == nil, gone(err)
		case len(out.Stacks) == 0 || out.Stacks[0].StackStatus == "DELETE_COMPLETE":
			return true, nil
		case out.Stacks[0].StackStatus == "DELETE_FAILED":
			return false, fmt.Errorf("the stack is in the state DELETE_FAILED")
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	if !deleted {
		return fmt.Errorf("the stack still exists after %v", limit)
	}
	for len(w.stackBuckets) > 0 {
		if err := w.removeBucket(ctx, w.stackBuckets[0]); err != nil {
			return err
		}
		w.stackBuckets = w.stackBuckets[1:]
	}
	return nil
}

// removeBucket deletes a bucket with all versions of its objects.
func (w *world) removeBucket(ctx context.Context, name string) error {
	for {
		var page struct {
			Versions, DeleteMarkers []struct{ Key, VersionId string }
		}
		err := w.aws(ctx, &page, "s3api", "list-object-versions", "--bucket", name, "--max-items", "500")
		if gone(err) != nil {
			return fmt.Errorf("bucket %s: %w", name, err)
		}
		switch objects := slices.Concat(page.Versions, page.DeleteMarkers); {
		case len(objects) == 0: // also of a bucket that does not exist
			if err := w.aws(ctx, nil, "s3api", "delete-bucket", "--bucket", name); gone(err) != nil {
				return fmt.Errorf("bucket %s: %w", name, err)
			}
			return nil
		default:
			var refused struct {
				Errors []struct{ Code, Message string }
			}
			request := encode(map[string]any{"Objects": objects})
			if err := w.aws(ctx, &refused, "s3api", "delete-objects", "--bucket", name, "--delete", request); err != nil {
				return fmt.Errorf("bucket %s: %w", name, err)
			}
			if len(refused.Errors) > 0 {
				return fmt.Errorf("bucket %s: %s: %s", name, refused.Errors[0].Code, refused.Errors[0].Message)
			}
		}
	}
}

// createRule creates a rule that AWS may refuse.
func (w *world) createRule(ctx context.Context, name, url string, more ...string) bool {
	prefix := w.prefix() + "/" + name
	w.deleting("rule "+prefix, "ecr", "delete-pull-through-cache-rule", "--ecr-repository-prefix", prefix)
	return w.try(ctx, name, append([]string{
		"ecr", "create-pull-through-cache-rule", "--ecr-repository-prefix", prefix, "--upstream-registry-url", url,
	}, more...)...)
}

// createOpenRules creates a rule of each upstream that needs no authentication.
// The policy forbids all but one of them, with the severity high.
func (w *world) createOpenRules(ctx context.Context) error {
	w.undoing("repositories below "+w.prefix(), w.removeRepositories)
	for _, r := range [][2]string{{publicRule, "public.ecr.aws"}, {quayRule, "quay.io"}, {k8sRule, "registry.k8s.io"}} {
		if !w.createRule(ctx, r[0], r[1]) {
			return fmt.Errorf("rule %s: %s", r[0], w.facts.calls[r[0]].err)
		}
	}
	return nil
}

// removeRepositories deletes the repositories that pulls created.
func (w *world) removeRepositories(ctx context.Context) error {
	names, err := w.repositories(ctx)
	if err != nil {
		return err
	}
	for name := range names {
		if err := w.aws(ctx, nil, "ecr", "delete-repository", "--repository-name", name, "--force"); gone(err) != nil {
			return err
		}
	}
	return nil
}

// repositories lists those of the run, with their tag mutability. The emulator has
// none.
func (w *world) repositories(ctx context.Context) (map[string]string, error) {
	if w.local {
		return nil, nil
	}
	var out struct {
		Repositories []struct {
			RepositoryName     string `json:"repositoryName"`
			ImageTagMutability string `json:"imageTagMutability"`
		} `json:"repositories"`
	}
	err := w.aws(ctx, &out, "ecr", "describe-repositories")
	names := map[string]string{}
	for _, r := range out.Repositories {
		if strings.HasPrefix(r.RepositoryName, w.prefix()+"/") {
			names[r.RepositoryName] = r.ImageTagMutability
		}
	}
	return names, err
}

func (w *world) awaitOther(ctx context.Context) error { return w.await(ctx, false) }

// await waits for a notification that is critical, or for another. If none
// arrives, the run goes on: the report says so.
func (w *world) await(ctx context.Context, critical bool) error {
	arrived, err := w.until(ctx, w.notification, func() (bool, error) {
		err := w.receive(ctx)
		return slices.ContainsFunc(w.facts.everything, func(m notify.Message) bool {
			return (m.Severity == report.Critical) == critical
		}), err
	})
	if err == nil && !arrived {
		w.problems = append(w.problems, fmt.Sprintf("no notification (critical: %t) within %v", critical, w.notification))
	}
	return err
}

// createBrokenRule creates a secret that no upstream accepts, and a rule with it.
func (w *world) createBrokenRule(ctx context.Context) error {
	name := ptc.SecretPrefix + w.name()
	w.deleting("secret "+name, "secretsmanager", "delete-secret", "--secret-id", name, "--force-delete-without-recovery")
	var made struct{ ARN, VersionId string }
	value := encode(map[string]string{"username": "ptcaudit", "accessToken": "invalid"})
	if err := w.aws(ctx, &made, "secretsmanager", "create-secret", "--name", name, "--secret-string", value); err != nil {
		return err
	}
	w.secretARN = made.ARN
	w.facts.versions = append(w.facts.versions, made.VersionId)
	// ECR may not see a new secret at once.
	const limit = time.Minute
	created, err := w.until(ctx, limit, func() (bool, error) {
		return w.createRule(ctx, brokenRule, "registry-1.docker.io", "--credential-arn", made.ARN), nil
	})
	if err == nil && !created {
		return fmt.Errorf("rule %s: %s", brokenRule, w.facts.calls[brokenRule].err)
	}
	w.validateRule(ctx, brokenRule, brokenRule)
	return err
}

// changeSecret gives the secret a value that lacks a key, waits for the critical
// notification, and puts the first value in force again.
func (w *world) changeSecret(ctx context.Context) error {
	var put struct{ VersionId string }
	if err := w.aws(ctx, &put, "secretsmanager", "put-secret-value", "--secret-id", w.secretARN, "--secret-string", `{"username":"ptcaudit"}`); err != nil {
		return err
	}
	w.facts.versions = append(w.facts.versions, put.VersionId)
	w.validateRule(ctx, brokenRule, malformed)
	if err := w.await(ctx, true); err != nil {
		return err
	}
	w.facts.staged = time.Now().Add(-time.Second)
	w.try(ctx, stageSecret, "secretsmanager", "update-secret-version-stage", "--secret-id", w.secretARN, "--version-stage", "AWSCURRENT",
		"--move-to-version-id", w.facts.versions[0], "--remove-from-version-id", w.facts.versions[1])
	return ctx.Err()
}

// createDoubtfulRules tries what AWS's documents leave open.
func (w *world) createDoubtfulRules(ctx context.Context) error {
	w.createRule(ctx, prefixRule, "public.ecr.aws", "--upstream-repository-prefix", "docker")
	w.createRule(ctx, longerRule, "public.ecr.aws")
	w.createRule(ctx, deniedRule, "registry-1.docker.io", "--credential-arn", w.arn("secretsmanager", "secret:"+ptc.SecretPrefix+w.name()+"-missing-AbCdEf"))

	w.try(ctx, duplicate, "ecr", "create-pull-through-cache-rule", "--ecr-repository-prefix", w.prefix()+"/"+publicRule, "--upstream-registry-url", "quay.io")

	other, domain := "us-east-1", "amazonaws.com"
	switch {
	case w.region == other:
		other = "us-west-2"
	case w.partition == "aws-cn":
		other, domain = "cn-northwest-1", "amazonaws.com.cn"
	}
	upstream := w.account + ".dkr.ecr." + other + "." + domain
	w.createRule(ctx, ecrRule, upstream, "--upstream-registry", "ecr")

	role := w.name() + "-role"
	w.deleting("role "+role, "iam", "delete-role", "--role-name", role)
	trust := encode(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]string{"Service": "ec2.amazonaws.com"},
	}}})
	if w.try(ctx, "create-role", "iam", "create-role", "--role-name", role, "--assume-role-policy-document", trust) {
		arn := fmt.Sprintf("arn:%s:iam::%s:role/%s", w.partition, w.account, role)
		w.createRule(ctx, roleRule, upstream, "--upstream-registry", "ecr", "--custom-role-arn", arn)
	}

	w.createRule(ctx, templateRule, "public.ecr.aws")
	for _, t := range [][3]string{
		{templateRule, "PULL_THROUGH_CACHE", "IMMUTABLE"},
		{templateRule + "/docker", "REPLICATION", "MUTABLE"},
	} {
		prefix := w.prefix() + "/" + t[0]
		if !w.local { // the emulator has no templates
			w.deleting("template "+prefix, "ecr", "delete-repository-creation-template", "--prefix", prefix)
			w.try(ctx, templates, "ecr", "create-repository-creation-template", "--prefix", prefix, "--applied-for", t[1], "--image-tag-mutability", t[2])
		}
	}
	return ctx.Err()
}

// validate has ECR validate every rule that exists.
func (w *world) validate(ctx context.Context) error {
	for _, name := range slices.Concat(openRules(), []string{ecrRule, roleRule}) {
		if o, made := w.facts.calls[name]; made && o.err == "" {
			w.validateRule(ctx, name, name)
		}
	}
	return ctx.Err()
}

// validateRule validates a rule, and remembers the result under a name.
func (w *world) validateRule(ctx context.Context, rule, name string) {
	var v validation
	if err := w.aws(ctx, &v, "ecr", "validate-pull-through-cache-rule", "--ecr-repository-prefix", w.prefix()+"/"+rule); err != nil {
		v.refused = short(err)
	}
	w.facts.validations[name] = v
}

// pull pulls the manifest of an image through each of some rules. BatchGetImage
// imports it, as a pull by a container engine does.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
func (w *world) pull(ctx context.Context) error {
	if w.local { // the emulator has no images
		return nil
	}
	for _, p := range [][3]string{
		{pullGood, publicRule, "docker/library/alpine"},
		{pullLonger, longerRule, "docker/library/alpine"},
		{pullTemplate, templateRule, "docker/library/alpine"},
		{pullBroken, brokenRule, "library/alpine"},
	} {
		w.try(ctx, p[0], "ecr", "batch-get-image", "--repository-name", w.prefix()+"/"+p[1]+"/"+p[2], "--image-ids", "imageTag=latest")
	}
	return ctx.Err()
}

// awaitAll looks until no point is open that this run can still answer, or until
// the patience is over.
func (w *world) awaitAll(ctx context.Context) error {
	var open []string
	_, err := w.until(ctx, w.patience, func() (bool, error) {
		if err := w.look(ctx); err != nil {
			return false, err
		}
		open = nil
		for _, p := range points {
			a := p.probe(&w.facts, false)
			if (p.local || !w.local) && a.verdict == notSeen && !strings.HasPrefix(a.seen, neverTried) {
				open = append(open, p.id)
			}
		}
		return len(open) == 0, nil
	})
	if len(open) > 0 {
		w.say("still open: %s", strings.Join(open, ", "))
	}
	return err
}

// look collects what changes while the run waits.
func (w *world) look(ctx context.Context) error {
	if err := w.receive(ctx); err != nil {
		return err
	}
	if err := w.readEvidence(ctx); err != nil {
		return err
	}
	var log struct{ Events []struct{ Message string } }
	if err := w.aws(ctx, &log, "logs", "filter-log-events", "--log-group-name", w.outputs["LogGroup"]); err != nil {
		return err
	}
	w.facts.log = nil
	for _, e := range log.Events {
		for text := range strings.Lines(e.Message) {
			if text = strings.TrimSpace(text); text != "" {
				w.facts.log = append(w.facts.log, parseLogLine(text))
			}
		}
	}
	if w.local {
		return nil
	}
	return w.lookAtDeployment(ctx)
}

// lookAtDeployment reads what the local cloud does not have.
func (w *world) lookAtDeployment(ctx context.Context) error {
	f := &w.facts
	names, err := w.repositories(ctx)
	if err != nil {
		return err
	}
	f.repositories = names
	var alarms struct {
		MetricAlarms []struct{ AlarmName, StateValue string }
	}
	if err := w.aws(ctx, &alarms, "cloudwatch", "describe-alarms", "--alarm-name-prefix", w.name()); err != nil {
		return err
	}
	for _, a := range alarms.MetricAlarms {
		f.alarms[strings.TrimPrefix(a.AlarmName, w.name()+"-")] = a.StateValue
	}
	var list struct {
		Metrics []struct{ MetricName string }
	}
	if err := w.aws(ctx, &list, "cloudwatch", "list-metrics", "--namespace", "ptcaudit", "--dimensions", "Name=function,Value="+w.outputs["Function"]); err != nil {
		return err
	}
	f.metrics = nil
	for _, m := range list.Metrics {
		f.metrics = append(f.metrics, m.MetricName)
	}
	var function struct{ Architectures []string }
	if err := w.aws(ctx, &function, "lambda", "get-function-configuration", "--function-name", w.outputs["Function"]); err != nil {
		return err
	}
	f.architecture = strings.Join(function.Architectures, " ")
	var mappings struct{ EventSourceMappings []mapping }
	if err := w.aws(ctx, &mappings, "lambda", "list-event-source-mappings", "--function-name", w.outputs["Function"]); err != nil {
		return err
	}
	if len(mappings.EventSourceMappings) == 1 {
		f.mapping = mappings.EventSourceMappings[0]
	}
	if f.trail.created && !f.trail.logging {
		if f.trail.logging, err = w.hasTrail(ctx); err != nil {
			return err
		}
	}
	return w.lookAtBuckets(ctx)
}

func (w *world) lookAtBuckets(ctx context.Context) error {
	if len(w.facts.buckets) > 0 { // they do not change
		return nil
	}
	for _, output := range []string{"StateBucket", "EvidenceBucket"} {
		name := w.outputs[output]
		var versioning struct{ Status string }
		if err := w.aws(ctx, &versioning, "s3api", "get-bucket-versioning", "--bucket", name); err != nil {
			return err
		}
		var encryption struct {
			ServerSideEncryptionConfiguration struct {
				Rules []struct {
					ApplyServerSideEncryptionByDefault struct{ SSEAlgorithm string }
				}
			}
		}
		if err := w.aws(ctx, &encryption, "s3api", "get-bucket-encryption", "--bucket", name); err != nil {
			return err
		}
		b := bucket{versioning: versioning.Status, plain: "no error"}
		for _, r := range encryption.ServerSideEncryptionConfiguration.Rules {
			b.encryption = r.ApplyServerSideEncryptionByDefault.SSEAlgorithm
		}
		domain := "amazonaws.com"
		if w.partition == "aws-cn" {
			domain += ".cn"
		}
		if err := w.aws(ctx, nil, "s3api", "list-objects-v2", "--bucket", name, "--max-items", "1", "--endpoint-url", "http://s3."+w.region+"."+domain); err != nil {
			_, rest, _ := strings.Cut(short(err), "(")
			b.plain, _, _ = strings.Cut(rest, ")")
		}
		w.facts.buckets[output] = b
	}
	return nil
}

// receive reads all queues of the run.
func (w *world) receive(ctx context.Context) error {
	for _, queue := range []string{everythingQueue, criticalQueue, eventsQueue, readsQueue} {
		for {
			var page struct {
				Messages []struct {
					MessageId, Body string
					Attributes      struct{ SentTimestamp string }
				}
			}
			if err := w.aws(ctx, &page, "sqs", "receive-message", "--queue-url", w.queues[queue], "--max-number-of-messages", "10", "--attribute-names", "SentTimestamp"); err != nil {
				return err
			}
			for _, m := range page.Messages {
				if w.seen[m.MessageId] {
					continue
				}
				w.seen[m.MessageId] = true
				ms, _ := strconv.ParseInt(m.Attributes.SentTimestamp, 10, 64)
				w.take(queue, m.Body, time.UnixMilli(ms))
			}
			if len(page.Messages) == 0 {
				break
			}
		}
	}
	return nil
}

// take sorts in what a queue received. Events of others in the same account are
// left out: every name of the run has its id.
func (w *world) take(queue, body string, received time.Time) {
	switch {
	case (queue == eventsQueue || queue == readsQueue) && !strings.Contains(body, w.id):
	case queue == eventsQueue:
		w.facts.events = append(w.facts.events, parseEvent([]byte(body), received))
	case queue == readsQueue:
		w.facts.reads = append(w.facts.reads, parseEvent([]byte(body), received))
	default:
		var envelope struct{ Message string }
		var m notify.Message
		// An alarm, and the message with which SNS checks a subscription, are no
		// notifications of ours.
		if json.Unmarshal([]byte(body), &envelope) != nil || json.Unmarshal([]byte(envelope.Message), &m) != nil || m.Severity == "" {
			return
		}
		if queue == everythingQueue {
			w.facts.everything = append(w.facts.everything, m)
		} else {
			w.facts.critical = append(w.facts.critical, m)
		}
	}
}

// readEvidence downloads the reports that it has not read yet.
func (w *world) readEvidence(ctx context.Context) error {
	folder := filepath.Join(w.scratch, "evidence")
	if err := w.aws(ctx, nil, "s3", "sync", "s3://"+w.outputs["EvidenceBucket"], folder, "--only-show-errors"); err != nil {
		return err
	}
	files, err := readFiles(folder)
	if err != nil {
		return err
	}
	for path, data := range files {
		if w.seen[path] {
			continue
		}
		w.seen[path] = true
		unpacked, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			continue // not a report
		}
		plain, err := io.ReadAll(unpacked)
		if err != nil {
			return err
		}
		if r, err := report.Decode(plain); err == nil { // else a record of changes
			w.facts.audits = append(w.facts.audits, r)
		}
	}
	return nil
}
