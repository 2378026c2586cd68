package handler

// Messages of the log that others search for: the stories on a local cloud, and
// who operates the function.
const (
	// LogDelivered: the report is stored, and what is new was notified.
	LogDelivered = "report delivered"
	// LogRetried: the audit was not delivered, and its messages come back.
	LogRetried = "audit will be retried"
	// LogNotPublished: SNS did not accept the notification.
	LogNotPublished = "notification not published"
	// LogMessageRetried: the queue delivers the message again.
	LogMessageRetried = "message will be retried"
)
