package cli

type policyCommands struct {
	Init    initCommand    `cmd:"" help:"Write a first policy from the rules of a registry."`
	Lint    lintCommand    `cmd:"" help:"Check policy files and list every error."`
	Test    testCommand    `cmd:"" help:"Run the tests of a policy."`
	Waivers waiversCommand `cmd:"" help:"List the waivers of a policy and what each covers today."`
	Show    showCommand    `cmd:"" help:"Print a policy with everything it extends, and where each value comes from."`
	Explain explainCommand `cmd:"" help:"Explain what a check requires, why, and how to fix a failure."`
	Schema  schemaCommand  `cmd:"" help:"Print the JSON schema of policies, or of their test files."`
}

// Help is shown below the summary.
func (*policyCommands) Help() string {
	return `A policy is a YAML file with the requirements for a registry. It usually extends default or strict, the shipped policies. To write a first policy and use it:

    ptcaudit policy init acme.yaml --region eu-west-1
    ptcaudit policy lint acme.yaml
    ptcaudit policy explain upstream-allowed --policy acme.yaml
    ptcaudit audit --policy acme.yaml --region eu-west-1

policies/README.md documents the language and all shipped checks.`
}
