// Package report is the versioned result of one audit of one registry, and the
// notification that follows from it. Audits write a Report, and every output
// format reads it. It is plain data, and imports ptc and the standard library
// only.
package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"time"

	"ptcaudit/internal/ptc"
)

// SchemaVersion is in every report. It changes if a reader of the old form
// could misread the new form.
const SchemaVersion = "ptcaudit/report/v1"

// Report is the result of one audit of one registry. Its lists are sorted and
// never null, so that equal input gives equal bytes.
type Report struct {
	SchemaVersion string       `json:"schemaVersion"`
	Audit         Audit        `json:"audit"`
	Registry      ptc.Registry `json:"registry"`
	Policy        Policy       `json:"policy"`
	// Triggers say why the audit ran; one audit can answer many.
	Triggers []Trigger `json:"triggers"`
	// Complete means that everything that the policy requires was checked. If
	// it is false, a missing failure means nothing.
	Complete bool `json:"complete"`
	// Faults say what kept the audit from being complete. A Region without
	// the API has one of kind unsupported, and is complete.
	Faults []ptc.Fault `json:"faults"`
	// Rules are the evaluated facts, so that a stored report can be evaluated
	// again without AWS.
	Rules []Rule `json:"rules"`
	// Findings has every outcome, including passes, sorted by prefix and check.
	Findings []Finding `json:"findings"`
	Summary  Summary   `json:"summary"`
}

// Audit identifies one run.
type Audit struct {
	ID string `json:"id"`
	// StartedAt is taken before the first call. Times are UTC.
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
	// Version is that of the tool.
	Version string `json:"version"`
	// AsOf is the time for which the policy was evaluated; zero means
	// StartedAt.
	AsOf time.Time `json:"asOf,omitzero"`
	// WithoutValidation means that the user chose not to let ECR validate the
	// rules: the report does not show whether they work.
	WithoutValidation bool `json:"withoutValidation,omitempty"`
}

// Policy names the policy that was applied.
type Policy struct {
	Name string `json:"name"`
	// Digest is the SHA-256, in hexadecimal, of the resolved policy.
	Digest string `json:"digest"`
}

// Outcome is the result of one check of one subject.
type Outcome string

// The outcomes of a check.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"
	// Error: the check could not run. It is never treated as a pass.
	Error Outcome = "error"
	// Skip: the check does not apply.
	Skip Outcome = "skip"
	// Pending: the check fails, but is not in force yet.
	Pending Outcome = "pending"
)

// Finding is the outcome of one check on one subject: a prefix (of a rule, or
// of a required rule that is missing), or the registry as a whole.
type Finding struct {
	Check string `json:"check"`
	// Prefix is empty if the subject is the registry.
	Prefix   string   `json:"prefix"`
	Outcome  Outcome  `json:"outcome"`
	Severity Severity `json:"severity"`
	// Message, Remediation and References are set for fail, error and pending
	// only. Message may quote text from outside.
	Message     string   `json:"message,omitempty"`
	Remediation string   `json:"remediation,omitempty"`
	References  []string `json:"references,omitempty"`
	// Waiver is set if a waiver in force covers the finding.
	Waiver *Waiver `json:"waiver,omitempty"`
	// Fingerprint identifies the finding over time: account, Region, check
	// and prefix, never the outcome.
	Fingerprint string `json:"fingerprint"`
	// Facts is a hash of what was evaluated (upstream, credential, role): the
	// same check that fails for another upstream is another failure.
	Facts string `json:"facts,omitempty"`
}

// Open reports whether a finding is a failure without a waiver.
func (f Finding) Open() bool { return f.Outcome == Fail && f.Waiver == nil }

// Waiver is the waiver that covers a finding.
type Waiver struct {
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	// Expires is the last day on which it is in force, UTC, as 2006-01-02.
	Expires string `json:"expires"`
	// AnyUpstream means that it still covers the finding after the evaluated
	// facts change.
	AnyUpstream bool `json:"anyUpstream,omitempty"`
}

// Summary counts a report's findings. It is derived: see Finish.
type Summary struct {
	Rules    int             `json:"rules"`
	Outcomes map[Outcome]int `json:"outcomes"`
	// Failed counts open failures by severity.
	Failed map[Severity]int `json:"failed"`
	// Waived counts failures that a waiver covers.
	Waived int `json:"waived"`
	// Highest is the highest severity of an open failure; empty without one.
	Highest Severity `json:"highest,omitempty"`
}

// Fingerprint identifies a finding over time.
func Fingerprint(r ptc.Registry, check, prefix string) string {
	return hash(r.Account, r.Region, check, prefix)
}

// FactsOf hashes what checks evaluate of a rule: upstream, credential, role. Two
// spellings of one thing are equal, because ECR may return either.
func FactsOf(r ptc.Rule) string {
	return hash(r.Upstream.Registry, ptc.CleanHost(r.Upstream.URL), ptc.CleanUpstreamPrefix(r.Upstream.Prefix),
		ptc.CleanSecretARN(r.CredentialARN), r.RoleARN)
}

// FactsWith adds to the facts of a rule, or of no rule, what a check has looked
// at besides.
func FactsWith(facts string, looked ...string) string {
	return hash(append([]string{facts}, looked...)...)
}

// hash is half of the SHA-256 of parts, in hexadecimal: 128 bits are enough to
// identify. An audit computes a thousand of them, so it works on the stack.
func hash(parts ...string) string {
	var room [512]byte
	text := room[:0]
	for i, part := range parts {
		if i > 0 {
			text = append(text, 0)
		}
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Finish puts a report in its canonical form: lists sorted and not null,
// Complete and Summary derived from faults and findings.
func (r *Report) Finish() {
	r.SchemaVersion = SchemaVersion
	r.Triggers = sorted(r.Triggers, func(a, b Trigger) int {
		// CloudTrail's times are whole seconds. Within one, a secret comes
		// before the rule that uses it.
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Call, b.Call),
			cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.EventID, b.EventID))
	})
	r.Faults = sorted(r.Faults, func(a, b ptc.Fault) int {
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Prefix, b.Prefix))
	})
	r.Rules = sorted(r.Rules, func(a, b Rule) int { return cmp.Compare(a.Prefix, b.Prefix) })
	r.Findings = sorted(r.Findings, func(a, b Finding) int {
		if c := cmp.Compare(a.Prefix, b.Prefix); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.Check, b.Check), cmp.Compare(a.Message, b.Message))
	})

	r.Complete = true
	for _, f := range r.Faults {
		r.Complete = r.Complete && f.Kind == ptc.FaultUnsupported
	}
	s := Summary{Rules: len(r.Rules), Outcomes: map[Outcome]int{}, Failed: map[Severity]int{}}
	for _, f := range r.Findings {
		s.Outcomes[f.Outcome]++
		switch {
		case f.Outcome == Error:
			r.Complete = false
		case f.Open():
			s.Failed[f.Severity]++
			s.Highest = Highest(s.Highest, f.Severity)
		case f.Outcome == Fail:
			s.Waived++
		}
	}
	r.Summary = s
}

func sorted[T any](list []T, compare func(a, b T) int) []T {
	if list == nil {
		return []T{}
	}
	// Findings are many and large, and usually sorted already.
	if !slices.IsSortedFunc(list, compare) {
		slices.SortStableFunc(list, compare)
	}
	return list
}

// Encode writes a report as indented JSON with a line break at its end.
func (r Report) Encode(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
