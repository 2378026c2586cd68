// Package config reads the environment of a function or the command as one
// validated struct. The names of the variables are constants, so that infra
// sets what this package reads. Load reports all errors of an environment at
// once, so that a deployment needs one correction only. The package imports
// ptc, report and the standard library, and reads only its arguments.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/suggest"
)

// Prefix begins the name of every variable of ptcaudit. An unknown variable
// with this prefix is an error: it is probably misspelled, and its author
// relies on it.
const Prefix = "PTCAUDIT_"

// The variables.
const (
	KeyPolicy          = Prefix + "POLICY"            // a shipped policy's name, or a file
	KeyTopicARN        = Prefix + "TOPIC_ARN"         // the SNS topic for people
	KeyRecordsTopicARN = Prefix + "RECORDS_TOPIC_ARN" // the SNS topic for programs
	KeyChatTopicARN    = Prefix + "CHAT_TOPIC_ARN"    // the SNS topic for chat
	KeyMinSeverity     = Prefix + "MIN_SEVERITY"      // failures below it are not notified
	KeyMaxReceives     = Prefix + "MAX_RECEIVES"      // tries of a queue message
	KeyLogLevel        = Prefix + "LOG_LEVEL"         // debug, info, warn or error
	KeyCallTimeout     = Prefix + "CALL_TIMEOUT"      // of one call to ECR, as 10s
	KeyConcurrency     = Prefix + "CONCURRENCY"       // validations at the same time
	KeyState           = Prefix + "STATE"             // URL of the store of ledgers, as s3://bucket/prefix
	KeyEvidence        = Prefix + "EVIDENCE"          // URL of the store of reports
	KeyRemindAfter     = Prefix + "REMIND_AFTER"      // when an unchanged failure is notified again, as 7d
)

// The defaults of variables that are missing or empty.
const (
	DefaultPolicy      = "default"
	DefaultMinSeverity = report.Low
	DefaultMaxReceives = 8
	DefaultCallTimeout = 10 * time.Second
	DefaultConcurrency = 8
	DefaultRemindAfter = 7 * 24 * time.Hour
)

// SettleTime is how long it may take until every answer of ECR and Secrets
// Manager shows a change. The queue delays requests by this time. An audit
// that starts this long after a change has seen it.
const SettleTime = 30 * time.Second

// maxReceives is SQS's limit of maxReceiveCount:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
const maxReceives = 1000

// Config is a validated environment.
type Config struct {
	// Policy is the name of a shipped policy, or a file.
	Policy string
	// TopicARN is the SNS topic for people, who get text; empty if there is none.
	TopicARN string
	// RecordsTopicARN is the SNS topic for programs, which get JSON, and
	// ChatTopicARN that for Amazon Q Developer in chat applications. Each is empty
	// if there is none. They are used beside TopicARN.
	RecordsTopicARN string
	ChatTopicARN    string
	// MinSeverity is the lowest severity that is notified. An incomplete
	// audit is always notified.
	MinSeverity report.Severity
	// MaxReceives is how often the queue delivers a message before it moves
	// it to the dead-letter queue. The last try reports what could not be
	// audited.
	MaxReceives int
	LogLevel    slog.Level
	// CallTimeout limits one attempt of one call to ECR.
	CallTimeout time.Duration
	// Concurrency limits how many validations of an audit run at once.
	Concurrency int
	// State and Evidence are the URLs of stores, s3://BUCKET/PREFIX or
	// file:///FOLDER; empty if there is none. Without State, every audit
	// notifies all failures.
	State    string
	Evidence string
	// RemindAfter is how long after its last notification an unchanged
	// failure is notified again. It needs State.
	RemindAfter time.Duration
}

// The kinds of errors of an environment, for errors.Is.
var (
	// ErrUnknown: no such variable exists.
	ErrUnknown = errors.New("unknown variable")
	// ErrInvalid: the value is invalid.
	ErrInvalid = errors.New("invalid value")
	// ErrMissing: a function requires the variable.
	ErrMissing = errors.New("not set")
)

// Error is what is wrong with one variable.
type Error struct {
	Key string
	// Kind is one of the errors above.
	Kind error
	// Problem says what is wrong, Advice how to fix it.
	Problem, Advice string
}

// Error is one line: what is wrong, and how to fix it.
func (e *Error) Error() string {
	return e.Key + ": " + e.Problem + ": " + e.Advice
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Load reads an environment in the form of os.Environ. Its error joins one
// Error for each variable that is wrong, sorted by variable. The Config
// returned with an error has defaults for those variables.
func Load(environ []string) (Config, error) {
	c := Config{
		Policy:      DefaultPolicy,
		MinSeverity: DefaultMinSeverity,
		MaxReceives: DefaultMaxReceives,
		CallTimeout: DefaultCallTimeout,
		Concurrency: DefaultConcurrency,
		RemindAfter: DefaultRemindAfter,
	}
	var faults []*Error
	for _, variable := range environ {
		key, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(strings.ToUpper(key), Prefix) {
			continue
		}
		switch set, known := settings[key]; {
		case !known:
			faults = append(faults, &Error{key, ErrUnknown, ErrUnknown.Error(), "did you mean " + suggest.Nearest(key, Keys()) + "?"})
		case value == "":
			// The same as missing: templates write it this way.
		default:
			if err := set(&c, value); err != nil {
				err.Key = key
				faults = append(faults, err)
			}
		}
	}
	return c, join(faults)
}

// LoadFunction reads the environment of a Lambda function. A function requires
// a topic, because its findings would be lost without one. The Config has the
// topic if the environment has a valid one, even beside an error, so that the
// error can be published there.
func LoadFunction(environ []string) (Config, error) {
	c, err := Load(environ)
	if c.TopicARN == "" && !slices.ContainsFunc(Faults(err), func(e *Error) bool { return e.Key == KeyTopicARN }) {
		err = join(append(Faults(err), &Error{KeyTopicARN, ErrMissing, ErrMissing.Error(), "set it to the ARN of the SNS topic for notifications"}))
	}
	return c, err
}

// Faults lists the errors that Load joined.
func Faults(err error) []*Error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var out []*Error
	for _, e := range joined.Unwrap() {
		if fault, ok := errors.AsType[*Error](e); ok {
			out = append(out, fault)
		}
	}
	return out
}

func join(faults []*Error) error {
	slices.SortStableFunc(faults, func(a, b *Error) int { return cmp.Compare(a.Key, b.Key) })
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// settings has for each variable the function that puts its value into a
// Config. The error of an invalid value lacks only the key.
var settings = map[string]func(c *Config, value string) *Error{
	KeyPolicy: func(c *Config, v string) *Error {
		c.Policy = v
		return nil
	},
	KeyTopicARN:        func(c *Config, v string) *Error { return topic(v, &c.TopicARN) },
	KeyRecordsTopicARN: func(c *Config, v string) *Error { return topic(v, &c.RecordsTopicARN) },
	KeyChatTopicARN:    func(c *Config, v string) *Error { return topic(v, &c.ChatTopicARN) },
	KeyMinSeverity: func(c *Config, v string) *Error {
		severity, err := report.ParseSeverity(v)
		if err != nil {
			return invalid(v, "use "+report.SeverityChoices())
		}
		c.MinSeverity = severity
		return nil
	},
	KeyMaxReceives: func(c *Config, v string) *Error {
		return whole(v, 1, maxReceives, &c.MaxReceives)
	},
	KeyLogLevel: func(c *Config, v string) *Error {
		level, ok := levels[v]
		if !ok {
			return invalid(v, "use debug, info, warn or error")
		}
		c.LogLevel = level
		return nil
	},
	KeyCallTimeout: func(c *Config, v string) *Error {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return invalid(v, "use a duration above zero, for example 10s")
		}
		c.CallTimeout = d
		return nil
	},
	KeyConcurrency: func(c *Config, v string) *Error {
		return whole(v, 1, ptc.RuleLimit, &c.Concurrency)
	},
	KeyState: func(c *Config, v string) *Error {
		return place(v, &c.State)
	},
	KeyEvidence: func(c *Config, v string) *Error {
		return place(v, &c.Evidence)
	},
	KeyRemindAfter: func(c *Config, v string) *Error {
		d, ok := days(v)
		if !ok {
			return invalid(v, "use a duration above zero, for example 7d or 156h")
		}
		c.RemindAfter = d
		return nil
	},
}

// levels are listed, because slog.Level.UnmarshalText also accepts "DEBUG-7".
var levels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

func invalid(value, advice string) *Error {
	return &Error{Kind: ErrInvalid, Problem: fmt.Sprintf("invalid value %q", value), Advice: advice}
}

// storeURL is the form of a store's URL. Package store checks the names of
// buckets and folders.
var storeURL = regexp.MustCompile(`^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#]*)?|file:///[^?#]+)$`)

// place reads the URL of a store.
func place(value string, into *string) *Error {
	if !storeURL.MatchString(value) {
		return invalid(ptc.RedactURL(value), "use s3://BUCKET/PREFIX, or file:///FOLDER with the absolute path")
	}
	*into = value
	return nil
}

// mostDays limits a number of days to what a time.Duration can hold.
const mostDays = 100 * 365

// days reads a duration above zero in Go's form, or as a number of days.
func days(value string) (time.Duration, bool) {
	if number, ok := strings.CutSuffix(value, "d"); ok {
		n, err := strconv.Atoi(number)
		return time.Duration(n) * 24 * time.Hour, err == nil && n > 0 && n <= mostDays
	}
	d, err := time.ParseDuration(value)
	return d, err == nil && d > 0
}

// whole reads a whole number within limits.
func whole(value string, low, high int, into *int) *Error {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return invalid(value, fmt.Sprintf("use a whole number from %d to %d", low, high))
	}
	*into = n
	return nil
}

// topicName is the form of a standard topic's name. A FIFO topic, whose name
// ends in .fifo, cannot send mail:
// https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// topic reads the ARN of a topic.
func topic(value string, into *string) *Error {
	if !validTopic(value) {
		return invalid(value, "use arn:aws:sns:REGION:ACCOUNT:NAME of a standard topic")
	}
	*into = value
	return nil
}

func validTopic(s string) bool {
	arn, ok := ptc.ParseARN(s)
	return ok && arn.Service == "sns" && ptc.ValidRegion(arn.Region) && arn.Partition == ptc.PartitionOf(arn.Region) &&
		ptc.ValidAccount(arn.Account) && topicName.MatchString(arn.Resource)
}

// Keys lists all variables, sorted.
func Keys() []string {
	return slices.Sorted(maps.Keys(settings))
}
