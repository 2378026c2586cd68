package asff

import (
	"strings"

	"ptcaudit/internal/report"
)

// The objects of a finding, as far as they are used:
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html

type finding struct {
	SchemaVersion string
	ID            string `json:"Id"`
	ProductARN    string `json:"ProductArn"`
	GeneratorID   string `json:"GeneratorId"`
	Account       string `json:"AwsAccountId"`
	CreatedAt     string
	UpdatedAt     string
	Title         string
	Description   string
	Remediation   *remediation `json:",omitempty"`
	ProductFields map[string]string
	Resources     []resource
	Compliance    compliance
	Workflow      workflow
	RecordState   string
	// Provider has the fields that analysts may change in Security Hub. A
	// provider of findings must write them here.
	Provider providerFields `json:"FindingProviderFields"`
}

type remediation struct {
	Recommendation recommendation
}

type recommendation struct {
	Text string `json:",omitempty"`
	URL  string `json:"Url,omitempty"`
}

type resource struct {
	Type    string
	ID      string `json:"Id"`
	Region  string
	Details *resourceDetails `json:",omitempty"`
}

type resourceDetails struct {
	Other map[string]string
}

type compliance struct {
	Status  string
	Reasons []reason `json:"StatusReasons,omitempty"`
}

type reason struct {
	ReasonCode  string
	Description string
}

type workflow struct {
	Status string
}

type providerFields struct {
	Severity severity
	Types    []string
}

type severity struct {
	Label    string
	Original string
}

// severity sets the severity. The API has the same names, in upper case.
func (f *finding) severity(s report.Severity) {
	f.Provider = providerFields{
		Severity: severity{strings.ToUpper(string(s)), string(s)},
		Types:    []string{"Software and Configuration Checks"},
	}
}

// state sets the outcome.
func (f *finding) state(s state) {
	f.Compliance.Status, f.Workflow.Status, f.RecordState = s.compliance, s.workflow, s.record
}
