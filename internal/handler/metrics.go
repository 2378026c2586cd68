package handler

import (
	"encoding/json"
	"maps"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Namespace and names of the metrics, which the deployment's alarms watch.
const (
	Namespace                 = "ptcaudit"
	MetricAuditSucceeded      = "AuditSucceeded"
	MetricAuditIncomplete     = "AuditIncomplete"
	MetricFindingsFailed      = "FindingsFailed"
	MetricDuration            = "DurationMs"
	MetricNotificationsFailed = "NotificationsFailed"
)

// PropertyFailed counts failures by severity. It stands in the line of an
// audit's metrics, and is none.
const PropertyFailed = "failed"

// measure counts an audit that ran to its end and said what it had to.
func (h *Handler) measure(r report.Report, took time.Duration) {
	succeeded, failed := int64(0), int64(0)
	if r.Complete {
		succeeded = 1
	}
	for _, n := range r.Summary.Failed {
		failed += int64(n)
	}
	// By severity for queries of the log only: each more metric would cost.
	h.count(r.Registry, map[string]any{PropertyFailed: r.Summary.Failed},
		metric{MetricAuditSucceeded, "Count", succeeded},
		metric{MetricAuditIncomplete, "Count", 1 - succeeded},
		metric{MetricFindingsFailed, "Count", failed},
		metric{MetricDuration, "Milliseconds", took.Milliseconds()},
	)
}

type metric struct {
	Name  string
	Unit  string
	value int64
}

// count writes metrics as one line of CloudWatch's embedded metric format, to
// be counted once over all registries and once for each; properties stand
// beside them:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (h *Handler) count(reg ptc.Registry, properties map[string]any, metrics ...metric) {
	if h.Metrics == nil {
		return
	}
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []metric
	}
	line := map[string]any{
		"_aws": map[string]any{
			"Timestamp":         h.now().UnixMilli(),
			"CloudWatchMetrics": []directive{{Namespace, [][]string{{}, {"account", "region"}}, metrics}},
		},
		"account": reg.Account,
		"region":  reg.Region,
	}
	maps.Copy(line, properties)
	for _, m := range metrics {
		line[m.Name] = m.value
	}
	encoded, err := json.Marshal(line)
	if err != nil {
		return // only numbers and plain text are in it
	}
	// A metric that cannot be written is no reason to say anything again.
	_, _ = h.Metrics.Write(append(encoded, '\n'))
}
