package policytest

import (
	"context"
	"slices"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Example is what a check says of one subject in a policy's tests.
type Example struct {
	// Test is the name of the test.
	Test string
	// Rule is the subject, and Verdict what ECR says of it; without a prefix
	// where the subject is the registry, or a rule that is missing.
	Rule    ptc.Rule
	Verdict ptc.Validation
	Finding report.Finding
}

// Examples gives what the tests of a file have a check say, in their order:
// first the findings that a test expects. Its error is of type policy.Errors.
func Examples(ctx context.Context, path, check string) ([]Example, error) {
	data, err := source.ReadFile(path)
	if err != nil {
		return nil, policy.Errors{{File: path, Message: "cannot read the file: " + err.Error()}}
	}
	tests, p, err := read(path, data)
	if err != nil {
		return nil, err
	}
	var expected, others []Example
	for _, t := range tests {
		for _, f := range p.Evaluate(ctx, t.input) {
			if f.Check != check {
				continue
			}
			e := Example{Test: t.entry.Name.Value, Finding: f}
			if i := slices.IndexFunc(t.input.Rules, func(r ptc.Rule) bool { return r.Prefix == f.Prefix }); i >= 0 {
				e.Rule, e.Verdict = t.input.Rules[i], t.input.Validations[f.Prefix]
			}
			if slices.ContainsFunc(t.entry.Expect, func(x expectEntry) bool { return x.isAbout(f) }) {
				expected = append(expected, e)
			} else {
				others = append(others, e)
			}
		}
	}
	return append(expected, others...), nil
}
