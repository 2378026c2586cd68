// Package policies holds the policies that are shipped with the program. Their
// language is described in README.md of this folder and read by
// internal/policy. It imports nothing of ours.
package policies

import (
	"embed"
	"io/fs"
)

//go:generate go test . -run ^TestREADME$ -update

//go:embed default.yaml strict.yaml
var files embed.FS

// Only what explains policies reads them: they are not linked into a function.
//
//go:embed *_test.yaml testdata/*.yaml
var tests embed.FS

// Names lists the shipped policies.
func Names() []string { return []string{"default", "strict"} }

// Read gives the YAML of a shipped policy; false if there is none of that
// name.
func Read(name string) ([]byte, bool) {
	data, err := files.ReadFile(name + ".yaml")
	return data, err == nil
}

// Tests are the tests of the shipped policies, and of policies that extend
// them: files named *_test.yaml, and what those name.
func Tests() fs.FS { return tests }
