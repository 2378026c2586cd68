package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/metric"
	"ptcaudit/internal/report"
)

// newDashboard creates the dashboard: whether audits run, what they find, and
// what waits in the queues.
func newDashboard(stack awscdk.Stack, s settings, q queues, function awslambda.Function, logs awslogs.LogGroup, alarms []awscloudwatch.Alarm) {
	refs := make([]interfacesawscloudwatch.IAlarmRef, len(alarms))
	for i, alarm := range alarms {
		refs[i] = alarm
	}
	var failed []string
	for _, severity := range report.Severities() {
		failed = append(failed, metric.PropertyFailed+"."+string(severity))
	}
	letters := []awscloudwatch.IMetric{waiting(q.dead), waiting(q.undelivered)}
	if q.unsent != nil {
		letters = append(letters, waiting(q.unsent))
	}
	awscloudwatch.NewDashboard(stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		// A dashboard's name must be unique in the account, not only in the Region.
		DashboardName: jsii.String(s.stackName + "-" + *stack.Region()),
		Widgets: &[]*[]awscloudwatch.IWidget{
			{
				awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
					Title: jsii.String("Alarms (heartbeat: no audit succeeds)"), Alarms: &refs,
					Width: jsii.Number(24), Height: jsii.Number(4),
				}),
			},
			{
				graph("Audits per hour", ours(function, metric.AuditSucceeded, "Sum"), ours(function, metric.AuditIncomplete, "Sum"), ours(function, metric.NotificationsFailed, "Sum")),
				awscloudwatch.NewLogQueryWidget(&awscloudwatch.LogQueryWidgetProps{
					Title:         jsii.String("Failures by severity in the latest audits"),
					LogGroupNames: &[]*string{logs.LogGroupName()},
					View:          awscloudwatch.LogQueryVisualizationType_TABLE,
					Width:         jsii.Number(12), Height: jsii.Number(6),
					QueryLines: jsii.Strings(
						"filter ispresent("+metric.FindingsFailed+")",
						"fields @timestamp, "+strings.Join(failed, ", "),
						"sort @timestamp desc",
						"limit 20",
					),
				}),
			},
			{
				graph("Duration of audits (ms)", function.MetricDuration(asA("Maximum", alarmMinutes)), ours(function, metric.DurationMs, "Maximum")),
				graph("Age of the oldest request (s)", q.requests.MetricApproximateAgeOfOldestMessage(asA("Maximum", alarmMinutes))),
			},
			{
				graph("Failures in the latest audits", ours(function, metric.FindingsFailed, "Maximum")),
				graph("Dead letters", letters...),
			},
		},
	})
}

func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Left: &metrics, Width: jsii.Number(12), Height: jsii.Number(6),
	})
}
