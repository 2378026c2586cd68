package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/notify"
	"ptcaudit/internal/report"
)

// facts are what was seen during a run. Probes read them, and call nothing.
type facts struct {
	local bool
	// prefix is that of all rules of the run, without a slash.
	prefix string
	// events are those that the rule of EventBridge in the default state
	// ENABLED delivered. reads come from a rule that also matches calls that
	// only read.
	events, reads []event
	// everything and critical are the notifications that a subscriber without a
	// filter and one with severity=critical got.
	everything, critical []notify.Message
	// validations are the results of ECR by the rule's name.
	validations map[string]validation
	// calls are the outcomes of calls that AWS may refuse, by a name of ours.
	calls map[string]outcome
	// audits are the reports in the evidence bucket.
	audits []report.Report
	// log has the lines of the function's log.
	log []logLine

	// versions are those of the secret's value, the oldest first. At staged the
	// first is in force again; zero if it is not.
	versions []string
	staged   time.Time

	trail        trail
	alarms       map[string]string // state by name without the stack's name
	metrics      []string
	mapping      mapping
	architecture string
	buckets      map[string]bucket
	repositories map[string]string // tag mutability by name
}

// validation is an answer of ValidatePullThroughCacheRule, or the refusal.
type validation struct {
	Valid   bool   `json:"isValid"`
	Failure string `json:"failure"`
	refused string
}

// outcome is how a call ended. An empty error means that AWS accepted it.
type outcome struct{ err string }

type trail struct {
	created, logging bool
}

type mapping struct {
	State         string
	ScalingConfig struct{ MaximumConcurrency int }
}

type bucket struct {
	versioning, encryption string
	// plain is how S3 answered a call without TLS.
	plain string
}

// event is an event as EventBridge delivered it.
type event struct {
	raw      []byte
	received time.Time // by the queue

	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Time       time.Time `json:"time"`
	Detail     struct {
		EventName         string         `json:"eventName"`
		EventSource       string         `json:"eventSource"`
		EventTime         time.Time      `json:"eventTime"`
		ErrorCode         string         `json:"errorCode"`
		ReadOnly          *bool          `json:"readOnly"`
		Resources         []any          `json:"resources"`
		RequestParameters map[string]any `json:"requestParameters"`
		ResponseElements  map[string]any `json:"responseElements"`

		SyncStatus    string `json:"sync-status"`
		FailureCode   string `json:"failure-code"`
		FailureReason string `json:"failure-reason"`
		RulePrefix    string `json:"ecr-repository-prefix"`
		Repository    string `json:"repository-name"`

		LabelUpdated any    `json:"labelUpdated"`
		VersionID    string `json:"versionId"`
	} `json:"detail"`
}

func parseEvent(raw []byte, received time.Time) event {
	e := event{raw: raw, received: received}
	// A member of an unexpected type does not make the others unreadable.
	_ = json.Unmarshal(raw, &e)
	return e
}

// name is what the event is about: a call or the detail type.
func (e event) name() string {
	if e.Detail.EventName != "" {
		return e.Detail.EventName
	}
	return e.DetailType
}

// file is a name for the file of a recorded event.
func (e event) file() string {
	name := e.name()
	switch {
	case e.Detail.ErrorCode != "":
		name += " " + e.Detail.ErrorCode
	case e.Detail.SyncStatus != "":
		name += " " + e.Detail.SyncStatus + " " + e.Detail.FailureCode
	}
	name = strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(name, "-"), "-")
	return name + ".json"
}

// logLine is what probes read in a line of the function's log.
type logLine struct {
	Level      string
	Msg        string
	Kind       string
	DurationMs int `json:"duration_ms"`
	Type       string
	Record     struct {
		Metrics struct {
			InitDurationMs float64 `json:"initDurationMs"`
		}
	}
	AuditSucceeded *int

	json bool
}

func parseLogLine(text string) logLine {
	var l logLine
	var object map[string]json.RawMessage
	l.json = json.Unmarshal([]byte(text), &object) == nil
	_ = json.Unmarshal([]byte(text), &l) // see parseEvent
	return l
}

// named lists the events of a call or detail type.
func named(events []event, name string) []event {
	var out []event
	for _, e := range events {
		if e.name() == name {
			out = append(out, e)
		}
	}
	return out
}

// succeeded lists the events of a call that AWS accepted.
func succeeded(events []event, name string) []event {
	var out []event
	for _, e := range named(events, name) {
		if e.Detail.ErrorCode == "" {
			out = append(out, e)
		}
	}
	return out
}

// because counts the audits that ran for a reason.
func (f *facts) because(kind report.TriggerKind) int {
	n := 0
	for _, r := range f.audits {
		if slices.ContainsFunc(r.Triggers, func(t report.Trigger) bool { return t.Kind == kind }) {
			n++
		}
	}
	return n
}
