package policytest

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/suggest"
	"ptcaudit/policies"
)

// Result is the result of one test.
type Result struct {
	Name string
	// Differences are findings that were not expected, and expected findings that
	// are missing or differ, each at its place in the test file. The test passes
	// if there are none.
	Differences policy.Errors
}

// Passed reports whether nothing differs.
func (r Result) Passed() bool { return len(r.Differences) == 0 }

// String returns a line with the result, and one for each difference.
func (r Result) String() string {
	if r.Passed() {
		return "ok    " + r.Name + "\n"
	}
	var b strings.Builder
	b.WriteString("FAIL  " + r.Name + "\n")
	for _, d := range r.Differences {
		b.WriteString("      " + d.Error() + "\n")
	}
	return b.String()
}

// Run runs the tests of a file, in its order. The error is of type policy.Errors and
// holds every fault of the file and of its policy. If it is not nil, no test has
// run.
func Run(ctx context.Context, path string) ([]Result, error) {
	tests, p, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, t := range tests {
		results = append(results, t.run(ctx, p))
	}
	return results, nil
}

// test is a test that can be run.
type test struct {
	entry testEntry
	input policy.Input
}

// readFile reads a test file and its policy. The error is of type policy.Errors.
func readFile(path string) ([]test, *policy.Policy, error) {
	data, err := source.ReadFile(path)
	if err != nil {
		return nil, nil, policy.Errors{{File: path, Message: "cannot read the file: " + err.Error()}}
	}
	return read(path, data, policy.Load)
}

// read reads a test file; load returns the policy that it names. The error is of
// type policy.Errors.
func read(path string, data []byte, load func(name string) (*policy.Policy, error)) ([]test, *policy.Policy, error) {
	var faults policy.Errors
	tests, p := parse(path, data, load, &faults)
	return tests, p, faults.Err()
}

// parse reads a test file and loads the policy that it tests.
func parse(path string, data []byte, load func(name string) (*policy.Policy, error), faults *policy.Errors) ([]test, *policy.Policy) {
	root, ok := source.Parse(path, data, faults)
	if !ok {
		return nil, nil
	}
	var f file
	root.Decode(&f, "the file")
	f.Require("a test file", "policy", "tests")
	var p *policy.Policy
	if f.Policy.IsSet() {
		var err error
		p, err = load(beside(path, f.Policy.Value))
		if broken, ok := errors.AsType[policy.Errors](err); ok {
			*faults = append(*faults, broken...)
		}
	}
	var tests []test
	names := map[string]bool{}
	for _, e := range f.Tests {
		if !e.IsSet() {
			continue
		}
		e.Require("a test", "name", "now", "registry", "expect")
		if names[e.Name.Value] && e.Name.IsSet() {
			e.Name.Fault("duplicate name: give each test its own")
		}
		names[e.Name.Value] = true
		if e.Registry.IsSet() {
			e.Registry.Require("a registry", "account", "region")
		}
		tests = append(tests, test{e, e.input()})
		for _, x := range e.Expect {
			x.check(p)
		}
	}
	return tests, p
}

// beside returns the path of the policy; name is relative to the test file.
func beside(path, name string) string {
	if slices.Contains(policies.Names(), name) || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(path), name)
}

// check finds expectations that no finding can meet.
func (x expectEntry) check(p *policy.Policy) {
	if !x.IsSet() {
		return
	}
	x.Require("an expectation", "check", "outcome")
	if o := x.Outcome; o.IsSet() && !slices.Contains(outcomes, report.Outcome(o.Value)) {
		o.Fault("unknown outcome %q: want %s", o.Value, suggest.OneOf(outcomes))
	}
	if s := x.Severity; s.IsSet() {
		if _, err := report.ParseSeverity(s.Value); err != nil {
			s.Fault("%v", err)
		}
	}
	if c := x.Check; c.IsSet() && p != nil {
		var ids []string
		for _, known := range p.Checks {
			ids = append(ids, known.ID)
		}
		if !slices.Contains(ids, c.Value) {
			c.Fault("unknown check %s: the policy does not have it%s", c.Value, suggest.Hint(c.Value, ids))
		}
	}
}

// run evaluates the policy and compares its findings with those expected.
func (t test) run(ctx context.Context, p *policy.Policy) Result {
	result := Result{Name: t.entry.Name.Value}
	findings := p.Evaluate(ctx, t.input)
	expected := make([]bool, len(findings))
	for _, x := range t.entry.Expect {
		i := slices.IndexFunc(findings, x.isAbout)
		switch {
		case i < 0:
			result.Differences = append(result.Differences, x.Error("want %s by %s, got no finding", x.Outcome.Value, subject(x.Check.Value, x.Prefix.Value)))
			continue
		case expected[i]:
			result.Differences = append(result.Differences, x.Error("%s is expected twice", subject(x.Check.Value, x.Prefix.Value)))
		}
		expected[i] = true
		if want, got := x.describe(findings[i]); want != got {
			result.Differences = append(result.Differences, x.Error("want %s by %s, got %s%s", want, subject(x.Check.Value, x.Prefix.Value), got, messageOf(findings[i])))
		}
	}
	for i, f := range findings {
		if !expected[i] && (f.Outcome == report.Fail || f.Outcome == report.Error) {
			result.Differences = append(result.Differences, t.entry.Name.Error("got %s %s by %s, which is not expected%s", f.Outcome, f.Severity, subject(f.Check, f.Prefix), messageOf(f)))
		}
	}
	return result
}

// isAbout reports whether a finding is the expected one.
func (x expectEntry) isAbout(f report.Finding) bool {
	return f.Check == x.Check.Value && f.Prefix == ptc.CleanPrefix(x.Prefix.Value)
}

// describe returns the expected and the actual result of a finding.
func (x expectEntry) describe(f report.Finding) (want, got string) {
	want, got = x.Outcome.Value, string(f.Outcome)
	if x.Severity.IsSet() {
		want, got = want+" "+x.Severity.Value, got+" "+string(f.Severity)
	}
	if x.Waived.IsSet() {
		words := map[bool]string{true: ", waived", false: ", not waived"}
		want, got = want+words[x.Waived.Value], got+words[f.Waiver != nil]
	}
	return want, got
}

// subject names a check and the rule or registry of a finding.
func subject(check, prefix string) string {
	if prefix == "" {
		return check + " for the registry"
	}
	return check + " for " + ptc.CleanPrefix(prefix)
}

// messageOf returns the message of a finding, to be appended to a difference.
func messageOf(f report.Finding) string {
	if f.Message == "" {
		return ""
	}
	return ": " + f.Message
}
