package policytest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"ptcaudit/internal/policy/policytest"
	"ptcaudit/internal/stand/yamlschema"
	"ptcaudit/policies"
)

// testSchema is the schema of test files as editors apply it.
func testSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	return yamlschema.Compile(t, policies.SchemaOfTests())
}

// validate returns the schema's error for a test file.
func validate(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(document)
}

func TestSchemaAcceptsTheTestFilesOfTheRepository(t *testing.T) {
	schema := testSchema(t)
	found := 0
	for _, pattern := range []string{"../../../policies/*_test.yaml", "../../../policies/testdata/*_test.yaml", "testdata/good_test.yaml", "testdata/differs_test.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: files %v, error %v", pattern, files, err)
		}
		for _, file := range files {
			found++
			text, err := os.ReadFile(file) //nolint:gosec // a file of the repository
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(t, schema, text); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if found < 7 {
		t.Errorf("only %d test files were found", found)
	}
}

// The schema and Run agree on what a test file can hold.
func TestSchemaAgreesWithRun(t *testing.T) {
	const head = "policy: default\ntests:\n"
	// with is a test file with one rule, and more below its test.
	with := func(rule, more string) string {
		return head + "  - name: one\n    now: 2027-02-01\n    registry: {account: '111122223333', region: eu-west-1, rules: [{ecrRepositoryPrefix: quay, upstreamRegistryUrl: quay.io" + rule + "}]}\n" + more
	}
	tests := []struct {
		name, file string
		valid      bool
	}{
		{"all keys", with(", upstreamRegistry: quay, upstreamRepositoryPrefix: a, credentialArn: a, customRoleArn: a, registryId: '111122223333', createdAt: 2027-01-01, updatedAt: 1800000000.5", "    validation: {quay: {isValid: false, failure: denied}}\n    expect: [{check: root-prefix, prefix: quay, outcome: pass, severity: medium, waived: false}]\n"), true},
		{"time with an offset", strings.Replace(with("", "    expect: []\n"), "2027-02-01", "2027-02-01T12:00:00+01:00", 1), true},
		{"unknown validation result", with("", "    validation: {quay: unknown}\n    expect: []\n"), true},
		{"no validation by ECR", with("", "    validation: {quay: notApplicable}\n    expect: []\n"), true},
		{"no rules", head + "  - {name: one, now: 2027-02-01, registry: {account: '111122223333', region: eu-west-1}, expect: []}\n", true},

		{"no policy", "tests: [{name: one, now: 2027-02-01, registry: {account: '111122223333', region: eu-west-1}, expect: []}]\n", false},
		{"no tests", "policy: default\n", false},
		{"empty list of tests", "policy: default\ntests: []\n", false},
		{"unknown key", "polcy: default\n" + with("", "    expect: []\n"), false},
		{"no expect", with("", ""), false},
		{"no time", head + "  - {name: one, registry: {account: '111122223333', region: eu-west-1}, expect: []}\n", false},
		{"date that does not exist", strings.Replace(with("", "    expect: []\n"), "2027-02-01", "2027-02-30", 1), false},
		{"account as a number", strings.Replace(with("", "    expect: []\n"), "'111122223333'", "111122223333", 1), false},
		{"account with eleven digits", strings.Replace(with("", "    expect: []\n"), "'111122223333'", "'11112222333'", 1), false},
		{"invalid Region", strings.Replace(with("", "    expect: []\n"), "eu-west-1", "Europe", 1), false},
		{"unknown key of a rule", with(", url: quay.io", "    expect: []\n"), false},
		{"rule without an upstream", strings.Replace(with("", "    expect: []\n"), ", upstreamRegistryUrl: quay.io", "", 1), false},
		{"time of creation as a boolean", with(", createdAt: true", "    expect: []\n"), false},
		{"misspelled validation result", with("", "    validation: {quay: vallid}\n    expect: []\n"), false},
		{"validation result without isValid", with("", "    validation: {quay: {failure: denied}}\n    expect: []\n"), false},
		{"unknown outcome", with("", "    expect: [{check: root-prefix, outcome: failed}]\n"), false},
		{"unknown severity", with("", "    expect: [{check: root-prefix, prefix: quay, outcome: pass, severity: HIGH}]\n"), false},
		{"expectation without a check", with("", "    expect: [{prefix: quay, outcome: pass}]\n"), false},
		{"waived as a string", with("", "    expect: [{check: root-prefix, prefix: quay, outcome: pass, waived: 'true'}]\n"), false},
	}
	schema := testSchema(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x_test.yaml")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, byRun := policytest.Run(t.Context(), path)
			if bySchema := validate(t, schema, []byte(tt.file)); (bySchema == nil) != tt.valid || (byRun == nil) != tt.valid {
				t.Errorf("valid: %t; schema: %v; Run: %v", tt.valid, bySchema, byRun)
			}
		})
	}
}
