// Package sarif writes a report as SARIF 2.1.0, which code scanning services and
// editors show:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
// (comments cite its sections with §). It also follows GitHub's additional rules:
// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
package sarif

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// Options are facts that are not in a report: what the policy has on its
// checks.
type Options struct {
	// Checks has them by id. A check that is missing here is described by the
	// report alone.
	Checks map[string]Check
	// Place is the part of the policy that a finding comes from: a file and a
	// line, from 1. A relative file is best: GitHub takes it as one of the
	// repository. An empty file and a line of 0 mean unknown. Place is nil if
	// there is no policy.
	Place func(report.Finding) (file string, line int)
}

// Check is what a policy has on a check.
type Check struct {
	Title, Why string
	// References are addresses of further reading.
	References []string
}

// Render writes r to w. Results are the failures and the findings that were
// not checked. Other findings are left out, since GitHub shows every result as
// a problem.
func Render(w io.Writer, r report.Report, o Options) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(log{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0",
		Runs:    []run{runOf(r, o)},
	})
}

// runOf is the one run of a report's log.
func runOf(r report.Report, o Options) run {
	rules, index := rulesOf(r, o)
	out := run{
		Tool: tool{component{Name: "ptcaudit", Version: untrusted.Name(r.Audit.Version), Rules: rules}},
		// §3.17: a category, and after the last slash an id of the run. With
		// it, one registry's alerts do not close another's.
		AutomationDetails: automation{path.Join("ptcaudit", segment(r.Registry.Account), segment(r.Registry.Region), segment(r.Audit.ID))},
		Invocations: []invocation{{
			ExecutionSuccessful: r.Complete,
			Start:               r.Audit.StartedAt.UTC().Format(time.RFC3339Nano),
			End:                 r.Audit.FinishedAt.UTC().Format(time.RFC3339Nano),
			Notifications:       notifications(r, index),
		}},
		Results: []result{},
		Properties: map[string]any{
			"registry": r.Registry, "policy": untrusted.Name(r.Policy.Name), "policyDigest": untrusted.Name(r.Policy.Digest),
			"summary": r.Summary,
		},
	}
	for _, f := range r.Findings {
		if f.Outcome == report.Fail || f.Outcome == report.Error {
			out.Results = append(out.Results, resultOf(r, f, index[f.ID()], o))
		}
	}
	return out
}

// rulesOf describes each check that has a finding, and returns its index by id.
func rulesOf(r report.Report, o Options) ([]rule, map[string]int) {
	worst, links := map[string]report.Severity{}, map[string][]string{}
	for _, f := range r.Findings {
		id := f.ID()
		worst[id] = report.Highest(worst[id], f.Severity)
		links[id] = append(links[id], untrusted.Links(f.References)...)
	}
	rules, index := []rule{}, map[string]int{}
	for _, id := range slices.Sorted(maps.Keys(worst)) {
		index[id] = len(rules)
		rules = append(rules, ruleOf(id, worst[id], o.Checks[id], links[id]))
	}
	return rules, index
}

func ruleOf(id string, severity report.Severity, c Check, links []string) rule {
	title := cmp.Or(untrusted.Line(c.Title, untrusted.MaxText), id)
	why := cmp.Or(untrusted.Line(c.Why, untrusted.MaxText), title)
	links = append(untrusted.Links(c.References), links...)
	slices.Sort(links)
	links = slices.Compact(links)

	text, markdown := why, escape(why)
	if len(links) > 0 {
		text += "\n\nSee " + strings.Join(links, "\nSee ")
		markdown += "\n\n- <" + strings.Join(links, ">\n- <") + ">"
	}
	out := rule{
		ID:               id,
		ShortDescription: message{Text: plain(title)},
		FullDescription:  message{Text: plain(why)},
		Help:             message{Text: plain(text), Markdown: markdown},
		Configuration:    configuration{level(severity)},
		Properties:       map[string]any{"tags": []string{"security", "ecr"}, "severity": severity},
	}
	if len(links) > 0 {
		out.HelpURI = links[0]
	}
	if score, ok := scores[severity]; ok {
		out.Properties["security-severity"] = score
	}
	return out
}

// resultOf is a finding that failed or was not checked.
func resultOf(r report.Report, f report.Finding, index int, o Options) result {
	text := f.FullText()
	if lines := untrusted.Lines(f.Remediation, untrusted.MaxFix); len(lines) > 0 {
		text += "\n\nFix: " + strings.Join(lines, "\n")
	}
	if f.Outcome == report.Error {
		text = report.NotChecked + ": " + text
	}
	out := result{
		RuleID:    f.ID(),
		RuleIndex: index,
		Kind:      "fail",
		Level:     level(f.Severity),
		Message:   message{Text: plain(text)},
		Locations: []location{locationOf(r.Registry, f, o)},
		// GitHub distinguishes alerts by primaryLocationLineHash alone. It would
		// compute it from the line of the policy, which all findings of a
		// check have in common.
		Fingerprints: map[string]string{"ptcaudit/v1": untrusted.Name(f.Fingerprint), "primaryLocationLineHash": untrusted.Name(f.Fingerprint)},
		// §3.27.23: present in all results, since it may be in some.
		Suppressions: []suppression{},
		Properties:   map[string]any{"outcome": f.Outcome, "severity": f.Severity},
	}
	if f.Outcome == report.Error {
		// §3.27.9: not enough was known to decide. §3.27.10: then there is no
		// level.
		out.Kind, out.Level = "open", "none"
	}
	if w := f.Waiver; w != nil {
		out.Suppressions = append(out.Suppressions, suppression{
			Kind: "external", Status: "accepted",
			Justification: plain(w.Text()),
		})
	}
	return out
}

// notifications are why the audit is incomplete, and the findings that are not
// in force yet (§3.58).
func notifications(r report.Report, index map[string]int) []notification {
	out := []notification{}
	for _, reason := range r.Incomplete() {
		out = append(out, notification{Level: "error", Message: message{Text: plain(reason)}})
	}
	if text, ok := r.Unsupported(); ok {
		out = append(out, notification{Level: "note", Message: message{Text: plain(text)}})
	}
	for _, f := range r.Findings {
		if f.Outcome == report.Pending {
			out = append(out, notification{
				Level:      "note",
				Message:    message{Text: plain("Not in force yet: " + f.FullText())},
				Rule:       &reference{ID: f.ID(), Index: index[f.ID()]},
				Locations:  []location{{Logical: logical(r.Registry, f.Prefix)}},
				Properties: map[string]any{"outcome": f.Outcome, "severity": f.Severity},
			})
		}
	}
	return out
}

// locationOf is where a finding is: logically in the registry, physically at the
// line of the policy that requires it. GitHub refuses the whole log if one result
// has no file, so if no file is known, the path of the resource is used.
func locationOf(registry ptc.Registry, f report.Finding, o Options) location {
	out := location{Physical: &physical{Artifact: artifact{"ecr/" + resource(registry, f.Prefix)}}, Logical: logical(registry, f.Prefix)}
	if o.Place == nil {
		return out
	}
	if file, line := o.Place(f); file != "" {
		out.Physical.Artifact.URI = fileURI(file)
		if line > 0 {
			out.Physical.Region = &region{line}
		}
	}
	return out
}

// fileURI is a file as a URI reference; relative if the path is relative.
func fileURI(file string) string {
	u := url.URL{Path: file}
	if path.IsAbs(file) {
		u.Scheme = "file"
	}
	return u.String()
}

// logical names a rule or, without a prefix, its registry (§3.33).
func logical(registry ptc.Registry, prefix string) []logicalLocation {
	return []logicalLocation{{
		Name:     cmp.Or(untrusted.Name(prefix), registry.String()),
		FullName: resource(registry, prefix),
		Kind:     "resource",
	}}
}

// resource is the path of a rule, or of its registry, below those of all
// accounts; it is a URI reference.
func resource(registry ptc.Registry, prefix string) string {
	segments := []string{segment(registry.Account), segment(registry.Region)}
	for part := range strings.SplitSeq(untrusted.Name(prefix), "/") {
		if part != "" {
			segments = append(segments, segment(part))
		}
	}
	return strings.Join(segments, "/")
}

// segment makes a segment of a path of a name.
func segment(name string) string {
	escaped := url.PathEscape(untrusted.Name(name))
	if strings.Trim(escaped, ".") == "" { // "..", which would lead elsewhere
		return strings.Repeat("%2E", len(escaped))
	}
	return escaped
}

// level is how loud a result is (§3.27.10).
func level(s report.Severity) string {
	switch s {
	case report.Critical, report.High:
		return "error"
	case report.Medium:
		return "warning"
	default:
		return "note"
	}
}

// scores are the numbers from which GitHub derives its severities: the middle of
// each range. GitHub has no range for informational.
var scores = map[report.Severity]string{report.Critical: "9.5", report.High: "8.0", report.Medium: "5.5", report.Low: "2.0"}

var placeholder = regexp.MustCompile(`\{([0-9]+)\}`)

// plain is a text in which no program finds a placeholder (§3.11.5) or a link
// (§3.11.6). The standard would have all braces doubled, not only those of a
// placeholder. No viewer makes one of two, and the JSON of a command that is
// copied from it would be broken.
func plain(s string) string {
	return strings.ReplaceAll(placeholder.ReplaceAllString(s, "{{$1}}"), "](", "] (")
}

var punctuation = regexp.MustCompile("[!-/:-@\\[-`{-~]")

// escape is a text as Markdown: https://spec.commonmark.org/0.31.2/#backslash-escapes
func escape(s string) string { return punctuation.ReplaceAllString(s, `\$0`) }
