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

	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/config"
)

// settings configure a deployment. They are read from the settings file and the
// CDK's context: `--context KEY=VALUE`, or "context" in cdk.json.
type settings struct {
	stackName string
	policy    string

	schedule schedule
	timeZone string

	// subscriptions get the findings; alarms get the alarms of the auditor
	// itself.
	subscriptions []subscription
	alarms        []subscription
	minSeverity   string
	// records and chat create topics without a subscription.
	records, chat bool
	// noSubscribers allows that there are no subscriptions.
	noSubscribers bool

	architecture   string
	memoryMB       int
	maxConcurrency int
	logLevel       string
	logDays        int

	// callTimeout and concurrency are as the function reads them.
	callTimeout string
	concurrency string

	evidenceDays int
	evidenceLock lock

	readSecrets bool
	createTrail bool
	dashboard   bool

	// Empty means not set.
	permissionsBoundary string
	rolePath            string
	findingsKey         string
	alarmsKey           string

	tags                  map[string]string
	terminationProtection bool
}

// key is one setting.
type key struct {
	name string
	// standard is the default value.
	standard string
	example  string
	doc      string
	set      func(s *settings, value string) error
}

// same is the value of "alarms" that means all addresses of email, https
// and sqs.
const same = "same"

// noSubscribers is the value of email for a deployment that notifies no one.
const noSubscribers = "none"

var policyKey = key{
	"policy", "default", "./acme.yaml",
	"A shipped policy (`default`, `strict`) or a file, relative to the repository. It is compiled when the template is written. An invalid policy stops the deployment with the errors that `policy lint` prints.",
	func(s *settings, v string) error { s.policy = v; return nil },
}

// keys are all settings, in the order in which the README lists them.
var keys = []key{
	{
		settingsKey, "", "./production.yaml",
		"The settings file, relative to the repository; `none` reads no file. By default it is `ptcaudit.yaml`, if that exists. With `--context` only.",
		func(*settings, string) error { return nil }, // loadSettings has read it
	},
	policyKey,
	{
		email, "", "ops@example.com; lead@example.com severity=critical",
		"Mail addresses, separated by semicolons. Each may have the filters `severity=LOWEST` and `status=ONE,OTHER` after it. SNS first mails a confirmation link to each address. Without any subscriber in `email`, `https` or `sqs`, `email=none` is required.",
		func(s *settings, v string) error {
			if s.noSubscribers = v == noSubscribers; s.noSubscribers {
				return nil
			}
			return setSubscriptions(email)(s, v)
		},
	},
	{
		https, "", "https://hooks.example.com/ptc status=FAILED,COULD_NOT_AUDIT",
		"https URLs that receive a POST with JSON, written like `email`. Each must confirm its subscription.",
		setSubscriptions(https),
	},
	{
		sqs, "", "arn:aws:sqs:eu-west-1:111122223333:tickets severity=high",
		"ARNs of standard SQS queues that receive JSON, written like `email`. The queue's policy must allow the records topic to send messages.",
		setSubscriptions(sqs),
	},
	{
		"records", "false", "true",
		"Creates the records topic, which has every notification as JSON, even without a subscriber in `https` or `sqs`. For subscribers that you add yourself.",
		func(s *settings, v string) error { return setBool(&s.records, v) },
	},
	{
		"chat", "false", "true",
		"Creates the chat topic, for Amazon Q Developer in chat applications (Slack, Microsoft Teams): add the topic to your channel's configuration there.",
		func(s *settings, v string) error { return setBool(&s.chat, v) },
	},
	{
		"alarms", same, "oncall@example.com",
		"Who gets the alarms about the auditor itself: `same` (all addresses above, without their filters), or addresses of these three kinds.",
		func(s *settings, v string) (err error) {
			if v != same {
				s.alarms, err = parseSubscriptions(v)
			}
			return err
		},
	},
	{
		"minSeverity", string(config.DefaultMinSeverity), "high",
		"Failures below this severity are not notified. Incomplete audits always are.",
		func(s *settings, v string) error { s.minSeverity = v; return checkVariable(config.KeyMinSeverity, v) },
	},
	{
		"schedule", "rate(6 hours)", "cron(0 6,18 * * ? *)",
		"When every rule is audited, changed or not: `rate(…)` or `cron(…)` of EventBridge Scheduler, at least every 67 hours.",
		func(s *settings, v string) (err error) { s.schedule, err = parseSchedule(v); return err },
	},
	{
		"scheduleWindow", "0", "60",
		"EventBridge Scheduler starts each scheduled audit up to this many minutes later. If you deploy to many registries, it spreads their audits, so that upstreams do not see all logins at once.",
		func(s *settings, v string) (err error) {
			var minutes int
			if err = setNumber(&minutes, v, 0, 1440); err == nil && s.schedule.gap > 0 {
				s.schedule, err = s.schedule.within(minutes)
			}
			return err
		},
	},
	{
		"timeZone", "UTC", "Europe/Vienna",
		"The time zone of a `cron(…)` schedule.",
		func(s *settings, v string) error {
			s.timeZone = v
			if _, err := time.LoadLocation(v); err != nil {
				return fmt.Errorf("unknown time zone %q: use an IANA name, for example Europe/Vienna", v)
			}
			return nil
		},
	},
	{
		"readSecrets", "false", "true",
		"Allows the function to read the values of secrets under `ecr-pullthroughcache/`. Set it only if ECR's validation is denied without it; AWS does not document whether that happens.",
		func(s *settings, v string) error { return setBool(&s.readSecrets, v) },
	},
	{
		"createTrail", "false", "true",
		"Creates a CloudTrail trail. Without a trail, changes are found by the schedule only. Most accounts have one.",
		func(s *settings, v string) error { return setBool(&s.createTrail, v) },
	},
	{
		"dashboard", "true", "false",
		"Creates a CloudWatch dashboard.",
		func(s *settings, v string) error { return setBool(&s.dashboard, v) },
	},
	{
		"architecture", "arm64", "amd64",
		"Architecture of the function: arm64 or amd64. `make` sets it from `ARCH`. With `--context` only.",
		func(s *settings, v string) error { s.architecture = v; return oneOf(v, "arm64", "amd64") },
	},
	{
		"memory", "256", "512",
		"Memory of the function, in MB. More memory also gives it more CPU.",
		func(s *settings, v string) error { return setNumber(&s.memoryMB, v, 128, 10240) },
	},
	{
		"maxConcurrency", "2", "10",
		"How many invocations of the function may run at once. Two are enough for one registry.",
		func(s *settings, v string) error { return setNumber(&s.maxConcurrency, v, 2, 1000) },
	},
	{
		"callTimeout", config.DefaultCallTimeout.String(), "20s",
		"How long one call to ECR may take. Raise it if ECR needs longer to validate a rule.",
		func(s *settings, v string) error { s.callTimeout = v; return checkVariable(config.KeyCallTimeout, v) },
	},
	{
		"concurrency", strconv.Itoa(config.DefaultConcurrency), "2",
		"How many rules are validated at once. Lower it if ECR throttles: AWS does not publish the rate limit of ValidatePullThroughCacheRule.",
		func(s *settings, v string) error { s.concurrency = v; return checkVariable(config.KeyConcurrency, v) },
	},
	{
		"logLevel", "info", "debug",
		"Log level of the function: debug, info, warn or error.",
		func(s *settings, v string) error { s.logLevel = v; return checkVariable(config.KeyLogLevel, v) },
	},
	{
		"logDays", "90", "365",
		"Days to keep the logs.",
		func(s *settings, v string) error {
			err := setNumber(&s.logDays, v, 1, 3653)
			if _, ok := retentions[s.logDays]; err == nil && !ok {
				err = fmt.Errorf("unsupported number of days %s: use one of %v", v, slices.Sorted(maps.Keys(retentions)))
			}
			return err
		},
	},
	{
		"evidenceDays", "400", "2555",
		"Days to keep the report of each audit. The default is a year, which most auditors require, and a month to work in.",
		func(s *settings, v string) error { return setNumber(&s.evidenceDays, v, 1, maxLockDays) },
	},
	{
		"evidenceLock", noLock, "governance 365 days",
		"How long reports are protected from deletion: `governance N days` (only principals with `s3:BypassGovernanceRetention` can delete them) or `compliance N days` (no one can, not even the root user). A later deployment does not shorten it. At most `evidenceDays`.",
		func(s *settings, v string) (err error) { s.evidenceLock, err = parseLock(v); return err },
	},
	{
		"permissionsBoundary", "", "arn:aws:iam::111122223333:policy/boundary",
		"ARN of the managed policy that limits all roles of the stack.",
		func(s *settings, v string) error {
			s.permissionsBoundary = v
			return hasForm(v, policyARN, "use arn:aws:iam::ACCOUNT:policy/NAME")
		},
	},
	{
		"rolePath", "", "/auditors/",
		"IAM path of all roles of the stack.",
		func(s *settings, v string) error {
			s.rolePath = v
			return hasForm(v, rolePath, "begin and end it with /, for example /auditors/")
		},
	},
	{
		"findingsKey", "", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"ARN of your KMS key for the findings, instead of a key of the stack. Its policy must allow `kms:Decrypt` and `kms:GenerateDataKey` to the function's role.",
		func(s *settings, v string) error { s.findingsKey = v; return hasForm(v, keyARN, adviceKey) },
	},
	{
		"alarmsKey", "", "arn:aws:kms:eu-west-1:111122223333:key/4321abcd-12ab-34cd-56ef-1234567890ab",
		"ARN of your KMS key for the alarms, instead of a key of the stack. Its policy must allow both actions to `cloudwatch.amazonaws.com`.",
		func(s *settings, v string) error { s.alarmsKey = v; return hasForm(v, keyARN, adviceKey) },
	},
	{
		"stackName", "ptcaudit", "ptcaudit-test",
		"Name of the stack. Names of alarms begin with it.",
		func(s *settings, v string) error {
			s.stackName = v
			if !stackName.MatchString(v) {
				return fmt.Errorf("invalid stack name %q: use letters, digits and hyphens, begin with a letter, at most 100 characters", v)
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
		"Prevents deletion of the stack.",
		func(s *settings, v string) error { return setBool(&s.terminationProtection, v) },
	},
}

// parse reads the values of the settings. Its error lists all faults, one on each
// line. at adds the place to the fault of a key.
func parse(values map[string]any, at func(key string, err error) error) (settings, error) {
	faults := unknownKeys(values)
	s := settings{policy: policyKey.standard}
	for _, k := range keys {
		value, err := text(values[k.name])
		if err == nil {
			err = k.set(&s, cmp.Or(value, k.standard))
		}
		if err != nil {
			faults = append(faults, at(k.name, err))
		}
	}
	if s.evidenceDays > 0 && s.evidenceLock.days > s.evidenceDays {
		faults = append(faults, at("evidenceLock", fmt.Errorf("%d days are more than evidenceDays (%d), and S3 cannot delete a locked report: lower evidenceLock or raise evidenceDays",
			s.evidenceLock.days, s.evidenceDays)))
	}
	unset := func(name string) bool { value, err := text(values[name]); return value == "" && err == nil }
	if unset(email) && unset(https) && unset(sqs) && !s.chat && !s.records {
		faults = append(faults, at(email, errors.New("no one would be notified: set email, https, sqs or chat, or set email to "+noSubscribers)))
	}
	if value, _ := text(values["alarms"]); cmp.Or(value, same) == same {
		for _, sub := range s.subscriptions {
			s.alarms = append(s.alarms, subscription{protocol: sub.protocol, endpoint: sub.endpoint})
		}
	}
	return s, errors.Join(faults...)
}

// isCDKs reports whether a key belongs to the CDK. Those keys begin with @ or
// contain a colon, except for two that its CLI keeps in cdk.json.
func isCDKs(name string) bool {
	return strings.HasPrefix(name, "@") || strings.Contains(name, ":") ||
		name == "acknowledged-issue-numbers" || name == "cli-telemetry"
}

// text converts a value of the context to what --context would have given:
// cdk.json can also have booleans, numbers and lists.
func text(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
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
		return "", errors.New("unsupported type: use a string, a number, true, false, or a list of strings")
	}
}

// stackName is what CloudFormation accepts, shorter by the length of an alarm's
// suffix:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
var stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,99}$`)

func setSubscriptions(protocol string) func(*settings, string) error {
	return func(s *settings, v string) error {
		list, err := parseSubscriptions(v)
		for _, sub := range list {
			if sub.protocol != protocol {
				return fmt.Errorf("%s is not an address of this kind: set it with %s", sub.endpoint, sub.protocol)
			}
		}
		s.subscriptions = append(s.subscriptions, list...)
		return err
	}
}

// The forms of ARNs and paths that IAM and KMS accept:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
var (
	policyARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]{1,512}$`)
	rolePath  = regexp.MustCompile(`^/([A-Za-z0-9+=,.@_-]+/)*$`)
	keyARN    = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,128}$`)
)

const adviceKey = "use arn:aws:kms:REGION:ACCOUNT:key/ID"

// path returns the path of roles; nil for the default.
func (s settings) path() *string {
	if s.rolePath == "" {
		return nil
	}
	return jsii.String(s.rolePath)
}

// hasForm returns an error with advice if a value that is set has another form.
func hasForm(value string, form *regexp.Regexp, advice string) error {
	if value != "" && !form.MatchString(value) {
		return fmt.Errorf("invalid value %q: %s", value, advice)
	}
	return nil
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
			return fmt.Errorf("invalid tag %q: use NAME=VALUE (names that begin with aws: are reserved)", entry)
		}
		s.tags[name] = value
	}
	return nil
}

// checkVariable checks a value as the function will when it starts.
func checkVariable(name, value string) error {
	_, err := config.Load([]string{name + "=" + value})
	if faults := config.Faults(err); len(faults) > 0 {
		return errors.New(faults[0].Problem + ": " + faults[0].Advice)
	}
	return nil
}

func oneOf(value string, choices ...string) error {
	if !slices.Contains(choices, value) {
		return fmt.Errorf("unknown value %q: use %s", value, strings.Join(choices, " or "))
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
		return fmt.Errorf("invalid number %q: use a whole number from %d to %d", value, low, high)
	}
	*into = n
	return nil
}
