// Package junit writes a report as JUnit XML, which every CI service shows. JUnit
// XML has no standard, so the output is valid by the schema of Jenkins:
// https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// Render writes r to w: the registry is a test suite, and each finding a test
// case. The first test case is the audit itself: it is an error if the report
// is incomplete. Findings that are waived or not in force yet are skipped, with
// the reason.
func Render(w io.Writer, r report.Report) error {
	s := suite{
		Name:      untrusted.Name(r.Registry.String()),
		Time:      seconds(r.Audit.FinishedAt.Sub(r.Audit.StartedAt)),
		Timestamp: r.Audit.StartedAt.UTC().Format("2006-01-02T15:04:05"),
		Properties: []property{
			{"policy", untrusted.Name(r.Policy.Name)},
			{"policy.digest", untrusted.Name(r.Policy.Digest)},
			{"audit.id", untrusted.Name(r.Audit.ID)},
			{"version", untrusted.Name(r.Audit.Version)},
		},
	}
	s.add(auditCase(r))
	for _, f := range r.Findings {
		s.add(caseOf(f))
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	all := suites{Name: "ptcaudit", Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Time: s.Time, Suites: []suite{s}}
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []suite  `xml:"testsuite"`
}

type suite struct {
	Name       string     `xml:"name,attr"`
	Tests      int        `xml:"tests,attr"`
	Failures   int        `xml:"failures,attr"`
	Errors     int        `xml:"errors,attr"`
	Skipped    int        `xml:"skipped,attr"`
	Time       string     `xml:"time,attr"`
	Timestamp  string     `xml:"timestamp,attr"` // UTC, without a zone as in Ant
	Properties []property `xml:"properties>property"`
	Cases      []testCase `xml:"testcase"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// testCase has passed if none of the three is set.
type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Time    string   `xml:"time,attr"`
	Failure *verdict `xml:"failure"`
	Error   *verdict `xml:"error"`
	Skipped *verdict `xml:"skipped"`
}

type verdict struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// add counts and adds a test case.
func (s *suite) add(c testCase) {
	c.Time = seconds(0) // unknown for a single check
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

// auditCase is the test case of the audit itself: it passes if everything could
// be checked.
func auditCase(r report.Report) testCase {
	c := testCase{Class: "audit", Name: "everything could be checked"}
	if reasons := r.Incomplete(); reasons != nil {
		c.Error = &verdict{Type: "incomplete", Message: reasons[0], Text: strings.Join(reasons, "\n")}
	} else if message, ok := r.Unsupported(); ok {
		c.Skipped = &verdict{Message: message}
	}
	return c
}

// caseOf is a finding. Services show the name alone, so it has the check, too.
func caseOf(f report.Finding) testCase {
	c := testCase{Class: f.ID(), Name: f.Subject() + ": " + f.ID()}
	v := &verdict{Type: string(f.Severity), Message: f.Text(), Text: details(f)}
	switch f.Outcome {
	case report.Pass:
	case report.Fail:
		if f.Waiver != nil {
			c.Skipped = &verdict{Message: f.Waiver.Text()}
		} else {
			c.Failure = v
		}
	case report.Pending:
		c.Skipped = &verdict{Message: "Not in force yet: " + v.Message}
	case report.Skip:
		c.Skipped = &verdict{Message: v.Message}
	default: // not checked; an unknown outcome has not passed, either
		v.Message = report.NotChecked + ": " + v.Message
		c.Error = v
	}
	return c
}

// details are the message and the fix. The message is repeated, since some
// services show only the details.
func details(f report.Finding) string {
	lines := []string{f.Severity.Label() + "  " + f.Headline()}
	if detail := f.Detail(); detail != "" {
		lines = append(lines, detail)
	}
	for i, line := range untrusted.Lines(f.Remediation, untrusted.MaxFix) {
		if i == 0 {
			line = "Fix: " + line
		}
		lines = append(lines, line)
	}
	for _, link := range untrusted.Links(f.References) {
		lines = append(lines, "See "+link)
	}
	return strings.Join(lines, "\n")
}

// seconds is a time as the schema has it: at most three digits of each part.
func seconds(d time.Duration) string {
	d = max(0, min(d, 999*time.Second))
	return fmt.Sprintf("%.3f", d.Seconds())
}
