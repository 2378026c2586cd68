package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/report"
)

func TestDefaultsAndExamplesAreValid(t *testing.T) {
	for _, k := range keys {
		for what, value := range map[string]string{"standard": k.standard, "example": k.example} {
			if err := k.set(&settings{}, value); err != nil {
				t.Errorf("%s: the %s %q is invalid: %v", k.name, what, value, err)
			}
		}
		if k.example == k.standard || k.doc == "" {
			t.Errorf("%s: it needs an example that differs from %q, and a description", k.name, k.standard)
		}
	}
}

// settingsOf reads a context without a settings file. If the context has no
// subscriber, it says so.
func settingsOf(context map[string]any) (settings, error) {
	return loadSettings(withoutFile(context))
}

func withoutFile(context map[string]any) map[string]any {
	context = maps.Clone(context)
	if context == nil {
		context = map[string]any{}
	}
	if context[settingsKey] == nil {
		context[settingsKey] = noSettings
	}
	if value, _ := text(context[email]); value == "" && context[https] == nil && context[sqs] == nil {
		context[email] = noSubscribers
	}
	return context
}

// A deployment that notifies no one must be intended.
func TestSubscribersAreRequired(t *testing.T) {
	const want = "context email: no one would be notified: set email, https, sqs or chat, or set email to none"
	for name, tt := range map[string]struct {
		context map[string]any
		err     string
	}{
		"nothing":           {map[string]any{}, want},
		"alarms only":       {map[string]any{"alarms": "oncall@example.com"}, want},
		"empty":             {map[string]any{"email": "", "sqs": " "}, want},
		"mail":              {map[string]any{"email": "ops@example.com"}, ""},
		"a queue":           {map[string]any{"sqs": tickets}, ""},
		"none":              {map[string]any{"email": "none"}, ""},
		"none, and a queue": {map[string]any{"email": "none", "sqs": tickets}, ""},
		"none twice":        {map[string]any{"email": "none; none"}, `context email: invalid address "none": use a mail address`},
	} {
		tt.context[settingsKey] = noSettings
		switch _, err := loadSettings(tt.context); {
		case tt.err == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v, want %q only", name, err, tt.err)
		}
	}
}

func TestSettings(t *testing.T) {
	tests := []struct {
		name    string
		context map[string]any
		check   func(s settings) any
		want    any
	}{
		{
			"nothing is set",
			map[string]any{},
			func(s settings) any {
				return []any{s.policy, s.schedule.expression, s.architecture, s.memoryMB, s.dashboard, s.readSecrets, len(s.subscriptions), len(s.alarms)}
			},
			[]any{"default", "rate(6 hours)", "arm64", 256, true, false, 0, 0},
		},
		{
			"empty means not set",
			map[string]any{"policy": "", "email": " ", "memory": ""},
			func(s settings) any { return []any{s.policy, len(s.subscriptions), s.memoryMB} },
			[]any{"default", 0, 256},
		},
		{
			"values from cdk.json have types, values from the command line are strings",
			map[string]any{"memory": float64(512), "dashboard": false, "createTrail": "true"},
			func(s settings) any { return []any{s.memoryMB, s.dashboard, s.createTrail} },
			[]any{512, false, true},
		},
		{
			"addresses as a list or as one string",
			map[string]any{"email": []any{"a@example.com", "b@example.com severity=high"}, "https": "https://x.example.com/?a=b; https://y.example.com/"},
			func(s settings) any {
				var out []string
				for _, sub := range s.subscriptions {
					out = append(out, sub.protocol+" "+sub.endpoint)
				}
				return out
			},
			[]string{"email a@example.com", "email b@example.com", "https https://x.example.com/?a=b", "https https://y.example.com/"},
		},
		{
			"a severity includes those above it",
			map[string]any{"email": "a@example.com severity=high status=FAILED,COULD_NOT_AUDIT"},
			func(s settings) any { return [][]string{s.subscriptions[0].severities, s.subscriptions[0].statuses} },
			[][]string{{"high", "critical"}, {"FAILED", "COULD_NOT_AUDIT"}},
		},
		{
			"alarms go to the same addresses, unfiltered",
			map[string]any{"email": "a@example.com severity=high"},
			func(s settings) any { return s.alarms[0].severities == nil && s.alarms[0].endpoint == "a@example.com" },
			true,
		},
		{
			"alarms go to other addresses",
			map[string]any{"email": "a@example.com", "alarms": "https://x.example.com"},
			func(s settings) any { return []any{len(s.alarms), s.alarms[0].protocol} },
			[]any{1, https},
		},
		{
			"tags",
			map[string]any{"tags": "team=build; cost center = 42;"},
			func(s settings) any { return s.tags },
			map[string]string{"team": "build", "cost center": "42"},
		},
		{
			"keys of the CDK are ignored",
			map[string]any{"aws:cdk:bundling-stacks": []any{"**"}, "@aws-cdk/core:x": true, "cli-telemetry": false},
			func(s settings) any { return s.policy },
			"default",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := settingsOf(tt.context)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tt.check(s)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAllFaultsOfAContextAreReported(t *testing.T) {
	_, err := settingsOf(map[string]any{
		"emial":          "a@example.com",
		"POLICY":         "strict",
		"email":          "operations",
		"https":          "http://plain.example.com",
		"sqs":            "arn:aws:sqs:eu-west-1:111122223333:queue.fifo",
		"alarms":         "a@example.com; a@example.com",
		"minSeverity":    "severe",
		"schedule":       "rate(68 hours)",
		"timeZone":       "Europe/Wien",
		"readSecrets":    "yes",
		"architecture":   "x86_64",
		"memory":         float64(64),
		"maxConcurrency": 1.5,
		"logLevel":       "chatty",
		"logDays":        "8",
		"scheduleWindow": "1441",
		"callTimeout":    "10",
		"concurrency":    "51",
		"rolePath":       "auditors",
		"findingsKey":    "alias/mine",
		"alarmsKey":      "1234abcd-12ab-34cd-56ef-1234567890ab",

		"permissionsBoundary": "boundary",
		"evidenceDays":        float64(180),
		"evidenceLock":        "compliance 181 days",
		"stackName":           "my_stack",
		"tags":                map[string]any{"team": "build"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		"context POLICY: unknown key: did you mean policy?",
		"context emial: unknown key: did you mean email?",
		`context email: invalid address "operations": use a mail address`,
		`context https: invalid address "http://plain.example.com": use`,
		`context sqs: invalid address "arn:aws:sqs:eu-west-1:111122223333:queue.fifo": use`,
		"context alarms: a@example.com is listed twice: ",
		`context minSeverity: `,
		`context schedule: schedule "rate(68 hours)" has up to 68 hours between two audits`,
		`context timeZone: unknown time zone "Europe/Wien": use an IANA name`,
		`context readSecrets: unknown value "yes": use true or false`,
		`context architecture: unknown value "x86_64": use arm64 or amd64`,
		`context memory: invalid number "64": use a whole number from 128 to 10240`,
		`context maxConcurrency: invalid number "1.5": use a whole number from 2 to 1000`,
		`context logLevel: `,
		`context logDays: unsupported number of days 8: use one of [7 14 30`,
		`context scheduleWindow: invalid number "1441": use a whole number from 0 to 1440`,
		`context callTimeout: invalid value "10": use a duration`,
		`context concurrency: invalid value "51": use a whole number from 1 to 50`,
		`context permissionsBoundary: invalid value "boundary": use arn:aws:iam::`,
		`context rolePath: invalid value "auditors": begin and end it with /`,
		`context findingsKey: invalid value "alias/mine": use arn:aws:kms:`,
		`context alarmsKey: invalid value "1234abcd-12ab-34cd-56ef-1234567890ab": use arn:aws:kms:`,
		`context stackName: invalid stack name "my_stack": use letters, digits and hyphens`,
		"context evidenceLock: 181 days are more than evidenceDays (180)",
		"context tags: unsupported type: use a string, a number, true, false, or a list of strings",
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("%d lines, want %d:\n%v", len(lines), len(want), err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("missing: %s\nin:\n%v", w, err)
		}
	}
}

func TestInvalidSubscriptions(t *testing.T) {
	for value, want := range map[string]string{
		"a@example.com severity=severe":   "severity",
		"a@example.com status=BROKEN":     "BROKEN",
		"a@example.com status=failed":     "failed",
		"a@example.com high":              "severity=LOWEST",
		"a@example.com, b@example.com":    "a@example.com,",
		"a@b":                             "invalid address",
		"https://":                        "invalid address",
		"mailto:a@example.com":            "invalid address",
		"arn:aws:sns:eu-west-1:1:topic":   "invalid address",
		"a@example.com; x; b@example.com": `"x"`,
	} {
		if got, err := parseSubscriptions(value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", value, got, err, want)
		}
	}
}

func TestStatusesAreThoseOfNotifications(t *testing.T) {
	all := report.Notification{
		New: []report.Finding{{}}, Altered: []report.Finding{{}}, Resolved: []report.Finding{{}},
		Reminded: []report.Finding{{}}, Undecided: []report.Finding{{}},
	}
	if diff := cmp.Diff(all.Statuses(), statuses); diff != "" {
		t.Errorf("(-notifications +infra)\n%s", diff)
	}
}

func TestSchedule(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		expression string
		gap        time.Duration
		heartbeat  int // hours
	}{
		{"rate(1 minute)", time.Minute, 1},
		{"rate(30 minutes)", 30 * time.Minute, 2},
		{"rate(1 hour)", time.Hour, 3},
		{"rate(6 hours)", 6 * time.Hour, 15},
		{"rate(1 day)", day, 60},
		{"rate(67 hours)", 67 * time.Hour, 168},
		{"cron(0 6 ? * * *)", day, 60},
		{"cron(0 6 * * ? *)", day, 60},
		{"cron(15 */6 * * ? *)", 6 * time.Hour, 15},
		{"cron(0 8,20 ? * * *)", 12 * time.Hour, 30},
		{"cron(0/20 * * * ? *)", 20 * time.Minute, 1},
		{"cron(0 8-18/2 * * ? *)", 14 * time.Hour, 35},
		{"cron(0 6 ? * MON,WED,FRI,SUN *)", 2 * day, 120},
		{"cron(0 6,18 ? * mon-fri *)", 60 * time.Hour, 150},
		{"cron(0 0 1/2 * ? *)", 2 * day, 120},
		{"cron(59 23 ? JAN-DEC 1-7 *)", day, 60},
	}
	for _, tt := range tests {
		t.Run(tt.expression, func(t *testing.T) {
			s, err := parseSchedule(tt.expression)
			if err != nil {
				t.Fatal(err)
			}
			if s.gap != tt.gap || s.heartbeatHours() != tt.heartbeat {
				t.Errorf("gap %v, heartbeat %d h; want %v, %d h", s.gap, s.heartbeatHours(), tt.gap, tt.heartbeat)
			}
		})
	}
}

// A window makes the longest time between two audits longer.
func TestScheduleWindow(t *testing.T) {
	tests := []struct {
		schedule, window string
		gap              time.Duration
		err              string
	}{
		{"rate(6 hours)", "60", 7 * time.Hour, ""},
		{"rate(6 hours)", "360", 12 * time.Hour, ""},
		{"rate(66 hours)", "60", 67 * time.Hour, ""},
		{"rate(67 hours)", "60", 0, "has up to 68 hours between two audits"},
		{"rate(30 minutes)", "31", 0, "31 minutes are longer than the time between two audits (30m0s): use at most 30"},
	}
	for _, tt := range tests {
		t.Run(tt.schedule+" "+tt.window, func(t *testing.T) {
			s, err := settingsOf(map[string]any{"schedule": tt.schedule, "scheduleWindow": tt.window})
			switch {
			case tt.err == "" && (err != nil || s.schedule.gap != tt.gap):
				t.Errorf("gap %v, %v; want %v", s.schedule.gap, err, tt.gap)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), "context scheduleWindow: ") || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestInvalidSchedules(t *testing.T) {
	for expression, want := range map[string]string{
		"rate(68 hours)":             "audit at least every 67 hours",
		"rate(3 days)":               "CloudWatch supports 168",
		"cron(0 6 ? * MON-FRI *)":    "up to 72 hours", // over the weekend
		"cron(0 6 ? * MON *)":        "up to 168 hours",
		"cron(0 6 1 * ? *)":          "up to 744 hours",
		"cron(0 6 31 2 ? *)":         "it never runs",
		"cron(0 6 29 2 ? *)":         "up to 35064 hours",
		"cron(0 6 * * ? 2027)":       "the year must be *",
		"cron(0 6 * * * *)":          "to ?",
		"cron(0 6 ? * ? *)":          "to ?",
		"cron(0 6 * * ?)":            "it has 5 fields: use 6",
		"cron(0 6 L * ? *)":          `invalid value "L": use 1 to 31`,
		"cron(0 6 ? * MON#1 *)":      `"MON#1"`,
		"cron(60 6 * * ? *)":         "use 0 to 59",
		"cron(0 6/0 * * ? *)":        "step",
		"cron(0 18-6 * * ? *)":       "ends before it begins",
		"rate(0 hours)":              "for example rate(6 hours)",
		"rate(1 hours)":              "singular",
		"rate(2 hour)":               "singular",
		"rate(99999999999 minutes)":  "for example rate(6 hours)",
		"at(2027-01-01T00:00:00)":    "for example rate(6 hours)",
		"every 6 hours":              "for example rate(6 hours)",
		"":                           "for example rate(6 hours)",
		"rate(6 hours) rate(1 hour)": "for example rate(6 hours)",
	} {
		if got, err := parseSchedule(expression); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", expression, got, err, want)
		}
	}
}

// A failure that persists is notified again by the audit nearest to a week later.
func TestRemindAfter(t *testing.T) {
	for expression, want := range map[string]time.Duration{
		"rate(1 minute)":                  7*24*time.Hour - 30*time.Second,
		"rate(6 hours)":                   165 * time.Hour,
		"rate(1 day)":                     156 * time.Hour,
		"rate(67 hours)":                  134*time.Hour + 30*time.Minute,
		"cron(0 6,18 ? * mon-fri *)":      138 * time.Hour,
		"cron(0 6 ? * MON,WED,FRI,SUN *)": 144 * time.Hour,
	} {
		s, err := parseSchedule(expression)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.remindAfter(); got != want {
			t.Errorf("%s: after %v, want %v", expression, got, want)
		}
	}
}

func TestLocks(t *testing.T) {
	for value, want := range map[string]lock{
		"off":                   {},
		"governance 1 day":      {"governance", 1},
		"compliance 365 days":   {"compliance", 365},
		"governance 36500 days": {"governance", 36500},
	} {
		if got, err := parseLock(value); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", value, got, err, want)
		}
	}
	for _, value := range []string{
		"", "on", "governance", "365 days", "governance 0 days", "governance 365", "GOVERNANCE 365 days", "legal hold",
		"compliance 36501 days", "compliance 1 year", "compliance 99999999999999999999 days",
	} {
		if got, err := parseLock(value); err == nil || !strings.Contains(err.Error(), value) {
			t.Errorf("%q: %+v, %v; want an error", value, got, err)
		}
	}
	// Evidence can be locked as long as it is kept.
	if _, err := settingsOf(map[string]any{"evidenceDays": "365", "evidenceLock": "compliance 365 days"}); err != nil {
		t.Error(err)
	}
}

// FuzzSchedule searches for expressions that panic, or pass with an alarm that
// CloudWatch does not support.
func FuzzSchedule(f *testing.F) {
	for _, seed := range []string{"rate(6 hours)", "cron(0 8-18/2 ? JAN MON,WED *)", "cron(0/20 * 1/2 * ? *)", "cron(59 23 31 * ? *)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := parseSchedule(expression)
		if err == nil && (s.heartbeatHours() < 1 || s.heartbeatHours() > maxHeartbeatHours) {
			t.Errorf("%q: a heartbeat of %d hours", expression, s.heartbeatHours())
		}
	})
}

// FuzzSubscriptions searches for values that panic, or pass but are not addresses.
func FuzzSubscriptions(f *testing.F) {
	for _, k := range keys {
		f.Add(k.example)
	}
	f.Fuzz(func(t *testing.T, value string) {
		list, err := parseSubscriptions(value)
		if err != nil {
			return
		}
		for _, s := range list {
			if s.protocol == "" || strings.ContainsAny(s.endpoint, " \t\n;") {
				t.Errorf("%q passes as %+v", value, s)
			}
		}
	})
}
