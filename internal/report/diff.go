package report

import (
	"cmp"
	"slices"
	"time"

	"ptcaudit/internal/ptc"
)

// ChangeKind is how a rule changed between two audits.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Altered ChangeKind = "altered"
)

// RuleChange is the change of one rule between two audits. Its texts come from
// outside.
type RuleChange struct {
	Prefix string     `json:"prefix"`
	Kind   ChangeKind `json:"kind"`
	// Fields are the fields that differ, in the order of a Rule; for a rule
	// that was added or removed, the fields that are set.
	Fields []FieldChange `json:"fields"`
}

// FieldChange is one field of a rule, by its name in the policy vocabulary,
// before and after. An absent value is empty.
type FieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// DiffRules returns the changes of rules between two audits, sorted by prefix.
// It compares what people configure, not ECR's validation result. A rule that
// was deleted and created again unchanged differs in createdAt.
func DiffRules(before, after []Rule) []RuleChange {
	older, newer := byPrefix(before), byPrefix(after)
	var out []RuleChange
	for prefix, b := range older {
		a, kept := newer[prefix]
		switch fields := diffFields(b, a); {
		case !kept:
			out = append(out, RuleChange{prefix, Removed, fields})
		case len(fields) > 0:
			out = append(out, RuleChange{prefix, Altered, fields})
		}
	}
	for prefix, a := range newer {
		if _, known := older[prefix]; !known {
			out = append(out, RuleChange{prefix, Added, diffFields(Rule{}, a)})
		}
	}
	slices.SortFunc(out, func(a, b RuleChange) int { return cmp.Compare(a.Prefix, b.Prefix) })
	return out
}

func byPrefix(rules []Rule) map[string]Rule {
	m := make(map[string]Rule, len(rules))
	for _, r := range rules {
		m[r.Prefix] = r
	}
	return m
}

func diffFields(before, after Rule) []FieldChange {
	var out []FieldChange
	for _, f := range []FieldChange{
		{"upstream.registry", before.Upstream.Registry, after.Upstream.Registry},
		{"upstream.url", before.Upstream.URL, after.Upstream.URL},
		{"upstream.prefix", before.Upstream.Prefix, after.Upstream.Prefix},
		{"credential.arn", before.Credential.ARN, after.Credential.ARN},
		{"role.arn", before.Role.ARN, after.Role.ARN},
		{"createdAt", instant(before.CreatedAt), instant(after.CreatedAt)},
	} {
		if same := sameFields[f.Field]; f.Before != f.After && (same == nil || !same(f.Before, f.After)) {
			out = append(out, f)
		}
	}
	return out
}

// sameFields compare fields that ECR may return in two spellings.
var sameFields = map[string]func(a, b string) bool{
	"upstream.prefix": func(a, b string) bool { return ptc.CleanUpstreamPrefix(a) == ptc.CleanUpstreamPrefix(b) },
	"credential.arn":  ptc.SameSecret,
}

// instant is a time as text; empty if ECR gave none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Vanished returns the open failures of an earlier report that r no longer has
// a finding of, as passed. Failures that r could not check are not included.
// before may be nil.
func Vanished(before *Report, r Report) []Finding {
	unsupported := func(f ptc.Fault) bool { return f.Kind == ptc.FaultUnsupported }
	if before == nil || before.Registry != r.Registry || before.Audit.StartedAt.After(r.Audit.StartedAt) ||
		!r.Complete || slices.ContainsFunc(r.Faults, unsupported) {
		return nil
	}
	known := map[string]bool{}
	for _, f := range r.Findings {
		known[f.Fingerprint] = true
	}
	var out []Finding
	for _, f := range before.Findings {
		if !f.Open() || known[f.Fingerprint] {
			continue
		}
		known[f.Fingerprint] = true
		out = append(out, Finding{
			Check: f.Check, Prefix: f.Prefix, Outcome: Pass, Severity: f.Severity, Fingerprint: f.Fingerprint,
			Message: "It is no longer found: its rule was deleted, or its check left the policy.",
		})
	}
	return out
}
