// Package ocsf writes a report as Compliance Findings of the Open Cybersecurity
// Schema Framework, which data lakes and SIEM systems import:
// https://schema.ocsf.io/1.6.0/classes/compliance_finding?profiles=cloud
package ocsf

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// version is that of the schema: the version that the newer Security Hub uses.
const version = "1.6.0"

// classUID is that of a Compliance Finding.
const classUID = 2003

// Options are facts that are not in the report.
type Options struct {
	// Before is an earlier report of the registry; nil if there is none. If r is
	// complete and no longer has a failure of Before, the failure is written as
	// passed, because nothing else would close it. A report of another registry,
	// or a later one, is ignored.
	Before *report.Report
}

// Render writes r to w, as one JSON object in each line. The first event is
// the audit itself, a warning if the report is incomplete. Passed checks are
// written too, as resolved.
func Render(w io.Writer, r report.Report, o Options) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(auditEvent(r)); err != nil {
		return err
	}
	for _, f := range slices.Concat(r.Findings, report.Vanished(o.Before, r)) {
		if err := enc.Encode(eventOf(r, f)); err != nil {
			return err
		}
	}
	return nil
}

// newEvent has what all events have in common.
func newEvent(r report.Report, fingerprint string, severity report.Severity) event {
	account, region := untrusted.Name(r.Registry.Account), untrusted.Name(r.Registry.Region)
	policy := cmp.Or(untrusted.Name(r.Policy.Name), "(unnamed)")
	return event{
		ClassUID: classUID, ClassName: "Compliance Finding", CategoryUID: 2, CategoryName: "Findings",
		Time:       r.Audit.StartedAt.UnixMilli(),
		SeverityID: severity.Rank(), // the schema's are ours, counted from 1
		Severity:   title(string(severity)),
		Metadata: metadata{
			Version:  version,
			Profiles: []string{"cloud"},
			// The id of this event; the finding's id is the same in every audit.
			UID:     untrusted.Name(r.Audit.ID) + "/" + fingerprint,
			Product: product{Name: "ptcaudit", Vendor: "ptcaudit", Version: untrusted.Name(r.Audit.Version)},
		},
		Cloud:      cloud{Provider: "AWS", Region: region, Partition: ptc.PartitionOf(region), Account: cloudAccount{UID: account, Type: "AWS Account", TypeID: 10}},
		Finding:    findingInfo{UID: "ptcaudit/" + fingerprint},
		Compliance: compliance{Standards: []string{policy}},
	}
}

// auditEvent is the audit itself.
func auditEvent(r report.Report) event {
	e := newEvent(r, report.Fingerprint(r.Registry, "", ""), report.Critical)
	e.Finding.Title = "Everything could be checked"
	e.Message = "Every pull through cache rule of the registry was audited."
	e.Compliance.Control = "ptcaudit"
	e.Resources = []resource{resourceOf(r.Registry, report.Finding{})}
	e.state(passed)
	if reasons := r.Incomplete(); reasons != nil {
		e.Finding.Title = "Not everything could be checked"
		e.Message = strings.Join(reasons, " ")
		e.Compliance.Details = reasons
		e.state(undecided)
	} else if message, ok := r.Unsupported(); ok {
		e.Message = message
		e.state(notApplicable)
	}
	e.Finding.Desc = e.Message
	return e
}

// eventOf is the outcome of one check on one subject.
func eventOf(r report.Report, f report.Finding) event {
	e := newEvent(r, untrusted.Name(f.Fingerprint), f.Severity)
	e.Finding.Title = f.Headline()
	e.Message = f.FullText()
	e.Finding.Desc = e.Message
	e.Compliance.Control = f.ID()
	e.Resources = []resource{resourceOf(r.Registry, f)}
	e.state(stateOf(f))
	if f.Waiver != nil {
		e.Compliance.Details = []string{f.Waiver.Text()}
	}
	if lines := untrusted.Lines(f.Remediation, untrusted.MaxFix); len(lines) > 0 {
		e.Remediation = &remediation{Desc: strings.Join(lines, "\n"), References: untrusted.Links(f.References)}
	}
	return e
}

// state is what a finding's outcome is in the schema.
type state struct {
	activity     int // 1 Create, 3 Close
	status       int // 1 New, 3 Suppressed, 4 Resolved
	compliance   int // 1 Pass, 2 Warning, 3 Fail, 99 Other
	complianceAs string
}

// A warning is "a compliance check that did not yield a result": not checked.
// It is unknown whether a finding existed before, so every open one is
// created.
var (
	failed        = state{1, 1, 3, "Fail"}
	waived        = state{1, 3, 3, "Fail"}
	undecided     = state{1, 1, 2, "Warning"}
	pending       = state{1, 1, 99, "Pending"}
	passed        = state{3, 4, 1, "Pass"}
	notApplicable = state{3, 4, 99, "Not applicable"}
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
	return undecided
}

// state sets the outcome of a finding.
func (e *event) state(s state) {
	e.ActivityID, e.ActivityName = s.activity, map[int]string{1: "Create", 3: "Close"}[s.activity]
	e.TypeUID, e.TypeName = classUID*100+s.activity, "Compliance Finding: "+e.ActivityName
	e.StatusID, e.Status = s.status, map[int]string{1: "New", 3: "Suppressed", 4: "Resolved"}[s.status]
	e.Compliance.StatusID, e.Compliance.Status = s.compliance, s.complianceAs
}

// resourceOf is what a finding is about. Rules and registries have no ARN in
// AWS, so a path is the id.
func resourceOf(registry ptc.Registry, f report.Finding) resource {
	account, region := untrusted.Name(registry.Account), untrusted.Name(registry.Region)
	out := resource{
		UID: "ecr/" + account + "/" + region, Name: untrusted.Name(registry.String()), Type: "AWS::ECR::Registry",
		Region: region, Partition: ptc.PartitionOf(region),
	}
	if prefix := untrusted.Name(f.Prefix); prefix != "" {
		out.UID, out.Name, out.Type = out.UID+"/"+prefix, prefix, "AWS::ECR::PullThroughCacheRule"
	}
	return out
}

// title is a word as the schema writes its captions.
func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
