package delivery_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/cli/awsjson"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/snsstub"
)

// built is the folder of the command's build.
var built string

// command builds ptcaudit with the failpoints, and returns its path.
var command = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "ptcaudit")
	out, err := exec.Command("go", "build", "-tags", "failpoint", "-o", path, "ptcaudit/internal/cmd/ptcaudit").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "failpoint"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(code)
}

// The rules of the crash tests. Each has a secret of its own, and is broken
// while the secret is scheduled for deletion.
var prefixes = []string{"hub-a", "hub-b", "hub-c"}

// The topics of the crash tests, in the order in which they get a message.
const (
	peopleARN  = "arn:aws:sns:eu-west-1:111122223333:people"
	recordsARN = "arn:aws:sns:eu-west-1:111122223333:records"
)

// site is everything that the command needs: ECR, a topic and two stores.
type site struct {
	dir             string
	env             []string
	ecr             *httptest.Server
	topic           *snsstub.Stub
	state, evidence blob.Store
	broken          map[string]bool
	// during, if set, is called before ECR answers.
	during func()
}

func newSite(t *testing.T, stateURL, evidenceURL string, cfg aws.Config) *site {
	t.Helper()
	fixture := emulator.Fixture{Registries: []emulator.Registry{{Account: home.Account, Region: home.Region}}}
	for _, prefix := range prefixes {
		arn := "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/" + prefix + "-AbCdEf"
		fixture.Registries[0].Rules = append(fixture.Registries[0].Rules, emulator.Rule{
			EcrRepositoryPrefix: prefix, UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: arn,
		})
		fixture.Registries[0].Secrets = append(fixture.Registries[0].Secrets, emulator.Secret{ARN: arn, State: emulator.SecretOK})
	}
	ecr, err := emulator.New(fixture)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		dir: t.TempDir(), topic: snsstub.New(peopleARN, recordsARN), broken: map[string]bool{},
		state: open(t, stateURL, cfg), evidence: open(t, evidenceURL, cfg),
	}
	s.ecr = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.during != nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ptc.OpValidateRule) {
			s.during()
		}
		ecr.ServeHTTP(w, r)
	}))
	sns := httptest.NewServer(s.topic)
	t.Cleanup(s.ecr.Close)
	t.Cleanup(sns.Close)
	s.env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + s.dir, "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=2",
		"AWS_REGION=" + home.Region, "AWS_ACCESS_KEY_ID=" + home.Account, "AWS_SECRET_ACCESS_KEY=test",
		"AWS_ENDPOINT_URL_ECR=" + s.ecr.URL, "AWS_ENDPOINT_URL_STS=" + s.ecr.URL, "AWS_ENDPOINT_URL_SNS=" + sns.URL,
		"AWS_ENDPOINT_URL_S3=" + aws.ToString(cfg.BaseEndpoint),
		"PTCAUDIT_TOPIC_ARN=" + peopleARN, "PTCAUDIT_RECORDS_TOPIC_ARN=" + recordsARN, "PTCAUDIT_STATE=" + stateURL, "PTCAUDIT_EVIDENCE=" + evidenceURL, "PTCAUDIT_MIN_SEVERITY=critical",
	}
	return s
}

// request is an audit request.
var request = []byte(`{"schema":"ptcaudit/request/v1","account":"111122223333","region":"eu-west-1","reason":"schedule"}`)

// changed is a queue's batch with one change. ago is the time since the change.
func changed(t *testing.T, prefix string, ago time.Duration) []byte {
	t.Helper()
	at := time.Now().UTC().Add(-ago).Format(time.RFC3339)
	event, err := json.Marshal(map[string]any{
		"detail-type": "AWS API Call via CloudTrail", "source": "aws.ecr", "account": home.Account, "region": home.Region, "time": at,
		"detail": map[string]any{
			"eventVersion": "1.11", "eventSource": "ecr.amazonaws.com", "eventName": ptc.OpUpdateRule, "eventTime": at,
			"eventID": "event-of-" + prefix, "userIdentity": map[string]any{"userName": "jane"},
			"requestParameters": map[string]any{"ecrRepositoryPrefix": prefix},
		},
	})
	if err == nil {
		event, err = json.Marshal(map[string]any{"Records": []any{map[string]any{
			"messageId": "m", "body": string(event), "eventSource": "aws:sqs", "attributes": map[string]string{"ApproximateReceiveCount": "1"},
		}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// errKilled means that the process was killed, as planned.
var errKilled = errors.New("killed")

// run handles an event in a process of its own. It is killed after the step, if
// it is not "", or after the time, if it is not 0.
func (s *site) run(t *testing.T, event []byte, step string, after time.Duration) error {
	t.Helper()
	path, err := command()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if after > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, after)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, path, "event", "-", "--output", "json")
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, slices.Concat(s.env, []string{"FAILPOINT=" + step}), bytes.NewReader(event)
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil && ctx.Err() != nil:
		return errKilled // before the process began
	case cmd.ProcessState == nil:
		return err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return errKilled
	}
	if !cmd.ProcessState.Success() { // err may only say that ctx ended just after the process did
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// mustRun handles an event to the end.
func (s *site) mustRun(t *testing.T, event []byte) {
	t.Helper()
	if err := s.run(t, event, "", 0); err != nil {
		t.Fatal(err)
	}
}

// rewrite changes the ledger, as another audit would.
func (s *site) rewrite(t *testing.T, change func(l *ledger.Ledger)) {
	t.Helper()
	data, version, err := s.state.Get(t.Context(), ledger.Key(home))
	if errors.Is(err, blob.ErrNotFound) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Decode(data)
	if err != nil {
		t.Fatalf("a crash left a ledger that cannot be read: %v\n%s", err, data)
	}
	change(&l)
	if _, err := s.state.Put(t.Context(), ledger.Key(home), l.Encode(), version); err != nil {
		t.Fatal(err)
	}
}

// outlast ends a lease that was left behind, and reports whether there was one.
func (s *site) outlast(t *testing.T) (left bool) {
	t.Helper()
	s.rewrite(t, func(l *ledger.Ledger) {
		if left = l.Lease != nil; left {
			l.Lease.Until = time.Now().UTC().Add(-time.Second)
		}
	})
	return left
}

// toggle breaks a working rule, or fixes a broken one.
func (s *site) toggle(t *testing.T, prefix string) {
	t.Helper()
	operation := map[bool]string{false: ptc.OpDeleteSecret, true: ptc.OpRestoreSecret}[s.broken[prefix]]
	_, err := awsjson.Do(t.Context(), s.ecr.Client(), aws.Credentials{AccessKeyID: home.Account, SecretAccessKey: "test"}, awsjson.Call{
		Endpoint: s.ecr.URL, Service: "secretsmanager", Region: home.Region, Target: "secretsmanager." + operation,
		Body: fmt.Appendf(nil, `{"SecretId": "ecr-pullthroughcache/%s"}`, prefix),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.broken[prefix] = !s.broken[prefix]
}

// messages returns what the topic of records has accepted.
func (s *site) messages(t *testing.T) []notify.Message {
	t.Helper()
	var out []notify.Message
	for _, p := range s.topic.Published() {
		if p.TopicARN != recordsARN {
			continue
		}
		var m notify.Message
		if err := json.Unmarshal([]byte(p.Message), &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// believed returns the rules that are broken according to the messages.
func (s *site) believed(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, m := range s.messages(t) {
		for _, f := range m.Findings {
			if f.Check == report.CheckValidationPassed {
				out[f.Prefix] = f.Status != report.Resolved
			}
		}
	}
	maps.DeleteFunc(out, func(_ string, broken bool) bool { return !broken })
	return out
}

// stored counts the evidence, and fails if any cannot be read.
func (s *site) stored(t *testing.T) (reports, changes int) {
	t.Helper()
	for record, err := range evidence.Records(t.Context(), s.evidence, ptc.Registry{}, time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(record.Key, err)
		}
		if record.Report != nil {
			reports++
		} else {
			changes++
		}
	}
	return reports, changes
}

// known returns the ledger.
func (s *site) known(t *testing.T) (l ledger.Ledger) {
	t.Helper()
	s.rewrite(t, func(now *ledger.Ledger) { l = *now })
	return l
}

// sites returns a site for each kind of store.
func sites(t *testing.T) map[string]func(t *testing.T) *site {
	t.Helper()
	c := newCloud(t)
	return map[string]func(t *testing.T) *site{
		"folder": func(t *testing.T) *site {
			t.Helper()
			return newSite(t, "file://"+t.TempDir(), "file://"+t.TempDir(), aws.Config{})
		},
		"bucket": func(t *testing.T) *site { t.Helper(); return newSite(t, c.bucket(t), c.bucket(t), c.cfg) },
	}
}

// Each case is a row of the crash table in internal/README.md: the process is
// killed after the step, and the queue delivers its message again.
func TestCrashAfter(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	breaks := func(t *testing.T, s *site) []byte { t.Helper(); s.toggle(t, "hub-a"); return request }
	known := func(t *testing.T, s *site) []byte {
		t.Helper()
		s.toggle(t, "hub-a")
		s.mustRun(t, request)
		return request
	}
	covered := func(t *testing.T, s *site) []byte {
		t.Helper()
		s.mustRun(t, known(t, s))
		s.rewrite(t, func(l *ledger.Ledger) { l.SeenUntil = time.Now().UTC() }) // as after an audit for a queue
		return changed(t, "hub-a", time.Hour)
	}
	tests := []struct {
		step    string
		prepare func(t *testing.T, s *site) (event []byte)
		lease   bool // a lease is left behind
		// incomplete: the first run after the crash reports a fault.
		incomplete bool
		// messages and ids count the messages, and their different ids, at the end.
		messages, ids int
		// mails counts what the topic of people has accepted, if it is not messages.
		mails            int
		reports, changes int // stored at the end
		check            func(t *testing.T, s *site)
	}{
		{step: "evidence-put", prepare: breaks, messages: 1, ids: 1, reports: 2},
		{step: "lease-put", prepare: breaks, lease: true, messages: 1, ids: 1, reports: 2},
		{step: "published", prepare: breaks, lease: true, messages: 1, mails: 2, ids: 1, reports: 2},
		{step: "accepted-put", prepare: breaks, lease: true, messages: 1, ids: 1, reports: 2},
		{step: "all-published", prepare: breaks, lease: true, messages: 2, mails: 1, ids: 1, reports: 2},
		{step: "notified-put", prepare: breaks, messages: 1, ids: 1, reports: 2},
		{step: "lease-dropped", prepare: func(t *testing.T, s *site) []byte {
			t.Helper()
			s.topic.Fail(snsstub.AuthorizationError, 403, 1) // the topic of people; the records have it
			return breaks(t, s)
		}, messages: 1, ids: 1, reports: 2},
		{step: "silent-put", prepare: known, messages: 1, ids: 1, reports: 3},
		{step: "recorded", prepare: func(t *testing.T, s *site) []byte {
			t.Helper()
			event := known(t, s)
			s.during = sync.OnceFunc(func() { // another audit, which began later, is delivered during the next one
				s.rewrite(t, func(l *ledger.Ledger) {
					l.LastAudit = ledger.Audit{ID: "another", StartedAt: time.Now().UTC().Add(30 * time.Second), Complete: true}
				})
			})
			return event
		}, messages: 1, ids: 1, reports: 3},
		{step: "changes-put", prepare: covered, messages: 1, ids: 1, reports: 2, changes: 1, check: knowsJane},
		{step: "covered-put", prepare: covered, messages: 1, ids: 1, reports: 2, changes: 1, check: knowsJane},
		{step: "set-aside", prepare: func(t *testing.T, s *site) []byte {
			t.Helper()
			if _, err := s.state.Put(t.Context(), ledger.Key(home), []byte("torn"), ""); err != nil {
				t.Fatal(err)
			}
			return breaks(t, s)
		}, incomplete: true, messages: 2, ids: 2, reports: 1}, // the fault, and its recovery
	}
	var rows []string
	for _, tt := range tests {
		rows = append(rows, tt.step)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "| killed after |")
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)`").FindAllStringSubmatch(table, -1) {
		documented = append(documented, row[1])
	}
	is(t, "rows of the crash table", slices.Sorted(slices.Values(documented)), slices.Sorted(slices.Values(rows)))
	for kind, newSite := range sites(t) {
		for _, tt := range tests {
			t.Run(kind+"/"+tt.step, func(t *testing.T) {
				s := newSite(t)
				event := tt.prepare(t, s)
				if err := s.run(t, event, tt.step, 0); !errors.Is(err, errKilled) {
					t.Fatalf("not killed after %s: %v", tt.step, err)
				}
				if tt.step != "set-aside" && s.outlast(t) != tt.lease {
					t.Errorf("lease left behind: %v, want %v", !tt.lease, tt.lease)
				}
				if err := s.run(t, event, "", 0); (err != nil) != tt.incomplete {
					t.Fatal(err)
				}
				s.mustRun(t, event) // a queue may deliver a message again after it was acknowledged
				ids := map[string]bool{}
				messages := s.messages(t)
				for _, m := range messages {
					ids[m.ID] = true
				}
				if len(messages) != tt.messages || len(ids) != tt.ids {
					t.Errorf("%d messages with %d ids, want %d with %d", len(messages), len(ids), tt.messages, tt.ids)
				}
				if want, mails := cmp.Or(tt.mails, tt.messages), len(s.topic.Published())-len(messages); mails != want {
					t.Errorf("%d mails, want %d", mails, want)
				}
				is(t, "believed to be broken", s.believed(t), map[string]bool{"hub-a": true})
				// The last run of a change stores no report, that of a request one more.
				reports, changes := s.stored(t)
				if want := tt.reports + 1; reports != want && tt.changes == 0 || tt.changes > 0 && reports != tt.reports || changes != tt.changes {
					t.Errorf("%d reports and %d records of changes are stored", reports, changes)
				}
				if l := s.known(t); l.Lease != nil {
					t.Errorf("a lease is left: %v", l.Lease)
				}
				if tt.check != nil {
					tt.check(t, s)
				}
			})
		}
	}
}

// knowsJane fails unless the ledger knows one change, by jane.
func knowsJane(t *testing.T, s *site) {
	t.Helper()
	if l := s.known(t); len(l.Changes) != 1 || l.Changes[0].Actor.Name != "jane" {
		t.Errorf("the ledger knows the changes %v", l.Changes)
	}
}

// A rule changes between a crash and the retry: the messages say in the end
// which rules are broken.
func TestChangeBetweenCrashAndRetry(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	for _, step := range []string{"lease-put", "published"} {
		for _, broken := range []bool{false, true} { // in the end
			t.Run(fmt.Sprint(step, " broken ", broken), func(t *testing.T) {
				s := newSite(t, "file://"+t.TempDir(), "file://"+t.TempDir(), aws.Config{})
				s.toggle(t, "hub-a")
				if broken {
					s.mustRun(t, request)
					s.toggle(t, "hub-a") // the crash interrupts the notification that it is fixed
				}
				if err := s.run(t, request, step, 0); !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				s.outlast(t)
				s.toggle(t, "hub-a")
				s.mustRun(t, request)
				s.mustRun(t, request)
				messages := s.messages(t)
				want := map[bool]report.Status{false: report.Resolved, true: report.Changed}[broken]
				if last := messages[len(messages)-1]; last.Status != want {
					t.Errorf("the last of %d messages says %s, want %s", len(messages), last.Status, want)
				}
				is(t, "believed to be broken", s.believed(t), maps.Collect(brokenOnly(s.broken)))
			})
		}
	}
}

// The process is killed at random. After every run that ends, the messages say
// which rules are broken, and the next run publishes nothing. PROVE=1 kills it
// more often.
func TestRandomKills(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	kills := map[string]int{"folder": 20, "bucket": 6}
	if os.Getenv("PROVE") == "1" {
		kills = map[string]int{"folder": 300, "bucket": 40}
	}
	steps := []string{"evidence-put", "lease-put", "published", "accepted-put", "all-published", "notified-put", "silent-put"}
	for kind, newSite := range sites(t) {
		const workers = 2
		for worker := range workers {
			t.Run(fmt.Sprint(kind, " ", worker), func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				killed, ended := 0, 0
				for killed < kills[kind]/workers {
					for range 1 + rand.N(2) {
						s.toggle(t, prefixes[rand.N(len(prefixes))])
					}
					step, after := "", time.Duration(0)
					if rand.N(2) == 0 {
						step = steps[rand.N(len(steps))]
					} else {
						after = rand.N(100 * time.Millisecond)
					}
					switch err := s.run(t, request, step, after); {
					case errors.Is(err, errKilled):
						killed++
					case err != nil:
						t.Fatal(err)
					}
					if rand.N(3) == 0 {
						s.outlast(t)
						continue // and kill it again before it recovers
					}
					s.outlast(t)
					s.mustRun(t, request)
					ended++
					is(t, "believed to be broken", s.believed(t), maps.Collect(brokenOnly(s.broken)))
					if t.Failed() {
						t.Fatalf("after %d kills", killed)
					}
				}
				before := len(s.messages(t))
				s.mustRun(t, request)
				s.mustRun(t, request)
				if more := len(s.messages(t)) - before; more > 1 {
					t.Errorf("two runs without a change published %d messages", more)
				}
				reports, _ := s.stored(t)
				damaged := 0
				for key, err := range s.state.List(t.Context(), "", "") {
					if err != nil || strings.Contains(key, "damaged") {
						damaged++
					}
				}
				if damaged > 0 {
					t.Error("a kill damaged a ledger")
				}
				t.Logf("%d kills, %d runs to the end, %d messages, %d reports", killed, ended, before, reports)
			})
		}
	}
}

// brokenOnly yields the rules that are broken.
func brokenOnly(all map[string]bool) func(yield func(string, bool) bool) {
	return func(yield func(string, bool) bool) {
		for _, prefix := range slices.Sorted(maps.Keys(all)) {
			if all[prefix] && !yield(prefix, true) {
				return
			}
		}
	}
}
