// Package policies holds the policies that are shipped with the program. Their
// language is described in README.md of this folder and read by
// internal/policy. It imports nothing of ours.
package policies

import "embed"

//go:generate go test . -run ^TestREADME$ -update

//go:embed default.yaml strict.yaml
var files embed.FS

// Only what explains policies reads them: they are not linked into a function.
//
//go:embed default_test.yaml strict_test.yaml
var tests embed.FS

// Names lists the shipped policies.
func Names() []string { return []string{"default", "strict"} }

// Read gives the YAML of a shipped policy; false where there is none of that
// name.
func Read(name string) ([]byte, bool) {
	data, err := files.ReadFile(name + ".yaml")
	return data, err == nil
}

// Tests gives the tests of a shipped policy, as YAML; false where there is none
// of that name.
func Tests(name string) ([]byte, bool) {
	data, err := tests.ReadFile(name + "_test.yaml")
	return data, err == nil
}
