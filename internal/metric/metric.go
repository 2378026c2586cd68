// Package metric names the CloudWatch metrics of the function, so that what
// the function counts and what the deployment's alarms watch cannot differ. It
// holds constants only and imports nothing.
package metric

// Namespace holds all metrics of the function.
const Namespace = "ptcaudit"

// The metrics. Each is recorded once, with DimensionFunction.
const (
	// AuditSucceeded is 1 for a complete audit and 0 for an incomplete one.
	AuditSucceeded = "AuditSucceeded"
	// AuditIncomplete is 1 for an incomplete audit and 0 for a complete one.
	AuditIncomplete = "AuditIncomplete"
	// FindingsFailed is how many findings of an audit fail and are not waived.
	FindingsFailed = "FindingsFailed"
	// DurationMs is how long an audit took, notification included.
	DurationMs = "DurationMs"
	// NotificationsFailed is 1 for a notification that could not be published.
	NotificationsFailed = "NotificationsFailed"
	// NotificationsUndelivered is for how many hours, rounded up, no topic has had a
	// confirmed subscriber although something was to be notified. It is at least 1.
	NotificationsUndelivered = "NotificationsUndelivered"
	// SubscribersUnknown is 1 for an audit that could not count the subscribers of a
	// topic.
	SubscribersUnknown = "SubscribersUnknown"
	// OutOfScope is how many messages of an invocation name a registry of an
	// account that the function does not audit.
	OutOfScope = "OutOfScope"
)

// DimensionFunction is the only dimension: the name of the Lambda function. It
// keeps two deployments in one account and Region apart.
const DimensionFunction = "function"

// The properties in a log line of metrics. They are for queries of the log only,
// because each further dimension or metric costs money.
const (
	PropertyAccount = "account"
	PropertyRegion  = "region"
	// PropertyFailed has the failures of an audit by severity.
	PropertyFailed = "failed"
)

// Units are those of CloudWatch:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
const (
	UnitCount        = "Count"
	UnitMilliseconds = "Milliseconds"
)

// Unit returns the unit in which a metric is recorded.
func Unit(name string) string {
	if name == DurationMs {
		return UnitMilliseconds
	}
	return UnitCount
}
