package handler

import (
	"encoding/json"
	"time"

	"ptcaudit/internal/report"
)

// Namespace and names of the metrics, which the deployment's alarms watch.
const (
	Namespace             = "ptcaudit"
	MetricAuditSucceeded  = "AuditSucceeded"
	MetricAuditIncomplete = "AuditIncomplete"
	MetricFindingsFailed  = "FindingsFailed"
	MetricDuration        = "DurationMs"
)

// measure writes the metrics of an audit that ran to its end and said what it
// had to, as one line of CloudWatch's embedded metric format, once over all
// registries and once for each:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (h *Handler) measure(r report.Report, took time.Duration) {
	if h.Metrics == nil {
		return
	}
	type metric struct{ Name, Unit string }
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []metric
	}
	line := map[string]any{
		"_aws": map[string]any{
			"Timestamp": h.now().UnixMilli(),
			"CloudWatchMetrics": []directive{{Namespace, [][]string{{}, {"account", "region"}}, []metric{
				{MetricAuditSucceeded, "Count"},
				{MetricAuditIncomplete, "Count"},
				{MetricFindingsFailed, "Count"},
				{MetricDuration, "Milliseconds"},
			}}},
		},
		"account":             r.Registry.Account,
		"region":              r.Registry.Region,
		MetricAuditSucceeded:  0,
		MetricAuditIncomplete: 0,
		MetricFindingsFailed:  0,
		MetricDuration:        took.Milliseconds(),
	}
	failed := 0
	for _, n := range r.Summary.Failed {
		failed += n
	}
	line[MetricFindingsFailed] = failed
	if r.Complete {
		line[MetricAuditSucceeded] = 1
	} else {
		line[MetricAuditIncomplete] = 1
	}
	encoded, err := json.Marshal(line)
	if err != nil {
		return // only numbers and plain text are in it
	}
	// A metric that cannot be written is no reason to say anything again.
	_, _ = h.Metrics.Write(append(encoded, '\n'))
}
