package policy

import "ptcaudit/internal/policy/source"

//go:generate go test . -run ^TestSchema$ -update

// The types of this file are a policy file as it is written, each text with
// its place. policies/schema.json and the table of keys in policies/README.md are
// generated from them: the comments of the fields are the descriptions.

// file is one policy file.
type file struct {
	source.Mapping
	// Version of the language.
	APIVersion source.Text `yaml:"apiVersion"`
	// Name of the policy, in reports and messages.
	Name source.Text `yaml:"name"`
	// Policy to extend: default, strict, or a path, relative to this file.
	Extends source.Text `yaml:"extends"`
	// Values that expressions read as params.NAME. A param keeps its type.
	Params source.Map[source.Value] `yaml:"params"`
	// What the values of a param are. A value that can match nothing is then an error.
	ParamTypes source.Map[source.Text] `yaml:"paramTypes"`
	// Rules that must exist. An entry replaces the inherited entry with its prefix.
	RequiredRules []requiredEntry `yaml:"requiredRules"`
	// New checks, and changes to inherited checks, by id and field by field.
	Checks []checkEntry `yaml:"checks"`
	// Ids of checks to turn off.
	Disable []source.Text `yaml:"disable"`
	// Severities and params for some accounts or Regions only. The last match wins.
	Overrides []overrideEntry `yaml:"overrides"`
	// Exceptions, each with an owner, a reason and an end date.
	Waivers []waiverEntry `yaml:"waivers"`

	location
}

// checkEntry is a new check, or what changes in a check of the parent.
type checkEntry struct {
	source.Mapping
	// Name of the check: lower-case letters, digits and dashes.
	ID source.Text `yaml:"id"`
	// The requirement, in one line.
	Title source.Text `yaml:"title"`
	// Why the requirement matters.
	Why source.Text `yaml:"why"`
	// How much a failure matters.
	Severity source.Text `yaml:"severity"`
	// Whether the check is evaluated for each rule (default) or once for the registry.
	Scope source.Text `yaml:"scope"`
	// CEL, bool: whether the check applies (default: always).
	Match source.Text `yaml:"match"`
	// CEL, bool: the condition that must be true.
	Assert source.Text `yaml:"assert"`
	// Message of a failure (default: "Not met: " and the title).
	Message source.Text `yaml:"message"`
	// CEL, string: message of a failure. If the expression fails, message is used.
	MessageExpression source.Text `yaml:"messageExpression"`
	// How to fix a failure.
	Remediation source.Text `yaml:"remediation"`
	// CEL, string: how to fix a failure, with every value put in by formatShell. If the expression fails, remediation is used.
	RemediationExpression source.Text `yaml:"remediationExpression"`
	// Links to more information.
	References []source.Text `yaml:"references"`
	// Date from which a failure counts, UTC. Before it, a failure is pending.
	EffectiveFrom source.Text `yaml:"effectiveFrom"`
	// A policy that extends this one cannot disable, waive or weaken the check.
	Locked source.Flag `yaml:"locked"`
}

// requiredEntry is a rule that must exist.
type requiredEntry struct {
	source.Mapping
	// Prefix of the rule.
	Prefix source.Text `yaml:"prefix"`
	// The API's name of the upstream.
	UpstreamRegistry source.Text `yaml:"upstreamRegistry"`
	// Host name of the upstream.
	UpstreamURL source.Text `yaml:"upstreamUrl"`
	// Prefix of the upstream's repositories.
	UpstreamPrefix source.Text `yaml:"upstreamPrefix"`
	// Whether a credential is required or forbidden (default: neither).
	Credential source.Text `yaml:"credential"`
	// Whether a role is required or forbidden (default: neither).
	Role source.Text `yaml:"role"`
	// How much a missing rule matters (default: high).
	Severity source.Text `yaml:"severity"`
	// Accounts that must have the rule (default: all).
	Accounts []source.Text `yaml:"accounts,nonempty"`
	// Regions that must have the rule (default: all).
	Regions []source.Text `yaml:"regions,nonempty"`
	// Why the rule must exist, in one line.
	Reason source.Text `yaml:"reason"`
}

// overrideEntry sets severities and params for some registries only.
type overrideEntry struct {
	source.Mapping
	// Accounts that the entry applies to (default: all).
	Accounts []source.Text `yaml:"accounts,nonempty"`
	// Regions that the entry applies to (default: all).
	Regions []source.Text `yaml:"regions,nonempty"`
	// Severities in these registries, by check id.
	Severities source.Map[source.Text] `yaml:"severities"`
	// Values of params in these registries.
	Params source.Map[source.Value] `yaml:"params"`
}

// waiverEntry is an exception.
type waiverEntry struct {
	source.Mapping
	// Id of the check.
	Check source.Text `yaml:"check"`
	// Prefixes of the rules, as globs in which * does not match a slash. Omit it if the check has the scope registry.
	Prefixes []source.Text `yaml:"prefixes,nonempty"`
	// Accounts that the entry applies to (default: all).
	Accounts []source.Text `yaml:"accounts,nonempty"`
	// Regions that the entry applies to (default: all).
	Regions []source.Text `yaml:"regions,nonempty"`
	// Who is responsible for the waiver.
	Owner source.Text `yaml:"owner"`
	// Why the exception is acceptable, in one line.
	Reason source.Text `yaml:"reason"`
	// Last day on which the waiver applies, UTC.
	Expires source.Text `yaml:"expires"`
	// Keeps the waiver in effect if what the check looks at changes, for example the rule's upstream.
	AnyUpstream source.Flag `yaml:"anyUpstream"`
}
