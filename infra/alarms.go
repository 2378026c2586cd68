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
	// alarmMinutes is the period of every alarm but the heartbeat's.
	alarmMinutes = 5
	// oldRequestSeconds is how old a request may become: well above all the
	// waiting between tries, so that what is older is taken by nobody.
	oldRequestSeconds = 3600
	// slowSeconds is when an audit is near the function's limit.
	slowSeconds = timeoutSeconds * 8 / 10
)

// watch is an alarm: what is measured, and what to tell whoever is woken.
type watch struct {
	name      string
	means, do string
	metric    awscloudwatch.IMetric
	// It goes off at or above threshold, or below it.
	threshold float64
	below     bool
	// periods in a row must be over the threshold.
	periods int
	// missing says what no data means.
	missing awscloudwatch.TreatMissingData
}

// watches are all alarms.
func watches(s settings, q queues, function awslambda.Function) []watch {
	hours := s.schedule.heartbeatHours()
	list := []watch{
		{
			name: "heartbeat",
			means: fmt.Sprintf("No audit succeeded for %d hours, %v times the schedule: a broken rule would go unnoticed.",
				hours, heartbeatSchedules),
			do:        "Look at the other alarms first. If there is none, look whether the schedule is enabled, and in the function's log; then ask for an audit by hand. It goes off once right after the first deployment, until the first audit is done.",
			metric:    ours(metric.AuditSucceeded, "Sum", 60),
			threshold: 1, below: true, periods: hours,
			missing: awscloudwatch.TreatMissingData_BREACHING,
		},
		{
			name:      "dead-letters",
			means:     fmt.Sprintf("Requests could not be read, or what they led to could not be said in %d tries.", config.DefaultMaxReceives),
			do:        "Find the reason in the function's log and mend it, then move the messages back to the queue of requests. They are kept for 14 days.",
			metric:    waiting(q.dead),
			threshold: 1, periods: 1, missing: awscloudwatch.TreatMissingData_IGNORE,
		},
		{
			name:      "undelivered",
			means:     "EventBridge or its Scheduler could not put events into the queue of requests.",
			do:        "Their attributes ERROR_CODE and ERROR_MESSAGE say why. Mend that (often it is the queue's IAM policy), ask for an audit by hand, which covers them all, and purge the queue.",
			metric:    waiting(q.undelivered),
			threshold: 1, periods: 1, missing: awscloudwatch.TreatMissingData_IGNORE,
		},
		{
			name:      "function-errors",
			means:     "The function crashed, ran out of time or memory, or was asked directly for what it could not read.",
			do:        "Read its log. Requests from the queue are tried again by themselves.",
			metric:    function.MetricErrors(asA("Sum")),
			threshold: 1, periods: 1, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "function-throttled",
			means:     "For 15 minutes Lambda has refused to run the function: the account's concurrent executions are used up.",
			do:        "Requests wait meanwhile. Find what uses them up, or have the quota raised.",
			metric:    function.MetricThrottles(asA("Sum")),
			threshold: 1, periods: 3, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "requests-old",
			means:     fmt.Sprintf("A request has been waiting for %d minutes: nobody takes it.", oldRequestSeconds/60),
			do:        "Look whether the function's event source mapping is enabled and what its state says. Is the function throttled?",
			metric:    q.requests.MetricApproximateAgeOfOldestMessage(asA("Maximum")),
			threshold: oldRequestSeconds, periods: 1, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "notifications-failed",
			means:     "What was found could not be published to the topic of findings. It is tried again, and then kept among the dead letters.",
			do:        "The function's log names the error: is the topic there, is its key enabled, has the role's IAM policy been changed?",
			metric:    ours(metric.NotificationsFailed, "Sum", alarmMinutes),
			threshold: 1, periods: 1, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "audits-incomplete",
			means:     "An audit could not establish everything that the policy asks for.",
			do:        "The message COULD_NOT_AUDIT on the topic of findings names what failed: a permission of the role, ECR itself, or a bucket.",
			metric:    ours(metric.AuditIncomplete, "Sum", alarmMinutes),
			threshold: 1, periods: 1, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name:      "function-slow",
			means:     fmt.Sprintf("The function ran for %d of the %d seconds that it may. At the limit an audit is cut off, and incomplete.", slowSeconds, timeoutSeconds),
			do:        "Its log has how long each audit took (duration_ms). ECR asks the upstreams themselves, so one of them may be slow; the audit says which rules it could not try.",
			metric:    function.MetricDuration(asA("Maximum")),
			threshold: slowSeconds * 1000, periods: 1, missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
	}
	if q.unsent != nil {
		list = append(list, watch{
			name:      "unsent",
			means:     "SNS could not hand messages to a queue or an https address that subscribes.",
			do:        "Their attributes ERROR_CODE and ERROR_MESSAGE say why. Mend the subscriber, read the messages, purge the queue.",
			metric:    waiting(q.unsent),
			threshold: 1, periods: 1, missing: awscloudwatch.TreatMissingData_IGNORE,
		})
	}
	return list
}

// ours is a metric that the function counts, of the auditor as a whole.
func ours(name, statistic string, minutes int) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metric.Namespace), MetricName: jsii.String(name),
		Statistic: jsii.String(statistic), Period: awscdk.Duration_Minutes(jsii.Number(minutes)),
	})
}

// waiting is how many messages a queue holds. Where a queue has not been
// touched for hours there is no data, and what was last known still holds.
func waiting(queue awssqs.Queue) awscloudwatch.IMetric {
	return queue.MetricApproximateNumberOfMessagesVisible(asA("Maximum"))
}

func asA(statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{
		Period: awscdk.Duration_Minutes(jsii.Number(alarmMinutes)), Statistic: jsii.String(statistic),
	}
}

// newAlarms makes an alarm of each watch, which tells the topic of alarms.
func newAlarms(stack awscdk.Stack, s settings, list []watch, topic awssns.Topic) []awscloudwatch.Alarm {
	alarms := make([]awscloudwatch.Alarm, len(list))
	for i, w := range list {
		comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
		if w.below {
			comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		}
		alarms[i] = awscloudwatch.NewAlarm(stack, jsii.String("Alarm-"+w.name), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(s.stackName + "-" + w.name),
			AlarmDescription:   jsii.String(w.means + " " + w.do),
			Metric:             w.metric,
			Threshold:          jsii.Number(w.threshold),
			ComparisonOperator: comparison,
			EvaluationPeriods:  jsii.Number(w.periods),
			DatapointsToAlarm:  jsii.Number(w.periods),
			TreatMissingData:   w.missing,
		})
		alarms[i].AddAlarmAction(awscloudwatchactions.NewSnsAction(topic))
	}
	return alarms
}
