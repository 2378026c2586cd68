// Package policies holds the policies that are shipped with the program. Their
// language is described in README.md of this folder and read by
// internal/policy. It imports nothing of ours.
package policies

import "embed"

//go:generate go test . -run ^TestREADME$ -update

//go:embed default.yaml strict.yaml
var files embed.FS

// Names lists the shipped policies.
func Names() []string { return []string{"default", "strict"} }

// Read gives the YAML of a shipped policy; false where there is none of that
// name.
func Read(name string) ([]byte, bool) {
	data, err := files.ReadFile(name + ".yaml")
	return data, err == nil
}
