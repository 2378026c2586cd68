package expr

import (
	"testing"

	"github.com/goccy/go-yaml"

	"ptcaudit/policies"
)

// ShippedExpression is an expression of a shipped policy.
type ShippedExpression struct {
	Check string
	Scope Scope
	Kind  Kind
	Text  string
}

// Shipped reads the expressions of a shipped policy, and its params, from its
// YAML: without the loader, which imports this package.
func Shipped(tb testing.TB, policy string) ([]ShippedExpression, map[string]any) {
	tb.Helper()
	type file struct {
		Extends string
		Params  map[string]any
		Checks  []struct {
			ID                    string
			Scope                 Scope
			Match, Assert         string
			MessageExpression     string `yaml:"messageExpression"`
			RemediationExpression string `yaml:"remediationExpression"`
		}
	}
	var f file
	data, ok := policies.Read(policy)
	if !ok {
		tb.Fatalf("no policy %s", policy)
	}
	if err := yaml.Unmarshal(data, &f); err != nil {
		tb.Fatal(err)
	}
	params := map[string]any{}
	if f.Extends != "" {
		_, params = Shipped(tb, f.Extends)
	}
	for name, v := range f.Params {
		if n, ok := v.(uint64); ok {
			v = int64(n)
		}
		params[name] = v
	}
	var out []ShippedExpression
	for _, c := range f.Checks {
		if c.Scope == "" {
			c.Scope = RuleScope
		}
		for _, e := range []ShippedExpression{
			{c.ID, c.Scope, Bool, c.Match},
			{c.ID, c.Scope, Bool, c.Assert},
			{c.ID, c.Scope, String, c.MessageExpression},
			{c.ID, c.Scope, Fix, c.RemediationExpression},
		} {
			if e.Text != "" {
				out = append(out, e)
			}
		}
	}
	return out, params
}
