package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/config"
	"ptcaudit/internal/metric"
)

// alarm has the properties of an alarm that decide when it goes off.
type alarm struct {
	Namespace, MetricName, Statistic, ComparisonOperator, TreatMissingData string
	Period, EvaluationPeriods, DatapointsToAlarm, Threshold                float64
}

func alarmOf(t *testing.T, d template, id string) (alarm, map[string]any) {
	t.Helper()
	properties := d.one(t, "AWS::CloudWatch::Alarm", "Alarm"+strings.ReplaceAll(id, "-", "")).Properties
	var a alarm
	if err := json.Unmarshal(encode(t, properties), &a); err != nil {
		t.Fatal(err)
	}
	return a, properties
}

func TestHeartbeat(t *testing.T) {
	for name, tt := range map[string]struct {
		d     template
		hours float64
	}{
		"every 6 hours": {plain().template, 15},
		"once a day":    {full().template, 60},
	} {
		a, _ := alarmOf(t, tt.d, "heartbeat")
		want := alarm{
			Namespace: "ptcaudit", MetricName: "AuditSucceeded", Statistic: "Sum",
			ComparisonOperator: "LessThanThreshold", Threshold: 1, TreatMissingData: "breaching",
			Period: 3600, EvaluationPeriods: tt.hours, DatapointsToAlarm: tt.hours,
		}
		if diff := cmp.Diff(want, a); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestAlarms(t *testing.T) {
	const atLeast = "GreaterThanOrEqualToThreshold"
	d := full().template
	of := func(namespace, name, statistic, missing string, threshold, periods float64) alarm {
		return alarm{
			Namespace: namespace, MetricName: name, Statistic: statistic, ComparisonOperator: atLeast, TreatMissingData: missing,
			Period: 300, EvaluationPeriods: periods, DatapointsToAlarm: periods, Threshold: threshold,
		}
	}
	// One bad hour, and the alarm stays on until the next audit of the day is over.
	held := func(namespace, name, statistic string, threshold float64) alarm {
		a := of(namespace, name, statistic, "notBreaching", threshold, 24+1)
		a.Period, a.DatapointsToAlarm = 3600, 1
		return a
	}
	want := map[string]alarm{
		"dead-letters":              of("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "ignore", 1, 1),
		"undelivered":               of("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "ignore", 1, 1),
		"unsent":                    of("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "ignore", 1, 1),
		"requests-old":              of("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", "notBreaching", 3600, 1),
		"function-errors":           held("AWS/Lambda", "Errors", "Sum", 1),
		"function-throttled":        of("AWS/Lambda", "Throttles", "Sum", "notBreaching", 1, 3),
		"function-slow":             held("AWS/Lambda", "Duration", "Maximum", 96000),
		"notifications-failed":      held("ptcaudit", "NotificationsFailed", "Sum", 1),
		"notifications-undelivered": held("ptcaudit", "NotificationsUndelivered", "Maximum", 24),
		"subscribers-unknown":       held("ptcaudit", "SubscribersUnknown", "Sum", 1),
		"audits-incomplete":         held("ptcaudit", "AuditIncomplete", "Sum", 1),
	}
	for id, want := range want {
		got, _ := alarmOf(t, d, id)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", id, diff)
		}
	}
	if n := len(d.of("AWS::CloudWatch::Alarm")); n != len(want)+1 { // and the heartbeat
		t.Errorf("%d alarms, but the test has %d", n, len(want)+1)
	}
	if n := len(plain().template.of("AWS::CloudWatch::Alarm")); n != len(want) {
		t.Errorf("%d alarms without a subscriber that redrives, want %d", n, len(want))
	}
}

func TestAlarmsHaveInstructionsAndNotifyTheAlarmsTopic(t *testing.T) {
	d := full().template
	for id, r := range d.of("AWS::CloudWatch::Alarm") {
		text, _ := r.Properties["AlarmDescription"].(string)
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		if len(text) < 80 || len(text) > 1024 || strings.Count(text, ".") < 3 || !strings.Contains(text, " OK means: ") {
			t.Errorf("%s: the description is %q", id, text)
		}
		for _, property := range []string{"AlarmActions", "OKActions"} {
			actions, _ := r.Properties[property].([]any)
			if len(actions) != 1 || topicOf(t, d, actions[0]) != "Alarms" {
				t.Errorf("%s: %s notify %v", id, property, actions)
			}
		}
		if name, _ := r.Properties["AlarmName"].(string); !strings.HasPrefix(name, "ptcaudit-") {
			t.Errorf("%s: the name is %q", id, name)
		}
	}
}

// Two deployments in one account and Region must not share metrics.
func TestMetricsAreOfThisFunction(t *testing.T) {
	d := full().template
	ofFunction := []any{map[string]any{"Name": metric.DimensionFunction, "Value": map[string]any{"Ref": idOf(t, d, "AWS::Lambda::Function", "AuditFunction")}}}
	found := 0
	for id, r := range d.of("AWS::CloudWatch::Alarm") {
		if r.Properties["Namespace"] != metric.Namespace {
			continue
		}
		found++
		if diff := cmp.Diff(ofFunction, r.Properties["Dimensions"]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", id, diff)
		}
	}
	if found < 3 {
		t.Errorf("%d alarms watch metrics of the function, want at least 3", found)
	}
	body := names(d.one(t, "AWS::CloudWatch::Dashboard", "Dashboard").Properties["DashboardBody"])
	own, with := strings.Count(body, `["`+metric.Namespace+`",`), strings.Count(body, `"`+metric.DimensionFunction+`","AuditFunction"`)
	if own == 0 || own != with {
		t.Errorf("the dashboard shows %d metrics of the function, and %d with its name", own, with)
	}
}

// An alarm about an audit must not end before the next audit, and CloudWatch limits
// how far an alarm looks back: to a day, or with periods of an hour to seven days.
func TestAlarmsLastUntilTheNextAudit(t *testing.T) {
	for expression, want := range map[string]int{
		"rate(1 minute)":             2,
		"rate(6 hours)":              7,
		"rate(67 hours)":             68,
		"cron(0 6,18 ? * mon-fri *)": 61,
	} {
		s, err := parseSchedule(expression)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.holdHours(); got != want || time.Duration(got)*time.Hour <= s.gap || got > maxHeartbeatHours {
			t.Errorf("%s: %d hours, want %d", expression, got, want)
		}
	}
}

// A request that is retried is not old. A request that is not received raises an
// alarm long before SQS deletes it.
func TestOldRequestsRaiseAnAlarmInTime(t *testing.T) {
	waits := 0
	for try := range config.DefaultMaxReceives - 1 {
		// The delays of internal/handler, in seconds: between retries, and after
		// ten changes within five minutes.
		waits += max(155, min(30<<try, 300))
	}
	waits += int(config.SettleTime.Seconds()) + windowSeconds
	if oldRequestSeconds <= waits || oldRequestSeconds >= requestDays*86400 {
		t.Errorf("old after %d s, but all tries take %d s", oldRequestSeconds, waits)
	}
}

func TestDashboard(t *testing.T) {
	body := names(full().template.one(t, "AWS::CloudWatch::Dashboard", "Dashboard").Properties["DashboardBody"])
	var dashboard struct{ Widgets []struct{ Type string } }
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		metric.AuditSucceeded, metric.AuditIncomplete, metric.FindingsFailed, metric.DurationMs, "failed.critical",
		"ApproximateAgeOfOldestMessage", "DeadLetters", "Undelivered", "Unsent", "Alarmheartbeat",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("it does not show %s", want)
		}
	}
	var kinds []string
	for _, w := range dashboard.Widgets {
		kinds = append(kinds, w.Type)
	}
	slices.Sort(kinds)
	if diff := cmp.Diff([]string{"alarm", "log", "metric", "metric", "metric", "metric", "metric"}, kinds); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
