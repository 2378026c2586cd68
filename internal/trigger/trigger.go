// Package trigger reads the input of the auditor: EventBridge events, audit
// requests, and batches of queue messages that hold either. It returns which
// registry to audit, and why. Package infra builds the patterns of EventBridge
// from its constants, so that what is sent and what is read cannot drift
// apart. It imports ptc, report and the standard library, and no AWS SDK.
package trigger

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// The detail types of the events that matter:
// https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html
const (
	// DetailType and ServiceDetailType are those of CloudTrail: of API calls, and of
	// what a service did by itself.
	DetailType        = "AWS API Call via CloudTrail"
	ServiceDetailType = "AWS Service Event via CloudTrail"
	// LabelDetailType is Secrets Manager's own, which needs no trail: another
	// version of a secret has the label CurrentLabel.
	// https://docs.aws.amazon.com/secretsmanager/latest/userguide/monitoring-eventbridge.html
	LabelDetailType = "Secret Label Updated"
)

// CurrentLabel is the staging label of the version of a secret that ECR reads.
const CurrentLabel = "AWSCURRENT"

// The services whose calls matter: the source in EventBridge's envelope, and
// CloudTrail's eventSource in the detail.
const (
	ECRSource          = "aws.ecr"
	ECREventSource     = "ecr.amazonaws.com"
	SecretsSource      = "aws.secretsmanager"
	SecretsEventSource = "secretsmanager.amazonaws.com"
)

// RuleCalls are the API calls that change a rule. They must never include
// ValidatePullThroughCacheRule: the auditor makes this call, and would start
// itself again.
func RuleCalls() []string {
	return []string{ptc.OpCreateRule, ptc.OpUpdateRule, ptc.OpDeleteRule}
}

// SecretCalls are the API calls that can break or fix a rule's credential, if
// ECR can use the secret (ptc.SecretPrefix). Their request names the secret in
// secretId. A rotation puts a new value into force with
// UpdateSecretVersionStage.
func SecretCalls() []string {
	return []string{
		ptc.OpPutSecretValue, ptc.OpUpdateSecret, ptc.OpUpdateSecretStage, ptc.OpDeleteSecret, ptc.OpRestoreSecret,
		ptc.OpRotateSecret, ptc.OpCancelRotateSecret, ptc.OpPutResourcePolicy, ptc.OpDeleteResourcePolicy,
	}
}

// SecretCreation is the API call that creates a secret. Its request names the
// secret in name.
const SecretCreation = ptc.OpCreateSecret

// SecretServiceEvents are what Secrets Manager does to a secret by itself:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
func SecretServiceEvents() []string { return []string{"RotationSucceeded", "RotationFailed"} }

// RequestSchema is the schema of a Request. It changes if a reader of the old
// form could misread the new form.
const RequestSchema = "ptcaudit/request/v1"

// Request asks for an audit of one registry. The schedule and the deployment
// send a constant one.
type Request struct {
	Schema  string `json:"schema"`
	Account string `json:"account"`
	Region  string `json:"region"`
	// Reason is one of the Reason constants. Any other reason is treated as
	// ReasonRequest, because an unknown reason must not prevent an audit.
	Reason string `json:"reason"`
	// RequestedAt is optional, RFC 3339.
	RequestedAt string `json:"requestedAt,omitempty"`
}

// Why an audit is requested.
const (
	ReasonSchedule   = "schedule"
	ReasonDeployment = "deployment"
	ReasonRequest    = "request"
	// ReasonAnnounce also sends everything again that is open.
	ReasonAnnounce = "announce"
)

// Ignored is why a message causes no audit; empty if it causes one.
type Ignored string

// Why messages are ignored.
const (
	// Unrelated: an event that cannot concern a rule.
	Unrelated Ignored = "unrelated"
	// ChangedNothing: a call that changes rules, but it failed.
	ChangedNothing Ignored = "changed_nothing"
	// OutOfScope: a registry of an account that is not audited. Decode cannot
	// know it; package handler does.
	OutOfScope Ignored = "out_of_scope"
)

// Message is the audit that one event or request asks for.
type Message struct {
	// Registry and Trigger are set if Ignored is empty.
	Registry ptc.Registry
	Trigger  report.Trigger
	Ignored  Ignored
}

// Errors of Decode. They never quote the message, because its content does not
// belong in a log.
var (
	ErrNotJSON    = errors.New("invalid message: send a JSON object")
	ErrUnknown    = errors.New("unknown message: send an event of EventBridge, or a request with the schema " + RequestSchema)
	ErrNoRegistry = errors.New("message has no registry: send a twelve-digit account and a Region")
	ErrConflict   = errors.New("event has two registries: send the same account and Region in its envelope and detail")
	ErrVersion    = errors.New("unsupported version of a CloudTrail event: send major version 1")
)

// Decode reads one event or request. An unrelated event is not an error. A
// message that cannot be read is an error, and fails alone in its batch.
func Decode(raw []byte) (Message, error) {
	// AWS adds fields to events, and only the registry is required. So each
	// field is read alone: a field of an unexpected type counts as missing,
	// and does not make the others unreadable.
	var o object
	if err := json.Unmarshal(raw, &o); err != nil || o == nil {
		return Message{}, ErrNotJSON
	}
	switch {
	case o["detail-type"] != nil:
		return decodeEvent(o)
	case o.text("schema") == RequestSchema:
		return decodeRequest(o)
	default:
		return Message{}, ErrUnknown
	}
}

func decodeRequest(o object) (Message, error) {
	reg, err := registry(o.text("account"), o.text("region"))
	if err != nil {
		return Message{}, err
	}
	kind := report.ManualTrigger
	switch o.text("reason") {
	case ReasonSchedule:
		kind = report.ScheduleTrigger
	case ReasonDeployment:
		kind = report.DeploymentTrigger
	case ReasonAnnounce:
		kind = report.AnnounceTrigger
	}
	return Message{Registry: reg, Trigger: report.Trigger{Kind: kind, Time: instant(o.text("requestedAt"))}}, nil
}

// decodeEvent distinguishes events by source and detail type, and CloudTrail's
// events by the call: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
//
// An event of one of the services is unrelated only if its detail says so. If
// the detail cannot be read, the registry is audited to be safe.
func decodeEvent(o object) (Message, error) {
	var t report.Trigger
	switch source := o.text("source"); o.text("detail-type") {
	case DetailType:
		t.Call = o.text("detail", "eventName")
		switch {
		case source == ECRSource && o.mayBe(ECREventSource, RuleCalls()):
			t.Kind = report.ChangeTrigger
			t.Prefix = ptc.CleanPrefix(cmp.Or(
				o.text("detail", "requestParameters", "ecrRepositoryPrefix"),
				o.text("detail", "responseElements", "ecrRepositoryPrefix")))
		case source == SecretsSource && o.mayBe(SecretsEventSource, append(SecretCalls(), SecretCreation)):
			t.Kind = report.SecretTrigger
		}
	case ServiceDetailType:
		t.Call = o.text("detail", "eventName")
		if source == SecretsSource && o.mayBe(SecretsEventSource, SecretServiceEvents()) {
			t.Kind = report.SecretTrigger
		}
	case LabelDetailType:
		// For an unexpected type of the label the registry is audited too.
		t.Call = LabelDetailType
		if label := o.text("detail", "labelUpdated"); source == SecretsSource && (label == "" || label == CurrentLabel) {
			t.Kind = report.SecretTrigger
		}
	}
	if t.Kind == report.SecretTrigger {
		if t.Secret = o.secret(); t.Secret != "" && !usable(t.Secret) {
			t.Kind = ""
		}
	}
	switch {
	case t.Kind == "":
		return Message{Ignored: Unrelated}, nil
	// readOnly is ignored: it is not always present, and not always right. A rotation
	// that failed may have an error code, and may have changed the secret.
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
	case o.text("detail-type") == DetailType && o.text("detail", "errorCode") != "":
		return Message{Ignored: ChangedNothing}, nil
	}
	// Minor versions only add fields. A new major version may change what a
	// field means.
	if major, _, _ := strings.Cut(o.text("detail", "eventVersion"), "."); major != "" && major != "1" {
		return Message{}, ErrVersion
	}
	reg, err := registry(o.text("account"), o.text("region"))
	if err != nil {
		return Message{}, err
	}
	inner := ptc.Registry{
		Account: cmp.Or(o.text("detail", "recipientAccountId"), reg.Account),
		Region:  cmp.Or(o.text("detail", "awsRegion"), reg.Region),
	}
	if inner != reg {
		return Message{}, ErrConflict
	}

	t.Time = instant(o.text("detail", "eventTime"))
	if t.Time.IsZero() {
		t.Time = instant(o.text("time"))
	}
	// An event that is delivered twice has one eventID, but two envelope ids.
	t.EventID = cmp.Or(o.text("detail", "eventID"), o.text("id"))
	t.Actor = actor(o)
	return Message{Registry: reg, Trigger: t}, nil
}

// secret is the name or ARN of the secret that an event is about; empty if it
// names none. AWS does not document where each event has it, nor its case.
func (o object) secret() string {
	for _, path := range [][]string{
		{"detail", "requestParameters", "secretId"},
		{"detail", "additionalEventData", "SecretId"},
		{"detail", "serviceEventDetails", "SecretId"},
		{"detail", "responseElements", "arn"},
		{"resources"},
		{"detail", "requestParameters", "name"},
		{"detail", "name"},
	} {
		if id := o.anyCase(path...); id != "" {
			return id
		}
	}
	return ""
}

// usable reports whether rules can refer to a secret, given by name or ARN.
func usable(secret string) bool {
	if arn, ok := ptc.ParseARN(secret); ok {
		secret = strings.TrimPrefix(arn.Resource, "secret:")
	}
	return strings.HasPrefix(secret, ptc.SecretPrefix)
}

// actor is who made the call of a CloudTrail event: the name of the session or
// user, and its role or user; or the AWS service that made it.
func actor(o object) *report.Actor {
	identity := func(path ...string) string {
		return o.text(append([]string{"detail", "userIdentity"}, path...)...)
	}
	arn := identity("arn")
	a := report.Actor{
		Name:    cmp.Or(lastPart(arn), identity("userName")),
		ARN:     cmp.Or(identity("sessionContext", "sessionIssuer", "arn"), arn, identity("invokedBy")),
		Address: o.text("detail", "sourceIPAddress"),
	}
	if a == (report.Actor{}) {
		return nil
	}
	return &a
}

// lastPart of an ARN is its session or user: "jane" of
// arn:aws:sts::111122223333:assumed-role/Admin/jane, "root" of
// arn:aws:iam::111122223333:root.
func lastPart(arn string) string {
	return arn[strings.LastIndexAny(arn, "/:")+1:]
}

func registry(account, region string) (ptc.Registry, error) {
	if !ptc.ValidAccount(account) || !ptc.ValidRegion(region) {
		return ptc.Registry{}, ErrNoRegistry
	}
	return ptc.Registry{Account: account, Region: region}, nil
}

// instant reads a time. An invalid time is the zero time, because no audit
// depends on it.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// object is a JSON object of unknown shape.
type object map[string]any

// mayBe reports whether an event may be one of a service's calls: it is, or its
// detail does not say what it is.
func (o object) mayBe(eventSource string, calls []string) bool {
	source, call := o.text("detail", "eventSource"), o.text("detail", "eventName")
	return (source == "" || source == eventSource) && (call == "" || slices.Contains(calls, call))
}

// text is the string at path; empty if it is missing.
func (o object) text(path ...string) string {
	var v any = map[string]any(o)
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	s, _ := v.(string)
	return s
}

// anyCase is like text for names in any case. Of a list it takes the first
// element.
func (o object) anyCase(path ...string) string {
	var v any = map[string]any(o)
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
		for _, other := range slices.Sorted(maps.Keys(m)) {
			if v == nil && strings.EqualFold(other, name) {
				v = m[other]
			}
		}
	}
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	s, _ := v.(string)
	return s
}
