package cli

import "ptcaudit/policies"

type schemaCommand struct {
	Tests bool `help:"Print the schema of test files (*_test.yaml) instead."`
}

// Help is shown below the summary.
func (*schemaCommand) Help() string {
	return `Prints the JSON schema of policy files. With it, editors complete keys and mark errors while you type:

    ptcaudit policy schema > policy.schema.json
    ptcaudit policy schema --tests > policy-test.schema.json

Editors with the YAML language server find the schema by the first line of a file:

    # yaml-language-server: $schema=policy.schema.json

policy lint finds more: it compiles the expressions and reads the policies that a file extends.`
}

// Run prints the schema.
func (s *schemaCommand) Run(c *command) error {
	text := policies.Schema()
	if s.Tests {
		text = policies.SchemaOfTests()
	}
	_, err := c.out.Write(text)
	return err
}
