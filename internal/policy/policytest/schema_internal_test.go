package policytest

import (
	"flag"
	"reflect"
	"slices"
	"testing"

	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/yamlschema"
)

type schema = yamlschema.Schema

// TestSchema compares policies/test-schema.json with the types of file.go.
func TestSchema(t *testing.T) {
	types := yamlschema.Types{File: "file.go", Required: map[string][]string{
		"file":            {"policy", "tests"},
		"testEntry":       {"name", "now", "registry", "expect"},
		"registryEntry":   {"account", "region"},
		"ruleEntry":       {"ecrRepositoryPrefix", "upstreamRegistryUrl"},
		"validationEntry": {"isValid"},
		"expectEntry":     {"check", "outcome"},
	}}
	times := []schema{{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}}
	timeOrSeconds := schema{"anyOf": append(slices.Clone(times), schema{"type": "number"})}
	validation := []schema{
		{"enum": []string{unknownWord, notApplicableWord}},
		types.Of(t, reflect.TypeFor[validationEntry]()),
	}
	types.Known = map[string]schema{
		"account":    {"pattern": "^[0-9]{12}$"},
		"registryId": {"pattern": "^[0-9]{12}$"},
		"region":     {"pattern": `^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`},
		"now":        {"anyOf": times},
		"createdAt":  timeOrSeconds,
		"updatedAt":  timeOrSeconds,
		"outcome":    {"enum": outcomes},
		"severity":   {"enum": report.Severities()},
		"validation": {"additionalProperties": schema{"anyOf": validation}},
	}
	update := flag.Lookup("update").Value.String() == "true"
	yamlschema.Compare(t, "../../../policies/test-schema.json", "Tests of a policy of ptcaudit", types.Of(t, reflect.TypeFor[file]()), update)
}
