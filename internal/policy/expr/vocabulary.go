package expr

import (
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Entry is one name that expressions can use.
type Entry struct {
	// Name is how an expression writes it, for example
	// "rule.upstream.registry" or "days(int)".
	Name string
	// Type is its CEL type, for example "string" or "list(rule)".
	Type string
	// Doc is one line of documentation.
	Doc string
}

// Reference lists every name that expressions can use besides those of CEL
// itself, in the order of the reference in policies/README.md.
func Reference() []Entry {
	out := make([]Entry, 0, len(vocabulary))
	for _, e := range vocabulary {
		out = append(out, Entry{Name: e.name, Type: typeName(e.typ), Doc: e.doc})
	}
	return out
}

// vocabulary is the table of all names. The declarations for the compiler, the
// values that expressions read, and the reference are derived from it.
var vocabulary = []entry{
	object("rule", "The rule that is evaluated. Not available in a check with the scope registry."),
	text("rule.prefix", "The rule's prefix, without a trailing slash. No two rules have the same prefix.",
		func(f *facts) string { return f.rule.Prefix }),
	boolean("rule.isRoot", "The prefix is ROOT: the rule matches every repository that no other rule matches.",
		func(f *facts) bool { return f.rule.IsRoot }),
	moment("rule.createdAt", "The time of its creation; the year 1 if unknown.",
		func(f *facts) time.Time { return f.rule.CreatedAt }),
	moment("rule.updatedAt", "The time of the last change of its credential or role; createdAt if it never changed.",
		func(f *facts) time.Time { return f.rule.UpdatedAt }),

	object("rule.upstream", "The registry that the rule pulls images from."),
	text("rule.upstream.registry", "The API's name of the upstream, for example docker-hub; empty if unknown.",
		func(f *facts) string { return f.rule.Upstream.Registry }),
	text("rule.upstream.url", "The host name of the upstream, for example registry-1.docker.io.",
		func(f *facts) string { return f.rule.Upstream.URL }),
	text("rule.upstream.prefix", "The prefix of the upstream's repositories, without a trailing slash; empty if the rule has none or has ROOT.",
		func(f *facts) string { return ptc.CleanUpstreamPrefix(f.rule.Upstream.Prefix) }),
	text("rule.upstream.account", "The upstream's account; empty if the upstream is not an ECR registry or its URL has no account.",
		func(f *facts) string { return f.rule.Upstream.Account }),
	text("rule.upstream.region", "The upstream's Region; empty if the upstream is not an ECR registry.",
		func(f *facts) string { return f.rule.Upstream.Region }),
	boolean("rule.upstream.known", "ECR documents this upstream.",
		func(f *facts) bool { return f.rule.Upstream.Known }),
	boolean("rule.upstream.authenticated", "The upstream requires a credential.",
		func(f *facts) bool { return f.rule.Upstream.Authenticated }),
	text("rule.upstream.prescribedUrl", "The URL that ECR documents for the upstream, or its pattern if every customer has their own; empty if the upstream is unknown.",
		func(f *facts) string { return f.prescribed.URL }),
	boolean("rule.upstream.urlPrescribed", "The rule has the URL that ECR documents for the upstream.",
		func(f *facts) bool { return f.prescribed.Matches(f.rule.Upstream.URL) }),

	object("rule.credential", "The secret with the rule's credential; all fields are empty if it has none."),
	text("rule.credential.arn", "The secret's ARN.",
		func(f *facts) string { return f.rule.Credential.ARN }),
	text("rule.credential.account", "The secret's account.",
		func(f *facts) string { return f.rule.Credential.Account }),
	text("rule.credential.region", "The secret's Region.",
		func(f *facts) string { return f.rule.Credential.Region }),
	text("rule.credential.name", "The secret's name, without the random characters at the end of its ARN.",
		func(f *facts) string { return f.rule.Credential.Name }),

	object("rule.role", "The role that ECR assumes to pull from an upstream in ECR; all fields are empty if it has none."),
	text("rule.role.arn", "The role's ARN.",
		func(f *facts) string { return f.rule.Role.ARN }),
	text("rule.role.account", "The role's account.",
		func(f *facts) string { return f.rule.Role.Account }),
	text("rule.role.name", "The role's name, without its path.",
		func(f *facts) string { return f.rule.Role.Name }),

	object("rule.validation", "ECR's validation result. If it is missing, a check that needs it has the outcome error, never pass."),
	verdict(boolean("rule.validation.valid", "ECR can reach the upstream and authenticate with it.",
		func(f *facts) bool { return f.rule.Validation.Valid })),
	verdict(text("rule.validation.failure", "ECR's reason if not. The text is not stable: use it in messages, not in conditions.",
		func(f *facts) string { return f.rule.Validation.Failure })),
	verdict(boolean("rule.validation.applicable", "ECR validates rules of this upstream.",
		func(f *facts) bool { return f.rule.Validation.Applicable })),

	prefixes("rule.overlaps", "Prefixes of other rules that overlap with this one, as a and a/b do. ROOT overlaps with no rule.",
		func(f *facts) ref.Val { return f.siblings.overlaps.without(f.siblings.self) }),
	prefixes("rule.sharesCredentialWith", "Prefixes of other rules with the same secret.",
		func(f *facts) ref.Val { return f.siblings.sharesCredentialWith.without(f.siblings.self) }),
	prefixes("rule.sameUpstream", "Prefixes of other rules with the same URL and upstream prefix.",
		func(f *facts) ref.Val { return f.siblings.sameUpstream.without(f.siblings.self) }),

	object("registry", "The registry that is audited."),
	text("registry.account", "The account ID.", func(f *facts) string { return f.registry.Account }),
	text("registry.region", "The Region.", func(f *facts) string { return f.registry.Region }),
	text("registry.partition", "The partition, as in an ARN: aws, aws-cn, aws-us-gov, …",
		func(f *facts) string { return f.registry.Partition() }),
	{
		name: "registry.rules", typ: cel.ListType(objectType(ruleName)),
		doc:  "All rules of the registry; each has the fields of rule.",
		read: func(f *facts) ref.Val { return f.rules },
	},
	{
		name: "registry.ruleLimit", typ: cel.IntType,
		doc:  "The maximum number of rules in a registry.",
		read: func(*facts) ref.Val { return types.Int(ptc.RuleLimit) },
	},

	{name: paramPrefix + "NAME", doc: "A param of the policy."},
	moment(nowName, "The time of the audit.",
		func(f *facts) time.Time { return f.now }),

	{
		name: "days(int)", typ: cel.DurationType, function: daysFunction,
		doc: "A number of days of 24 hours, as in rule.updatedAt < now - days(90).",
	},
	{
		name: "string.matchesGlob(string)", typ: cel.BoolType, function: globFunction,
		doc: "The string matches a glob, in which * does not match a slash.",
	},
	{
		name: "string.formatShell(list(string))", typ: cel.StringType, function: shellFunction,
		doc: "Like format, for commands: each %s becomes one shell argument, quoted if necessary.",
	},
}

// The names of the variables.
const (
	ruleName     = "rule"
	registryName = "registry"
	nowName      = "now"
)

// entry is a row of the vocabulary: a variable or field with a value to read,
// or a function.
type entry struct {
	name     string
	typ      *cel.Type
	doc      string
	read     func(*facts) ref.Val
	function cel.EnvOption
}

// declarations are the vocabulary's variables and functions, without rule.
func declarations() []cel.EnvOption {
	var out []cel.EnvOption
	for _, e := range vocabulary {
		switch {
		case e.function != nil:
			out = append(out, e.function)
		case e.name != ruleName && !strings.Contains(e.name, "."):
			out = append(out, cel.Variable(e.name, e.typ))
		}
	}
	return out
}

// facts hold the values that entries read.
type facts struct {
	registry ptc.Registry
	now      time.Time
	rules    ref.Val

	rule       report.Rule
	prescribed ptc.KnownUpstream
	siblings   siblings
	// unknown replaces ECR's validation result if it is missing.
	unknown ref.Val
}

// object declares a name whose fields follow it in the table.
func object(name, doc string) entry { return entry{name: name, typ: objectType(name), doc: doc} }

// objectType returns the type of an object. An expression cannot write the
// type's name: a type with the name of its variable would shadow the variable.
func objectType(name string) *cel.Type { return cel.ObjectType(objectPrefix + name) }

const objectPrefix = "object "

func text(name, doc string, read func(*facts) string) entry {
	return entry{name: name, typ: cel.StringType, doc: doc, read: func(f *facts) ref.Val { return types.String(read(f)) }}
}

func boolean(name, doc string, read func(*facts) bool) entry {
	return entry{name: name, typ: cel.BoolType, doc: doc, read: func(f *facts) ref.Val { return types.Bool(read(f)) }}
}

func moment(name, doc string, read func(*facts) time.Time) entry {
	return entry{name: name, typ: cel.TimestampType, doc: doc, read: func(f *facts) ref.Val { return types.Timestamp{Time: read(f)} }}
}

func prefixes(name, doc string, read func(*facts) ref.Val) entry {
	return entry{name: name, typ: cel.ListType(cel.StringType), doc: doc, read: read}
}

// verdict makes an entry unknown if ECR gave no validation result.
func verdict(e entry) entry {
	read := e.read
	e.read = func(f *facts) ref.Val {
		if f.rule.Validation == nil {
			return f.unknown
		}
		return read(f)
	}
	return e
}

// typeName is the name of a type in the reference.
func typeName(t *cel.Type) string {
	switch {
	case t == nil:
		return "type of its value"
	case t.Kind() == types.StructKind:
		return "object"
	case t.Kind() == types.TimestampKind:
		return "timestamp"
	case t.Kind() == types.DurationKind:
		return "duration"
	}
	return strings.ReplaceAll(t.String(), objectPrefix, "")
}
