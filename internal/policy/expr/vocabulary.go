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
// itself, in the order in which it is best read.
func Reference() []Entry {
	out := make([]Entry, 0, len(vocabulary))
	for _, e := range vocabulary {
		out = append(out, Entry{Name: e.name, Type: typeName(e.typ), Doc: e.doc})
	}
	return out
}

// vocabulary is the one table of names. The declarations that expressions are
// checked against, the values they read and the reference are all made of it.
var vocabulary = []entry{
	object("rule", "The rule that is judged. Not there in a check of scope registry."),
	text("rule.prefix", "Its prefix, which is its identity; without a trailing slash.",
		func(f *facts) string { return f.rule.Prefix }),
	boolean("rule.isRoot", "Its prefix is ROOT: it catches every repository that no other rule catches.",
		func(f *facts) bool { return f.rule.IsRoot }),
	moment("rule.createdAt", "When it was made; the year 1 where ECR does not say.",
		func(f *facts) time.Time { return f.rule.CreatedAt }),
	moment("rule.updatedAt", "When its credential or role last changed; createdAt where never.",
		func(f *facts) time.Time { return f.rule.UpdatedAt }),

	object("rule.upstream", "Where it fetches images from."),
	text("rule.upstream.registry", "The API's name of the upstream, for example docker-hub; empty where neither API nor URL tells.",
		func(f *facts) string { return f.rule.Upstream.Registry }),
	text("rule.upstream.url", "Its host name, for example registry-1.docker.io.",
		func(f *facts) string { return f.rule.Upstream.URL }),
	text("rule.upstream.prefix", "The prefix of the upstream's repositories, without a trailing slash; empty if there is none, and for ROOT, which means the same.",
		func(f *facts) string { return ptc.CleanUpstreamPrefix(f.rule.Upstream.Prefix) }),
	text("rule.upstream.account", "The upstream's account, where it is an ECR registry and its URL says so.",
		func(f *facts) string { return f.rule.Upstream.Account }),
	text("rule.upstream.region", "The upstream's Region, where it is an ECR registry.",
		func(f *facts) string { return f.rule.Upstream.Region }),
	boolean("rule.upstream.known", "ECR documents this upstream.",
		func(f *facts) bool { return f.rule.Upstream.Known }),
	boolean("rule.upstream.authenticated", "Rules of this upstream need a credential.",
		func(f *facts) bool { return f.rule.Upstream.Authenticated }),
	text("rule.upstream.prescribedUrl", "The URL that this upstream prescribes, or its form where every customer has their own; empty where it is not known.",
		func(f *facts) string { return f.prescribed.URL }),
	boolean("rule.upstream.urlPrescribed", "The URL is one that this upstream prescribes.",
		func(f *facts) bool { return f.prescribed.Matches(f.rule.Upstream.URL) }),

	object("rule.credential", "The secret that it authenticates with; all fields are empty where it has none."),
	text("rule.credential.arn", "The secret's ARN.",
		func(f *facts) string { return f.rule.Credential.ARN }),
	text("rule.credential.account", "The secret's account.",
		func(f *facts) string { return f.rule.Credential.Account }),
	text("rule.credential.region", "The secret's Region.",
		func(f *facts) string { return f.rule.Credential.Region }),
	text("rule.credential.name", "The secret's name, without the random characters at the end of its ARN.",
		func(f *facts) string { return f.rule.Credential.Name }),

	object("rule.role", "The role that ECR assumes towards an upstream ECR registry; all fields are empty where it has none."),
	text("rule.role.arn", "The role's ARN.",
		func(f *facts) string { return f.rule.Role.ARN }),
	text("rule.role.account", "The role's account.",
		func(f *facts) string { return f.rule.Role.Account }),
	text("rule.role.name", "The role's name, without its path.",
		func(f *facts) string { return f.rule.Role.Name }),

	object("rule.validation", "ECR's own verdict. Where ECR could not be asked, what needs it comes out as an error, never as a pass."),
	verdict(boolean("rule.validation.valid", "ECR reaches the upstream and can authenticate with it.",
		func(f *facts) bool { return f.rule.Validation.Valid })),
	verdict(text("rule.validation.failure", "ECR's explanation where not; free text, to be shown, not to be decided on.",
		func(f *facts) string { return f.rule.Validation.Failure })),
	verdict(boolean("rule.validation.applicable", "ECR validates rules of this upstream at all.",
		func(f *facts) bool { return f.rule.Validation.Applicable })),

	prefixes("rule.overlaps", "Prefixes of other rules above or below this one: a and a/b. ROOT overlaps with none.",
		func(f *facts) ref.Val { return others(f.siblings.overlaps, f.siblings.self) }),
	prefixes("rule.sharesCredentialWith", "Prefixes of other rules with the same secret.",
		func(f *facts) ref.Val { return others(f.siblings.sharesCredentialWith, f.siblings.self) }),
	prefixes("rule.sameUpstream", "Prefixes of other rules with the same URL and upstream prefix.",
		func(f *facts) ref.Val { return others(f.siblings.sameUpstream, f.siblings.self) }),

	object("registry", "The registry that is audited."),
	text("registry.account", "Its account.", func(f *facts) string { return f.registry.Account }),
	text("registry.region", "Its Region.", func(f *facts) string { return f.registry.Region }),
	text("registry.partition", "Its partition, as in an ARN: aws, aws-cn, aws-us-gov, …",
		func(f *facts) string { return f.registry.Partition() }),
	{
		name: "registry.rules", typ: cel.ListType(objectType(ruleName)),
		doc:  "All its rules, each as above.",
		read: func(f *facts) ref.Val { return f.rules },
	},
	{
		name: "registry.ruleLimit", typ: cel.IntType,
		doc:  "How many rules a registry can hold.",
		read: func(*facts) ref.Val { return types.Int(ptc.RuleLimit) },
	},

	{name: paramPrefix + "NAME", doc: "A param of the policy."},
	moment(nowName, "The time of the audit.",
		func(f *facts) time.Time { return f.now }),

	{
		name: "days(int)", typ: cel.DurationType, function: daysFunction,
		doc: "So many days of 24 hours, as in rule.updatedAt < now - days(90).",
	},
	{
		name: "string.matchesGlob(string)", typ: cel.BoolType, function: globFunction,
		doc: "The text matches a glob, in which * does not cross a slash.",
	},
	{
		name: "string.formatShell(list(string))", typ: cel.StringType, function: shellFunction,
		doc: "As format, for commands: each %s becomes an argument, quoted for a shell where it must be.",
	},
}

// The names of the variables.
const (
	ruleName     = "rule"
	registryName = "registry"
	nowName      = "now"
)

// entry is a row of the vocabulary: a variable or a field, which is read, or
// a function.
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

// facts are what entries are read from.
type facts struct {
	registry ptc.Registry
	now      time.Time
	rules    ref.Val

	rule       report.Rule
	prescribed ptc.KnownUpstream
	siblings   siblings
	// unknown stands for ECR's verdict where there is none.
	unknown ref.Val
}

// object declares a name whose fields follow it in the table.
func object(name, doc string) entry { return entry{name: name, typ: objectType(name), doc: doc} }

// objectType names the type of an object so that no expression can: a type
// that is called as its variable would shadow it.
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

// verdict makes an entry unknown where ECR gave no verdict.
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

// typeName is how the reference writes a type.
func typeName(t *cel.Type) string {
	switch {
	case t == nil:
		return "that of its value"
	case t.Kind() == types.StructKind:
		return "object"
	case t.Kind() == types.TimestampKind:
		return "timestamp"
	case t.Kind() == types.DurationKind:
		return "duration"
	}
	return strings.ReplaceAll(t.String(), objectPrefix, "")
}
