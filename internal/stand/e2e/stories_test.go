package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"ptcaudit/internal/handler"
	"ptcaudit/internal/report"
)

// What goes wrong with ECR.
const (
	deniedFault = `{"operation": "DescribePullThroughCacheRules", "code": "AccessDeniedException"}`
	quayRule    = `{"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io", "upstreamRepositoryPrefix": "ROOT"}`
	quayFails   = "upstream-allowed of quay"
)

// throttledFault strikes so many calls. The SDK makes three for one audit.
func throttledFault(times int) string {
	return fmt.Sprintf(`{"operation": "DescribePullThroughCacheRules", "code": "ThrottlingException", "times": %d}`, times)
}

// create makes a rule with the AWS CLI.
func (w *world) create(prefix, url string, more ...string) {
	w.t.Helper()
	w.aws(nil, append([]string{"ecr", "create-pull-through-cache-rule", "--ecr-repository-prefix", prefix, "--upstream-registry-url", url}, more...)...)
}

func forbiddenUpstream(_ *testing.T, w *world) {
	w.untilSettled()
	var session struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	w.aws(&session, "sts", "assume-role", "--role-arn", "arn:aws:iam::"+account+":role/Admin", "--role-session-name", "jane")
	jane := []string{
		"AWS_ACCESS_KEY_ID=" + session.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + session.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + session.Credentials.SessionToken,
	}
	w.awsAs(jane, nil, "ecr", "create-pull-through-cache-rule", "--ecr-repository-prefix", "quay", "--upstream-registry-url", "quay.io")
	m := w.await(everything, settle, says(report.Failed, quayFails), by("CreatePullThroughCacheRule", "quay"))
	w.expect(m, "jane", "arn:aws:iam::"+account+":role/Admin", "CreatePullThroughCacheRule", "policy acme", "quay.io")
}

func burst(t *testing.T, w *world) {
	const changes = 30
	w.untilSettled()
	w.taking(false)
	before := len(w.reports())
	for i := range changes {
		_, err := w.ecr.CreatePullThroughCacheRule(t.Context(), &ecr.CreatePullThroughCacheRuleInput{
			EcrRepositoryPrefix: aws.String(fmt.Sprintf("team-%02d", i)), UpstreamRegistryUrl: aws.String("quay.io"),
		})
		w.must(err)
	}
	w.eventually(settle, "all changes wait", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.ready == changes, fmt.Sprintf("%+v", n)
	})
	w.taking(true)
	w.eventually(leased, "the queue is empty", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.all() == 0, fmt.Sprintf("%+v", n)
	})
	notified := map[string]int{}
	for m := w.receive(everything, 10*time.Second); m != nil; m = w.receive(everything, 2*time.Second) {
		for _, f := range m.Findings {
			if f.Status == report.Failed {
				notified[f.Check+" of "+f.Prefix]++
			}
		}
	}
	for i := range changes {
		if f := fmt.Sprintf("upstream-allowed of team-%02d", i); notified[f] != 1 {
			t.Errorf("notified %d times: %s", notified[f], f)
		}
	}
	// As many as there are batches, where all begin at once.
	if n := len(w.reports()) - before; n > 3 {
		t.Errorf("%d changes made %d audits, want 3 at most", changes, n)
	}
	if n := len(w.recorded()); n != changes {
		t.Errorf("of %d changes %d are in the evidence", changes, n)
	}
}

func schedule(t *testing.T, w *world) {
	w.untilSettled()
	// No event reports this rule: only the schedule can find it.
	w.emulate(fixture{rules: []string{quayRule}})
	m := w.await(everything, 2*time.Minute+settle, says(report.Failed, quayFails))
	for _, change := range m.Changes {
		if change.Kind == report.ChangeTrigger || change.Kind == report.SecretTrigger {
			t.Errorf("the message names a change as its cause: %+v", change)
		}
	}
}

func lifeOfARule(t *testing.T, w *world) {
	w.untilSettled()
	w.taking(false)
	w.breakHub()
	w.aws(nil, "ecr", "delete-pull-through-cache-rule", "--ecr-repository-prefix", "ecr-public")
	w.eventually(settle, "both changes wait", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.ready == 2, fmt.Sprintf("%+v", n)
	})
	w.taking(true)
	m := w.await(everything, settle, says(report.Failed, hubFails, "required-rule of ecr-public"),
		by("UpdatePullThroughCacheRule", "docker-hub"), by("DeletePullThroughCacheRule", "ecr-public"))
	if m.Severity != report.Critical {
		t.Errorf("severity %s", m.Severity)
	}
	w.fixHub()
	m = w.await(everything, settle, says(report.Resolved), ends(hubFails), did("PutSecretValue"))
	w.expect(m, "ecr-pullthroughcache/broken", "STILL OPEN", "required-rule")
}

func poison(t *testing.T, w *world) {
	const torn = `{"schema": "ptcaudit/request/v1", "account": "1111`
	w.untilSettled()
	w.taking(false)
	w.create("quay", "quay.io")
	w.eventually(settle, "the change waits", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.ready == 1, fmt.Sprintf("%+v", n)
	})
	w.send(torn)
	w.eventually(settle, "both wait", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.ready == 2, fmt.Sprintf("%+v", n)
	})
	before := w.invocations()
	w.taking(true)
	w.await(everything, settle, says(report.Failed, quayFails), by("CreatePullThroughCacheRule", "quay"))
	w.eventually(20*time.Second, "poison is a dead letter", func() (bool, string) {
		dead, requests := w.count("DeadLettersQueue"), w.count("RequestsQueue")
		return dead.ready == 1 && requests.all() == 0, fmt.Sprintf("dead %+v, requests %+v", dead, requests)
	})
	url := w.outputs["DeadLettersQueue"]
	out, err := w.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	w.must(err)
	if len(out.Messages) != 1 || *out.Messages[0].Body != torn {
		t.Errorf("dead letters: %+v", out.Messages)
	}
	if n := w.invocations() - before; n > 8 {
		t.Errorf("%d invocations, want 8 at most", n)
	}
	if m := w.receive(everything, 0); m != nil {
		t.Errorf("notified twice: %s", m.Subject)
	}
}

func troubleWithECR(t *testing.T, w *world) {
	// Denied: the deployment's own audit meets it.
	w.emulate(fixture{faults: []string{deniedFault}})
	m := w.await(everything, settle, says(report.CouldNotAudit))
	w.expect(m, "ecr:DescribePullThroughCacheRules")

	// Throttled in two audits: tried again, later each time, and then
	// published.
	w.emulate(fixture{faults: []string{throttledFault(2 * 3)}})
	w.create("quay", "quay.io")
	if m := w.receive(everything, 4*time.Minute); m == nil || !says(report.Failed, quayFails)(*m) {
		t.Fatalf("the next message is %+v", m)
	}
	var delays []int
	for _, l := range w.lines(func(l line) bool { return l.Msg == handler.LogMessageRetried }) {
		delays = append(delays, l.DelaySeconds)
	}
	if len(delays) != 2 || delays[0] < 22 || delays[0] > 30 || delays[1] < 45 || delays[1] > 60 {
		t.Errorf("put back for %v seconds, want about 30 and 60", delays)
	}

	// Down until the last try. All but the last one are used up by hand:
	// waiting for them takes 25 minutes.
	w.taking(false)
	w.stopEmulator()
	w.ask()
	w.useUp("RequestsQueue", 7)
	w.taking(true)
	w.await(everything, settle, says(report.CouldNotAudit))
	w.eventually(settle, "acknowledged", func() (bool, string) {
		requests, dead := w.count("RequestsQueue"), w.count("DeadLettersQueue")
		return requests.all() == 0 && dead.all() == 0, fmt.Sprintf("requests %+v, dead %+v", requests, dead)
	})

	// A dead letter redriven. Its tries are used up by hand, and it is moved
	// by hand: on AWS by aws sqs start-message-move-task.
	w.emulate(fixture{rules: []string{quayRule}})
	w.taking(false)
	w.ask()
	w.useUp("RequestsQueue", 8)
	dead := w.outputs["DeadLettersQueue"]
	w.eventually(settle, "moved back", func() (bool, string) {
		requests := w.outputs["RequestsQueue"]
		// Receiving is what makes the queue notice.
		_, err := w.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &requests})
		w.must(err)
		out, err := w.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &dead})
		w.must(err)
		for _, letter := range out.Messages {
			w.send(*letter.Body)
			_, err := w.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &dead, ReceiptHandle: letter.ReceiptHandle})
			w.must(err)
		}
		return len(out.Messages) == 1, "no dead letter"
	})
	w.taking(true)
	m = w.await(everything, settle, says(report.Resolved))
	if m.Recovered.IsZero() {
		t.Error("no message reports that it can be audited again")
	}
}

func topicDown(t *testing.T, w *world) {
	w.untilSettled()
	w.topic.down.Store(true)
	w.create("quay", "quay.io")
	w.eventually(settle, "not published", func() (bool, string) {
		n := w.logged(handler.LogNotPublished)
		return n > 0, fmt.Sprint(n, " audits not published")
	})
	if n := w.count("RequestsQueue"); n.all() == 0 {
		t.Errorf("acknowledged: %+v", n)
	}
	if n := w.count("DeadLettersQueue"); n.all() != 0 {
		t.Errorf("dead letters: %+v", n)
	}
	if len(w.lines(func(l line) bool { return l.PublishError != nil && *l.PublishError == 1 })) == 0 {
		t.Error("no line counts it")
	}
	if m := w.receive(everything, 0); m != nil {
		t.Fatalf("published although SNS is down: %s", m.Subject)
	}
	w.topic.down.Store(false)
	w.await(everything, 2*settle, says(report.Failed, quayFails), by("CreatePullThroughCacheRule", "quay"))
	w.eventually(settle, "acknowledged", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.all() == 0, fmt.Sprintf("%+v", n)
	})
}

func killed(t *testing.T, w *world) {
	w.untilSettled()
	w.visibility(15 * time.Second)
	w.emulate(fixture{faults: []string{`{"operation": "DescribePullThroughCacheRules", "delay": "8s", "times": 1}`}})
	w.create("quay", "quay.io")
	w.eventually(settle, "the function runs", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.underWay > 0, fmt.Sprintf("%+v", n)
	})
	pause(t.Context(), 2*time.Second) // into the list of rules, which takes 8
	w.must(w.killFunction())
	if m := w.receive(everything, 0); m != nil {
		t.Fatalf("published before it was killed: %s", m.Subject)
	}
	w.await(everything, settle, says(report.Failed, quayFails), by("CreatePullThroughCacheRule", "quay"))
	w.eventually(settle, "acknowledged", func() (bool, string) {
		n := w.count("RequestsQueue")
		return n.all() == 0, fmt.Sprintf("%+v", n)
	})
	again := false
	for _, l := range w.lines(func(l line) bool { return l.Msg == handler.LogDelivered }) {
		again = again || l.Receives > 1
	}
	if !again {
		t.Error("no message was received twice")
	}
}

func filters(t *testing.T, w *world) {
	w.untilSettled()
	w.create("ROOT", "public.ecr.aws")
	m := w.await(everything, settle, says(report.Failed, "root-prefix of ROOT"), by("CreatePullThroughCacheRule", "ROOT"))
	if m.Severity != report.Medium {
		t.Errorf("severity %s", m.Severity)
	}
	if m := w.receive(criticalOnly, 3*time.Second); m != nil {
		t.Errorf("critical only, and got %s", m.Subject)
	}
	w.emulate(fixture{faults: []string{deniedFault}})
	w.ask()
	for _, inbox := range []string{everything, criticalOnly} {
		w.await(inbox, settle, says(report.CouldNotAudit))
	}
	w.emulate(fixture{hub: "rejected"})
	w.ask()
	for _, inbox := range []string{everything, criticalOnly} {
		w.await(inbox, settle, says(report.Failed, "validation-passed of docker-hub"))
	}
	for _, m := range w.received[criticalOnly] {
		if m.Severity != report.Critical {
			t.Errorf("critical only, and got %s", m.Subject)
		}
	}
}

func redeploy(t *testing.T, w *world) {
	w.emulate(fixture{rules: []string{quayRule}})
	w.untilSettled()
	if m := w.receive(everything, 0); m != nil {
		t.Errorf("the default policy has %s", m.Subject)
	}
	before := w.outputs["PolicyDigest"]
	w.deploy(usual)
	if after := w.outputs["PolicyDigest"]; after == before || after == "" {
		t.Errorf("digest %q after %q", after, before)
	}
	m := w.await(everything, settle, says(report.Failed, quayFails))
	w.expect(m, "policy acme")

	w.eventually(settle, "recorded as published", func() (bool, string) {
		l := w.ledger()
		return l.Seq == 1, fmt.Sprint(l.Seq, " messages published")
	})
	was, kept := w.ledger(), w.records()
	w.destroy(usual)
	if is := w.ledger(); is.LastAudit != was.LastAudit || len(w.records()) != len(kept) || len(kept) != 2 {
		t.Errorf("after audit %s, %d reports are left of %d, and a ledger of audit %s", was.LastAudit.ID, len(w.records()), len(kept), is.LastAudit.ID)
	}
	for _, left := range []struct {
		what  string
		query string // counts those that are not the story's own, or the CDK's
		args  []string
	}{
		{"queues", "length(QueueUrls[?!ends_with(@, '/" + everything + "') && !ends_with(@, '/" + criticalOnly + "')])", []string{"sqs", "list-queues"}},
		{"topics", "length(Topics)", []string{"sns", "list-topics"}},
		{"subscriptions", "length(Subscriptions)", []string{"sns", "list-subscriptions"}},
		{"functions", "length(Functions)", []string{"lambda", "list-functions"}},
		{"mappings", "length(EventSourceMappings)", []string{"lambda", "list-event-source-mappings"}},
		{"rules", "length(Rules)", []string{"events", "list-rules"}},
		{"schedules", "length(Schedules)", []string{"scheduler", "list-schedules"}},
		{"log groups", "length(logGroups)", []string{"logs", "describe-log-groups"}},
		{"alarms", "length(MetricAlarms)", []string{"cloudwatch", "describe-alarms"}},
		{"dashboards", "length(DashboardEntries)", []string{"cloudwatch", "list-dashboards"}},
		{"buckets other than the two", "length(Buckets[?!starts_with(Name, 'cdk-') && !contains(Name, '-state') && !contains(Name, '-evidence')])", []string{"s3api", "list-buckets"}},
		{"roles", "length(Roles[?!starts_with(RoleName, 'cdk-')])", []string{"iam", "list-roles"}},
		{"stacks", "length(StackSummaries[?StackStatus!='DELETE_COMPLETE' && StackName!='CDKToolkit'])", []string{"cloudformation", "list-stacks"}},
	} {
		var n json.Number
		w.aws(&n, append(left.args, "--query", left.query)...)
		if n.String() != "0" {
			t.Errorf("%s %s are left", n, left.what)
		}
	}
	var keys struct{ Keys []struct{ KeyID string } }
	w.aws(&keys, "kms", "list-keys")
	for _, key := range keys.Keys {
		var is struct {
			KeyMetadata struct{ KeyState, Description string }
		}
		w.aws(&is, "kms", "describe-key", "--key-id", key.KeyID)
		if strings.Contains(is.KeyMetadata.Description, "ptcaudit") && is.KeyMetadata.KeyState != "PendingDeletion" {
			t.Errorf("key %q is %s", is.KeyMetadata.Description, is.KeyMetadata.KeyState)
		}
	}
}

func heartbeat(t *testing.T, w *world) {
	beats := func() (succeeded, incomplete int) {
		for _, l := range w.lines(func(l line) bool { return l.AuditSucceeded != nil }) {
			succeeded += *l.AuditSucceeded
			incomplete += *l.AuditFailed
		}
		return succeeded, incomplete
	}
	expect := func(when string, succeeded, incomplete int) {
		t.Helper()
		w.eventually(settle, when, func() (bool, string) {
			s, i := beats()
			return s == succeeded && i == incomplete, fmt.Sprintf("%d lines for audits that succeeded, %d for incomplete ones; want %d and %d", s, i, succeeded, incomplete)
		})
	}
	w.untilSettled()
	expect("a sound registry", 1, 0)

	w.emulate(fixture{faults: []string{throttledFault(3)}})
	w.ask()
	w.eventually(settle, "left to another try", func() (bool, string) {
		n := w.logged(handler.LogRetried)
		return n == 1, fmt.Sprint(n)
	})
	expect("left to another try", 1, 0)
	expect("at its second try", 2, 0)

	w.topic.down.Store(true)
	w.emulate(fixture{rules: []string{quayRule}})
	w.ask()
	w.eventually(settle, "not published", func() (bool, string) {
		n := w.logged(handler.LogNotPublished)
		return n == 1, fmt.Sprint(n)
	})
	expect("not published", 2, 0)
	w.topic.down.Store(false)
	expect("published", 3, 0)

	w.emulate(fixture{faults: []string{deniedFault}})
	w.ask()
	expect("incomplete", 3, 1)

	w.heartbeatAlarm()
}

// heartbeatAlarm looks at the alarm in the template: it counts what the
// function writes, and goes off without it.
func (w *world) heartbeatAlarm() {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.assembly(usual), "ptcaudit.template.json"))
	w.must(err)
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				AlarmName, Namespace, MetricName, Statistic, ComparisonOperator, TreatMissingData string
				Threshold                                                                         float64
				Period, EvaluationPeriods, DatapointsToAlarm                                      int
				Dimensions                                                                        []struct{ Name string }
			}
		}
	}
	w.must(json.Unmarshal(data, &template))
	for _, r := range template.Resources {
		p := r.Properties
		if r.Type != "AWS::CloudWatch::Alarm" || p.MetricName != "AuditSucceeded" {
			continue
		}
		// Every 6 hours, 2.5 times.
		if p.Period*p.EvaluationPeriods != 15*3600 || p.Period != 3600 || p.DatapointsToAlarm != p.EvaluationPeriods ||
			p.Threshold != 1 || p.ComparisonOperator != "LessThanThreshold" || p.TreatMissingData != "breaching" || p.Statistic != "Sum" {
			w.t.Errorf("the alarm is %+v", p)
		}
		for _, l := range w.lines(func(l line) bool { return l.AuditSucceeded != nil }) {
			if len(p.Dimensions) != 1 || !strings.Contains(l.text, `"Namespace":"`+p.Namespace+`"`) || !strings.Contains(l.text, `"Dimensions":[["`+p.Dimensions[0].Name+`"]]`) {
				w.t.Errorf("the alarm %s does not count %s", p.AlarmName, l.text)
			}
		}
		return
	}
	w.t.Error("no alarm counts AuditSucceeded")
}
