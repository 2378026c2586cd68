package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ptcaudit/internal/config"
)

// settings are what a deployment can be told, read from the CDK's context:
// `--context KEY=VALUE`, or "context" in cdk.json.
type settings struct {
	stackName string
	policy    string

	schedule schedule
	timeZone string

	// subscriptions hear of findings, alarms of what is wrong with the auditor
	// itself.
	subscriptions []subscription
	alarms        []subscription
	minSeverity   string

	architecture   string
	memoryMB       int
	maxConcurrency int
	logLevel       string
	logDays        int

	evidenceDays int
	evidenceLock lock

	readSecrets bool
	createTrail bool
	dashboard   bool

	tags                  map[string]string
	terminationProtection bool
}

// key is one thing that can be set.
type key struct {
	name string
	// standard is the value that holds where none is given.
	standard string
	example  string
	doc      string
	set      func(s *settings, value string) error
}

// same, as the value of "alarms", stands for every address of the others.
const same = "same"

// keys are all keys, in the order in which the README lists them.
var keys = []key{
	{
		"policy", "default", "./acme.yaml",
		"A shipped policy (`default`, `strict`), or a file. It is compiled now; a broken one stops here with the errors that `policy lint` prints.",
		func(s *settings, v string) error { s.policy = v; return nil },
	},
	{
		email, "", "ops@example.com; lead@example.com severity=critical",
		"Mail addresses. Each may say `severity=LOWEST` and `status=ONE,OTHER` after it; several are separated by semicolons. SNS mails each a link that must be followed first.",
		setSubscriptions(email),
	},
	{
		https, "", "https://hooks.example.com/ptc status=FAILED,COULD_NOT_AUDIT",
		"Addresses that are posted to, written as those of `email`. Each must confirm its subscription.",
		setSubscriptions(https),
	},
	{
		sqs, "", "arn:aws:sqs:eu-west-1:111122223333:tickets severity=high",
		"ARNs of queues, written as those of `email`. The queue's own IAM policy must let the topic send to it.",
		setSubscriptions(sqs),
	},
	{
		"alarms", same, "oncall@example.com",
		"Who hears that the auditor itself is in trouble: `same`, for all addresses above, or addresses of any of the three kinds, without filters.",
		func(s *settings, v string) (err error) {
			if v != same {
				s.alarms, err = parseSubscriptions(v)
			}
			return err
		},
	},
	{
		"minSeverity", string(config.DefaultMinSeverity), "high",
		"Failures below it are not said to anybody. What could not be audited always is.",
		func(s *settings, v string) error { s.minSeverity = v; return checkVariable(config.KeyMinSeverity, v) },
	},
	{
		"schedule", "rate(6 hours)", "cron(0 6,18 * * ? *)",
		"When everything is audited without any change: `rate(…)` or `cron(…)` of EventBridge Scheduler, at least every 67 hours.",
		func(s *settings, v string) (err error) { s.schedule, err = parseSchedule(v); return err },
	},
	{
		"timeZone", "UTC", "Europe/Vienna",
		"The time zone of a `cron(…)` schedule.",
		func(s *settings, v string) error {
			s.timeZone = v
			_, err := time.LoadLocation(v)
			return err
		},
	},
	{
		"readSecrets", "false", "true",
		"Lets the function read the values of secrets under `ecr-pullthroughcache/`. Leave it off unless ECR's validation is refused without; whether it ever is, AWS does not document.",
		func(s *settings, v string) error { return setBool(&s.readSecrets, v) },
	},
	{
		"createTrail", "false", "true",
		"Makes a CloudTrail trail. Changes are seen at once only where a trail logs; most accounts have one.",
		func(s *settings, v string) error { return setBool(&s.createTrail, v) },
	},
	{
		"dashboard", "true", "false",
		"Makes a CloudWatch dashboard.",
		func(s *settings, v string) error { return setBool(&s.dashboard, v) },
	},
	{
		"architecture", "arm64", "amd64",
		"Of the function. `make` sets it from `ARCH`.",
		func(s *settings, v string) error { s.architecture = v; return oneOf(v, "arm64", "amd64") },
	},
	{
		"memory", "256", "512",
		"Of the function, in MB; its share of a processor grows with it.",
		func(s *settings, v string) error { return setNumber(&s.memoryMB, v, 128, 10240) },
	},
	{
		"maxConcurrency", "2", "10",
		"How many copies of the function may run at once. One registry needs no more than two.",
		func(s *settings, v string) error { return setNumber(&s.maxConcurrency, v, 2, 1000) },
	},
	{
		"logLevel", "info", "debug",
		"Of the function: debug, info, warn or error.",
		func(s *settings, v string) error { s.logLevel = v; return checkVariable(config.KeyLogLevel, v) },
	},
	{
		"logDays", "90", "365",
		"How long logs are kept.",
		func(s *settings, v string) error {
			err := setNumber(&s.logDays, v, 1, 3653)
			if _, ok := retentions[s.logDays]; err == nil && !ok {
				err = fmt.Errorf("%q is none of %v", v, slices.Sorted(maps.Keys(retentions)))
			}
			return err
		},
	},
	{
		"evidenceDays", "400", "2555",
		"How long the report of each audit is kept. A year, as most who audit ask for, and a month to do it in.",
		func(s *settings, v string) error { return setNumber(&s.evidenceDays, v, 1, maxLockDays) },
	},
	{
		"evidenceLock", noLock, "governance 365 days",
		"For how long nobody may delete the report of an audit: `governance N days`, but for whoever may bypass that, or `compliance N days`, not even the account's root user, and no later deployment takes it back. At most `evidenceDays`.",
		func(s *settings, v string) (err error) { s.evidenceLock, err = parseLock(v); return err },
	},
	{
		"stackName", "ptcaudit", "ptcaudit-test",
		"The stack's name; names of alarms begin with it.",
		func(s *settings, v string) error {
			s.stackName = v
			if !stackName.MatchString(v) {
				return fmt.Errorf("%q: write letters, digits and hyphens, a letter first, at most 100", v)
			}
			return nil
		},
	},
	{
		"tags", "", "team=build; cost-center=42",
		"Tags of every resource.",
		setTags,
	},
	{
		"terminationProtection", "false", "true",
		"Refuses to delete the stack as long as it is set.",
		func(s *settings, v string) error { return setBool(&s.terminationProtection, v) },
	},
}

// parseSettings reads the context. Its error names every fault there is, one a
// line.
func parseSettings(context map[string]any) (settings, error) {
	var faults []error
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	for _, name := range slices.Sorted(maps.Keys(context)) {
		if !slices.Contains(names, name) && !isCDKs(name) {
			faults = append(faults, fmt.Errorf("context %s: no such key: did you mean %s?", name, config.Nearest(name, names)))
		}
	}
	var s settings
	for _, k := range keys {
		value, err := text(context[k.name])
		if err == nil {
			err = k.set(&s, cmp.Or(value, k.standard))
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("context %s: %w", k.name, err))
		}
	}
	if s.evidenceDays > 0 && s.evidenceLock.days > s.evidenceDays {
		faults = append(faults, fmt.Errorf("context evidenceLock: locks for %d days what evidenceDays has deleted after %d: S3 would hide it, and go on keeping it",
			s.evidenceLock.days, s.evidenceDays))
	}
	if value, _ := text(context["alarms"]); cmp.Or(value, same) == same {
		for _, sub := range s.subscriptions {
			s.alarms = append(s.alarms, subscription{protocol: sub.protocol, endpoint: sub.endpoint})
		}
	}
	return s, errors.Join(faults...)
}

// isCDKs says that a key belongs to the CDK: its own begin with @ or hold a
// colon, except for two that its CLI keeps in cdk.json.
func isCDKs(name string) bool {
	return strings.HasPrefix(name, "@") || strings.Contains(name, ":") ||
		name == "acknowledged-issue-numbers" || name == "cli-telemetry"
}

// text is a value of the context as --context would have given it; cdk.json
// can also hold booleans, numbers and lists.
func text(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			var err error
			if parts[i], err = text(element); err != nil {
				return "", err
			}
		}
		return strings.Join(parts, "; "), nil
	default:
		return "", errors.New("write a string, a number, true, false, or a list of strings")
	}
}

// stackName is what CloudFormation accepts, less what the names of alarms need:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
var stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,99}$`)

func setSubscriptions(protocol string) func(*settings, string) error {
	return func(s *settings, v string) error {
		list, err := parseSubscriptions(v)
		for _, sub := range list {
			if sub.protocol != protocol {
				return fmt.Errorf("%s belongs under %s", sub.endpoint, sub.protocol)
			}
		}
		s.subscriptions = append(s.subscriptions, list...)
		return err
	}
}

func setTags(s *settings, v string) error {
	s.tags = map[string]string{}
	for entry := range strings.SplitSeq(v, ";") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		name, value, ok := strings.Cut(entry, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.HasPrefix(strings.ToLower(name), "aws:") {
			return fmt.Errorf("%q: write NAME=VALUE; names that begin with aws: are AWS's own", entry)
		}
		s.tags[name] = value
	}
	return nil
}

// checkVariable has the function's own configuration judge what it will get.
func checkVariable(name, value string) error {
	_, err := config.Load([]string{name + "=" + value})
	if faults := config.Faults(err); len(faults) > 0 {
		return errors.New(faults[0].Advice)
	}
	return nil
}

func oneOf(value string, choices ...string) error {
	if !slices.Contains(choices, value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(choices, ", "))
	}
	return nil
}

func setBool(into *bool, value string) error {
	*into = value == "true"
	return oneOf(value, "true", "false")
}

func setNumber(into *int, value string, low, high int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return fmt.Errorf("%q: write a whole number from %d to %d", value, low, high)
	}
	*into = n
	return nil
}
