package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/config"
	"ptcaudit/internal/metric"
)

const (
	// alarmMinutes is the period of the alarms that watch AWS's own metrics of
	// queues and of throttling.
	alarmMinutes = 5
	// auditMinutes is the period of the alarms that watch audits. CloudWatch
	// supports hours only, if an alarm looks back more than a day.
	auditMinutes = 60
	// oldRequestSeconds is how old a request may become. It is longer than all
	// retries take, so an older request is not being processed.
	oldRequestSeconds = 3600
	// undeliveredHours is how long a notification may lack a subscriber: a day.
	undeliveredHours = 24
	// slowSeconds is the duration of an audit that is near the function's timeout.
	slowSeconds = timeoutSeconds * 8 / 10
)

// watch is an alarm: the metric, and the text for the person on call.
type watch struct {
	name      string
	means, do string
	// over is what it means that the alarm is OK again.
	over   string
	metric awscloudwatch.IMetric
	// The alarm goes off at or above threshold; if below is set, below it.
	threshold float64
	below     bool
	// points of the last periods must breach the threshold.
	points, periods int
	// missing is how periods without data are treated.
	missing awscloudwatch.TreatMissingData
}

// watches returns all alarms.
func watches(s settings, q queues, function awslambda.Function) []watch {
	hours, hold := s.schedule.heartbeatHours(), s.schedule.holdHours()
	list := []watch{
		{
			name: "heartbeat",
			means: fmt.Sprintf("No audit succeeded for %d hours (%v times the schedule). Broken rules go unnoticed.",
				hours, heartbeatSchedules),
			do:        "Check the other alarms first. If none is on, check that the schedule is enabled and read the function's log. Then request an audit. This alarm is also on right after the first deployment, until the first audit succeeds.",
			over:      fmt.Sprintf("An audit succeeded in the last %d hours.", hours),
			metric:    ours(function, metric.AuditSucceeded, "Sum"),
			threshold: 1, below: true, points: hours, periods: hours,
			missing: awscloudwatch.TreatMissingData_BREACHING,
		},
		{
			name:      "dead-letters",
			means:     fmt.Sprintf("A request is invalid, or its audit or notification failed %d times.", config.DefaultMaxReceives),
			do:        "Find the error in the function's log and fix its cause. Then move the messages back to the requests queue. They are kept for 14 days.",
			over:      "The dead-letter queue is empty.",
			metric:    waiting(q.dead),
			threshold: 1, points: 1, periods: 1, missing: awscloudwatch.TreatMissingData_IGNORE,
		},
		{
			name:      "undelivered",
			means:     "EventBridge or EventBridge Scheduler could not send events to the requests queue.",
			do:        "Read the message attributes ERROR_CODE and ERROR_MESSAGE and fix the cause, often the queue's policy. Then request an audit, which covers all of these events, and purge the undelivered queue.",
			over:      "The undelivered queue is empty.",
			metric:    waiting(q.undelivered),
			threshold: 1, points: 1, periods: 1, missing: awscloudwatch.TreatMissingData_IGNORE,
		},
		{
			name:      "function-errors",
			means:     "The function crashed, ran out of time or memory, or was invoked directly with an invalid request.",
			do:        "Read its log. Requests from the queue are retried automatically.",
			over:      fmt.Sprintf("The function had no error for %d hours.", hold),
			metric:    function.MetricErrors(asA("Sum", auditMinutes)),
			threshold: 1, points: 1, periods: hold, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "function-throttled",
			means:     "Lambda has throttled the function for 15 minutes: the account's concurrent executions are used up.",
			do:        "Requests wait in the queue. Find the functions that use the concurrency, or raise the quota.",
			over:      "Lambda no longer throttles the function.",
			metric:    function.MetricThrottles(asA("Sum", alarmMinutes)),
			threshold: 1, points: 3, periods: 3, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "requests-old",
			means:     fmt.Sprintf("A request has waited for %d minutes: the function does not receive it.", oldRequestSeconds/60),
			do:        "Check the state of the function's event source mapping, and whether the function is throttled.",
			over:      fmt.Sprintf("No request is older than %d minutes.", oldRequestSeconds/60),
			metric:    q.requests.MetricApproximateAgeOfOldestMessage(asA("Maximum", alarmMinutes)),
			threshold: oldRequestSeconds, points: 1, periods: 1, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "notifications-failed",
			means:     "A notification could not be published to a topic. It is retried; after the last retry its request is in the dead-letter queue.",
			do:        "Read the error in the function's log. Check that the topics exist, that their key is enabled, and that the role's IAM policy is unchanged.",
			over:      fmt.Sprintf("Every notification of the last %d hours was published.", hold),
			metric:    ours(function, metric.NotificationsFailed, "Sum"),
			threshold: 1, points: 1, periods: hold, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "notifications-undelivered",
			means:     fmt.Sprintf("Something is open, but for %d hours no topic has had a confirmed subscriber. Nothing is published, and nothing counts as notified.", undeliveredHours),
			do:        "Confirm the subscriptions: follow the link in the mail of AWS, or subscribe another address. The next audit then notifies everything that is open.",
			over:      fmt.Sprintf("No notification of the last %d hours lacked a subscriber.", hold),
			metric:    ours(function, metric.NotificationsUndelivered, "Maximum"),
			threshold: undeliveredHours, points: 1, periods: hold, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "subscribers-unknown",
			means:     "An audit could not count the subscribers of a topic. It has published its notification, but it is unknown whether anyone got it.",
			do:        "Read the error in the function's log. Check that the role's IAM policy still allows sns:GetTopicAttributes on the topic.",
			over:      fmt.Sprintf("Every audit of the last %d hours could count the subscribers.", hold),
			metric:    ours(function, metric.SubscribersUnknown, "Sum"),
			threshold: 1, points: 1, periods: hold, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "audits-incomplete",
			means:     "An audit could not check everything that the policy requires.",
			do:        "Read the COULD_NOT_AUDIT notification on the findings topic. It names the cause: a missing permission of the role, ECR, or a bucket.",
			over:      fmt.Sprintf("Every audit of the last %d hours was complete.", hold),
			metric:    ours(function, metric.AuditIncomplete, "Sum"),
			threshold: 1, points: 1, periods: hold, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "function-slow",
			means:     fmt.Sprintf("The function ran for %d s or longer; its timeout is %d s. An audit that reaches the timeout is incomplete.", slowSeconds, timeoutSeconds),
			do:        "Read the duration of each audit (duration_ms) in the function's log. ECR contacts the upstream registries, so one of them may be slow. The audit lists the rules that it could not validate.",
			over:      fmt.Sprintf("The function was faster for %d hours.", hold),
			metric:    function.MetricDuration(asA("Maximum", auditMinutes)),
			threshold: slowSeconds * 1000, points: 1, periods: hold, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
	}
	if q.unsent != nil {
		list = append(list, watch{
			name:      "unsent",
			means:     "SNS could not deliver messages to a subscribed queue or https address.",
			do:        "Read the message attributes ERROR_CODE and ERROR_MESSAGE and fix the subscriber. Then read the messages and purge the unsent queue.",
			over:      "The unsent queue is empty.",
			metric:    waiting(q.unsent),
			threshold: 1, points: 1, periods: 1, missing: awscloudwatch.TreatMissingData_IGNORE,
		})
	}
	return list
}

// ours returns a metric that this stack's function records, by hours.
func ours(function awslambda.Function, name, statistic string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metric.Namespace), MetricName: jsii.String(name),
		DimensionsMap: &map[string]*string{metric.DimensionFunction: function.FunctionName()},
		Statistic:     jsii.String(statistic), Period: awscdk.Duration_Minutes(jsii.Number(auditMinutes)),
	})
}

// waiting returns the number of messages in a queue. SQS sends no data for a
// queue that was not used for hours: its last value still holds.
func waiting(queue awssqs.Queue) awscloudwatch.IMetric {
	return queue.MetricApproximateNumberOfMessagesVisible(asA("Maximum", alarmMinutes))
}

func asA(statistic string, minutes int) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{
		Period: awscdk.Duration_Minutes(jsii.Number(minutes)), Statistic: jsii.String(statistic),
	}
}

// newAlarms creates an alarm for each watch. It notifies the alarms topic when it
// goes off, and when it is over.
func newAlarms(stack awscdk.Stack, s settings, list []watch, topic awssns.Topic) []awscloudwatch.Alarm {
	alarms := make([]awscloudwatch.Alarm, len(list))
	for i, w := range list {
		comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
		if w.below {
			comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		}
		alarms[i] = awscloudwatch.NewAlarm(stack, jsii.String("Alarm-"+w.name), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(s.stackName + "-" + w.name),
			AlarmDescription:   jsii.String(w.means + " " + w.do + " OK means: " + w.over),
			Metric:             w.metric,
			Threshold:          jsii.Number(w.threshold),
			ComparisonOperator: comparison,
			EvaluationPeriods:  jsii.Number(w.periods),
			DatapointsToAlarm:  jsii.Number(w.points),
			TreatMissingData:   w.missing,
		})
		action := awscloudwatchactions.NewSnsAction(topic)
		alarms[i].AddAlarmAction(action)
		alarms[i].AddOkAction(action)
	}
	return alarms
}
