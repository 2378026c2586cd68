// Package policies holds the policies that are shipped with the program, their
// tests, and the JSON schemas of both. README.md of this folder describes the
// language; internal/policy implements it.
package policies

import (
	"embed"
	"io/fs"
)

//go:generate go test . -run ^TestREADME$ -update

//go:embed default.yaml strict.yaml
var files embed.FS

// Only commands read the tests and schemas, so they are not linked into the
// Lambda functions.
//
//go:embed *_test.yaml testdata/*.yaml
var tests embed.FS

//go:embed schema.json
var schema []byte

//go:embed test-schema.json
var testSchema []byte

// Names lists the shipped policies.
func Names() []string { return []string{"default", "strict"} }

// Read returns the YAML of a shipped policy; false if no policy has that name.
func Read(name string) ([]byte, bool) {
	data, err := files.ReadFile(name + ".yaml")
	return data, err == nil
}

// Tests holds the tests of the shipped policies, files named *_test.yaml, and
// the policies that they test.
func Tests() fs.FS { return tests }

// Schema returns the JSON schema of policy files.
func Schema() []byte { return schema }

// SchemaOfTests returns the JSON schema of the test files of policies.
func SchemaOfTests() []byte { return testSchema }
