package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var (
	registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	start    = time.Date(2026, 11, 21, 22, 50, 0, 0, time.UTC)
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
	week   = 7 * day
)

// story is what a registry goes through, audit by audit.
type story []step

// step is one audit and its notification.
type step struct {
	// at is how long after the first audit it begins; it is compared then, too.
	at       time.Duration
	rules    []report.Rule
	findings []report.Finding
	triggers []report.Trigger
	faults   []ptc.Fault
	min      report.Severity // low where empty
	hold     bool
	want     []string // see lines
}

// run runs a story, and returns the last ledger.
func (s story) run(t *testing.T) ledger.Ledger {
	t.Helper()
	var l ledger.Ledger
	for i, step := range s {
		r := step.report()
		notification, next := ledger.Compare(l, r, step.options())
		if diff := cmp.Diff(step.want, lines(notification)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
		// The next step knows only what is encoded.
		decoded, err := ledger.Decode(next.Encode())
		if err != nil {
			t.Fatalf("step %d: %v\n%s", i, err, next.Encode())
		}
		if diff := cmp.Diff(next, decoded); diff != "" {
			t.Fatalf("step %d: kept otherwise (-compared +decoded):\n%s", i, diff)
		}
		l = decoded
	}
	return l
}

func (s step) report() report.Report {
	r := report.Report{
		Audit:    report.Audit{ID: "audit", StartedAt: start.Add(s.at)},
		Registry: registry,
		Triggers: s.triggers,
		Rules:    s.rules,
		Findings: s.findings,
		Faults:   s.faults,
	}
	r.Finish()
	return r
}

func (s step) options() ledger.Options {
	lowest := s.min
	if lowest == "" {
		lowest = report.Low
	}
	return ledger.Options{Now: start.Add(s.at), Received: start.Add(s.at), MinSeverity: lowest, RemindAfter: week, Hold: s.hold}
}

// lines is a notification in short: "section check prefix: why", and for other
// things a line each.
func lines(s report.Notification) []string {
	var out []string
	add := func(words ...string) { out = append(out, strings.TrimSpace(strings.Join(words, " "))) }
	for _, section := range []struct {
		name     string
		findings []report.Finding
	}{
		{"new", s.New}, {"altered", s.Altered}, {"resolved", s.Resolved}, {"reminded", s.Reminded}, {"open", s.Open}, {"undecided", s.Undecided},
	} {
		for _, f := range section.findings {
			line := section.name + " " + f.Check + " " + f.Prefix
			why := s.Notes[f.Fingerprint].Why
			if section.name == "resolved" {
				why = f.Message
				if f.Waiver != nil {
					why = "waived by " + f.Waiver.Owner
				} else if f.Outcome == report.Pass {
					why = "fixed"
				}
			}
			if why != "" {
				line += ": " + why
			}
			add(line)
		}
	}
	for _, f := range s.Faults {
		add("fault", f.Operation, f.Prefix)
	}
	for _, u := range s.Unexplained {
		add("unexplained", string(u.Kind), u.Prefix)
	}
	if !s.Recovered.IsZero() {
		add("recovered since", s.Recovered.Sub(start).String())
	}
	for _, t := range s.Changes {
		add("by", t.Actor.Name)
	}
	return out
}

// rule is one that fetches from url, as ECR lists it since the start.
func rule(prefix, url string) report.Rule {
	return report.NewRule(ptc.Rule{
		Prefix: prefix, Upstream: ptc.Upstream{URL: url}, CreatedAt: start.Add(-day),
		CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/" + prefix + "-AbCdEf",
	}, ptc.Validation{})
}

func finding(check, prefix string, outcome report.Outcome, facts string) report.Finding {
	return report.Finding{
		Check: check, Prefix: prefix, Outcome: outcome, Severity: report.High, Facts: facts,
		Fingerprint: report.Fingerprint(registry, check, prefix),
	}
}

func fail(check, prefix, facts string) report.Finding {
	return finding(check, prefix, report.Fail, facts)
}

func pass(check, prefix string) report.Finding { return finding(check, prefix, report.Pass, "a") }

func undecided(check, prefix string) report.Finding {
	return finding(check, prefix, report.Error, "a")
}

func severity(s report.Severity, f report.Finding) report.Finding {
	f.Severity = s
	return f
}

// waived is f under a waiver of that owner.
func waived(f report.Finding, owner, expires string) report.Finding {
	f.Waiver = &report.Waiver{Owner: owner, Reason: "migration", Expires: expires}
	return f
}

func findings(list ...report.Finding) []report.Finding { return list }

func rules(list ...report.Rule) []report.Rule { return list }

// changed is the event of somebody's change of a rule, at so long after the start.
func changed(id, prefix, who string, at time.Duration) report.Trigger {
	return report.Trigger{
		Kind: report.ChangeTrigger, Time: start.Add(at), EventID: id, Call: "UpdatePullThroughCacheRule", Prefix: prefix,
		Actor: &report.Actor{Name: who},
	}
}

// wrote is the event of somebody's writing a secret.
func wrote(id, secret, who string, at time.Duration) report.Trigger {
	return report.Trigger{
		Kind: report.SecretTrigger, Time: start.Add(at), EventID: id, Call: "PutSecretValue", Secret: secret,
		Actor: &report.Actor{Name: who},
	}
}

func triggers(list ...report.Trigger) []report.Trigger { return list }

// noList are the faults of an audit that could not list the rules.
var noList = []ptc.Fault{{Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultThrottled, Retryable: true}}

// listDenied are the faults of an audit that may not list the rules.
var listDenied = []ptc.Fault{{Operation: ptc.OpDescribeRules, Kind: ptc.FaultDenied}}

// noVerdict are the faults of an audit without a validation result.
func noVerdict(prefix string) ptc.Fault {
	return ptc.Fault{Operation: "ValidatePullThroughCacheRule", Prefix: prefix, Kind: ptc.FaultTimeout, Retryable: true}
}

// unsupported are the faults of an audit in a Region without the API.
var unsupported = []ptc.Fault{{Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultUnsupported}}

// compare is the ledger after the step.
func (s step) compare(l ledger.Ledger) ledger.Ledger {
	_, next := ledger.Compare(l, s.report(), s.options())
	return next
}

func compare(l ledger.Ledger, s step) (report.Notification, ledger.Ledger) {
	return ledger.Compare(l, s.report(), s.options())
}

// faults are those of the rules that ECR gave no verdict on.
func faults(prefixes ...string) []ptc.Fault {
	var out []ptc.Fault
	for _, prefix := range prefixes {
		out = append(out, noVerdict(prefix))
	}
	return out
}

type fault = ptc.Fault

var equateEmpty = cmpopts.EquateEmpty()
