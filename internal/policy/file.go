package policy

import "ptcaudit/internal/policy/source"

//go:generate go test . -run ^TestSchema$ -update

// The types of this file are a policy file as it is written, each text with
// its place. Their comments are what policies/schema.json, which is generated
// from them, says to editors; policies/README.md tells people more.

// file is one policy file.
type file struct {
	source.Mapping
	// Version of the language.
	APIVersion source.Text `yaml:"apiVersion"`
	// Name of the policy, in reports and messages.
	Name source.Text `yaml:"name"`
	// Policy to begin with: default, strict, or a path, relative to this file.
	Extends source.Text `yaml:"extends"`
	// Values that expressions read as params.NAME. A param keeps its type.
	Params source.Map[source.Value] `yaml:"params"`
	// Rules that must exist. An entry replaces the parent's of its prefix.
	RequiredRules []requiredEntry `yaml:"requiredRules"`
	// New checks, and changes to those of the parent, by id and field by field.
	Checks []checkEntry `yaml:"checks"`
	// Ids of checks to turn off.
	Disable []source.Text `yaml:"disable"`
	// Severities and params for some accounts or Regions only; later ones win.
	Overrides []overrideEntry `yaml:"overrides"`
	// Exceptions, each with an owner, a reason and an end.
	Waivers []waiverEntry `yaml:"waivers"`

	location
}

// checkEntry is a new check, or what changes in a check of the parent.
type checkEntry struct {
	source.Mapping
	// Name of the check: lower-case letters, digits and dashes.
	ID source.Text `yaml:"id"`
	// What holds if the check passes, in one line.
	Title source.Text `yaml:"title"`
	// Why that matters.
	Why source.Text `yaml:"why"`
	// How much a failure matters.
	Severity source.Text `yaml:"severity"`
	// Whether the check looks at each rule (the default) or once at the registry.
	Scope source.Text `yaml:"scope"`
	// CEL, bool: what the check applies to; without it, to everything.
	Match source.Text `yaml:"match"`
	// CEL, bool: what must hold.
	Assert source.Text `yaml:"assert"`
	// Message of a failure. Without it, the message is "Not met: " and the title.
	Message source.Text `yaml:"message"`
	// CEL, string: message of a failure. If the expression fails, message is used.
	MessageExpression source.Text `yaml:"messageExpression"`
	// How to fix a failure.
	Remediation source.Text `yaml:"remediation"`
	// CEL, string: how to fix a failure. If the expression fails, remediation is used.
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
	// The API's name of its upstream.
	UpstreamRegistry source.Text `yaml:"upstreamRegistry"`
	// Host name of its upstream.
	UpstreamURL source.Text `yaml:"upstreamUrl"`
	// Prefix of the upstream's repositories.
	UpstreamPrefix source.Text `yaml:"upstreamPrefix"`
	// Whether it must, or must not, have a credential.
	Credential source.Text `yaml:"credential"`
	// Whether it must, or must not, have a role.
	Role source.Text `yaml:"role"`
	// How much a missing rule matters. The default is high.
	Severity source.Text `yaml:"severity"`
	// Accounts that must have it; without, all.
	Accounts []source.Text `yaml:"accounts,nonempty"`
	// Regions that must have it; without, all.
	Regions []source.Text `yaml:"regions,nonempty"`
	// Why the rule must exist, in one line.
	Reason source.Text `yaml:"reason"`
}

// overrideEntry sets severities and params for some registries only.
type overrideEntry struct {
	source.Mapping
	// Accounts that it is for; without, all.
	Accounts []source.Text `yaml:"accounts,nonempty"`
	// Regions that it is for; without, all.
	Regions []source.Text `yaml:"regions,nonempty"`
	// Severities there, by check.
	Severities source.Map[source.Text] `yaml:"severities"`
	// Values of params there.
	Params source.Map[source.Value] `yaml:"params"`
}

// waiverEntry is an exception.
type waiverEntry struct {
	source.Mapping
	// Id of the check.
	Check source.Text `yaml:"check"`
	// Prefixes of the rules, as globs in which * does not cross a slash. A check of the registry has none.
	Prefixes []source.Text `yaml:"prefixes,nonempty"`
	// Accounts that it is for; without, all.
	Accounts []source.Text `yaml:"accounts,nonempty"`
	// Regions that it is for; without, all.
	Regions []source.Text `yaml:"regions,nonempty"`
	// Who is responsible for it.
	Owner source.Text `yaml:"owner"`
	// Why it is made, in one line.
	Reason source.Text `yaml:"reason"`
	// Its last day, UTC.
	Expires source.Text `yaml:"expires"`
	// Covers whatever the rule fetches later, too.
	AnyUpstream source.Flag `yaml:"anyUpstream"`
}
