package policy_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// TestOverridesProperty compares severities and params with a simple
// implementation of "the last match wins", for random overrides and registries.
func TestOverridesProperty(t *testing.T) {
	accounts := []string{"111122223333", "444455556666"}
	regions := []string{"eu-west-1", "us-east-1"}
	type override struct {
		accounts, regions []string
		severity          report.Severity
		most              int
	}
	t.Chdir(t.TempDir())
	rapid.Check(t, func(t *rapid.T) {
		overrides := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) override {
			o := override{
				accounts: rapid.SliceOfNDistinct(rapid.SampledFrom(accounts), 0, 2, rapid.ID).Draw(t, "accounts"),
				regions:  rapid.SliceOfNDistinct(rapid.SampledFrom(regions), 0, 2, rapid.ID).Draw(t, "regions"),
				severity: rapid.SampledFrom(report.Severities()).Draw(t, "severity"),
				most:     rapid.IntRange(-1, 3).Draw(t, "most"),
			}
			if len(o.accounts)+len(o.regions) == 0 {
				o.regions = regions
			}
			return o
		}), 0, 6).Draw(t, "overrides")
		var entries []string
		for _, o := range overrides {
			entry := fmt.Sprintf("severities: {few: %s}, params: {most: %d}", o.severity, o.most)
			if len(o.accounts) > 0 {
				entry += fmt.Sprintf(", accounts: ['%s']", strings.Join(o.accounts, "', '"))
			}
			if len(o.regions) > 0 {
				entry += fmt.Sprintf(", regions: [%s]", strings.Join(o.regions, ", "))
			}
			entries = append(entries, "{"+entry+"}")
		}
		text := head + "params: {most: 1}\nchecks: [{id: few, title: T, severity: low, scope: registry, assert: registry.rules.size() <= params.most}]\n" +
			"overrides: [" + strings.Join(entries, ", ") + "]\n"
		if err := os.WriteFile("a.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := policy.Load("a.yaml")
		if err != nil {
			t.Fatal(err)
		}
		reg := ptc.Registry{Account: rapid.SampledFrom(accounts).Draw(t, "account"), Region: rapid.SampledFrom(regions).Draw(t, "region")}
		severity, most := report.Low, 1
		for _, o := range overrides {
			if (len(o.accounts) == 0 || slices.Contains(o.accounts, reg.Account)) && (len(o.regions) == 0 || slices.Contains(o.regions, reg.Region)) {
				severity, most = o.severity, o.most
			}
		}
		outcome := report.Pass
		if most < 2 {
			outcome = report.Fail
		}
		in := input()
		in.Registry = reg
		f := p.Evaluate(t.Context(), in)[0]
		if f.Severity != severity || f.Outcome != outcome {
			t.Fatalf("%s in %s, want %s %s:\n%s", brief(f), reg, outcome, severity, text)
		}
	})
}
