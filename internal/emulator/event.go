package emulator

import (
	"strings"
	"time"
)

// event is an EventBridge event of an API call, as CloudTrail delivers it:
// https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ecr.html
type event struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     record   `json:"detail"`
}

// record is a CloudTrail record:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type record struct {
	EventVersion       string       `json:"eventVersion"`
	UserIdentity       userIdentity `json:"userIdentity"`
	EventTime          string       `json:"eventTime"`
	EventSource        string       `json:"eventSource"`
	EventName          string       `json:"eventName"`
	AWSRegion          string       `json:"awsRegion"`
	SourceIPAddress    string       `json:"sourceIPAddress"`
	UserAgent          string       `json:"userAgent"`
	ErrorCode          string       `json:"errorCode,omitempty"`
	ErrorMessage       string       `json:"errorMessage,omitempty"`
	RequestParameters  object       `json:"requestParameters"`
	ResponseElements   object       `json:"responseElements"`
	RequestID          string       `json:"requestID"`
	EventID            string       `json:"eventID"`
	ReadOnly           bool         `json:"readOnly"`
	EventType          string       `json:"eventType"`
	ManagementEvent    bool         `json:"managementEvent"`
	RecipientAccountID string       `json:"recipientAccountId"`
	EventCategory      string       `json:"eventCategory"`
}

// userIdentity identifies the caller:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
type userIdentity struct {
	Type           string          `json:"type"`
	PrincipalID    string          `json:"principalId"`
	ARN            string          `json:"arn"`
	AccountID      string          `json:"accountId"`
	AccessKeyID    string          `json:"accessKeyId"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *sessionContext `json:"sessionContext,omitempty"`
}

type sessionContext struct {
	SessionIssuer sessionIssuer `json:"sessionIssuer"`
	Attributes    attributes    `json:"attributes"`
}

type sessionIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

type attributes struct {
	CreationDate     string `json:"creationDate"`
	MFAAuthenticated string `json:"mfaAuthenticated"`
}

const (
	eventVersion = "1.11"
	// errorMessageLimit is where CloudTrail cuts an error's text:
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
	errorMessageLimit = 1024
	// recordDate is how CloudTrail writes a time within responseElements.
	recordDate = "Jan 2, 2006 3:04:05 PM"
)

// newEvent writes the event of a call.
func newEvent(c *call, out object, refusal *apiError, newID func() string) []byte {
	at := c.now.Format(time.RFC3339)
	detail := record{
		EventVersion:       eventVersion,
		UserIdentity:       c.userIdentity(),
		EventTime:          at,
		EventSource:        c.service.name + ".amazonaws.com",
		EventName:          c.operation.name,
		AWSRegion:          c.region,
		SourceIPAddress:    c.source,
		UserAgent:          c.userAgent,
		RequestParameters:  c.requestParameters(),
		RequestID:          c.requestID,
		EventID:            newID(),
		EventType:          "AwsApiCall",
		ManagementEvent:    true,
		RecipientAccountID: c.account,
		EventCategory:      "Management",
	}
	if refusal != nil {
		// CloudTrail leaves the suffix of this one out.
		detail.ErrorCode = strings.Replace(refusal.name, "AccessDeniedException", "AccessDenied", 1)
		detail.ErrorMessage = strings.ToValidUTF8(refusal.text[:min(len(refusal.text), errorMessageLimit)], "")
	} else {
		detail.ResponseElements = c.responseElements(out)
	}
	return encodeJSON(event{
		Version:    "0",
		ID:         newID(),
		DetailType: "AWS API Call via CloudTrail",
		Source:     "aws." + c.service.name,
		Account:    c.account,
		Time:       at,
		Region:     c.region,
		Resources:  []string{},
		Detail:     detail,
	})
}

func (c *call) userIdentity() userIdentity {
	id := userIdentity{
		Type:        "IAMUser",
		PrincipalID: c.principalID(),
		ARN:         c.arn(),
		AccountID:   c.account,
		AccessKeyID: c.accessKeyID,
	}
	if c.session == nil {
		id.UserName = "emulator"
		return id
	}
	id.Type = "AssumedRole"
	id.SessionContext = &sessionContext{
		SessionIssuer: sessionIssuer{
			Type:        "Role",
			PrincipalID: c.session.roleID(),
			ARN:         c.session.Role,
			AccountID:   c.account,
			UserName:    c.session.roleName(),
		},
		Attributes: attributes{
			CreationDate:     c.session.Started.UTC().Format(time.RFC3339),
			MFAAuthenticated: "false",
		},
	}
	return id
}

// requestParameters is what was sent. The value of a secret is never among
// it: https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
func (c *call) requestParameters() object {
	out := object{}
	for name, v := range c.input {
		if name != secretString && name != secretBinary {
			out[strings.ToLower(name[:1])+name[1:]] = v
		}
	}
	return out
}

// responseElements is what was answered, as far as CloudTrail records it:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
func (c *call) responseElements(out object) object {
	switch c.operation.name {
	case "ValidatePullThroughCacheRule", "CreateSecret":
		return nil
	case "PutSecretValue", "UpdateSecret":
		return object{"arn": out["ARN"]}
	}
	elements := object{}
	for name, v := range out {
		elements[strings.ToLower(name[:1])+name[1:]] = v
	}
	return withTimes(elements, func(t time.Time) any { return t.UTC().Format(recordDate) })
}
