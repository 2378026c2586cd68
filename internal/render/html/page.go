package html

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// page is the data of the template. Its texts are cleaned; the template escapes
// them.
type page struct {
	ContentPolicy string
	Style         template.CSS
	Script        template.JS

	Title    string
	Registry ptc.Registry
	Policy   string
	Digest   string
	Version  string
	AuditID  string
	Schema   string
	Started  moment
	Finished moment
	Took     string
	AsOf     moment
	// NotAsked is whether the rules were not validated by ECR.
	NotAsked bool

	Verdict  verdict
	Scope    string  // how many rules
	Failed   []tally // by severity, highest first, all of them
	Outcomes []tally // the other outcomes
	Changes  []change
	Triggers []trigger
	// Incomplete is empty if the report is complete.
	Incomplete string
	Faults     []fault
	Groups     []group
	Table      []ruleRow
	Settled    []settled
	// SettledCount is how many findings Settled has.
	SettledCount string
	History      *history
}

// verdict is the headline. State is good, bad, unknown (no failures, but the
// audit is incomplete), or none (there was nothing to check).
type verdict struct{ State, Text, Why string }

// tally is a number of findings. Severity is empty for other outcomes.
type tally struct {
	Severity report.Severity
	Label    string
	N        int
}

// fault is equal for one or more rules.
type fault struct {
	Kind, Operation, Message, RequestID, Advice string
	Prefixes                                    []string
}

// change is who did what shortly before the audit.
type change struct {
	Who, ARN, Call, Subject, Address string
	At                               moment
}

// trigger is a reason why the audit ran.
type trigger struct {
	Kind, Call string
	At         moment
}

// group holds the findings of one outcome.
type group struct {
	ID, Title, Lead string
	Findings        []finding
}

// finding is a finding that the page shows in full.
type finding struct {
	ID       string
	Severity report.Severity
	Label    string // the severity as a word
	Rank     int
	Subject  string
	Check    string
	// Sentence is the first one of the message, and Detail the others.
	Sentence, Detail string
	OfRegistry       bool
	Steps            []step
	References       []reference
	Waiver           *report.Waiver
	Since            moment
	// Before is whether it may have failed before that, too.
	Before bool
	Age    string
}

// ruleRow is one rule of the registry.
type ruleRow struct {
	Prefix, Upstream, Secret, SecretARN, Role, RoleARN string
	Says                                               says
	Updated                                            moment
	// Open are the failures of the rule, highest severity first. First is the
	// id of the first.
	Open  []tally
	First string
	Rank  int // of the highest severity, and then by how many: to sort by
}

// says is ECR's validation result of a rule in one word. State is good, bad,
// unknown or none.
type says struct {
	State, Text string
	Order       int // worst first
}

// settled is a check with the subjects that passed or that it does not apply to.
type settled struct {
	Check           string
	Passed, Skipped subjects
}

// subjects are the rules for which a check has one outcome.
type subjects struct {
	Names []string
	// All is whether these are all rules.
	All bool
}

// List is the names in one text.
func (s subjects) List() string { return strings.Join(s.Names, ", ") }

func newPage(r report.Report, o Options) page {
	past := audits(r, o.History)
	p := page{
		ContentPolicy: contentPolicy(),
		Style:         template.CSS(style), //nolint:gosec // a constant of this package
		Script:        template.JS(script), //nolint:gosec // a constant of this package

		Registry: ptc.Registry{Account: untrusted.Name(r.Registry.Account), Region: untrusted.Name(r.Registry.Region)},
		Policy:   untrusted.Name(r.Policy.Name),
		Digest:   untrusted.Name(r.Policy.Digest),
		Version:  untrusted.Name(r.Audit.Version),
		AuditID:  untrusted.Name(r.Audit.ID),
		Schema:   untrusted.Name(r.SchemaVersion),
		Started:  second(r.Audit.StartedAt),
		Finished: second(r.Audit.FinishedAt),
		AsOf:     minute(r.Audit.AsOf),
		NotAsked: r.Audit.WithoutValidation,

		Scope:   report.Count(len(r.Rules), "rule"),
		Groups:  groups(past, o.Since),
		Settled: settle(r),
		History: newHistory(past),
	}
	if took := r.Audit.FinishedAt.Sub(r.Audit.StartedAt); took >= 0 && !r.Audit.FinishedAt.IsZero() {
		p.Took = took.Round(time.Millisecond).String()
	}
	if !r.Complete {
		p.Faults = faults(r.Faults)
		p.Incomplete = "Not everything could be checked, so there may be more failures than these."
		if len(r.Rules)+len(r.Findings) == 0 {
			p.Incomplete = "Nothing is known about this registry."
		}
	}
	p.Failed, p.Outcomes = tallies(r.Summary)
	p.Verdict = newVerdict(r)
	p.Title = p.Verdict.Text + " · " + p.Registry.String() + " · ptcaudit"
	p.Changes, p.Triggers = changes(r.Triggers)
	if n := r.Summary.Outcomes[report.Pass] + r.Summary.Outcomes[report.Skip]; n > 0 {
		p.SettledCount = fmt.Sprintf("%d passed, %d did not apply", r.Summary.Outcomes[report.Pass], r.Summary.Outcomes[report.Skip])
	}
	p.Table = table(r, p.Groups)
	return p
}

func newVerdict(r report.Report) verdict {
	failed := failures(r)
	switch {
	case len(r.Faults) == 1 && r.Faults[0].Kind == ptc.FaultUnsupported && r.Complete:
		return verdict{"none", "Nothing to audit", text(r.Faults[0].Message)}
	case failed > 0 && r.Complete:
		return verdict{"bad", report.Count(failed, "failure"), ""}
	case failed > 0:
		return verdict{"bad", "At least " + report.Count(failed, "failure"), ""}
	case r.Complete:
		return verdict{"good", "No failures", ""}
	case len(r.Rules)+len(r.Findings) == 0:
		return verdict{"unknown", "Not audited", ""}
	}
	return verdict{"unknown", "No failures seen", ""}
}

// tallies counts findings: open failures by severity, and the other outcomes.
func tallies(s report.Summary) (failed, others []tally) {
	for _, severity := range slices.Backward(report.Severities()) {
		failed = append(failed, tally{severity, capital(severity), s.Failed[severity]})
	}
	for _, t := range []tally{
		{Label: "not checked", N: s.Outcomes[report.Error]},
		{Label: "waived", N: s.Waived},
		{Label: "not in force yet", N: s.Outcomes[report.Pending]},
		{Label: "passed", N: s.Outcomes[report.Pass]},
		{Label: "did not apply", N: s.Outcomes[report.Skip]},
	} {
		if t.N > 0 {
			others = append(others, t)
		}
	}
	return failed, others
}

// changes splits the triggers: who did what, and all reasons.
func changes(triggers []report.Trigger) (made []change, all []trigger) {
	for _, t := range triggers {
		all = append(all, trigger{Kind: capital(untrusted.Name(string(t.Kind))), Call: untrusted.Name(t.Call), At: second(t.Time)})
		if t.Actor == nil {
			continue
		}
		made = append(made, change{
			Who: cmp.Or(untrusted.Name(t.Actor.Name), "Unknown"), ARN: untrusted.Name(t.Actor.ARN), Address: untrusted.Name(t.Actor.Address),
			Call: untrusted.Name(t.Call), Subject: untrusted.Name(t.Prefix + t.Secret), At: second(t.Time),
		})
	}
	return made, all
}

// faults lists why the audit is incomplete. Equal faults of many rules are one
// entry.
func faults(list []ptc.Fault) []fault {
	var out []fault
	place := map[ptc.Fault]int{}
	for _, f := range list {
		key := ptc.Fault{Operation: f.Operation, Kind: f.Kind, Code: f.Code, Message: f.Message, Retryable: f.Retryable}
		i, seen := place[key]
		if !seen {
			i = len(out)
			place[key] = i
			message := f.Message
			if f.Code != "" {
				message = f.Code + ": " + message
			}
			out = append(out, fault{
				Kind: capital(untrusted.Name(string(f.Kind))), Operation: untrusted.Name(f.Operation), Message: text(message),
				RequestID: untrusted.Name(f.RequestID), Advice: report.Advice(f),
			})
		}
		if f.Prefix != "" {
			out[i].Prefixes = append(out[i].Prefixes, untrusted.Name(f.Prefix))
		}
	}
	return out
}
