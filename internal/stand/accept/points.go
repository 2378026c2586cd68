package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/metric"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

// verdict is the result of a point.
type verdict string

// The verdicts. Confirmed means that the answer to the question is yes.
const (
	confirmed verdict = "confirmed"
	refuted   verdict = "refuted"
	notSeen   verdict = "not seen"
)

// answer is a verdict and what was seen. seen is not redacted.
type answer struct {
	verdict verdict
	seen    string
}

func yes(format string, args ...any) answer { return answer{confirmed, fmt.Sprintf(format, args...)} }
func no(format string, args ...any) answer  { return answer{refuted, fmt.Sprintf(format, args...)} }
func unseen(format string, args ...any) answer {
	return answer{notSeen, fmt.Sprintf(format, args...)}
}

// when is yes if ok, and else no.
func when(ok bool, format string, args ...any) answer {
	if ok {
		return yes(format, args...)
	}
	return no(format, args...)
}

// point is something that AWS's documents leave open, or that the local cloud
// cannot show.
type point struct {
	id       string
	question string
	// source is the page of AWS that leaves it open.
	source string
	// local is true if the local cloud shows it: there the point must be
	// confirmed.
	local bool
	// probe answers the question. final is false as long as more may arrive: then
	// a probe does not take the absence of something as an answer.
	probe func(f *facts, final bool) answer
}

const (
	docs       = "https://docs.aws.amazon.com/"
	ecrGuide   = docs + "AmazonECR/latest/userguide/"
	ecrAPI     = docs + "AmazonECR/latest/APIReference/"
	bridge     = docs + "eventbridge/latest/userguide/"
	trailGuide = docs + "awscloudtrail/latest/userguide/"
	lambdaDev  = docs + "lambda/latest/dg/"
	snsDev     = docs + "sns/latest/dg/"
	s3Guide    = docs + "AmazonS3/latest/userguide/"
	secrets    = docs + "secretsmanager/latest/userguide/"
	metrics    = docs + "AmazonCloudWatch/latest/monitoring/"
)

// points are all open points, the most important first.
var points = []point{
	// Notifications.
	{"filter-severity", "Does a queue with `severity=critical` get the critical notification and no other?", snsDev + "sns-message-attributes.html", true, filterSeverity},
	{"publish-encrypted", "May the function publish to the encrypted topic with `kms:Decrypt` and `kms:GenerateDataKey` only?", snsDev + "sns-key-management.html", false, publishEncrypted},
	{"mail", "Does a mail address get a link to confirm, and nothing before that?", snsDev + "sns-email-notifications.html", false, never("no mail address was subscribed: subscribe one by hand")},

	// Validation.
	{"validate-open", "Does ECR validate rules of upstreams without authentication, and call them valid?", ecrAPI + "API_ValidatePullThroughCacheRule.html", true, validateOpen},
	{"validate-rejected", "Does ECR call a rule invalid if the upstream rejects its credential?", ecrAPI + "API_ValidatePullThroughCacheRule.html", false, invalid(brokenRule)},
	{"validate-malformed", "Does ECR call a rule invalid if its secret lacks `accessToken`?", ecrGuide + "pull-through-cache-creating-secret.html", true, invalid(malformed)},
	{"validate-ecr", "Does ECR validate a rule whose upstream is ECR in another Region of the account, without a role?", ecrGuide + "pull-through-cache-private.html", true, validateECR},
	{"validate-role", "Does ECR call a rule invalid if its role does not trust ECR?", ecrGuide + "pull-through-cache-private.html", false, validateRole},
	{"validate-permission", "Can the function validate a rule with a secret without `secretsmanager:GetSecretValue`?", ecrAPI + "API_ValidatePullThroughCacheRule.html", true, validatePermission},
	{"validate-cmk", "Does ECR call a rule valid if its secret has a key that ECR may use?", ecrGuide + "pull-through-cache-creating-secret.html", false, never("no key was created for a secret")},
	{"validate-latency", "Does an audit of the run's rules take less than 30 seconds?", ecrGuide + "pull-through-cache-working-validating.html", true, latency},
	{"validate-rate", "At which rate does ECR throttle validation?", ecrGuide + "service-quotas.html", false, never("it would throttle the account's own calls")},

	// What a rule may be.
	{"upstream-prefix", "May a rule of a public upstream have an upstream prefix?", ecrAPI + "API_CreatePullThroughCacheRule.html", true, accepted(prefixRule)},
	{"overlap", "Does the rule with the longer prefix win?", ecrGuide + "pull-through-cache.html", false, overlap},
	{"idle-template", "Does the shorter template for pull through cache apply, if a longer one is for replication only?", ecrGuide + "repository-creation-templates.html", false, idleTemplate},
	{"archived", "Does a pull of an archived image fetch it again?", ecrGuide + "archive-image.html", false, never("an image can be archived after 90 days at the earliest")},
	{"signing", "Does managed signing work for cached images?", ecrGuide + "managed-signing.html", false, never("it is a setting of the whole registry")},
	{"replication", "Are cached images replicated?", ecrGuide + "replication.html", false, never("it is a setting of the whole registry")},

	// Events of CloudTrail.
	{"rule-event", "Does CloudTrail report a new rule in a form that the auditor reads?", ecrGuide + "logging-using-cloudtrail.html", true, decoded("CreatePullThroughCacheRule")},
	{"rule-event-denied", "Does the event of a refused call have an `errorCode`?", trailGuide + "cloudtrail-event-reference-record-contents.html", true, refusedEvent},
	{"rule-event-date", "Is `createdAt` of the event a date that is not ISO 8601?", ecrGuide + "logging-using-cloudtrail.html", true, eventDate},
	{"rule-event-resources", "Are the event's `resources` empty?", trailGuide + "cloudtrail-event-reference-record-contents.html", true, eventResources},
	{"validate-event", "Does a rule of EventBridge in the state ENABLED leave out ValidatePullThroughCacheRule?", bridge + "eb-service-event-cloudtrail-management.html", true, validateEvent},
	{"validate-read-only", "Does CloudTrail report ValidatePullThroughCacheRule as read-only?", bridge + "eb-service-event-cloudtrail-management.html", false, validateReadOnly},
	{"event-latency", "Do events arrive within 5 minutes of the call?", bridge + "eb-service-event-cloudtrail.html", true, eventLatency},
	{"template-event", "Does CloudTrail report a new repository creation template?", ecrGuide + "logging-using-cloudtrail.html", false, occurred("CreateRepositoryCreationTemplate")},
	{"repository-event", "Does CloudTrail report the repository that a pull creates, with the source `ecr.amazonaws.com`?", ecrGuide + "logging-using-cloudtrail.html", false, repositoryEvent},
	{"secret-event", "Does CloudTrail report a new value of a secret in a form that the auditor reads?", secrets + "cloudtrail_log_entries.html", true, decoded("PutSecretValue")},
	{"secret-stage-event", "Does CloudTrail report UpdateSecretVersionStage with the secret's name or ARN?", secrets + "cloudtrail_log_entries.html", false, secretID("UpdateSecretVersionStage")},
	{"rotation-event", "Do RotationSucceeded and RotationFailed name the secret in `additionalEventData.SecretId`?", secrets + "cloudtrail_log_entries.html", false, never("it needs a rotation function")},
	{"organization-trail", "Does a trail of the organization alone send events to a member's bus?", trailGuide + "creating-trail-organization.html", false, never("it needs an organization")},
	{"trail", "Does the trail that the stack creates log?", trailGuide + "cloudtrail-create-a-trail-using-the-console-first-time.html", false, trailLogs},

	// Events of the services themselves.
	{"pull-event", "Does ECR report a pull that succeeded as `ECR Pull Through Cache Action` with the status SUCCESS?", ecrGuide + "ecr-eventbridge.html", false, pullSucceeded},
	{"pull-failed-event", "Does ECR report a pull that failed, with another status and a `failure-code`?", ecrGuide + "ecr-eventbridge.html", false, pullFailed},
	{"label-event-first", "Is there a `Secret Label Updated` for the first value of a secret?", secrets + "monitoring-eventbridge.html", false, labels(1)},
	{"label-event-next", "Is there a `Secret Label Updated` for a new value?", secrets + "monitoring-eventbridge.html", false, labels(2)},
	{"label-event-replica", "Is there a `Secret Label Updated` for a replica?", secrets + "monitoring-eventbridge.html", false, never("it needs a second Region")},

	// The deployment.
	{"first-audit", "Does the end of the first deployment trigger an audit?", docs + "AWSCloudFormation/latest/UserGuide/eventbridge-schema-sample.html", true, ranBecause(report.DeploymentTrigger)},
	{"schedule", "Does the schedule trigger audits?", docs + "scheduler/latest/UserGuide/schedule-types.html", false, ranBecause(report.ScheduleTrigger)},
	{"mapping", "Is the event source mapping enabled, with its limit of concurrency?", lambdaDev + "services-sqs-scaling.html", false, mapped},
	{"batching", "Do changes of one minute share an audit?", lambdaDev + "services-sqs-configure.html", false, batched},
	{"arm64", "Does the arm64 build run?", lambdaDev + "foundation-arch.html", false, arm64},
	{"log-format", "Is every line of the log JSON, also those of Lambda?", lambdaDev + "monitoring-cloudwatchlogs-logformat.html", false, logFormat},
	{"cold-start", "Is the function initialized within a second?", lambdaDev + "lambda-runtime-environment.html", false, coldStart},
	{"log-metrics", "Do lines of the log become metrics?", metrics + "CloudWatch_Embedded_Metric_Format_Specification.html", false, counted},
	{"heartbeat", "Is the alarm `heartbeat` over once an audit has succeeded?", metrics + "alarms-and-missing-data.html", false, heartbeat},
	{"buckets", "Do both buckets keep versions and encrypt?", s3Guide + "UsingEncryption.html", false, bucketSettings},
	{"buckets-tls", "Do both buckets refuse calls without TLS?", s3Guide + "security-best-practices.html", false, bucketTLS},
	{"dead-letters", "Do EventBridge, EventBridge Scheduler and SNS retry, and use the dead-letter queues?", bridge + "eb-rule-dlq.html", false, never("a permission of the stack would have to be removed for a day")},
	{"s3-conflict", "Does S3 answer 409 to a conditional write that conflicts?", s3Guide + "conditional-writes.html", false, never("a conflict cannot be caused on purpose")},
}

// neverTried begins what was seen of a point that the program does not try.
const neverTried = "not tried"

// never is the probe of a point that the program does not try, and why.
func never(why string) func(*facts, bool) answer {
	return func(*facts, bool) answer { return unseen("%s: %s", neverTried, why) }
}

// filterSeverity knows messages by their content only. It does not depend on
// which topic the queues subscribe to.
func filterSeverity(f *facts, final bool) answer {
	var critical, other int
	for _, m := range f.everything {
		if m.Severity == report.Critical {
			critical++
		} else {
			other++
		}
	}
	var got, wrong []string
	for _, m := range f.critical {
		got = append(got, string(m.Severity))
		if m.Severity != report.Critical {
			wrong = append(wrong, string(m.Severity))
		}
	}
	without := fmt.Sprintf("the subscriber without a filter got %d critical and %d other notifications", critical, other)
	switch {
	case len(wrong) > 0:
		return no("the critical-only subscriber also got: %s", strings.Join(wrong, ", "))
	case critical == 0 || other == 0:
		return unseen("%s; one of each is needed", without)
	case len(got) == 0 && !final:
		return unseen("%s, the critical-only subscriber nothing yet", without)
	case len(got) == 0:
		return no("%s, the critical-only subscriber nothing", without)
	}
	return yes("the critical-only subscriber got %d critical notifications and no other; %s", len(got), without)
}

func publishEncrypted(f *facts, final bool) answer {
	switch {
	case f.local:
		return unseen("the local topic ignores its key")
	case len(f.everything) > 0:
		return yes("%d notifications arrived", len(f.everything))
	case final:
		return no("no notification arrived")
	}
	return unseen("no notification yet")
}

func validateOpen(f *facts, _ bool) answer {
	var seen []string
	good := true
	for _, name := range openRules() {
		v, ok := f.validations[name]
		if !ok {
			return unseen("%s was not validated", name)
		}
		seen = append(seen, name+": "+v.String())
		good = good && v.Valid
	}
	return when(good, "%s", strings.Join(seen, "; "))
}

// String is the result as ECR words it.
func (v validation) String() string {
	switch {
	case v.refused != "":
		return "refused: " + v.refused
	case v.Valid:
		return "valid"
	}
	return "invalid: " + v.Failure
}

// invalid is the probe of a rule that ECR should call invalid.
func invalid(name string) func(*facts, bool) answer {
	return func(f *facts, _ bool) answer {
		v, ok := f.validations[name]
		switch {
		case !ok:
			return unseen("the rule was not validated")
		case f.local && name == brokenRule:
			return unseen("the emulator accepts any credential that has the right form: %s", v)
		case v.refused != "":
			return no("%s", v)
		}
		return when(!v.Valid, "%s", v)
	}
}

func validateECR(f *facts, _ bool) answer {
	v, ok := f.validations[ecrRule]
	if made := f.calls[ecrRule]; made.err != "" {
		return no("the rule was refused: %s", made.err)
	} else if !ok {
		return unseen("the rule was not validated")
	}
	return when(v.Valid, "%s", v)
}

func validateRole(f *facts, _ bool) answer {
	v, ok := f.validations[roleRule]
	switch {
	case f.local:
		return unseen("the emulator knows no roles")
	case f.calls[roleRule].err != "":
		return no("the rule itself was refused: %s", f.calls[roleRule].err)
	case !ok:
		return unseen("the rule was not validated")
	}
	return when(!v.Valid && v.refused == "", "%s", v)
}

func validatePermission(f *facts, final bool) answer {
	for _, m := range f.everything {
		for _, fault := range m.Faults {
			if fault.Kind == ptc.FaultDenied && fault.Operation == ptc.OpValidateRule {
				return no("the function was denied: %s", fault.Message)
			}
		}
	}
	for _, r := range f.audits {
		for _, finding := range r.Findings {
			if finding.Prefix == f.prefix+"/"+brokenRule && finding.Check == "validation-passed" && finding.Outcome != report.Error {
				return yes("the function got a result for the rule: %s", finding.Outcome)
			}
		}
	}
	if final {
		return unseen("no audit has a result for the rule")
	}
	return unseen("no audit of the rule yet")
}

func latency(f *facts, _ bool) answer {
	longest, n := time.Duration(0), 0
	for _, r := range f.audits {
		n++
		longest = max(longest, r.Audit.FinishedAt.Sub(r.Audit.StartedAt))
	}
	if n == 0 {
		return unseen("no audit")
	}
	return when(longest < 30*time.Second, "%d audits, the longest %d ms", n, longest.Milliseconds())
}

// accepted is the probe of a call that AWS may refuse.
func accepted(name string) func(*facts, bool) answer {
	return func(f *facts, _ bool) answer {
		o, made := f.calls[name]
		switch {
		case !made:
			return unseen("the call was not made")
		case o.err != "":
			return no("refused: %s", o.err)
		}
		return yes("accepted")
	}
}

func overlap(f *facts, _ bool) answer {
	for _, e := range named(f.events, pullAction) {
		switch {
		case !strings.HasPrefix(e.Detail.Repository, f.prefix+"/"+longerRule+"/"):
			continue
		case e.Detail.RulePrefix == f.prefix+"/"+longerRule:
			return yes("the pull of %s used the rule %s", e.Detail.Repository, e.Detail.RulePrefix)
		case e.Detail.RulePrefix != "":
			return no("the pull of %s used the rule %s", e.Detail.Repository, e.Detail.RulePrefix)
		}
	}
	return unseen("no event of a pull below both prefixes; the pull: %s", f.call(pullLonger))
}

// call is the outcome of a call for a report.
func (f *facts) call(name string) string {
	switch o, made := f.calls[name]; {
	case !made:
		return "not made"
	case o.err != "":
		return o.err
	}
	return "accepted"
}

// idleTemplate looks at the tags of a repository that a pull created: the shorter
// template makes them immutable, the default and the longer template do not.
func idleTemplate(f *facts, _ bool) answer {
	for _, name := range slices.Sorted(maps.Keys(f.repositories)) {
		if strings.HasPrefix(name, f.prefix+"/"+templateRule+"/") {
			return when(f.repositories[name] == "IMMUTABLE", "the tags of %s are %s", name, f.repositories[name])
		}
	}
	return unseen("no repository; templates: %s; the pull: %s", f.call(templates), f.call(pullTemplate))
}

// decoded is the probe of an event that must trigger an audit.
func decoded(call string) func(*facts, bool) answer {
	return func(f *facts, _ bool) answer {
		found := succeeded(f.events, call)
		if len(found) == 0 {
			return unseen("no event of %s", call)
		}
		for _, e := range found {
			m, err := trigger.Decode(e.raw)
			switch {
			case err != nil:
				return no("the auditor cannot read it: %v", err)
			case m.Ignored != "":
				return no("the auditor ignores it: %s", m.Ignored)
			case m.Trigger.Kind == report.ChangeTrigger && !strings.HasPrefix(m.Trigger.Prefix, f.prefix):
				return no("the auditor reads the prefix %q", m.Trigger.Prefix)
			case m.Trigger.Actor == nil || m.Trigger.Actor.ARN == "":
				return no("the auditor reads no author")
			}
		}
		return yes("%d events, all read with their author", len(found))
	}
}

func refusedEvent(f *facts, final bool) answer {
	accepted := 0
	for _, e := range named(f.events, "CreatePullThroughCacheRule") {
		if e.Detail.ErrorCode != "" {
			return yes("errorCode %q; the call: %s", e.Detail.ErrorCode, f.call(duplicate))
		}
		if e.Detail.RequestParameters["ecrRepositoryPrefix"] == f.prefix+"/"+publicRule {
			accepted++
		}
	}
	if final && accepted > 1 && f.calls[duplicate].err != "" {
		return no("none of %d events of the same prefix has one; the call: %s", accepted, f.call(duplicate))
	}
	return unseen("no event of a refused call; the call: %s", f.call(duplicate))
}

func eventDate(f *facts, _ bool) answer {
	for _, e := range succeeded(f.events, "CreatePullThroughCacheRule") {
		if date, ok := e.Detail.ResponseElements["createdAt"]; ok {
			text := fmt.Sprint(date)
			_, err := time.Parse(time.RFC3339, text)
			return when(err != nil, "%q", text)
		}
	}
	return unseen("no event with createdAt")
}

func eventResources(f *facts, _ bool) answer {
	for _, e := range succeeded(f.events, "CreatePullThroughCacheRule") {
		return when(len(e.Detail.Resources) == 0, "%v", e.Detail.Resources)
	}
	return unseen("no event")
}

func validateEvent(f *facts, final bool) answer {
	const call = "ValidatePullThroughCacheRule"
	plain, all := len(named(f.events, call)), len(named(f.reads, call))
	seen := fmt.Sprintf("%d events in the state ENABLED, %d with all management events", plain, all)
	switch {
	case plain > 0:
		return no("%s", seen)
	case len(succeeded(f.events, "CreatePullThroughCacheRule")) == 0, all == 0 && !final && !f.local:
		return unseen("%s", seen)
	}
	return yes("%s", seen)
}

func validateReadOnly(f *facts, _ bool) answer {
	for _, e := range slices.Concat(f.reads, f.events) {
		if e.name() == "ValidatePullThroughCacheRule" && e.Detail.ReadOnly != nil {
			return when(*e.Detail.ReadOnly, "readOnly is %t", *e.Detail.ReadOnly)
		}
	}
	return unseen("no event with readOnly")
}

func eventLatency(f *facts, final bool) answer {
	shortest, longest, n := time.Duration(0), time.Duration(0), 0
	for _, e := range f.events {
		if e.Detail.EventTime.IsZero() || e.received.IsZero() {
			continue
		}
		d := e.received.Sub(e.Detail.EventTime)
		if n++; n == 1 || d < shortest {
			shortest = d
		}
		longest = max(longest, d)
	}
	if n == 0 || !final && !f.local {
		return unseen("%d events so far", n)
	}
	return when(longest < 5*time.Minute, "%d events after %.0f to %.0f seconds", n, max(0, shortest.Seconds()), longest.Seconds())
}

// occurred is the probe of an event that need not have any form.
func occurred(call string) func(*facts, bool) answer {
	return func(f *facts, _ bool) answer {
		if found := named(f.events, call); len(found) > 0 {
			return yes("%d events, with the source %s", len(found), found[0].Detail.EventSource)
		}
		return unseen("no event of %s", call)
	}
}

func repositoryEvent(f *facts, _ bool) answer {
	for _, e := range named(f.events, "CreateRepository") {
		return when(e.Detail.EventSource == trigger.ECREventSource, "eventSource %s", e.Detail.EventSource)
	}
	return unseen("no event of CreateRepository")
}

// secretID is the probe of a call on a secret that the auditor may not know yet.
func secretID(call string) func(*facts, bool) answer {
	return func(f *facts, _ bool) answer {
		for _, e := range succeeded(f.events, call) {
			id := fmt.Sprint(e.Detail.RequestParameters["secretId"])
			return when(strings.Contains(id, ptc.SecretPrefix), "secretId %q", id)
		}
		return unseen("no event of %s; the call: %s", call, f.call(stageSecret))
	}
}

func trailLogs(f *facts, final bool) answer {
	if !f.trail.created || !f.trail.logging && !final {
		return unseen("created: %t", f.trail.created)
	}
	return when(f.trail.logging, "IsLogging: %t", f.trail.logging)
}

// pullAction is the detail type of ECR's own event.
const pullAction = "ECR Pull Through Cache Action"

func pullSucceeded(f *facts, _ bool) answer {
	for _, e := range named(f.events, pullAction) {
		if e.Detail.SyncStatus == "SUCCESS" {
			return yes("%s by the rule %s", e.Detail.Repository, e.Detail.RulePrefix)
		}
	}
	return unseen("no such event; the pull: %s", f.call(pullGood))
}

func pullFailed(f *facts, _ bool) answer {
	for _, e := range named(f.events, pullAction) {
		if e.Detail.SyncStatus != "SUCCESS" {
			return when(e.Detail.FailureCode != "", "sync-status %q, failure-code %q, failure-reason %q", e.Detail.SyncStatus, e.Detail.FailureCode, e.Detail.FailureReason)
		}
	}
	return unseen("no such event; the pull: %s", f.call(pullBroken))
}

// labels is the probe of the n-th version of a secret's value. Later the first
// version gets the label again, which does not count.
func labels(n int) func(*facts, bool) answer {
	return func(f *facts, final bool) answer {
		if len(f.versions) < n {
			return unseen("the secret has no such version")
		}
		all := named(f.events, "Secret Label Updated")
		for _, e := range all {
			if e.Detail.VersionID == f.versions[n-1] && (f.staged.IsZero() || e.Time.Before(f.staged)) {
				return yes("labelUpdated is %v", e.Detail.LabelUpdated)
			}
		}
		if final && len(all) > 0 {
			return no("there are only %d events of other changes", len(all))
		}
		return unseen("no such event")
	}
}

func ranBecause(kind report.TriggerKind) func(*facts, bool) answer {
	return func(f *facts, final bool) answer {
		switch n := f.because(kind); {
		case n > 0:
			return yes("%d of %d audits", n, len(f.audits))
		case final && len(f.audits) > 0 && !f.local:
			return no("none of %d audits", len(f.audits))
		}
		return unseen("no such audit yet")
	}
}

func mapped(f *facts, _ bool) answer {
	if f.mapping.State == "" || f.local {
		return unseen("state %q: the local cloud has no limit", f.mapping.State)
	}
	return when(f.mapping.State == "Enabled" && f.mapping.ScalingConfig.MaximumConcurrency > 0, "state %s, at most %d at once", f.mapping.State, f.mapping.ScalingConfig.MaximumConcurrency)
}

// batched compares the audits with the changes that caused them. Some changes need
// no audit at all, because one that began later has seen them.
func batched(f *facts, final bool) answer {
	changes, audits := len(succeeded(f.events, "CreatePullThroughCacheRule")), f.because(report.ChangeTrigger)
	if f.local || !final || changes < 2 || audits == 0 {
		return unseen("%d audits of %d changes; the local cloud has no batching window", audits, changes)
	}
	return when(audits < changes, "%d audits of %d changes", audits, changes)
}

func arm64(f *facts, final bool) answer {
	switch {
	case f.architecture != "arm64":
		return unseen("the function's architecture is %q", f.architecture)
	case len(f.audits) > 0:
		return yes("%d audits", len(f.audits))
	case final:
		return no("no audit")
	}
	return unseen("no audit yet")
}

func logFormat(f *facts, _ bool) answer {
	lines, other := 0, 0
	for _, l := range f.log {
		if lines++; !l.json {
			other++
		}
	}
	if f.local || lines == 0 {
		return unseen("%d lines; the local cloud writes its own lines as text", lines)
	}
	return when(other == 0, "%d of %d lines are not JSON", other, lines)
}

func coldStart(f *facts, _ bool) answer {
	for _, l := range f.log {
		if ms := l.Record.Metrics.InitDurationMs; ms > 0 {
			return when(ms < 1000, "%.0f ms", ms)
		}
	}
	return unseen("no line of the log has initDurationMs")
}

func counted(f *facts, final bool) answer {
	switch {
	case slices.Contains(f.metrics, metric.AuditSucceeded):
		return yes("metrics: %s", strings.Join(f.metrics, ", "))
	case final && !f.local:
		return no("metrics: %s", strings.Join(f.metrics, ", "))
	}
	return unseen("no metric %s", metric.AuditSucceeded)
}

func heartbeat(f *facts, final bool) answer {
	state, ok := f.alarms["heartbeat"]
	if !ok || f.local || state != "OK" && !final {
		return unseen("its state is %q", state)
	}
	return when(state == "OK", "its state is %s", state)
}

func bucketSettings(f *facts, _ bool) answer {
	if f.local || len(f.buckets) < 2 {
		return unseen("the local cloud ignores them")
	}
	for name, b := range f.buckets {
		if b.versioning != "Enabled" || b.encryption == "" {
			return no("%s: versioning %q, encryption %q", name, b.versioning, b.encryption)
		}
	}
	return yes("versioning and encryption are on")
}

func bucketTLS(f *facts, _ bool) answer {
	if f.local || len(f.buckets) < 2 {
		return unseen("the local cloud has no TLS")
	}
	for name, b := range f.buckets {
		if b.plain != "AccessDenied" {
			return no("%s answered %q", name, b.plain)
		}
	}
	return yes("AccessDenied")
}
