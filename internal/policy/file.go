package policy

import "ptcaudit/internal/policy/source"

// The types of this file are a policy file as it is written, each text with
// its place. policies/README.md describes them to people.

// file is one policy file.
type file struct {
	source.Mapping
	APIVersion    source.Text              `yaml:"apiVersion"`
	Name          source.Text              `yaml:"name"`
	Extends       source.Text              `yaml:"extends"`
	Params        source.Map[source.Value] `yaml:"params"`
	RequiredRules []requiredEntry          `yaml:"requiredRules"`
	Checks        []checkEntry             `yaml:"checks"`
	Disable       []source.Text            `yaml:"disable"`
	Overrides     []overrideEntry          `yaml:"overrides"`
	Waivers       []waiverEntry            `yaml:"waivers"`

	location
}

// checkEntry is a new check, or what changes in a check of the parent.
type checkEntry struct {
	source.Mapping
	ID                    source.Text   `yaml:"id"`
	Title                 source.Text   `yaml:"title"`
	Why                   source.Text   `yaml:"why"`
	Severity              source.Text   `yaml:"severity"`
	Scope                 source.Text   `yaml:"scope"`
	Match                 source.Text   `yaml:"match"`
	Assert                source.Text   `yaml:"assert"`
	Message               source.Text   `yaml:"message"`
	MessageExpression     source.Text   `yaml:"messageExpression"`
	Remediation           source.Text   `yaml:"remediation"`
	RemediationExpression source.Text   `yaml:"remediationExpression"`
	References            []source.Text `yaml:"references"`
	EffectiveFrom         source.Text   `yaml:"effectiveFrom"`
	Locked                source.Flag   `yaml:"locked"`
}

// requiredEntry is a rule that must be there.
type requiredEntry struct {
	source.Mapping
	Prefix           source.Text   `yaml:"prefix"`
	UpstreamRegistry source.Text   `yaml:"upstreamRegistry"`
	UpstreamURL      source.Text   `yaml:"upstreamUrl"`
	UpstreamPrefix   source.Text   `yaml:"upstreamPrefix"`
	Credential       source.Text   `yaml:"credential"`
	Role             source.Text   `yaml:"role"`
	Severity         source.Text   `yaml:"severity"`
	Accounts         []source.Text `yaml:"accounts,nonempty"`
	Regions          []source.Text `yaml:"regions,nonempty"`
	Reason           source.Text   `yaml:"reason"`
}

// overrideEntry sets severities and params for some registries only.
type overrideEntry struct {
	source.Mapping
	Accounts   []source.Text            `yaml:"accounts,nonempty"`
	Regions    []source.Text            `yaml:"regions,nonempty"`
	Severities source.Map[source.Text]  `yaml:"severities"`
	Params     source.Map[source.Value] `yaml:"params"`
}

// waiverEntry is an exception.
type waiverEntry struct {
	source.Mapping
	Check       source.Text   `yaml:"check"`
	Prefixes    []source.Text `yaml:"prefixes,nonempty"`
	Accounts    []source.Text `yaml:"accounts,nonempty"`
	Regions     []source.Text `yaml:"regions,nonempty"`
	Owner       source.Text   `yaml:"owner"`
	Reason      source.Text   `yaml:"reason"`
	Expires     source.Text   `yaml:"expires"`
	AnyUpstream source.Flag   `yaml:"anyUpstream"`
}
