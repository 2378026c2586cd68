package policytest

import (
	"context"
	"io/fs"
	"slices"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

// Example is a finding of a check in a policy's tests.
type Example struct {
	// Test is the name of the test.
	Test string
	// Rule is the subject, and Verdict its validation result. Rule has no prefix
	// if the subject is the registry or a missing rule.
	Rule    ptc.Rule
	Verdict ptc.Validation
	Finding report.Finding
}

// Examples returns the findings of a check in the tests of a file, in the file's
// order. Findings that a test expects come first. The error is of type
// policy.Errors.
func Examples(ctx context.Context, path, check string) ([]Example, error) {
	tests, p, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return examples(ctx, tests, p, check), nil
}

// ShippedExamples is Examples for a shipped test file of policies.Tests.
func ShippedExamples(ctx context.Context, path, check string) ([]Example, error) {
	files := policies.Tests()
	data, err := fs.ReadFile(files, path)
	if err != nil {
		return nil, err
	}
	tests, p, err := read(path, data, func(name string) (*policy.Policy, error) {
		if slices.Contains(policies.Names(), name) {
			return policy.Load(name)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, policy.Errors{{File: name, Message: err.Error()}}
		}
		return policy.Parse(name, text)
	})
	if err != nil {
		return nil, err
	}
	return examples(ctx, tests, p, check), nil
}

// examples returns the findings of a check in some tests.
func examples(ctx context.Context, tests []test, p *policy.Policy, check string) []Example {
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
	return append(expected, others...)
}
