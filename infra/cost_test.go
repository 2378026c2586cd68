package main

import (
	"fmt"
	"strings"
	"testing"
)

// The list prices of us-east-1 in US dollars, without the free tier. The README's
// table is computed from these constants only.
const (
	pricePerKey          = 1.00 // a month
	pricePerAlarm        = 0.10 // a month
	pricePerMetric       = 0.30 // a month with data in every hour
	pricePerDashboard    = 3.00 // a month
	pricePerMillionSQS   = 0.40
	pricePerGBSecond     = 0.0000133334 // Lambda on arm64
	pricePerGBLog        = 0.50
	pricePerMillionGet   = 0.40 // S3
	pricePerMillionPut   = 5.00
	pricePerGBMonth      = 0.023
	pricePerMillionTimes = 1.00 // EventBridge Scheduler
)

// What a deployment does in a month of 30 days.
const (
	monthHours      = 30 * 24
	scheduledAudits = 4 * 30
	audits          = scheduledAudits + 30 // and one change a day
	auditSeconds    = 2
	memoryGB        = 0.25
	logKB           = 3  // of an audit
	evidenceKB      = 34 // of an audit of 50 rules
	ledgerKB        = 76 // of 50 failing rules
	evidenceMonths  = 400.0 / 30
	stateMonths     = ledgerDays / 30.0
	// A queue without traffic is polled five times every 20 seconds.
	polls = 5 * 3 * 60 * monthHours
	// metricNames are recorded by each audit: succeeded, incomplete, failed and
	// duration. The others are recorded only if something fails.
	metricNames = 4
)

// costTable is the README's table of costs, for a deployment with this many alarms.
func costTable(alarms int) string {
	const kb, million = 1e-6, 1e-6
	rows := []struct {
		what, calculation string
		price             float64
	}{
		{"keys", "2 × 1.00: one for findings, one for alarms (each rotation adds 1.00 to a key, for the first two years); 0 with `findingsKey` and `alarmsKey`", 2 * pricePerKey},
		{"alarms", fmt.Sprintf("%d × %.2f (%d with a queue or an https address)", alarms, pricePerAlarm, alarms+1), float64(alarms) * pricePerAlarm},
		{"metrics", fmt.Sprintf("%d × %.2f, for the %d of %d hours that have data", metricNames, pricePerMetric, audits, monthHours), metricNames * pricePerMetric * audits / monthHours},
		{"dashboard", "1 × 3.00; the first three of an account are free; `dashboard=false` creates none", pricePerDashboard},
		{"queue", fmt.Sprintf("Lambda polls it 5 times every 20 s: %d requests × %.2f per million; the first million is free", polls, pricePerMillionSQS), polls * million * pricePerMillionSQS},
		{"function", fmt.Sprintf("%d × %d s × %.2f GB × 0.0000133", audits, auditSeconds, memoryGB), audits * auditSeconds * memoryGB * pricePerGBSecond},
		{"log", fmt.Sprintf("%d × %d KB × %.2f per GB", audits, logKB, pricePerGBLog), audits * logKB * kb * pricePerGBLog},
		{"S3 requests", fmt.Sprintf("%d × (1 GET × %.2f per million + 2 PUT × %.2f per million); 1 more PUT for each notification", audits, pricePerMillionGet, pricePerMillionPut), audits * million * (pricePerMillionGet + 2*pricePerMillionPut)},
		{"S3, evidence", fmt.Sprintf("%d × %d KB for audits of 50 rules × %.1f months × %.3f per GB", audits, evidenceKB, evidenceMonths, pricePerGBMonth), audits * evidenceKB * kb * evidenceMonths * pricePerGBMonth},
		{"S3, state", fmt.Sprintf("%d versions × %d KB with 50 failing rules × %.0f months × %.3f per GB", audits, ledgerKB, stateMonths, pricePerGBMonth), audits * ledgerKB * kb * stateMonths * pricePerGBMonth},
		{"mail", "a few; 2.00 per 100,000", 0},
		{"events", fmt.Sprintf("AWS's own are free; %d of EventBridge Scheduler × %.2f per million", scheduledAudits, pricePerMillionTimes), scheduledAudits * million * pricePerMillionTimes},
	}
	var b strings.Builder
	b.WriteString("| what | calculation | $ |\n|---|---|---|\n")
	total := 0.0
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %.2f |\n", r.what, r.calculation, r.price)
		total += r.price
	}
	fmt.Fprintf(&b, "| **total** | | **%.2f** |\n", total)
	fmt.Fprintf(&b, "| %s | | %.2f |\n", withoutDashboard, total-pricePerDashboard)
	return b.String()
}

const withoutDashboard = "total without the dashboard"

// The README of the project has the same total.
func TestCostInTheProjectsREADME(t *testing.T) {
	_, rest, _ := strings.Cut(string(read(readme)), "| "+withoutDashboard+" | | ")
	total, _, _ := strings.Cut(rest, " ")
	if want := "about $" + total + " a month"; total == "" || !strings.Contains(string(read("../README.md")), want) {
		t.Errorf("the project's README lacks %q", want)
	}
}
