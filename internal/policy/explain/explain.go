// Package explain writes what a check of a policy requires, why, and how to fix
// a failure, with examples from the policy's tests.
package explain

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/policytest"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

// Check writes the explanation of one check of a policy that was loaded by
// name, for a terminal of 80 columns. The places and examples are those of the
// policy; an error of its tests is a policy.Errors.
func Check(ctx context.Context, w io.Writer, name string, p *policy.Policy, check policy.Check, places policy.Places) error {
	examples, err := examplesOf(ctx, name, check.ID, places)
	if err != nil {
		return err
	}
	var out strings.Builder
	writeCheck(&out, p, check, places)
	writeExamples(&out, examples)
	_, err = io.WriteString(w, out.String())
	return err
}

// examplesOf reads the tests beside a policy, and those of the shipped policies
// that it extends.
func examplesOf(ctx context.Context, name, check string, places policy.Places) ([]policytest.Example, error) {
	var shipped []string
	for _, pattern := range []string{"*_test.yaml", "*/*_test.yaml"} {
		found, err := fs.Glob(policies.Tests(), pattern)
		if err != nil {
			return nil, err
		}
		shipped = append(shipped, found...)
	}
	isStrict := func(file string) bool { return strings.HasPrefix(path.Base(file), "strict") }
	strict := slices.DeleteFunc(slices.Clone(shipped), func(file string) bool { return !isStrict(file) })
	shipped = slices.DeleteFunc(shipped, isStrict)
	if slices.ContainsFunc(slices.Collect(maps.Values(places)), func(at policy.Place) bool { return at.File == "strict" }) {
		shipped = slices.Concat(strict, shipped)
	}
	var out []policytest.Example
	extension := filepath.Ext(name)
	if own := strings.TrimSuffix(name, extension) + "_test" + extension; extension != "" {
		if _, err := os.Stat(own); err == nil {
			examples, err := policytest.Examples(ctx, own, check)
			if err != nil {
				return nil, err
			}
			out = append(out, examples...)
		}
	}
	for _, file := range shipped {
		examples, err := policytest.ShippedExamples(ctx, file, check)
		if err != nil {
			return nil, err
		}
		out = append(out, examples...)
	}
	return out, nil
}

var readsParam = regexp.MustCompile(`\bparams\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)`)

// writeCheck writes everything but the examples.
func writeCheck(out *strings.Builder, p *policy.Policy, k policy.Check, places policy.Places) {
	where := func(key string) string {
		if at, ok := places[key]; ok {
			return "  # " + at.String()
		}
		return ""
	}
	severity := string(k.Severity)
	if severity == "" {
		severity = "that of the waived check"
	}
	fmt.Fprintf(out, "%s: %s\n", k.ID, k.Title)
	fmt.Fprintf(out, "Severity: %s%s\n", severity, where("checks."+k.ID+".severity"))
	fmt.Fprintf(out, "Applies to: %s%s\n", subjectOf(k), where("checks."+k.ID+".scope"))
	if k.EffectiveFrom != "" {
		fmt.Fprintf(out, "Effective from: %s%s\n", k.EffectiveFrom, where("checks."+k.ID+".effectiveFrom"))
	}
	if k.Locked {
		fmt.Fprintf(out, "Locked: a policy that extends this one cannot weaken it%s\n", where("checks."+k.ID+".locked"))
	}
	if k.Why != "" {
		fmt.Fprintf(out, "\nWHY\n%s", indented(text.Wrap(k.Why, 76), "  "))
	}
	if k.Match+k.Assert != "" {
		out.WriteString("\nEXPRESSION\n")
		for _, e := range []struct{ name, text string }{{"match", k.Match}, {"assert", k.Assert}} {
			if e.text != "" {
				fmt.Fprintf(out, "  %s:%s\n%s", e.name, where("checks."+k.ID+"."+e.name), indented(strings.Split(strings.TrimRight(e.text, "\n"), "\n"), "    "))
			}
		}
	}
	reads := map[string]bool{}
	for _, m := range readsParam.FindAllStringSubmatch(strings.Join([]string{k.Match, k.Assert, k.MessageExpression, k.RemediationExpression}, "\n"), -1) {
		reads[m[1]] = true
	}
	if len(reads) > 0 {
		out.WriteString("\nPARAMS\n")
		for _, name := range slices.Sorted(maps.Keys(reads)) {
			value := paramText(p.Params[name])
			line := fmt.Sprintf("  %s: %s%s\n", name, value, where("params."+name))
			if utf8.RuneCountInString(line) > text.DefaultWidth {
				line = fmt.Sprintf("  %s:%s\n%s", name, where("params."+name), indented(text.Wrap(value, 74), "    "))
			}
			out.WriteString(line)
		}
	}
	if k.ID == report.CheckRequiredRule && len(p.RequiredRules) > 0 {
		out.WriteString("\nREQUIRED\n")
		for _, r := range p.RequiredRules {
			fmt.Fprintf(out, "  %s%s\n", r.Prefix, where("requiredRules."+r.Prefix))
		}
	}
	if k.Remediation != "" {
		fmt.Fprintf(out, "\nFIX\n%s", indented(text.Remediation(k.Remediation, 76), "  "))
	}
	if len(k.References) > 0 {
		out.WriteString("\nSEE\n")
		for _, r := range k.References {
			fmt.Fprintf(out, "  %s\n", r)
		}
	}
}

// subjectOf is what a check applies to.
func subjectOf(k policy.Check) string {
	switch {
	case k.Scope == "registry":
		return "the registry as a whole"
	case k.ID == report.CheckRequiredRule:
		return "each rule that the policy requires"
	case report.IsWaiverCheck(k.ID):
		return "each waiver"
	}
	return "each rule"
}

// paramText is a param's value as a policy could write it.
func paramText(v any) string {
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, e := range list {
			parts[i] = fmt.Sprint(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// writeExamples writes one example of each outcome, failures first.
func writeExamples(out *strings.Builder, examples []policytest.Example) {
	title := "\nEXAMPLES, from the policy's tests\n"
	for _, outcome := range []report.Outcome{report.Fail, report.Pending, report.Pass, report.Skip} {
		i := slices.IndexFunc(examples, func(e policytest.Example) bool { return e.Finding.Outcome == outcome })
		if i < 0 {
			continue
		}
		e := examples[i]
		out.WriteString(title)
		title = ""
		fmt.Fprintf(out, "  %-7s  %s\n", outcome, e.Test)
		if e.Rule.Prefix != "" {
			fmt.Fprintf(out, "%s", indented(ruleText(e.Rule, e.Verdict), "           "))
		} else if e.Finding.Prefix != "" {
			fmt.Fprintf(out, "           no rule %s\n", e.Finding.Prefix)
		}
		if e.Finding.Message != "" {
			fmt.Fprintf(out, "%s", indented(text.Wrap("→ "+e.Finding.Message, 66), "           "))
		}
		if e.Finding.Outcome == report.Fail && e.Finding.Remediation != "" {
			fmt.Fprintf(out, "           Fix:\n%s", indented(text.Remediation(e.Finding.Remediation, 66), "             "))
		}
	}
}

// ruleText is a rule with the API's names, and why ECR rejects it.
func ruleText(r ptc.Rule, v ptc.Validation) []string {
	var lines []string
	for _, f := range []struct{ name, value string }{
		{"ecrRepositoryPrefix", r.Prefix},
		{"upstreamRegistryUrl", r.Upstream.URL},
		{"upstreamRepositoryPrefix", r.Upstream.Prefix},
		{"credentialArn", r.CredentialARN},
		{"customRoleArn", r.RoleARN},
	} {
		if f.value != "" {
			lines = append(lines, f.name+": "+f.value)
		}
	}
	if v.Status == ptc.ValidationInvalid {
		lines = append(lines, text.Wrap("ECR says: "+v.Failure, 66)...)
	}
	return lines
}

// indented indents lines and ends each with a line break.
func indented(lines []string, by string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(by + line + "\n")
	}
	return b.String()
}
