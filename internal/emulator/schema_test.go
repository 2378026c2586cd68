package emulator_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"ptcaudit/internal/emulator"
	"ptcaudit/internal/stand/yamlschema"
)

// compile compiles the schema of fixtures with a validator of JSON schemas.
func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(emulator.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return yamlschema.Compile(t, text)
}

// check gives the errors of the schema and of ParseFixture for a fixture.
func check(t *testing.T, schema *jsonschema.Schema, fixture string) (bySchema, byParser error) {
	t.Helper()
	text, err := yaml.YAMLToJSON([]byte(fixture))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	_, byParser = emulator.ParseFixture(text)
	return schema.Validate(document), byParser
}

func TestSchemaAcceptsTheFixturesOfTheRepository(t *testing.T) {
	schema := compile(t)
	files, err := filepath.Glob("../*/*/*registry*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("fixtures %v, error %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a file of the repository
		if err != nil {
			t.Fatal(err)
		}
		if bySchema, byParser := check(t, schema, string(text)); bySchema != nil || byParser != nil {
			t.Errorf("%s: schema: %v, parser: %v", file, bySchema, byParser)
		}
	}
}

func TestSchemaAgreesWithTheParser(t *testing.T) {
	const registry = "registries: [{account: '111122223333', region: eu-west-1, "
	tests := []struct {
		name, fixture string
		valid         bool
	}{
		{"empty", "{}", true},
		{"a registry", registry + "}]", true},
		{"all of a registry", registry + "pageSize: 2, unlistedSecrets: missing, behaviour: {validateEvents: send, foreignSecret: accept}, rules: [{ecrRepositoryPrefix: quay, upstreamRegistryUrl: quay.io, createdAt: 1.5, updatedAt: '2026-11-20T10:00:00Z', validation: {isValid: false, failure: no}}], secrets: [{arn: a, state: rejected}]}]", true},
		{"all of a fault", "faults: [{operation: ValidatePullThroughCacheRule, account: '111122223333', region: eu-west-1, prefix: quay, times: 2, delay: 1m2.5s, code: ThrottlingException, message: slow, status: 429, truncate: true, omit: [isValid], set: {failure: null}}]", true},
		{"no validation", registry + "rules: [{ecrRepositoryPrefix: quay, validation: null}]}]", true},
		{"unknown key", "faulst: []", false},
		{"unknown key of a rule", registry + "rules: [{ecrRepositoryPrefix: quay, url: quay.io}]}]", false},
		{"another case", "Registries: []", false},
		{"no account", "registries: [{region: eu-west-1}]", false},
		{"account as number", "registries: [{account: 111122223333, region: eu-west-1}]", false},
		{"no Region", "registries: [{account: '111122223333'}]", false},
		{"invalid Region", "registries: [{account: '111122223333', region: EU}]", false},
		{"negative page size", registry + "pageSize: -1}]", false},
		{"unknown behaviour", registry + "behaviour: {validateEvents: maybe}}]", false},
		{"rule without prefix", registry + "rules: [{upstreamRegistryUrl: quay.io}]}]", false},
		{"invalid time", registry + "rules: [{ecrRepositoryPrefix: quay, createdAt: yesterday}]}]", false},
		{"secret without ARN", registry + "secrets: [{state: ok}]}]", false},
		{"secret without state", registry + "secrets: [{arn: a}]}]", false},
		{"unknown state", registry + "secrets: [{arn: a, state: lost}]}]", false},
		{"unlisted secrets rejected", registry + "unlistedSecrets: rejected}]", false},
		{"unknown operation", "faults: [{operation: GetItem}]", false},
		{"negative times", "faults: [{times: -1}]", false},
		{"invalid delay", "faults: [{delay: soon}]", false},
		{"invalid status", "faults: [{status: 99}]", false},
		{"two answers", "faults: [{code: A, empty: true}]", false},
		{"message without code", "faults: [{message: no}]", false},
		{"status of a dropped answer", "faults: [{drop: true, status: 500}]", false},
	}
	schema := compile(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bySchema, byParser := check(t, schema, tt.fixture)
			if (bySchema == nil) != tt.valid || (byParser == nil) != tt.valid {
				t.Errorf("valid: %t; schema: %v, parser: %v", tt.valid, bySchema, byParser)
			}
		})
	}
}
