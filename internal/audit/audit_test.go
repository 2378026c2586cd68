package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/audit"
	"ptcaudit/internal/aws/ecrapi"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

const (
	describe = "DescribePullThroughCacheRules"
	validate = "ValidatePullThroughCacheRule"
)

var (
	registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	midnight = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
)

// config is that of AWS clients whose calls go to url and whose retries do not
// keep a test waiting.
func config(url string) aws.Config {
	return aws.Config{
		Region:       registry.Region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider(registry.Account, "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	}
}

// emulate makes an emulator of one registry.
func emulate(tb testing.TB, r emulator.Registry, faults ...emulator.Fault) *emulator.Emulator {
	tb.Helper()
	r.Account, r.Region = registry.Account, registry.Region
	e, err := emulator.New(
		emulator.Fixture{Registries: []emulator.Registry{r}, Faults: faults},
		emulator.WithIDs(func() string { return "request-1" }),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// engine makes an Engine with the real client, which calls h.
func engine(tb testing.TB, h http.Handler) *audit.Engine {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return &audit.Engine{
		ECR:     ecrapi.New(config(s.URL), ecrapi.Options{}),
		Policy:  load(tb, "testdata/policy.yaml"),
		Now:     func() time.Time { return midnight },
		NewID:   func() string { return "audit-1" },
		Version: "v0.0.0-test",
	}
}

func load(tb testing.TB, name string) *policy.Policy {
	tb.Helper()
	p, err := policy.Load(name)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

var (
	hub = emulator.Rule{
		EcrRepositoryPrefix: "docker-hub",
		UpstreamRegistryURL: "registry-1.docker.io",
		CredentialArn:       "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
	}
	quay = emulator.Rule{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io"}
)

// rules makes n rules that pass.
func rules(n int) []emulator.Rule {
	out := make([]emulator.Rule, n)
	for i := range out {
		name := fmt.Sprintf("team-%03d", i)
		out[i] = emulator.Rule{
			EcrRepositoryPrefix: name,
			UpstreamRegistryURL: name + ".azurecr.io",
			CredentialArn:       "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/" + name + "-AbCdEf",
		}
	}
	return out
}

// gist is a report in short, without what passed.
func gist(r report.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "complete %t, rules", r.Complete)
	for _, rule := range r.Rules {
		b.WriteString(" " + rule.Prefix)
		if rule.Validation == nil {
			b.WriteString("?")
		}
	}
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "\nfault %s %s %s %s retryable=%t", strings.TrimSuffix(f.Operation, "PullThroughCacheRule"), f.Prefix, f.Kind, f.Code, f.Retryable)
	}
	for _, f := range r.Findings {
		if f.Outcome != report.Pass {
			fmt.Fprintf(&b, "\n%s %s %s", f.Outcome, f.Check, f.Prefix)
		}
	}
	return b.String()
}

func TestAudit(t *testing.T) {
	both := emulator.Registry{Rules: []emulator.Rule{hub, quay}}
	tests := []struct {
		name     string
		registry emulator.Registry
		faults   []emulator.Fault
		want     string
	}{
		{
			"sound", both, nil,
			"complete true, rules docker-hub quay",
		},
		{
			"no rules",
			emulator.Registry{},
			nil,
			"complete true, rules",
		},
		{
			"a failed validation is not a fault",
			emulator.Registry{Rules: []emulator.Rule{{
				EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io",
				Validation: &emulator.Validation{Failure: "unreachable"},
			}}},
			nil,
			"complete true, rules quay\nfail works quay",
		},
		{
			"a future upstream",
			emulator.Registry{Rules: []emulator.Rule{{EcrRepositoryPrefix: "new", UpstreamRegistryURL: "registry.future.example", UpstreamRegistry: "future"}}},
			nil,
			"complete true, rules new\nfail known new",
		},
		{
			"no upstreamRegistry in the answer", both,
			[]emulator.Fault{{Operation: describe, Omit: []string{"upstreamRegistry"}}},
			"complete true, rules docker-hub quay",
		},
		{
			"open upstreams answered",
			emulator.Registry{Rules: []emulator.Rule{hub, quay}, Behaviour: emulator.Behaviour{ValidateOpenUpstream: "answer"}},
			nil,
			"complete true, rules docker-hub quay",
		},
		{
			"open upstreams refused",
			emulator.Registry{Rules: []emulator.Rule{hub, quay}, Behaviour: emulator.Behaviour{ValidateOpenUpstream: "refuse"}},
			nil,
			"complete true, rules docker-hub quay\nskip works quay",
		},

		{
			"list denied", both,
			[]emulator.Fault{{Operation: describe, Code: "AccessDeniedException"}},
			"complete false, rules\nfault DescribePullThroughCacheRules  denied AccessDeniedException retryable=false",
		},
		{
			"validate denied", both,
			[]emulator.Fault{{Operation: validate, Code: "AccessDeniedException"}},
			"complete false, rules docker-hub? quay?" +
				"\nfault Validate docker-hub denied AccessDeniedException retryable=false" +
				"\nfault Validate quay denied AccessDeniedException retryable=false" +
				"\nerror works docker-hub\nerror works quay",
		},
		{
			"validate denied for one rule", both,
			[]emulator.Fault{{Operation: validate, Prefix: "quay", Code: "AccessDeniedException"}},
			"complete false, rules docker-hub quay?" +
				"\nfault Validate quay denied AccessDeniedException retryable=false\nerror works quay",
		},
		{
			"throttled twice", both,
			[]emulator.Fault{{Operation: describe, Code: "ThrottlingException", Times: 2}, {Operation: validate, Prefix: "quay", Code: "ThrottlingException", Times: 2}},
			"complete true, rules docker-hub quay",
		},
		{
			"list throttled for ever", both,
			[]emulator.Fault{{Operation: describe, Code: "ThrottlingException"}},
			"complete false, rules\nfault DescribePullThroughCacheRules  throttled ThrottlingException retryable=true",
		},
		{
			"validate throttled for ever", both,
			[]emulator.Fault{{Operation: validate, Prefix: "quay", Code: "ThrottlingException"}},
			"complete false, rules docker-hub quay?" +
				"\nfault Validate quay throttled ThrottlingException retryable=true\nerror works quay",
		},
		{
			"list 500", both,
			[]emulator.Fault{{Operation: describe, Code: "ServerException"}},
			"complete false, rules\nfault DescribePullThroughCacheRules  unavailable ServerException retryable=true",
		},
		{
			"validate 500", both,
			[]emulator.Fault{{Operation: validate, Prefix: "quay", Code: "ServerException"}},
			"complete false, rules docker-hub quay?" +
				"\nfault Validate quay unavailable ServerException retryable=true\nerror works quay",
		},
		{
			"list cut before the head", both,
			[]emulator.Fault{{Operation: describe, Drop: true}},
			"complete false, rules\nfault DescribePullThroughCacheRules  unavailable  retryable=true",
		},
		{
			"list cut in mid-body", both,
			[]emulator.Fault{{Operation: describe, Drop: true, Truncate: true}},
			"complete false, rules\nfault DescribePullThroughCacheRules  unavailable  retryable=true",
		},
		{
			"second page cut in mid-body",
			emulator.Registry{Rules: rules(6), PageSize: 2},
			[]emulator.Fault{{Operation: describe, Times: 1, Delay: 1}, {Operation: describe, Times: 1, Delay: 1}, {Operation: describe, Drop: true, Truncate: true}},
			"complete false, rules\nfault DescribePullThroughCacheRules  unavailable  retryable=true",
		},
		{
			"validate cut in mid-body", both,
			[]emulator.Fault{{Operation: validate, Prefix: "quay", Drop: true, Truncate: true}},
			"complete false, rules docker-hub quay?" +
				"\nfault Validate quay unavailable  retryable=true\nerror works quay",
		},
		{
			"HTML 502", both,
			[]emulator.Fault{{Operation: describe, Status: 502, Body: "<html>Bad Gateway</html>"}},
			"complete false, rules\nfault DescribePullThroughCacheRules  unavailable  retryable=true",
		},
		{
			"an empty answer to list", both,
			[]emulator.Fault{{Operation: describe, Empty: true}},
			"complete false, rules\nfault DescribePullThroughCacheRules  malformed  retryable=true",
		},
		{
			"an empty answer to validate", both,
			[]emulator.Fault{{Operation: validate, Prefix: "quay", Empty: true}},
			"complete false, rules docker-hub quay?" +
				"\nfault Validate quay malformed  retryable=true\nerror works quay",
		},
		{
			"a list of another registry", both,
			[]emulator.Fault{{Operation: describe, Set: map[string]any{"registryId": "444455556666"}}},
			"complete false, rules\nfault DescribePullThroughCacheRules  malformed  retryable=false",
		},
		{
			"a verdict of another registry", both,
			[]emulator.Fault{{Operation: validate, Prefix: "quay", Set: map[string]any{"registryId": "444455556666"}}},
			"complete false, rules docker-hub quay?" +
				"\nfault Validate quay malformed  retryable=false\nerror works quay",
		},
		{
			"a rule that Validate does not find, though it is listed", both,
			[]emulator.Fault{{Operation: validate, Prefix: "quay", Code: "PullThroughCacheRuleNotFoundException"}},
			"complete false, rules docker-hub quay?" +
				"\nfault Validate quay malformed PullThroughCacheRuleNotFoundException retryable=true\nerror works quay",
		},
		{
			"a Region that has the API and denies it", both,
			[]emulator.Fault{{Operation: describe, Code: "UnknownOperationException"}},
			"complete false, rules\nfault DescribePullThroughCacheRules  unavailable UnknownOperationException retryable=true",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := engine(t, emulate(t, tt.registry, tt.faults...)).Audit(t.Context(), registry, nil)
			if diff := cmp.Diff(tt.want, gist(r)); diff != "" {
				t.Errorf("report differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuditOfARegionWithoutTheAPI(t *testing.T) {
	china := ptc.Registry{Account: registry.Account, Region: "cn-north-1"}
	e := emulate(t, emulator.Registry{}, emulator.Fault{Operation: describe, Code: "UnknownOperationException"})
	r := engine(t, e).Audit(t.Context(), china, nil)
	want := "complete true, rules\nfault DescribePullThroughCacheRules  unsupported  retryable=false"
	if diff := cmp.Diff(want, gist(r)); diff != "" {
		t.Errorf("report differs (-want +got):\n%s", diff)
	}
	if len(r.Findings) != 0 {
		t.Errorf("%d findings of a registry that was not listed", len(r.Findings))
	}
}

func TestAuditReadsAllPages(t *testing.T) {
	tests := []struct{ rules, pages int }{{0, 1}, {1, 1}, {50, 25}, {120, 60}}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.rules), func(t *testing.T) {
			e := emulate(t, emulator.Registry{Rules: rules(tt.rules), PageSize: 2})
			r := engine(t, e).Audit(t.Context(), registry, nil)
			if !r.Complete || len(r.Rules) != tt.rules || len(r.Findings) != 2*tt.rules+1 {
				t.Errorf("complete %t, %d rules, %d findings", r.Complete, len(r.Rules), len(r.Findings))
			}
			if e.Count(describe) != tt.pages || e.Count(validate) != tt.rules {
				t.Errorf("%d pages, %d validations", e.Count(describe), e.Count(validate))
			}
		})
	}
}

// A rule is deleted for real, between its listing and its validation.
func TestAuditDropsDeletedRule(t *testing.T) {
	e := emulate(t, emulator.Registry{Rules: []emulator.Rule{hub, quay}})
	var deleted atomic.Bool
	var client *ecr.Client
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), validate) && deleted.CompareAndSwap(false, true) {
			if _, err := client.DeletePullThroughCacheRule(t.Context(), &ecr.DeletePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("quay")}); err != nil {
				t.Error(err)
			}
		}
		e.ServeHTTP(w, r)
	})
	other := httptest.NewServer(e)
	defer other.Close()
	client = ecr.NewFromConfig(config(other.URL))

	eng := engine(t, h)
	eng.Concurrency = 1
	if diff := cmp.Diff("complete true, rules docker-hub", gist(eng.Audit(t.Context(), registry, nil))); diff != "" {
		t.Errorf("report differs (-want +got):\n%s", diff)
	}
}

// stall holds back the answer to calls that it matches until their caller gives
// up.
func stall(h http.Handler, matches func(call string) bool, stalled func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		if matches(r.Header.Get("X-Amz-Target") + " " + body.String()) {
			stalled()
			<-r.Context().Done()
			return
		}
		r.Body = readCloser{&body}
		h.ServeHTTP(w, r)
	})
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// watched signals that a validation has succeeded.
type watched struct {
	audit.ECR
	done func()
}

func (w watched) Validate(ctx context.Context, reg ptc.Registry, rule ptc.Rule) (ptc.Validation, error) {
	v, err := w.ECR.Validate(ctx, reg, rule)
	if err == nil {
		w.done()
	}
	return v, err
}

func TestAuditReportsPartialResultAtDeadline(t *testing.T) {
	t.Run("while it lists", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		e := emulate(t, emulator.Registry{Rules: rules(10)})
		h := stall(e, func(call string) bool { return strings.Contains(call, describe) }, cancel)
		r := engine(t, h).Audit(ctx, registry, nil)
		want := "complete false, rules\nfault DescribePullThroughCacheRules  timeout  retryable=true"
		if diff := cmp.Diff(want, gist(r)); diff != "" {
			t.Errorf("report differs (-want +got):\n%s", diff)
		}
	})
	t.Run("while one validation is slow", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		broken := rules(10)
		broken[3].Validation = &emulator.Validation{Failure: "token expired"}
		e := emulate(t, emulator.Registry{Rules: broken})
		// The time is over when the nine others have their verdict.
		var wait sync.WaitGroup
		wait.Add(10)
		go func() { wait.Wait(); cancel() }()
		h := stall(e, func(call string) bool { return strings.Contains(call, "team-007") }, wait.Done)
		eng := engine(t, h)
		eng.ECR = watched{eng.ECR, wait.Done}
		r := eng.Audit(ctx, registry, nil)
		want := "complete false, rules team-000 team-001 team-002 team-003 team-004 team-005 team-006 team-007? team-008 team-009" +
			"\nfault Validate team-007 timeout  retryable=true" +
			"\nfail works team-003\nerror works team-007"
		if diff := cmp.Diff(want, gist(r)); diff != "" {
			t.Errorf("report differs (-want +got):\n%s", diff)
		}
	})
	t.Run("before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e := emulate(t, emulator.Registry{Rules: rules(10)})
		r := engine(t, e).Audit(ctx, registry, nil)
		want := "complete false, rules\nfault DescribePullThroughCacheRules  timeout  retryable=true"
		if diff := cmp.Diff(want, gist(r)); diff != "" {
			t.Errorf("report differs (-want +got):\n%s", diff)
		}
		if n := e.Count(describe); n != 0 {
			t.Errorf("ECR was asked %d times", n)
		}
	})
	t.Run("after most were never asked", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		e := emulate(t, emulator.Registry{Rules: rules(50)})
		h := stall(e, func(call string) bool { return strings.Contains(call, validate) }, cancel)
		eng := engine(t, h)
		eng.Concurrency = 2
		r := eng.Audit(ctx, registry, nil)
		if r.Complete || len(r.Faults) != 50 || r.Summary.Outcomes[report.Error] != 50 || r.Summary.Outcomes[report.Pass] != 51 {
			t.Errorf("got %d faults and outcomes %v", len(r.Faults), r.Summary.Outcomes)
		}
	})
}

func TestReportOfTheSameStateHasTheSameBytes(t *testing.T) {
	state := rules(50)
	for i := range state {
		if i%7 == 0 {
			state[i].Validation = &emulator.Validation{Failure: fmt.Sprintf("token %d expired", i)}
		}
	}
	slices.Reverse(state)
	fixture := emulator.Registry{Rules: state, PageSize: 7}
	faults := []emulator.Fault{
		{Operation: validate, Prefix: "team-011", Code: "AccessDeniedException"},
		{Operation: validate, Prefix: "team-012", Code: "PullThroughCacheRuleNotFoundException"},
		{Operation: validate, Prefix: "team-013", Code: "InvalidParameterException"},
		{Operation: validate, Prefix: "team-014", Empty: true},
	}
	triggers := []report.Trigger{
		{Kind: report.ChangeTrigger, Time: midnight, EventID: "b"},
		{Kind: report.ChangeTrigger, Time: midnight, EventID: "a"},
	}
	given := slices.Clone(triggers)
	var first []byte
	for _, concurrency := range []int{1, 8, 50, 0} {
		e := emulate(t, fixture, faults...)
		eng := engine(t, e)
		eng.Concurrency = concurrency
		var b bytes.Buffer
		if err := eng.Audit(t.Context(), registry, triggers).Encode(&b); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b.Bytes()
		}
		if diff := cmp.Diff(string(first), b.String()); diff != "" {
			t.Errorf("report at concurrency %d differs:\n%s", concurrency, diff)
		}
	}
	if diff := cmp.Diff(given, triggers); diff != "" {
		t.Errorf("the caller's triggers changed:\n%s", diff)
	}
	if n := bytes.Count(first, []byte(`"prefix": "team-012"`)); n == 0 {
		t.Error("a rule that is listed is missing in the report, since Validate did not find it")
	}
}

func TestValidationsAreBounded(t *testing.T) {
	for _, tt := range []struct{ concurrency, want int }{{1, 1}, {3, 3}, {0, audit.DefaultConcurrency}} {
		synctest.Test(t, func(t *testing.T) {
			var underWay, peak atomic.Int32
			ecr := fake{
				rules: func(context.Context) ([]ptc.Rule, error) {
					list := make([]ptc.Rule, 30)
					for i := range list {
						list[i].Prefix = fmt.Sprintf("team-%03d", i)
					}
					return list, nil
				},
				verdict: func(context.Context, string) (ptc.Validation, error) {
					now := underWay.Add(1)
					for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
					}
					time.Sleep(time.Second) // of the test's own clock: until all that may be are under way
					underWay.Add(-1)
					return ptc.Validation{Status: ptc.ValidationValid}, nil
				},
			}
			eng := audit.Engine{ECR: ecr, Policy: noPolicy{}, Concurrency: tt.concurrency}
			eng.Audit(t.Context(), registry, nil)
			if got := int(peak.Load()); got != tt.want {
				t.Errorf("concurrency %d: %d calls at once, want %d", tt.concurrency, got, tt.want)
			}
		})
	}
}

// noPolicy has no checks.
type noPolicy struct{}

func (noPolicy) Ref() report.Policy { return report.Policy{} }

func (noPolicy) Evaluate(context.Context, policy.Input) []report.Finding { return nil }

// fake answers without a network.
type fake struct {
	rules   func(context.Context) ([]ptc.Rule, error)
	verdict func(ctx context.Context, prefix string) (ptc.Validation, error)
}

func (f fake) Rules(ctx context.Context, _ ptc.Registry) ([]ptc.Rule, error) { return f.rules(ctx) }

func (f fake) Validate(ctx context.Context, _ ptc.Registry, r ptc.Rule) (ptc.Validation, error) {
	return f.verdict(ctx, r.Prefix)
}

// slowPolicy evaluates until its context ends.
type slowPolicy struct{}

func (slowPolicy) Ref() report.Policy { return report.Policy{} }

func (slowPolicy) Evaluate(ctx context.Context, _ policy.Input) []report.Finding {
	<-ctx.Done()
	return []report.Finding{{Check: "slow", Outcome: report.Error}}
}

func noRules(context.Context) ([]ptc.Rule, error) { return nil, nil }

func TestEvaluationEndsSoonAfterTheAuditsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		eng := &audit.Engine{ECR: fake{rules: noRules}, Policy: slowPolicy{}}
		r := eng.Audit(ctx, registry, nil)
		if got, want := r.Audit.FinishedAt.Sub(r.Audit.StartedAt), time.Minute+time.Second; got != want {
			t.Errorf("the audit took %s, want %s", got, want)
		}
		if r.Complete {
			t.Error("the report is complete")
		}
	})
}

func TestAuditIdentifiesItself(t *testing.T) {
	seconds := 0
	clock := func() time.Time {
		seconds++
		return midnight.Add(time.Duration(seconds) * time.Second).In(time.FixedZone("elsewhere", 3600))
	}
	var asked time.Time
	eng := &audit.Engine{
		ECR:     fake{rules: func(context.Context) ([]ptc.Rule, error) { asked = clock(); return nil, nil }},
		Policy:  load(t, "testdata/policy.yaml"),
		Now:     clock,
		NewID:   func() string { return "audit-1" },
		Version: "v1.2.3",
	}
	r := eng.Audit(t.Context(), registry, nil)
	want := report.Audit{ID: "audit-1", StartedAt: midnight.Add(time.Second), FinishedAt: midnight.Add(3 * time.Second), Version: "v1.2.3"}
	if diff := cmp.Diff(want, r.Audit); diff != "" {
		t.Errorf("audit differs (-want +got):\n%s", diff)
	}
	if !r.Audit.StartedAt.Before(asked) {
		t.Error("the audit began after its first call")
	}
	if diff := cmp.Diff(eng.Policy.Ref(), r.Policy); diff != "" || r.Policy.Digest == "" {
		t.Errorf("policy differs (-want +got):\n%s", diff)
	}
	if r.Registry != registry {
		t.Errorf("registry is %v", r.Registry)
	}
}

func TestDefaultsOfIDAndTime(t *testing.T) {
	eng := &audit.Engine{ECR: fake{rules: noRules}, Policy: load(t, "testdata/policy.yaml")}
	a, b := eng.Audit(t.Context(), registry, nil), eng.Audit(t.Context(), registry, nil)
	if a.Audit.ID == "" || a.Audit.ID == b.Audit.ID {
		t.Errorf("ids are %q and %q", a.Audit.ID, b.Audit.ID)
	}
	if a.Audit.StartedAt.IsZero() || a.Audit.FinishedAt.Before(a.Audit.StartedAt) || a.Audit.StartedAt.Location() != time.UTC {
		t.Errorf("times are %v and %v", a.Audit.StartedAt, a.Audit.FinishedAt)
	}
}

// An error that is not a *ptc.Fault is a defect of the ECR's implementation. It must
// not count as a pass.
func TestAnyErrorIsAFault(t *testing.T) {
	boom := errors.New("boom")
	want := []ptc.Fault{{Operation: "list rules", Kind: ptc.FaultUnavailable, Message: "boom", Retryable: true}}
	eng := &audit.Engine{ECR: fake{rules: func(context.Context) ([]ptc.Rule, error) { return nil, boom }}, Policy: load(t, "testdata/policy.yaml")}
	if diff := cmp.Diff(want, eng.Audit(t.Context(), registry, nil).Faults); diff != "" {
		t.Errorf("faults differ (-want +got):\n%s", diff)
	}
	want = []ptc.Fault{{Operation: "validate rule", Prefix: "quay", Kind: ptc.FaultUnavailable, Message: "boom", Retryable: true}}
	eng.ECR = fake{
		rules:   func(context.Context) ([]ptc.Rule, error) { return []ptc.Rule{{Prefix: "quay"}}, nil },
		verdict: func(context.Context, string) (ptc.Validation, error) { return ptc.Validation{}, boom },
	}
	r := eng.Audit(t.Context(), registry, nil)
	if diff := cmp.Diff(want, r.Faults); diff != "" || r.Complete {
		t.Errorf("complete %t, faults differ (-want +got):\n%s", r.Complete, diff)
	}
}

// panics is a policy that a value breaks.
type panics struct{ slowPolicy }

func (panics) Evaluate(context.Context, policy.Input) []report.Finding { panic("canary") }

// A panic anywhere in an audit is a fault of that audit, so that it is reported
// like any other.
func TestAPanicIsAFault(t *testing.T) {
	listed := func(context.Context) ([]ptc.Rule, error) { return []ptc.Rule{{Prefix: "hub"}, {Prefix: "quay"}}, nil }
	valid := func(context.Context, string) (ptc.Validation, error) {
		return ptc.Validation{Status: ptc.ValidationValid}, nil
	}
	tests := []struct {
		name   string
		ecr    fake
		policy audit.Policy
		want   []string // operation and prefix of each fault
		rules  int
	}{
		{"while it lists", fake{rules: func(context.Context) ([]ptc.Rule, error) { panic("canary") }}, load(t, "testdata/policy.yaml"), []string{"list rules "}, 0},
		{"while it validates", fake{rules: listed, verdict: func(_ context.Context, prefix string) (ptc.Validation, error) {
			if prefix == "quay" {
				panic("canary")
			}
			return valid(context.Background(), prefix)
		}}, load(t, "testdata/policy.yaml"), []string{"validate rule quay"}, 2},
		{"while it evaluates", fake{rules: listed, verdict: valid}, panics{}, []string{"evaluate policy "}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var logs bytes.Buffer
			eng := &audit.Engine{ECR: tt.ecr, Policy: tt.policy, Log: slog.New(slog.NewTextHandler(&logs, nil))}
			r := eng.Audit(t.Context(), registry, nil)
			var got []string
			for _, f := range r.Faults {
				got = append(got, f.Operation+" "+f.Prefix)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || r.Complete || len(r.Rules) != tt.rules {
				t.Errorf("complete %t, %d rules, faults (-want +got):\n%s", r.Complete, len(r.Rules), diff)
			}
			if !strings.Contains(logs.String(), "goroutine") || strings.Contains(logs.String(), "msg=canary") {
				t.Errorf("the log lacks the stack:\n%s", logs.String())
			}
		})
	}
}

func TestLogsHaveNoTextFromOutside(t *testing.T) {
	const canary = "CANARY"
	leaky := hub
	leaky.CredentialArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/" + canary + "-AbCdEf"
	leaky.CustomRoleArn = "arn:aws:iam::111122223333:role/" + canary
	leaky.Validation = &emulator.Validation{Failure: canary + " expired\nlevel=ERROR"}
	e := emulate(t, emulator.Registry{Rules: []emulator.Rule{leaky, quay}},
		emulator.Fault{Operation: describe, Code: "ThrottlingException", Message: canary, Times: 1},
		emulator.Fault{Operation: validate, Prefix: "quay", Code: "AccessDeniedException", Message: canary},
	)
	s := httptest.NewServer(e)
	defer s.Close()
	cfg := config(s.URL)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(registry.Account, canary, canary)

	var logs bytes.Buffer
	eng := &audit.Engine{
		ECR:    ecrapi.New(cfg, ecrapi.Options{}),
		Policy: load(t, "testdata/policy.yaml"),
		Log:    slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	r := eng.Audit(t.Context(), registry, []report.Trigger{{
		Kind: report.ChangeTrigger, EventID: canary, Secret: canary,
		Actor: &report.Actor{Name: canary, ARN: canary, Address: canary},
	}})
	if strings.Contains(logs.String(), canary) {
		t.Errorf("the log has what it should not:\n%s", logs.String())
	}
	for _, want := range []string{`"msg":"audit finished"`, `"complete":false`, `"code":"AccessDeniedException"`, `"request_id":"request-1"`, `"audit_id":"` + r.Audit.ID} {
		if !strings.Contains(logs.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, logs.String())
		}
	}
	// The canaries were there to be found.
	var b bytes.Buffer
	if err := r.Encode(&b); err != nil || strings.Count(b.String(), canary) < 5 {
		t.Errorf("the report has %d canaries (%v)", strings.Count(b.String(), canary), err)
	}
}

func TestProgress(t *testing.T) {
	e := engine(t, emulate(t, emulator.Registry{Rules: rules(3)}))
	var progress [][2]int
	e.Progress = func(done, all int) { progress = append(progress, [2]int{done, all}) }
	r := e.Audit(t.Context(), registry, nil)
	want := [][2]int{}
	for i := range len(r.Rules) + 1 {
		want = append(want, [2]int{i, len(r.Rules)})
	}
	if diff := cmp.Diff(want, progress); diff != "" || len(progress) < 2 {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}
