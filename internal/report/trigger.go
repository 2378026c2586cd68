package report

import "time"

// TriggerKind is why an audit ran.
type TriggerKind string

// The kinds of triggers.
const (
	// ChangeTrigger: someone created, updated or deleted a rule.
	ChangeTrigger TriggerKind = "change"
	// SecretTrigger: someone wrote a secret that rules can use.
	SecretTrigger     TriggerKind = "secret"
	ScheduleTrigger   TriggerKind = "schedule"
	DeploymentTrigger TriggerKind = "deployment"
	// ManualTrigger: a person or a program asked for it.
	ManualTrigger TriggerKind = "manual"
	// AnnounceTrigger: a person or a program asked for it, and for everything that
	// is open to be sent again.
	AnnounceTrigger TriggerKind = "announce"
)

// Trigger is one reason why an audit ran. Its texts come from outside.
type Trigger struct {
	Kind TriggerKind `json:"kind"`
	// Time is when the change was made or the audit asked for, UTC.
	Time time.Time `json:"time"`
	// EventID identifies the event: a doubled delivery has the same one.
	EventID string `json:"eventId,omitempty"`
	// Call is the API operation, for example "UpdatePullThroughCacheRule".
	Call string `json:"call,omitempty"`
	// Prefix is the rule that the call names.
	Prefix string `json:"prefix,omitempty"`
	// Secret is the name or ARN of the secret that the call names.
	Secret string `json:"secret,omitempty"`
	Actor  *Actor `json:"actor,omitempty"`
}

// Actor is who made a change.
type Actor struct {
	// Name is the session's or user's name, for example "jane".
	Name string `json:"name,omitempty"`
	// ARN is that of the role or user.
	ARN string `json:"arn,omitempty"`
	// Address is the source address, or the AWS service that called.
	Address string `json:"address,omitempty"`
}
