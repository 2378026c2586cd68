package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/policytest"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

type explainCommand struct {
	Check  string `arg:"" help:"The check's id, as it stands in a report."`
	Policy string `short:"p" placeholder:"POLICY" help:"default, strict, or a file (default $$PTCAUDIT_POLICY, else default)."`
}

// Help is shown below the summary.
func (*explainCommand) Help() string {
	return `Says what a check asks and why, its expressions and the params that they read, how to mend a failure, and what the policy's tests have it say: one that fails and one that passes.

    ptcaudit policy explain shared-credential
    ptcaudit policy explain team-prefix --policy acme.yaml

The exit code is 0, or 2 where there is no such check or the policy is broken.`
}

// Run explains the check.
func (e *explainCommand) Run(ctx context.Context, c *command) error {
	named, err := c.policyName(e.Policy)
	if err != nil {
		return err
	}
	p, places, err := policy.LoadPlaces(named)
	if err != nil {
		return usage(err)
	}
	i := slices.IndexFunc(p.Checks, func(k policy.Check) bool { return k.ID == e.Check })
	if i < 0 {
		var ids []string
		for _, k := range p.Checks {
			ids = append(ids, k.ID)
		}
		if at, disabled := places["disable."+e.Check]; disabled {
			return usage(fmt.Errorf("policy %s has disabled %s, at %s", p.Name, e.Check, at))
		}
		return usage(fmt.Errorf("policy %s has no check %s%s; ptcaudit policy show lists them", p.Name, e.Check, source.Suggest(e.Check, ids)))
	}
	check := p.Checks[i]
	examples, err := examplesOf(ctx, named, e.Check)
	if err != nil {
		return usage(err)
	}
	var out strings.Builder
	explain(&out, p, check, places)
	writeExamples(&out, examples)
	_, err = io.WriteString(c.out, out.String())
	return err
}

// examplesOf are those in the tests that stand beside a policy, and in those of
// the shipped ones.
func examplesOf(ctx context.Context, named, check string) ([]policytest.Example, error) {
	dir, err := os.MkdirTemp("", "ptcaudit-explain-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder of temporary files
	if err := os.CopyFS(dir, policies.Tests()); err != nil {
		return nil, err
	}
	shipped, err := filepath.Glob(filepath.Join(dir, "*_test.yaml"))
	if err != nil {
		return nil, err
	}
	extending, err := filepath.Glob(filepath.Join(dir, "*", "*_test.yaml"))
	if err != nil {
		return nil, err
	}
	files := slices.Concat(shipped, extending)
	extension := filepath.Ext(named)
	if own := strings.TrimSuffix(named, extension) + "_test" + extension; extension != "" {
		if _, err := os.Stat(own); err == nil {
			files = slices.Insert(files, 0, own)
		}
	}
	var out []policytest.Example
	for _, file := range files {
		examples, err := policytest.Examples(ctx, file, check)
		if err != nil {
			return nil, err
		}
		out = append(out, examples...)
	}
	return out, nil
}

var readsParam = regexp.MustCompile(`\bparams\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)`)

// explain writes what there is to know of a check.
func explain(out *strings.Builder, p *policy.Policy, k policy.Check, places policy.Places) {
	where := func(key string) string {
		if at, ok := places[key]; ok {
			return "  # " + at.String()
		}
		return ""
	}
	severity := string(k.Severity)
	if severity == "" {
		severity = "that of the check that is waived"
	}
	fmt.Fprintf(out, "%s: %s\n", k.ID, k.Title)
	fmt.Fprintf(out, "Severity: %s%s\n", severity, where("checks."+k.ID+".severity"))
	fmt.Fprintf(out, "Looks at: each %s%s\n", map[bool]string{true: "registry as a whole", false: "rule"}[k.Scope == "registry"], where("checks."+k.ID+".scope"))
	if k.EffectiveFrom != "" {
		fmt.Fprintf(out, "Counts from: %s%s\n", k.EffectiveFrom, where("checks."+k.ID+".effectiveFrom"))
	}
	if k.Locked {
		fmt.Fprintf(out, "Locked: whoever extends the policy may not soften it%s\n", where("checks."+k.ID+".locked"))
	}
	if k.Why != "" {
		fmt.Fprintf(out, "\nWHY\n%s", indented(folded(k.Why, 76), "  "))
	}
	if k.Match+k.Assert != "" {
		out.WriteString("\nEXPRESSION\n")
		for _, e := range []struct{ name, text string }{{"match", k.Match}, {"assert", k.Assert}} {
			if e.text != "" {
				fmt.Fprintf(out, "  %s:%s\n%s", e.name, where("checks."+k.ID+"."+e.name), indented(e.text, "    "))
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
			fmt.Fprintf(out, "  %s: %s%s\n", name, paramText(p.Params[name]), where("params."+name))
		}
	}
	if k.Remediation != "" {
		fmt.Fprintf(out, "\nMEND\n%s", indented(folded(k.Remediation, 76), "  "))
	}
	if len(k.References) > 0 {
		out.WriteString("\nSEE\n")
		for _, r := range k.References {
			fmt.Fprintf(out, "  %s\n", r)
		}
	}
}

// paramText is a param's value as it may be written.
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

// writeExamples writes one example of each outcome, the failure first.
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
			fmt.Fprintf(out, "%s", indented(folded("→ "+e.Finding.Message, 66), "           "))
		}
		if e.Finding.Outcome == report.Fail && e.Finding.Remediation != "" {
			fmt.Fprintf(out, "%s", indented("Mend: "+e.Finding.Remediation, "             "))
		}
	}
}

// ruleText is a rule in the API's words, and ECR's verdict.
func ruleText(r ptc.Rule, v ptc.Validation) string {
	var b strings.Builder
	for _, f := range []struct{ name, value string }{
		{"ecrRepositoryPrefix", r.Prefix},
		{"upstreamRegistryUrl", r.Upstream.URL},
		{"upstreamRepositoryPrefix", r.Upstream.Prefix},
		{"credentialArn", r.CredentialARN},
		{"customRoleArn", r.RoleARN},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", f.name, f.value)
		}
	}
	if v.Status == ptc.ValidationInvalid {
		fmt.Fprintf(&b, "ECR says: %s\n", v.Failure)
	}
	return b.String()
}

// indented is a text with each line moved right, and a line break at its end.
func indented(s, by string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(s, "\n")) {
		b.WriteString(by + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}

// folded breaks a text into lines of at most so many characters, where it has
// blanks.
func folded(s string, width int) string {
	var b strings.Builder
	length := 0
	for word := range strings.FieldsSeq(s) {
		n := len([]rune(word))
		switch {
		case length == 0:
		case length+1+n > width:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += n
	}
	return b.String()
}
