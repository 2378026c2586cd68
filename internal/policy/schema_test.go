package policy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Editors use schema.json, so it must accept what the program accepts.
func TestSchemaAgreesWithLoad(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../policies/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(t *testing.T, text []byte) error {
		t.Helper()
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	var files []string
	for _, pattern := range []string{"../../policies/*.yaml", "../../policies/testdata/*.yaml", "../cli/demo/acme.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	valid := 0
	for _, file := range files {
		if matched, _ := filepath.Match("*_test.yaml", filepath.Base(file)); matched {
			continue
		}
		valid++
		if err := validate(t, read(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if valid < 4 {
		t.Errorf("only %d policies were found", valid)
	}
	const head = "apiVersion: ptcaudit/v1\nname: x\n"
	for name, text := range map[string]string{
		"unknown key":                head + "nonsense: 1\n",
		"no name":                    "apiVersion: ptcaudit/v1\n",
		"another version":            "apiVersion: ptcaudit/v2\nname: x\n",
		"severity":                   head + "checks: [{id: a, severity: HIGH}]\n",
		"waiver without owner":       head + "waivers: [{check: a, reason: r, expires: 2027-01-01}]\n",
		"a string instead of a list": head + "disable: root-prefix\n",
		"account as a number":        head + "requiredRules: [{prefix: a, accounts: [111122223333]}]\n",
	} {
		if err := validate(t, []byte(text)); err == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	return data
}
