package snspub_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ptcaudit/internal/aws/snspub"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/localcloud"
)

// cloud is a topic and its subscribers on this machine.
type cloud struct {
	topicARN  string // for programs
	peopleARN string
	config    aws.Config
	sns       *sns.Client
	sqs       *sqs.Client
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{config: config(localcloud.Start(t).Endpoint, 5)}
	c.config.Region = localcloud.Region
	c.config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: localcloud.Account, SecretAccessKey: "test"}, nil
	})
	c.sns, c.sqs = sns.NewFromConfig(c.config), sqs.NewFromConfig(c.config)
	for name, arn := range map[string]*string{"records": &c.topicARN, "people": &c.peopleARN} {
		made, err := c.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		*arn = aws.ToString(made.TopicArn)
	}
	return c
}

// queue subscribes a new queue.
func (c *cloud) queue(t *testing.T, name, filter string, raw bool) (url string) {
	t.Helper()
	made, err := c.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName:  aws.String(name),
		Attributes: map[string]string{"VisibilityTimeout": "1"}, // an answer may be lost
	})
	if err != nil {
		t.Fatal(err)
	}
	attributes := map[string]string{}
	if filter != "" {
		attributes["FilterPolicy"] = filter
	}
	if raw {
		attributes["RawMessageDelivery"] = "true"
	}
	c.subscribe(t, c.topicARN, "sqs", "arn:aws:sqs:"+localcloud.Region+":"+localcloud.Account+":"+name, attributes)
	return aws.ToString(made.QueueUrl)
}

func (c *cloud) subscribe(t *testing.T, topicARN, protocol, endpoint string, attributes map[string]string) {
	t.Helper()
	if _, err := c.sns.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: aws.String(topicARN), Protocol: aws.String(protocol), Endpoint: aws.String(endpoint), Attributes: attributes,
	}); err != nil {
		t.Fatal(err)
	}
}

// receive empties a queue: it waits for as many messages as are expected, and
// then looks whether there are more. A message that came twice counts once,
// since a client that gets no answer publishes again.
func (c *cloud) receive(t *testing.T, url string, want int) map[string]types.Message {
	t.Helper()
	all := map[string]types.Message{}
	for {
		in := &sqs.ReceiveMessageInput{QueueUrl: aws.String(url), MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}}
		if len(all) < want {
			in.WaitTimeSeconds = 10
		}
		got, err := c.sqs.ReceiveMessage(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			return all
		}
		for _, m := range got.Messages {
			all[aws.ToString(m.Body)] = m
			if _, err := c.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(url), ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSubscribers: each subscriber of a real topic gets the form of its topic, and what its
// filter policy lets through.
func TestSubscribers(t *testing.T) {
	c := startCloud(t)
	about := func(check, prefix string, severity report.Severity) report.Notification {
		return report.Notification{Registry: registry, Policy: report.Policy{Name: "default"}, At: at, New: []report.Finding{
			{Check: check, Prefix: prefix, Outcome: report.Fail, Severity: severity, Message: `ECR says: "caf` + "\u00e9" + `\n"`},
		}}
	}
	denied := report.Notification{Registry: registry, At: at, Faults: []ptc.Fault{
		{Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultDenied, Code: "AccessDeniedException", Message: "no"},
	}}
	resolved := about("validation-passed", "team-a/hub", report.Critical)
	resolved.Resolved, resolved.New = resolved.New, nil
	messages := map[string]notify.Message{
		"medium":   notify.Compose(about("upstream-known", "quay", report.Medium)),
		"critical": notify.Compose(about("validation-passed", "team-a/hub", report.Critical)),
		"denied":   notify.Compose(denied),
		"resolved": notify.Compose(resolved),
	}

	subscribers := []struct {
		name, filter string
		want         []string
	}{
		{"everything", "", []string{"critical", "denied", "medium", "resolved"}},
		{"critical", `{"severity":["critical"]}`, []string{"critical", "denied", "resolved"}},
		{"critical-failures", `{"severity":["critical"],"status":["FAILED","COULD_NOT_AUDIT"]}`, []string{"critical", "denied"}},
		{"could-not-audit", `{"status":["COULD_NOT_AUDIT"]}`, []string{"denied"}},
		{"not-resolved", `{"status":[{"anything-but":["RESOLVED"]}]}`, []string{"critical", "denied", "medium"}},
		{"one-rule", `{"prefixes":["quay"]}`, []string{"medium"}},
		{"one-team", `{"prefixes":[{"prefix":"team-a/"}]}`, []string{"critical", "resolved"}},
		{"one-check", `{"checks":["validation-passed","upstream-url"]}`, []string{"critical", "resolved"}},
		{"another-account", `{"account":["444455556666"]}`, nil},
		{"this-schema", `{"schema":["ptcaudit/message/v1"],"region":["eu-west-1"]}`, []string{"critical", "denied", "medium", "resolved"}},
	}
	urls := map[string]string{}
	for _, s := range subscribers {
		urls[s.name] = c.queue(t, s.name, s.filter, true)
	}
	enveloped := c.queue(t, "enveloped", "", false)
	mail := c.webhook(t)

	topics := []*snspub.Publisher{
		snspub.New(c.config, c.topicARN, notify.ForPrograms, snspub.Options{}),
		snspub.New(c.config, c.peopleARN, notify.ForPeople, snspub.Options{}),
	}
	for _, name := range []string{"medium", "critical", "denied", "resolved"} {
		for _, topic := range topics {
			if err := topic.Publish(t.Context(), messages[name]); err != nil {
				t.Fatal(err)
			}
		}
	}

	for _, s := range subscribers {
		t.Run(s.name, func(t *testing.T) {
			var got []string
			for _, delivered := range c.receive(t, urls[s.name], len(s.want)) {
				var received notify.Message
				if err := json.Unmarshal([]byte(aws.ToString(delivered.Body)), &received); err != nil {
					t.Fatal(err)
				}
				for name, m := range messages {
					if m.Subject == received.Subject {
						got = append(got, name)
						if diff := cmp.Diff(m, received, cmpopts.IgnoreUnexported(notify.Message{}, notify.Fault{}), cmpopts.EquateEmpty()); diff != "" {
							t.Errorf("%s (-sent +received):\n%s", name, diff)
						}
					}
				}
			}
			if slices.Sort(got); !slices.Equal(got, s.want) {
				t.Errorf("received %v, want %v", got, s.want)
			}
		})
	}

	t.Run("enveloped", func(t *testing.T) {
		all := c.receive(t, enveloped, len(messages))
		if len(all) < len(messages) {
			t.Errorf("received %d", len(all))
		}
		for _, delivered := range all {
			var n notification
			if err := json.Unmarshal([]byte(aws.ToString(delivered.Body)), &n); err != nil {
				t.Fatal(err)
			}
			var received notify.Message
			if err := json.Unmarshal([]byte(n.Message), &received); err != nil || received.Subject != n.Subject {
				t.Errorf("%v: subject %q in envelope of %q", err, received.Subject, n.Subject)
			}
			if n.MessageAttributes["status"].Type != "String.Array" {
				t.Errorf("attributes %+v", n.MessageAttributes)
			}
		}
	})

	t.Run("webhook", func(t *testing.T) {
		want := map[string]string{} // text by subject
		for _, m := range messages {
			want[m.Subject] = m.Text
		}
		got := map[string]string{}
		for len(got) < len(want) {
			select {
			case n := <-mail:
				got[n.Subject] = n.Message
			case <-time.After(10 * time.Second):
				t.Fatalf("received %d", len(got))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mails (-want +got):\n%s", diff)
		}
	})
}

// notification is what SNS makes of a message for subscribers without raw
// delivery: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
type notification struct {
	Type, Subject, Message, SubscribeURL string
	MessageAttributes                    map[string]struct{ Type, Value string }
}

// webhook subscribes by http, which gets what a mail gets.
func (c *cloud) webhook(t *testing.T) <-chan notification {
	t.Helper()
	received, confirmed := make(chan notification, 10), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n notification
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			t.Error(err)
		}
		if n.Type != "SubscriptionConfirmation" {
			received <- n
			return
		}
		// The cloud may name itself by a name that is not ours to resolve.
		_, query, _ := strings.Cut(n.SubscribeURL, "?")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, aws.ToString(c.config.BaseEndpoint)+"/?"+query, nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		_ = resp.Body.Close()
		close(confirmed)
	}))
	t.Cleanup(server.Close)
	c.subscribe(t, c.peopleARN, "http", server.URL, nil)
	select {
	case <-confirmed:
	case <-time.After(10 * time.Second):
		t.Fatal("the subscription was not confirmed")
	}
	return received
}
