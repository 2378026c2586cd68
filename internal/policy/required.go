package policy

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/suggest"
)

// requiredRule is a rule that must exist. Empty fields require nothing.
type requiredRule struct {
	Prefix           string          `json:"prefix"`
	UpstreamRegistry string          `json:"upstreamRegistry,omitempty"`
	UpstreamURL      string          `json:"upstreamUrl,omitempty"`
	UpstreamPrefix   string          `json:"upstreamPrefix,omitempty"`
	Credential       presence        `json:"credential,omitempty"`
	Role             presence        `json:"role,omitempty"`
	Severity         report.Severity `json:"severity,omitempty"`
	Reason           string          `json:"reason,omitempty"`
	where

	from *file
}

// presence says whether a credential or role is required or forbidden.
type presence string

const (
	needed    presence = "required"
	forbidden presence = "forbidden"
)

// holds reports whether the rule meets p; exists is true if it has the credential
// or role.
func (p presence) holds(exists bool) bool { return p == "" || exists == (p == needed) }

// hostPattern is a host name, with a port or without. The API calls it a URL.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?$`)

// require merges one entry. It replaces the inherited entry with its prefix.
func (r *resolver) require(e requiredEntry) {
	if !e.IsSet() {
		return
	}
	e.Require("a required rule", "prefix")
	rule := requiredRule{
		Prefix:           prefix(e.Prefix, "prefix"),
		UpstreamRegistry: upstream(e.UpstreamRegistry, "upstreamRegistry"),
		UpstreamURL:      e.UpstreamURL.Value,
		UpstreamPrefix:   prefix(e.UpstreamPrefix, "upstreamPrefix"),
		Credential:       choice(e.Credential, "credential", []presence{needed, forbidden}),
		Role:             choice(e.Role, "role", []presence{needed, forbidden}),
		Severity:         severity(e.Severity),
		Reason:           line(e.Reason, "reason"),
		where:            readWhere(e.Accounts, e.Regions),
		from:             r.file,
	}
	if u, known := ptc.LookupUpstream(rule.UpstreamRegistry); e.UpstreamURL.IsSet() {
		switch {
		case known && !u.Matches(ptc.CleanHost(rule.UpstreamURL)):
			e.UpstreamURL.Fault("invalid upstreamUrl %q: that of %s is %s", rule.UpstreamURL, u.Registry, u.URL)
		case !hostPattern.MatchString(rule.UpstreamURL):
			e.UpstreamURL.Fault("invalid host name %q: write it without https:// and path", rule.UpstreamURL)
		}
	}
	if u := rule.upstream(ptc.Upstream{}); rule.Credential == forbidden && u.Authenticated() {
		e.Credential.Fault("%s requires a credential: ECR accepts no rule without one", u.Registry)
	}
	if rule.Prefix == "" {
		return
	}
	c := r.checks[report.CheckRequiredRule]
	if before, ok := r.required[rule.Prefix]; ok && before.from != r.file && r.lockedAbove(c) {
		e.Prefix.Fault("%s is locked by %s: the rules that it requires cannot change", c.ID, c.lockedBy.path)
	}
	r.required[rule.Prefix] = rule
	r.at(e.Node, "requiredRules", rule.Prefix)
}

// upstream is the API's name of an upstream that ECR supports.
func upstream(t source.Text, name string) string {
	if named := ptc.UpstreamNamed(t.Value); t.IsSet() && named != "" && named != t.Value {
		t.Fault("unknown %s %q: want %s, did you mean %s?", name, t.Value, suggest.OneOf(upstreamNames()), named)
		return ""
	}
	return choice(t, name, upstreamNames())
}

func upstreamNames() []string {
	var out []string
	for _, u := range ptc.KnownUpstreams() {
		out = append(out, u.Registry)
	}
	return out
}

// requiredRules adds one finding for each rule that the policy requires.
func (e *evaluation) requiredRules(ctx context.Context, c Check) {
	for _, want := range e.policy.RequiredRules {
		f := e.finding(c, want.Prefix)
		if e.severities[c.ID] == "" && want.Severity != "" {
			f.Severity = want.Severity
		}
		i := slices.IndexFunc(e.in.Rules, func(r ptc.Rule) bool { return ptc.CleanPrefix(r.Prefix) == want.Prefix })
		var rule *ptc.Rule
		if i >= 0 {
			rule = &e.in.Rules[i]
			f.Facts = report.FactsOf(*rule)
		}
		switch {
		case !want.covers(e.in.Registry):
			f.Outcome = report.Skip
		case ctx.Err() != nil:
			notChecked(ctx, &f, c, ctx.Err())
		default:
			want.judge(rule, e.in.Registry, c, &f)
		}
		e.findings = append(e.findings, f)
	}
}

// judge compares rule, nil if it is missing, with the required rule.
func (want requiredRule) judge(rule *ptc.Rule, reg ptc.Registry, c Check, f *report.Finding) {
	f.Message = "The policy requires this rule, but it does not exist."
	if rule != nil {
		differs := want.differences(*rule)
		if len(differs) == 0 {
			f.Outcome, f.Message = report.Pass, ""
			return
		}
		f.Message = fmt.Sprintf("This rule differs from what the policy requires: %s.", strings.Join(differs, "; "))
	}
	f.Outcome = report.Fail
	if want.Reason != "" {
		f.Message += " It is required because: " + want.Reason
	}
	f.Remediation = want.fix(rule, reg)
	f.References = c.References
}

// same is the clean form of a value that has only one spelling.
func same(s string) string { return s }

// differences describes the properties in which a rule differs from what is
// required.
func (want requiredRule) differences(r ptc.Rule) []string {
	var out []string
	for _, field := range []struct {
		name, want, got string
		clean           func(string) string
	}{
		{"upstreamRegistry", want.UpstreamRegistry, r.Upstream.Registry, same},
		{"upstreamUrl", want.UpstreamURL, r.Upstream.URL, ptc.CleanHost},
		{"upstreamPrefix", want.UpstreamPrefix, r.Upstream.Prefix, ptc.CleanUpstreamPrefix},
	} {
		if field.want != "" && field.clean(field.want) != field.clean(field.got) {
			out = append(out, fmt.Sprintf("its %s is %q, not %q", field.name, field.got, field.want))
		}
	}
	if !want.Credential.holds(r.CredentialARN != "") {
		out = append(out, fmt.Sprintf("a credential is %s", want.Credential))
	}
	if !want.Role.holds(r.RoleARN != "") {
		out = append(out, fmt.Sprintf("a role is %s", want.Role))
	}
	return out
}
