package emulator

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
)

// Schema is the JSON schema (draft 2020-12) of fixtures. It follows the types of
// a Fixture, so that it has exactly the keys that ParseFixture accepts.
func Schema() map[string]any {
	schema := schemaOf(reflect.TypeFor[Fixture](), "")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Fixture of ptcaudit emulate"
	return schema
}

// description documents the keys of a fixture by path, without indexes.
var description = map[string]string{ //nolint:gosec // words about credentials, none itself
	"":                                          "The registries of an emulator at its start, and the faults to inject.",
	"registries":                                "Registries with content. Any other account and Region is an empty registry.",
	"registries.account":                        "The account ID: twelve digits, quoted in YAML.",
	"registries.region":                         "The Region, for example eu-west-1.",
	"registries.pageSize":                       "The largest number of rules in one answer; 0 means the API's limit of 100.",
	"registries.unlistedSecrets":                "The state of every secret that is not in secrets (default: ok).",
	"registries.behaviour":                      "Behaviour that AWS does not document. The first value of each is the default.",
	"registries.rules":                          "The rules of the registry. They may exceed the API's constraints and quota.",
	"registries.secrets":                        "The secrets of Secrets Manager and whether ECR can use them.",
	"registries.rules.createdAt":                "When the rule was created: RFC 3339, or seconds since 1970.",
	"registries.rules.credentialArn":            "The ARN of the secret with the upstream's credential.",
	"registries.rules.customRoleArn":            "The ARN of the role that ECR assumes for an ECR upstream.",
	"registries.rules.updatedAt":                "When the rule was last updated: RFC 3339, or seconds since 1970.",
	"registries.rules.upstreamRegistry":         "The name of the upstream (default: derived from upstreamRegistryUrl).",
	"registries.rules.validation":               "ECR's validation result until the rule or its secret changes (default: derived from the state of the secret).",
	"registries.rules.validation.isValid":       "Whether ECR can use the rule.",
	"registries.rules.validation.failure":       "Why it cannot, in ECR's words.",
	"registries.rules.registryId":               "The registry ID in answers (default: the account).",
	"registries.rules.ecrRepositoryPrefix":      "The prefix of the rule's repositories, or ROOT.",
	"registries.rules.upstreamRegistryUrl":      "The host of the upstream, for example quay.io.",
	"registries.rules.upstreamRepositoryPrefix": "The prefix of repositories in an ECR upstream, or ROOT.",
	"registries.secrets.arn":                    "The ARN of the secret.",
	"registries.secrets.state":                  "ok: the upstream accepts the credential. missing: the secret does not exist. inaccessible: ECR may not read it. undecryptable: ECR may not decrypt it. rejected: the upstream rejects the credential.",

	"registries.behaviour.validateOpenUpstream":    "Whether Validate answers for an upstream without authentication, or refuses.",
	"registries.behaviour.validateEcrUpstream":     "Whether Validate answers for an ECR upstream, or refuses.",
	"registries.behaviour.validateEvents":          "Whether Validate sends a CloudTrail event.",
	"registries.behaviour.publicUpstreamPrefix":    "Whether a rule with an upstream other than ECR can have the prefix ROOT or an upstream prefix.",
	"registries.behaviour.openUpstreamCredential":  "Whether a rule can have a credential that its upstream does not need.",
	"registries.behaviour.otherUpstreamRole":       "Whether a rule with an upstream other than ECR can have a role.",
	"registries.behaviour.crossAccountWithoutRole": "Whether a rule with an ECR upstream of another account can have no role.",
	"registries.behaviour.foreignSecret":           "Whether a rule's secret can be in another account or Region.",

	"faults":           "Faults that are injected into matching calls, in this order. Their delays add up; the first with code, status, body, empty or drop answers instead of the API.",
	"faults.operation": "The operation, for example DescribePullThroughCacheRules (default: all).",
	"faults.account":   "The account ID (default: all).",
	"faults.region":    "The Region (default: all).",
	"faults.prefix":    "The prefix of a rule that the call names (default: all calls).",
	"faults.times":     "How many calls are affected; 0 means all.",
	"faults.delay":     "How long the answer is delayed, for example 100ms.",
	"faults.code":      "The error to answer with, for example ThrottlingException.",
	"faults.message":   "The text of that error (default: a typical one).",
	"faults.status":    "The HTTP status (default: that of code, or 200).",
	"faults.body":      "The body of the answer, sent unchanged.",
	"faults.empty":     "Answer with {}.",
	"faults.drop":      "Close the connection before the answer.",
	"faults.truncate":  "Close the connection in the middle of the answer; the call itself takes effect.",
	"faults.omit":      "Members to remove from the answer; in DescribePullThroughCacheRules, from each rule.",
	"faults.set":       "Members to set in the answer, null included; in DescribePullThroughCacheRules, in each rule.",
}

// constraint holds, by path, what the types do not express.
func constraint(path string) map[string]any {
	switch path {
	case "registries":
		return map[string]any{"uniqueItems": true}
	case "registries.account", "faults.account":
		return map[string]any{"pattern": accountPattern.String()}
	case "registries.region":
		return map[string]any{"pattern": regionPattern.String()}
	case "registries.pageSize", "faults.times":
		return map[string]any{"minimum": 0}
	case "registries.unlistedSecrets":
		return map[string]any{"enum": []any{SecretOK, SecretMissing}}
	case "registries.secrets.state":
		return map[string]any{"enum": secretStates}
	case "registries.rules.ecrRepositoryPrefix", "registries.secrets.arn":
		return map[string]any{"minLength": 1}
	case "faults.status":
		return map[string]any{"anyOf": []any{map[string]any{"const": 0}, map[string]any{"minimum": 200, "maximum": 599}}}
	case "faults.operation":
		var names []string
		for _, s := range services {
			for _, o := range s.operations {
				names = append(names, o.name)
			}
		}
		return map[string]any{"enum": names}
	}
	var b Behaviour
	for _, c := range b.choices() {
		if path == "registries.behaviour."+c.name {
			return map[string]any{"enum": c.of}
		}
	}
	return nil
}

// exclusive are the keys of a fault that exclude each other: each pair of
// answers, and a status of an answer that is never sent.
func exclusive() []any {
	const drop = "drop"
	nonempty := map[string]any{"minLength": 1}
	answers := []struct {
		key   string
		value map[string]any
	}{
		{"code", nonempty},
		{"body", nonempty},
		{"empty", map[string]any{"const": true}},
		{drop, map[string]any{"const": true}},
		{"status", map[string]any{"not": map[string]any{"const": 0}}},
	}
	var out []any
	for i, a := range answers {
		for _, b := range answers[i+1:] {
			if b.key == "status" && a.key != drop {
				continue
			}
			properties := map[string]any{a.key: a.value, b.key: b.value}
			if a.key == drop || b.key == drop { // with truncate, drop is no answer
				properties["truncate"] = map[string]any{"const": false}
			}
			out = append(out, map[string]any{"not": map[string]any{"required": []string{a.key, b.key}, "properties": properties}})
		}
	}
	return out
}

// required lists the keys that a fixture cannot omit, by the path of their
// mapping.
var required = map[string][]string{
	"registries":         {"account", "region"},
	"registries.rules":   {"ecrRepositoryPrefix"},
	"registries.secrets": {"arn", "state"},
}

// schemaOf is the schema of a type at a path.
func schemaOf(t reflect.Type, path string) map[string]any {
	schema := typeSchema(t, path)
	text, ok := description[path]
	if !ok {
		panic("emulator: the key " + path + " of fixtures has no description")
	}
	schema["description"] = text
	maps.Copy(schema, constraint(path))
	return schema
}

func typeSchema(t reflect.Type, path string) map[string]any {
	switch t {
	case reflect.TypeFor[Time]():
		return map[string]any{"anyOf": []any{
			map[string]any{"type": "string", "format": "date-time"},
			map[string]any{"type": []any{"number", "null"}},
		}}
	case reflect.TypeFor[Duration]():
		return map[string]any{"type": "string", "pattern": `^\+?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+$`}
	}
	switch t.Kind() {
	case reflect.Pointer:
		schema := typeSchema(t.Elem(), path)
		schema["type"] = []any{schema["type"], "null"}
		return schema
	case reflect.Struct:
		properties := map[string]any{}
		for _, f := range reflect.VisibleFields(t) {
			if key, ok := f.Tag.Lookup("json"); ok {
				properties[key] = schemaOf(f.Type, strings.TrimPrefix(path+"."+key, "."))
			}
		}
		schema := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
		if keys := required[path]; keys != nil {
			schema["required"] = keys
		}
		return schema
	case reflect.Slice:
		items := typeSchema(t.Elem(), path)
		if path == "faults" {
			items["dependentRequired"] = map[string][]string{"message": {"code"}}
			items["allOf"] = exclusive()
		}
		return map[string]any{"type": "array", "items": items}
	case reflect.Map:
		return map[string]any{"type": "object"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	default:
		panic(fmt.Sprintf("emulator: no schema for %s", t))
	}
}
