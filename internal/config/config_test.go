package config_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/config"
	"ptcaudit/internal/report"
)

const topic = "arn:aws:sns:eu-west-1:111122223333:ptcaudit"

func defaults() config.Config {
	return config.Config{Policy: "default", MinSeverity: report.Low, MaxReceives: 8, CallTimeout: 10 * time.Second, Concurrency: 8, RemindAfter: 7 * 24 * time.Hour}
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name    string
		environ []string
		want    func(*config.Config)
	}{
		{"nothing", nil, func(*config.Config) {}},
		{"other people's", []string{"PATH=/bin", "AWS_REGION=eu-west-1", "MY_PTCAUDIT_POLICY=x", "=C:=x"}, func(*config.Config) {}},
		{"empty is not set", []string{"PTCAUDIT_POLICY=", "PTCAUDIT_MAX_RECEIVES=", "PTCAUDIT_STATE="}, func(*config.Config) {}},
		{"everything", []string{
			"PTCAUDIT_POLICY=/var/task/policy.yaml", "PTCAUDIT_TOPIC_ARN=" + topic, "PTCAUDIT_MIN_SEVERITY=high", "PTCAUDIT_MAX_RECEIVES=3",
			"PTCAUDIT_LOG_LEVEL=debug", "PTCAUDIT_CALL_TIMEOUT=1m30s", "PTCAUDIT_CONCURRENCY=50",
			"PTCAUDIT_STATE=s3://state", "PTCAUDIT_EVIDENCE=s3://evidence.example/a/b", "PTCAUDIT_REMIND_AFTER=2d",
		}, func(c *config.Config) {
			*c = config.Config{
				Policy: "/var/task/policy.yaml", TopicARN: topic, MinSeverity: report.High, MaxReceives: 3,
				LogLevel: slog.LevelDebug, CallTimeout: 90 * time.Second, Concurrency: 50,
				State: "s3://state", Evidence: "s3://evidence.example/a/b", RemindAfter: 48 * time.Hour,
			}
		}},
		{"a value with an equals sign", []string{"PTCAUDIT_POLICY=a=b"}, func(c *config.Config) { c.Policy = "a=b" }},
		{"state without evidence", []string{"PTCAUDIT_STATE=file:///var/lib/ptcaudit state"}, func(c *config.Config) { c.State = "file:///var/lib/ptcaudit state" }},
		{"evidence without state", []string{"PTCAUDIT_EVIDENCE=s3://evidence/"}, func(c *config.Config) { c.Evidence = "s3://evidence/" }},
		{"less than a day", []string{"PTCAUDIT_REMIND_AFTER=90m"}, func(c *config.Config) { c.RemindAfter = 90 * time.Minute }},
		{"a topic in China", []string{"PTCAUDIT_TOPIC_ARN=arn:aws-cn:sns:cn-north-1:111122223333:x"}, func(c *config.Config) {
			c.TopicARN = "arn:aws-cn:sns:cn-north-1:111122223333:x"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := defaults()
			tt.want(&want)
			got, err := config.Load(tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestInvalidValues(t *testing.T) {
	tests := []struct {
		variable string
		kind     error
		advice   string
	}{
		{"PTCAUDIT_POLCIY=x", config.ErrUnknown, "did you mean PTCAUDIT_POLICY?"},
		{"PTCAUDIT_TOPIC=x", config.ErrUnknown, "did you mean PTCAUDIT_TOPIC_ARN?"},
		{"PTCAUDIT_MINSEVERITY=", config.ErrUnknown, "did you mean PTCAUDIT_MIN_SEVERITY?"},
		{"ptcaudit_log_level=debug", config.ErrUnknown, "did you mean PTCAUDIT_LOG_LEVEL?"},
		{"PTCAUDIT_=x", config.ErrUnknown, "did you mean PTCAUDIT_STATE?"},
		{"PTCAUDIT_TOPIC_ARN=ptcaudit", config.ErrInvalid, "arn:aws:sns:"},
		{"PTCAUDIT_TOPIC_ARN=" + topic + ".fifo", config.ErrInvalid, "standard topic"},
		{"PTCAUDIT_TOPIC_ARN=" + topic + ":subscription", config.ErrInvalid, "arn:aws:sns:"},
		{"PTCAUDIT_TOPIC_ARN=arn:aws:sqs:eu-west-1:111122223333:ptcaudit", config.ErrInvalid, "arn:aws:sns:"},
		{"PTCAUDIT_TOPIC_ARN=arn:aws-cn:sns:eu-west-1:111122223333:ptcaudit", config.ErrInvalid, "arn:aws:sns:"},
		{"PTCAUDIT_TOPIC_ARN=arn:aws:sns:eu-west-1:1111:ptcaudit", config.ErrInvalid, "arn:aws:sns:"},
		{"PTCAUDIT_STATE=s3://me:canary@state", config.ErrInvalid, `PTCAUDIT_STATE: invalid value "s3://…": use s3://BUCKET/PREFIX`},
		{"PTCAUDIT_EVIDENCE=https://me:canary@host/x", config.ErrInvalid, `PTCAUDIT_EVIDENCE: invalid value "https://…": use s3://BUCKET/PREFIX`},
		{"PTCAUDIT_MIN_SEVERITY=High", config.ErrInvalid, `invalid value "High": use critical, high, medium, low or informational`},
		{"PTCAUDIT_MAX_RECEIVES=0", config.ErrInvalid, "from 1 to 1000"},
		{"PTCAUDIT_MAX_RECEIVES=1001", config.ErrInvalid, "from 1 to 1000"},
		{"PTCAUDIT_MAX_RECEIVES=eight", config.ErrInvalid, "from 1 to 1000"},
		{"PTCAUDIT_LOG_LEVEL=DEBUG-7", config.ErrInvalid, "debug, info, warn or error"},
		{"PTCAUDIT_CALL_TIMEOUT=10", config.ErrInvalid, "for example 10s"},
		{"PTCAUDIT_CALL_TIMEOUT=-1s", config.ErrInvalid, "for example 10s"},
		{"PTCAUDIT_CONCURRENCY=51", config.ErrInvalid, "from 1 to 50"},
		{"PTCAUDIT_STATE=bucket/state", config.ErrInvalid, "use s3://BUCKET/PREFIX"},
		{"PTCAUDIT_STATE=s3://Bucket", config.ErrInvalid, "use s3://BUCKET/PREFIX"},
		{"PTCAUDIT_STATE=s3://", config.ErrInvalid, "use s3://BUCKET/PREFIX"},
		{"PTCAUDIT_EVIDENCE=s3://bucket?versionId=1", config.ErrInvalid, "use s3://BUCKET/PREFIX"},
		{"PTCAUDIT_EVIDENCE=file://folder", config.ErrInvalid, "with the absolute path"},
		{"PTCAUDIT_EVIDENCE=file:///", config.ErrInvalid, "with the absolute path"},
		{"PTCAUDIT_REMIND_AFTER=7", config.ErrInvalid, "for example 7d"},
		{"PTCAUDIT_REMIND_AFTER=0d", config.ErrInvalid, "for example 7d"},
		{"PTCAUDIT_REMIND_AFTER=-1d", config.ErrInvalid, "for example 7d"},
		{"PTCAUDIT_REMIND_AFTER=106752d", config.ErrInvalid, "for example 7d"},
		{"PTCAUDIT_REMIND_AFTER=0s", config.ErrInvalid, "for example 7d"},
		{"PTCAUDIT_REMIND_AFTER=1d12h", config.ErrInvalid, "for example 7d"},
	}
	for _, tt := range tests {
		t.Run(tt.variable, func(t *testing.T) {
			got, err := config.Load([]string{tt.variable})
			if !errors.Is(err, tt.kind) {
				t.Errorf("error %v, want %v", err, tt.kind)
			}
			key, _, _ := strings.Cut(tt.variable, "=")
			if err == nil || !strings.HasPrefix(err.Error(), key+": ") || !strings.Contains(err.Error(), tt.advice) {
				t.Errorf("error %q does not begin with %s and contain %q", err, key, tt.advice)
			}
			if diff := cmp.Diff(defaults(), got); diff != "" {
				t.Errorf("an invalid value does not leave the default (-want +got)\n%s", diff)
			}
		})
	}
}

func TestAllErrorsAreReportedAtOnce(t *testing.T) {
	got, err := config.LoadFunction([]string{"PTCAUDIT_STATE=x", "PTCAUDIT_MAX_RECEIVES=0", "PTCAUDIT_POLICY=strict", "PTCAUDIT_POLCIY=strict"})
	for _, kind := range []error{config.ErrUnknown, config.ErrInvalid, config.ErrMissing} {
		if !errors.Is(err, kind) {
			t.Errorf("%v is not among %v", kind, err)
		}
	}
	var keys []string
	for _, fault := range config.Faults(err) {
		keys = append(keys, fault.Key)
	}
	want := []string{"PTCAUDIT_MAX_RECEIVES", "PTCAUDIT_POLCIY", "PTCAUDIT_STATE", "PTCAUDIT_TOPIC_ARN"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Policy != "strict" || got.MaxReceives != config.DefaultMaxReceives {
		t.Errorf("valid values were not read: %+v", got)
	}
}

func TestLoadFunction(t *testing.T) {
	tests := []struct {
		name    string
		environ []string
		topic   string
		faults  int
	}{
		{"valid", []string{"PTCAUDIT_TOPIC_ARN=" + topic}, topic, 0},
		{"no topic", nil, "", 1},
		{"empty topic", []string{"PTCAUDIT_TOPIC_ARN="}, "", 1},
		{"a broken topic is reported once", []string{"PTCAUDIT_TOPIC_ARN=x"}, "", 1},
		{"broken otherwise, but with a topic", []string{"PTCAUDIT_CONCURRENCY=x", "PTCAUDIT_TOPIC_ARN=" + topic}, topic, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := config.LoadFunction(tt.environ)
			if got.TopicARN != tt.topic || len(config.Faults(err)) != tt.faults || (err != nil) != (tt.faults > 0) {
				t.Errorf("got topic %q and %v; want %q and %d faults", got.TopicARN, err, tt.topic, tt.faults)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	keys := config.Keys()
	for _, key := range keys {
		if !strings.HasPrefix(key, config.Prefix) {
			t.Errorf("%s does not begin with %s", key, config.Prefix)
		}
	}
	if len(keys) != 12 {
		t.Errorf("there are %d variables: %v", len(keys), keys)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("PTCAUDIT_POLICY=x\nPTCAUDIT_TOPIC_ARN=" + topic)
	f.Add("PTCAUDIT_\nPTCAUDIT_CALL_TIMEOUT=9223372036854775807ns\nPTCAUDIT_MAX_RECEIVES=99999999999999999999")
	f.Fuzz(func(t *testing.T, environ string) {
		c, err := config.LoadFunction(strings.Split(environ, "\n"))
		if len(config.Faults(err)) == 0 && err != nil {
			t.Errorf("an error without faults: %v", err)
		}
		if c.Policy == "" || c.MaxReceives < 1 || c.CallTimeout <= 0 || c.Concurrency < 1 || c.RemindAfter <= 0 || c.MinSeverity.Rank() == 0 {
			t.Errorf("not usable: %+v", c)
		}
	})
}
