package handler

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"math"
	"time"

	"ptcaudit/internal/delivery"
	"ptcaudit/internal/metric"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// measure counts an audit whose report was delivered.
func (h *Handler) measure(r report.Report, took time.Duration) {
	succeeded, failed := int64(0), int64(0)
	if r.Complete {
		succeeded = 1
	}
	for _, n := range r.Summary.Failed {
		failed += int64(n)
	}
	h.count(r.Registry, map[string]any{metric.PropertyFailed: r.Summary.Failed},
		value{metric.AuditSucceeded, succeeded},
		value{metric.AuditIncomplete, 1 - succeeded},
		value{metric.FindingsFailed, failed},
		value{metric.DurationMs, took.Milliseconds()},
	)
}

// countAudience logs and counts that no one can hear the notifications, or that
// this is unknown.
func (h *Handler) countAudience(ctx context.Context, log *slog.Logger, r report.Report, result delivery.Result) {
	if result.Unheard {
		log.WarnContext(ctx, "notification not delivered: no topic has a confirmed subscriber")
		h.count(r.Registry, nil, value{metric.NotificationsUndelivered, int64(math.Floor(result.UnheardFor.Hours())) + 1})
	}
	if result.Uncounted != nil {
		log.WarnContext(ctx, "subscribers not counted", "reason", reason(result.Uncounted))
		h.count(r.Registry, nil, value{metric.SubscribersUnknown, 1})
	}
}

// value is one metric and its value.
type value struct {
	name  string
	value int64
}

// count writes metrics as one line of CloudWatch's embedded metric format. The
// line also holds properties, and the registry:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (h *Handler) count(reg ptc.Registry, properties map[string]any, values ...value) {
	if h.Metrics == nil {
		return
	}
	type definition struct{ Name, Unit string }
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	definitions := make([]definition, len(values))
	for i, v := range values {
		definitions[i] = definition{v.name, metric.Unit(v.name)}
	}
	line := map[string]any{
		"_aws": map[string]any{
			"Timestamp":         h.now().UnixMilli(),
			"CloudWatchMetrics": []directive{{metric.Namespace, [][]string{{metric.DimensionFunction}}, definitions}},
		},
		metric.DimensionFunction: h.Function,
		metric.PropertyAccount:   reg.Account,
		metric.PropertyRegion:    reg.Region,
	}
	maps.Copy(line, properties)
	for _, v := range values {
		line[v.name] = v.value
	}
	encoded, err := json.Marshal(line)
	if err != nil {
		return // only numbers and plain text are in it
	}
	// A lost metric is no reason to retry, and so to notify again.
	_, _ = h.Metrics.Write(append(encoded, '\n'))
}
