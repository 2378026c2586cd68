// Package trigger reads what wakes the auditor: EventBridge events, audit
// requests, and batches of queue messages that hold either. It says which
// registry each is about and why; it never decides what the audit finds. Its
// constants are what infra builds EventBridge's patterns of, so that what is
// sent and what is understood cannot drift apart. It imports ptc, report and
// the standard library, and no AWS SDK.
package trigger

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// DetailType is that of every event which CloudTrail hands to EventBridge:
// https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html
const DetailType = "AWS API Call via CloudTrail"

// Where the calls that matter are made: EventBridge's source, and CloudTrail's
// eventSource within the detail.
const (
	ECRSource          = "aws.ecr"
	ECREventSource     = "ecr.amazonaws.com"
	SecretsSource      = "aws.secretsmanager"
	SecretsEventSource = "secretsmanager.amazonaws.com"
)

// RuleCalls are the API calls that change a rule. ValidatePullThroughCacheRule
// is not among them, and must never be: the auditor makes it itself, and would
// wake itself.
func RuleCalls() []string {
	return []string{ptc.OpCreateRule, ptc.OpUpdateRule, ptc.OpDeleteRule}
}

// SecretCalls are the API calls that can break or mend a rule's credential,
// where the secret is one that ECR can use (ptc.SecretPrefix).
func SecretCalls() []string {
	return []string{ptc.OpPutSecretValue, ptc.OpUpdateSecret, ptc.OpDeleteSecret, ptc.OpRestoreSecret}
}

// RequestSchema stands in a Request. It changes when a reader of the old form
// could misread the new one.
const RequestSchema = "ptcaudit/request/v1"

// Request asks for an audit of one registry. The schedule and the deployment
// send a constant one.
type Request struct {
	Schema  string `json:"schema"`
	Account string `json:"account"`
	Region  string `json:"region"`
	// Reason is one of the Reason constants. Any other is taken for
	// ReasonRequest: why somebody asks is no reason not to audit.
	Reason string `json:"reason"`
	// RequestedAt is optional, RFC 3339.
	RequestedAt string `json:"requestedAt,omitempty"`
}

// Why an audit is requested.
const (
	ReasonSchedule   = "schedule"
	ReasonDeployment = "deployment"
	ReasonRequest    = "request"
)

// Ignored says why a message asks for no audit; empty where it does ask.
type Ignored string

// Why messages are ignored.
const (
	// Stranger: an event of somebody else's, or one that cannot concern a rule.
	Stranger Ignored = "stranger"
	// ChangedNothing: one of our calls, but it failed.
	ChangedNothing Ignored = "changed_nothing"
)

// Message is what one event or request asks for.
type Message struct {
	// Registry and Trigger are set where Ignored is empty.
	Registry ptc.Registry
	Trigger  report.Trigger
	Ignored  Ignored
}

// Errors of Decode. None of them quotes the message, since what it holds does
// not belong in a log.
var (
	ErrNotJSON    = errors.New("message is no JSON object")
	ErrUnknown    = errors.New("message is neither an event nor a request that this version knows")
	ErrNoRegistry = errors.New("message names no registry: a twelve-digit account and a Region")
	ErrConflict   = errors.New("event's envelope and detail name different registries")
	ErrVersion    = errors.New("event has a major CloudTrail version that is not known")
)

// Decode reads one event or request. A stranger is no error; what is not
// understood although it should be is one, and fails that message alone.
func Decode(raw []byte) (Message, error) {
	// Events are other people's: AWS adds fields, and only the registry must
	// be there. So each field is looked up by itself, and one of an unexpected
	// type reads as absent instead of failing its neighbours.
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
	}
	return Message{Registry: reg, Trigger: report.Trigger{Kind: kind, Time: instant(o.text("requestedAt"))}}, nil
}

// decodeEvent tells events apart by source and detail type, and CloudTrail's
// by the call: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
func decodeEvent(o object) (Message, error) {
	call := o.text("detail", "eventName")
	t := report.Trigger{Call: call}
	switch source := [...]string{o.text("detail-type"), o.text("source"), o.text("detail", "eventSource")}; {
	case source == [...]string{DetailType, ECRSource, ECREventSource} && slices.Contains(RuleCalls(), call):
		t.Kind = report.ChangeTrigger
		t.Prefix = ptc.CleanPrefix(cmp.Or(
			o.text("detail", "requestParameters", "ecrRepositoryPrefix"),
			o.text("detail", "responseElements", "ecrRepositoryPrefix")))
	case source == [...]string{DetailType, SecretsSource, SecretsEventSource} && slices.Contains(SecretCalls(), call):
		t.Kind = report.SecretTrigger
		t.Secret = o.text("detail", "requestParameters", "secretId")
		if !usable(t.Secret) {
			return Message{Ignored: Stranger}, nil
		}
	default:
		return Message{Ignored: Stranger}, nil
	}

	// readOnly is not looked at: it is not always there, nor always right.
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
	if o.text("detail", "errorCode") != "" {
		return Message{Ignored: ChangedNothing}, nil
	}
	// Minor versions only add fields; a new major one may mean something else
	// by the same names.
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
	// A doubled delivery has the same eventID, but its envelope an id of its own.
	t.EventID = cmp.Or(o.text("detail", "eventID"), o.text("id"))
	t.Actor = actor(o)
	return Message{Registry: reg, Trigger: t}, nil
}

// usable says that a secret, given by name or by ARN, is one that rules can
// refer to.
func usable(secret string) bool {
	if arn, ok := ptc.ParseARN(secret); ok {
		secret = strings.TrimPrefix(arn.Resource, "secret:")
	}
	return strings.HasPrefix(secret, ptc.SecretPrefix)
}

// actor is who made the call of a CloudTrail event: the session's or user's
// name, and the role or user behind it, or the AWS service where it was nobody.
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

// instant reads a time; what is none is the zero time, since no audit hangs
// on when it was asked for.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// object is a JSON object of unknown shape.
type object map[string]any

// text is the string at path; empty where there is none.
func (o object) text(path ...string) string {
	var v any = map[string]any(o)
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	s, _ := v.(string)
	return s
}
