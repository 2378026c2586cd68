package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"ptcaudit/internal/report"
)

// The supported protocols of a subscription, by their names in SNS.
const (
	email = "email"
	https = "https"
	sqs   = "sqs"
)

// subscription is an address and its filters.
type subscription struct {
	protocol string
	endpoint string
	// severities and statuses filter the notifications; empty means all.
	severities []string
	statuses   []string
}

// statuses are all statuses of a notification.
var statuses = []report.Status{report.CouldNotAudit, report.Failed, report.Changed, report.Reminder, report.Resolved}

// queueARN matches the ARN of a standard queue. A standard topic cannot deliver
// to a FIFO queue.
// https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
var queueARN = regexp.MustCompile(`^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$`)

// protocolOf returns the protocol for an endpoint, or "" if the endpoint is not
// valid.
func protocolOf(endpoint string) string {
	name, domain, _ := strings.Cut(endpoint, "@")
	switch u, err := url.Parse(endpoint); {
	case queueARN.MatchString(endpoint):
		return sqs
	case err == nil && u.Scheme == "https" && u.Host != "":
		return https
	case name != "" && strings.Contains(domain, ".") && !strings.ContainsAny(name+domain, "@/:,"):
		return email
	}
	return ""
}

// parseSubscriptions parses "ENDPOINT [severity=S] [status=A,B]", separated by
// semicolons.
func parseSubscriptions(value string) ([]subscription, error) {
	var out []subscription
	for entry := range strings.SplitSeq(value, ";") {
		words := strings.Fields(entry)
		if len(words) == 0 {
			continue
		}
		s := subscription{endpoint: words[0], protocol: protocolOf(words[0])}
		if s.protocol == "" {
			return nil, fmt.Errorf("invalid address %q: use a mail address, an https:// URL or the ARN of a standard SQS queue", words[0])
		}
		for _, word := range words[1:] {
			if err := s.filter(word); err != nil {
				return nil, fmt.Errorf("%s: %w", s.endpoint, err)
			}
		}
		if slices.ContainsFunc(out, func(o subscription) bool { return o.endpoint == s.endpoint }) {
			return nil, fmt.Errorf("%s is listed twice: SNS supports one subscription for each address", s.endpoint)
		}
		out = append(out, s)
	}
	return out, nil
}

// filter parses one filter and adds it to the subscription.
func (s *subscription) filter(word string) error {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "severity":
		least, err := report.ParseSeverity(value)
		if err != nil {
			return err
		}
		for _, severity := range report.Severities() {
			if severity.AtLeast(least) {
				s.severities = append(s.severities, string(severity))
			}
		}
	case "status":
		for status := range strings.SplitSeq(value, ",") {
			if !slices.Contains(statuses, report.Status(status)) {
				return fmt.Errorf("unknown status %q: use one of %v", status, statuses)
			}
			s.statuses = append(s.statuses, status)
		}
	default:
		return fmt.Errorf("unknown filter %q: use severity=LOWEST or status=ONE,OTHER", word)
	}
	return nil
}
