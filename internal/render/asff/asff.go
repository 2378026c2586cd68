// Package asff writes a report as findings of the AWS Security Finding Format,
// which Security Hub CSPM imports:
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
package asff

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// What a call of BatchImportFindings may hold, and a finding of it:
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
const (
	maxBatch       = 100
	maxTitle       = 256
	maxDescription = 1024
	maxText        = 512 // of a recommendation
	maxField       = 1024
)

// Options are facts that are not in the report.
type Options struct {
	// Before is an earlier report of the registry; nil if there is none. If r is
	// complete and no longer has a failure of Before, the failure is written as
	// passed, because nothing else would close it in Security Hub. A report of
	// another registry, or a later one, is ignored.
	Before *report.Report
}

// Render writes r to w, as JSON: in each line a list of at most 100 findings,
// which is what one call takes:
//
//	while read -r batch; do
//	  aws securityhub batch-import-findings --findings file:///dev/stdin <<<"$batch"
//	done <report.asff
//
// The first finding is the audit itself: it fails if the report is
// incomplete. Passed checks are written too, so that Security Hub learns that a
// failure is fixed. The registry's own account must send the findings, in its
// Region.
func Render(w io.Writer, r report.Report, o Options) error {
	findings := []finding{auditFinding(r)}
	subjects := details(r)
	for _, f := range slices.Concat(r.Findings, report.Vanished(o.Before, r)) {
		findings = append(findings, findingOf(r, f, subjects[f.Prefix]))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for batch := range slices.Chunk(findings, maxBatch) {
		if err := enc.Encode(batch); err != nil {
			return err
		}
	}
	return nil
}

// newFinding has what all findings have in common.
func newFinding(r report.Report, fingerprint, generator string) finding {
	account, region := untrusted.Name(r.Registry.Account), untrusted.Name(r.Registry.Region)
	at := r.Audit.StartedAt.UTC().Format(time.RFC3339Nano)
	return finding{
		SchemaVersion: "2018-10-08",
		ID:            "ptcaudit/" + fingerprint,
		// The account's default product, for findings that it writes itself.
		ProductARN:  "arn:" + ptc.PartitionOf(region) + ":securityhub:" + region + ":" + account + ":product/" + account + "/default",
		GeneratorID: generator,
		Account:     account,
		// The time of the first sighting is unknown here. Security Hub keeps the
		// finding that was updated last.
		CreatedAt: at,
		UpdatedAt: at,
		ProductFields: map[string]string{
			"ProviderName":           "ptcaudit",
			"ptcaudit/policy":        field(r.Policy.Name),
			"ptcaudit/policy-digest": field(r.Policy.Digest),
			"ptcaudit/audit":         field(r.Audit.ID),
			"ptcaudit/version":       field(r.Audit.Version),
		},
	}
}

// auditFinding is the audit itself, which fails if not everything could be
// checked.
func auditFinding(r report.Report) finding {
	f := newFinding(r, report.Fingerprint(r.Registry, "", ""), "ptcaudit")
	f.Title = "Everything could be checked"
	f.Description = "Every pull through cache rule of the registry was audited."
	f.severity(report.Critical)
	f.Resources = []resource{resourceOf(r.Registry, "", nil)}
	f.state(passed)
	if reasons := r.Incomplete(); reasons != nil {
		f.Title = "Not everything could be checked"
		f.Description = untrusted.Line(strings.Join(reasons, " "), maxDescription-1)
		f.state(notAvailable)
	} else if message, ok := r.Unsupported(); ok {
		f.Description = untrusted.Line(message, maxDescription-1)
		f.state(notApplicable)
	}
	return f
}

// findingOf is the outcome of one check on one subject.
func findingOf(r report.Report, f report.Finding, facts map[string]string) finding {
	out := newFinding(r, untrusted.Name(f.Fingerprint), "ptcaudit/"+f.ID())
	out.Title = untrusted.Line(f.Headline(), maxTitle-1)
	out.Description = untrusted.Line(f.FullText(), maxDescription-1)
	out.severity(f.Severity)
	out.Resources = []resource{resourceOf(r.Registry, untrusted.Name(f.Prefix), facts)}
	out.ProductFields["ptcaudit/outcome"] = string(f.Outcome)
	out.state(stateOf(f))
	if w := f.Waiver; w != nil {
		out.Compliance.Reasons = []reason{{"PTCAUDIT_WAIVED", untrusted.Line(w.Text(), maxDescription-1)}}
	}
	recommend := recommendation{Text: strings.Join(untrusted.Lines(f.Remediation, maxText-2), "\n")}
	if links := untrusted.Links(f.References); len(links) > 0 {
		recommend.URL = links[0]
	}
	if recommend != (recommendation{}) {
		out.Remediation = &remediation{recommend}
	}
	return out
}

// state is an outcome in the words of Security Hub.
type state struct{ compliance, workflow, record string }

// Security Hub reads Workflow only if the finding is new; later calls cannot
// change it. It always reads RecordState, so that is ACTIVE if an action is
// needed. A finding that becomes active again is also NEW again. A waived finding
// is never SUPPRESSED: Security Hub would ignore it when the waiver ends.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Workflow.html
var (
	failed        = state{"FAILED", "NEW", "ACTIVE"}
	notAvailable  = state{"NOT_AVAILABLE", "NEW", "ACTIVE"}
	pending       = state{"WARNING", "NEW", "ACTIVE"}
	waived        = state{"FAILED", "NEW", "ARCHIVED"}
	passed        = state{"PASSED", "RESOLVED", "ARCHIVED"}
	notApplicable = state{"NOT_AVAILABLE", "RESOLVED", "ARCHIVED"}
)

func stateOf(f report.Finding) state {
	switch {
	case f.Open():
		return failed
	case f.Outcome == report.Fail:
		return waived
	case f.Outcome == report.Pass:
		return passed
	case f.Outcome == report.Skip:
		return notApplicable
	case f.Outcome == report.Pending:
		return pending
	}
	return notAvailable
}

// resourceOf is a rule, or the registry if prefix is empty. Neither has an ARN
// in AWS, so a path is its id.
func resourceOf(registry ptc.Registry, prefix string, facts map[string]string) resource {
	out := resource{
		Type:   "Other",
		ID:     "ecr/" + untrusted.Name(registry.Account) + "/" + untrusted.Name(registry.Region),
		Region: untrusted.Name(registry.Region),
	}
	if prefix != "" {
		out.ID += "/" + prefix
	}
	if len(facts) > 0 {
		out.Details = &resourceDetails{facts}
	}
	return out
}

// details are the facts of each rule, by prefix.
func details(r report.Report) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, rule := range r.Rules {
		facts := map[string]string{}
		for name, value := range map[string]string{
			"upstreamRegistry":         rule.Upstream.Registry,
			"upstreamRegistryUrl":      rule.Upstream.URL,
			"upstreamRepositoryPrefix": rule.Upstream.Prefix,
			"credentialArn":            rule.Credential.ARN,
			"customRoleArn":            rule.Role.ARN,
		} {
			if value = untrusted.Line(value, maxField-1); value != "" {
				facts[name] = value
			}
		}
		out[rule.Prefix] = facts
	}
	return out
}

// field is s, or a dash if s is empty: the API requires a value.
func field(s string) string {
	if s = untrusted.Name(s); s == "" {
		return "-"
	}
	return s
}
