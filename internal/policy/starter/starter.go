// Package starter writes the first policy of a registry. The policy allows the
// upstreams, and requires the rules, that exist now. The package makes no call
// and reads no file.
package starter

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// Options are the choices of the user.
type Options struct {
	// Name of the policy, and the shipped policy that it extends.
	Name, Extends string
}

// Policy returns a policy file for the rules of a registry, with comments for
// the person who edits it. It requires every rule that the language can name,
// and allows the upstreams of these rules. Checks find everything else.
func Policy(reg ptc.Registry, rules []ptc.Rule, o Options) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# A policy for the pull through cache rules of %s %s, written from its rules.", untrusted.Text(reg.Account), untrusted.Text(reg.Region))
	line("# Review every line: the policy allows and requires what exists now.")
	line("apiVersion: ptcaudit/v1")
	line("name: %s", quoted(o.Name))
	line("extends: %s", o.Extends)
	line("")
	line("params:")
	line("  # Upstreams that rules may have, with the API's names.")
	line("  allowedUpstreams: %s", list(rules, func(u ptc.Upstream) string {
		if !u.Known() {
			return ""
		}
		return u.Registry
	}))
	line("  # Accounts and Regions of upstreams that are ECR registries.")
	line("  allowedUpstreamAccounts: %s", list(rules, ptc.Upstream.Account))
	line("  allowedUpstreamRegions: %s", list(rules, ptc.Upstream.Region))
	line("  # Regions in which a registry may have rules.")
	line("  allowedRegions: [%s]", quoted(reg.Region))
	line("  # Prefixes that rules may have, for example [docker-hub, \"team-*/quay\"]. * does not")
	line("  # match a slash. While the list is empty, default allows all prefixes, strict none.")
	if o.Extends == "strict" {
		line("  allowedPrefixes: %s", prefixes(rules))
	} else {
		line("  # allowedPrefixes: %s", prefixes(rules))
	}
	line("")
	required, left := requiredRules(rules)
	if len(required) == 0 {
		line("# Rules that must exist:")
		line("# requiredRules:")
		line("#   - {prefix: docker-hub, upstreamRegistry: docker-hub, credential: required}")
	} else {
		line("# Rules that must exist as written here. Remove those that no one needs. If")
		line("# only some registries need a rule, add accounts: [\"%s\"] or regions: [%s].", untrusted.Text(reg.Account), untrusted.Text(reg.Region))
		line("requiredRules:")
		for _, r := range required {
			line("  - %s", r)
		}
	}
	for _, why := range left {
		line("# %s", untrusted.Text(why))
	}
	return b.String()
}

// requiredRules returns the entries for the rules, and a reason for each rule
// without an entry.
func requiredRules(rules []ptc.Rule) (entries, left []string) {
	rules = slices.Clone(rules)
	slices.SortFunc(rules, func(a, b ptc.Rule) int { return strings.Compare(a.Prefix, b.Prefix) })
	for _, r := range rules {
		u := r.Upstream
		switch {
		case r.Prefix == ptc.RootPrefix:
			left = append(left, "The rule ROOT is not required here: it matches every repository that no other rule matches.")
			continue
		case !ptc.ValidPrefix(r.Prefix) || !u.Known():
			left = append(left, r.Prefix+" is not required here: a policy cannot name its prefix or upstream.")
			continue
		}
		entry := "{prefix: " + quoted(r.Prefix) + ", upstreamRegistry: " + u.Registry
		if known, _ := ptc.LookupUpstream(u.Registry); u.Registry == ptc.ECR && known.Matches(u.URL) {
			entry += ", upstreamUrl: " + quoted(u.URL)
		}
		if u.Prefix != "" && ptc.ValidPrefix(u.Prefix) {
			entry += ", upstreamPrefix: " + quoted(u.Prefix)
		}
		if r.CredentialARN != "" {
			entry += ", credential: required"
		}
		if r.RoleARN != "" {
			entry += ", role: required"
		}
		entries = append(entries, entry+"}")
	}
	return entries, left
}

// Remarks returns comments on what a policy finds in the registry that it was
// written for: failures, a waiver to fill in, and findings that were not
// checked.
func Remarks(findings []report.Finding, now time.Time) string {
	var b strings.Builder
	var failures, unchecked []report.Finding
	for _, f := range findings {
		switch {
		case f.Open():
			failures = append(failures, f)
		case f.Outcome == report.Error:
			unchecked = append(unchecked, f)
		}
	}
	slices.SortStableFunc(failures, func(a, b report.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	if len(failures) > 0 {
		fmt.Fprintf(&b, "\n# Failures on %s:\n", now.UTC().Format(time.DateOnly))
		for _, f := range failures {
			fmt.Fprintf(&b, "#   %-8s  %s  %s\n#     %s\n", strings.ToUpper(string(f.Severity)), f.Subject(), f.Check, untrusted.Text(f.Message))
		}
		b.WriteString("# Fix them, or accept them until a date, with an owner and a reason:\n")
		b.WriteString("# waivers:\n")
		f := failures[0]
		fmt.Fprintf(&b, "#   - check: %s\n", f.Check)
		if f.Prefix != "" {
			fmt.Fprintf(&b, "#     prefixes: [%s]\n", untrusted.Text(quoted(f.Prefix)))
		}
		fmt.Fprintf(&b, "#     owner: you@example.com\n#     reason: Why this is acceptable.\n#     expires: %s\n", now.UTC().AddDate(0, 3, 0).Format(time.DateOnly))
	}
	checks := map[string][]string{}
	for _, f := range unchecked {
		checks[f.Check] = append(checks[f.Check], f.Subject())
	}
	if len(checks) > 0 {
		b.WriteString("\n# Not checked:\n")
	}
	for _, f := range unchecked {
		if subjects := checks[f.Check]; subjects != nil {
			fmt.Fprintf(&b, "#   %s for %s\n", f.Check, strings.Join(subjects, ", "))
			delete(checks, f.Check)
		}
	}
	return b.String()
}

// prefixes returns the prefixes of the rules as a YAML list of globs, each of
// which matches only itself.
func prefixes(rules []ptc.Rule) string {
	var out []string
	for _, r := range rules {
		if ptc.ValidPrefix(r.Prefix) { // a valid prefix has no special character of globs
			out = append(out, quoted(r.Prefix))
		}
	}
	slices.Sort(out)
	return "[" + strings.Join(out, ", ") + "]"
}

// list returns a property of the upstreams as a YAML list without duplicates.
func list(rules []ptc.Rule, of func(ptc.Upstream) string) string {
	var out []string
	for _, r := range rules {
		if v := of(r.Upstream); v != "" {
			out = append(out, quoted(v))
		}
	}
	slices.Sort(out)
	return "[" + strings.Join(slices.Compact(out), ", ") + "]"
}

// plain matches names that need no quotes in any version of YAML.
var plain = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9._/-]*$`)

// words matches the words that YAML reads as a boolean or null, in any case.
var words = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)

// quoted returns a YAML string. Every JSON string is a YAML string.
func quoted(s string) string {
	if plain.MatchString(s) && !words.MatchString(s) {
		return s
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string
	return strings.TrimSpace(b.String())
}
