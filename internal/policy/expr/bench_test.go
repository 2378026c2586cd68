package expr_test

import (
	"fmt"
	"testing"
	"time"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
)

// registryOf returns a realistic registry of n valid rules.
func registryOf(n int) (ptc.Registry, []ptc.Rule, map[string]ptc.Validation) {
	reg := ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	rules := make([]ptc.Rule, n)
	validations := map[string]ptc.Validation{}
	for i := range rules {
		k := ptc.KnownUpstreams()[1+i%8]
		r := ptc.Rule{
			Prefix:    fmt.Sprintf("t%02d/%s", i, k.Registry),
			Upstream:  ptc.Upstream{Registry: k.Registry, URL: k.URL, Prefix: fmt.Sprintf("p%d", i)},
			CreatedAt: time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC),
		}
		if k.Authenticated {
			r.CredentialARN = fmt.Sprintf("arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/%d-AbCdEf", i)
		}
		rules[i] = r
		validations[r.Prefix] = ptc.Validation{Status: ptc.ValidationValid}
	}
	return reg, rules, validations
}

var now = time.Date(2026, 11, 21, 22, 50, 0, 0, time.UTC)

func compile(tb testing.TB, env *expr.Env, scope expr.Scope, kind expr.Kind, src string) *expr.Program {
	tb.Helper()
	p, problems := env.Compile(scope, kind, src)
	if problems != nil {
		tb.Fatalf("%s: %v", src, problems)
	}
	return p
}

// BenchmarkLoadCached compiles the shipped policy as a program does when it
// starts: every expression was checked when the program was built.
func BenchmarkLoadCached(b *testing.B) { benchmarkLoad(b, "") }

// BenchmarkLoadUncached compiles the same policy as if it were not shipped.
func BenchmarkLoadUncached(b *testing.B) { benchmarkLoad(b, " ") }

func benchmarkLoad(b *testing.B, suffix string) {
	exprs, params := expr.Shipped(b, "default")
	b.ReportAllocs()
	for b.Loop() {
		env, err := expr.New(params)
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range exprs {
			compile(b, env, e.Scope, e.Kind, e.Text+suffix)
		}
	}
}

// BenchmarkSimple evaluates one simple check on one rule.
func BenchmarkSimple(b *testing.B) {
	env, err := expr.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	params, err := env.Params(nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, src := range map[string]string{
		"Field":      `rule.upstream.known`,
		"Comparison": `rule.credential.account == registry.account`,
		"Literal":    `rule.upstream.registry == "ecr"`,
		"Regex":      `rule.prefix.matches("^(build|web|data)-")`,
		"Loop":       `rule.upstream.prefix.size() >= 0 && registry.rules.exists(r, r.prefix == rule.prefix)`,
	} {
		b.Run(name, func(b *testing.B) {
			p := compile(b, env, expr.RuleScope, expr.Bool, src)
			reg, rules, validations := registryOf(50)
			s := expr.NewSnapshot(reg, rules, validations, now)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Bool(b.Context(), s, 3, params); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
		})
	}
}

// BenchmarkAllChecks does what an audit of 50 rules does with the shipped
// policy, warm: facts, then match and assert of every check on every rule.
func BenchmarkAllChecks(b *testing.B) {
	for _, policy := range []string{"default", "strict"} {
		b.Run(policy, func(b *testing.B) {
			env, checks, params := checksOf(b, policy)
			set, err := env.Params(params)
			if err != nil {
				b.Fatal(err)
			}
			reg, rules, validations := registryOf(50)
			b.ReportAllocs()
			for b.Loop() {
				s := expr.NewSnapshot(reg, rules, validations, now)
				for _, c := range checks {
					if c.scope == expr.RegistryScope {
						if _, err := c.assert.Bool(b.Context(), s, -1, set); err != nil {
							b.Fatal(err)
						}
						continue
					}
					for i := range rules {
						if c.match != nil {
							if ok, err := c.match.Bool(b.Context(), s, i, set); err != nil {
								b.Fatal(err)
							} else if !ok {
								continue
							}
						}
						if _, err := c.assert.Bool(b.Context(), s, i, set); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
		})
	}
}

type check struct {
	scope         expr.Scope
	match, assert *expr.Program
}

// checksOf compiles match and assert of a shipped policy's checks. Strict
// overrides match of some, which makes no difference to what is measured: the
// lists are filled in here, so that every check applies.
func checksOf(tb testing.TB, policy string) (*expr.Env, []check, map[string]any) {
	tb.Helper()
	exprs, params := expr.Shipped(tb, "default")
	if policy == "strict" {
		params["allowedUpstreams"] = []any{"ecr-public", "quay", "k8s", "docker-hub"}
		params["allowedPrefixes"] = []any{"team-*/*", "quay"}
		params["allowedRegions"] = []any{"eu-west-1"}
	}
	env, err := expr.New(params)
	if err != nil {
		tb.Fatal(err)
	}
	var out []check
	for i, e := range exprs {
		if e.Kind != expr.Bool {
			continue
		}
		if i == 0 || exprs[i-1].Check != e.Check {
			out = append(out, check{scope: e.Scope})
		}
		c := &out[len(out)-1]
		c.match, c.assert = c.assert, compile(tb, env, e.Scope, e.Kind, e.Text)
	}
	return env, out, params
}
