package expr_test

import (
	"errors"
	"testing"
	"time"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
)

func TestSmoke(t *testing.T) {
	env, err := expr.New(map[string]any{"allowed": []any{"quay"}, "banned": int64(5), "none": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	params, err := env.Params(map[string]any{"allowed": []any{"quay"}, "banned": int64(6), "none": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	reg := ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	s := expr.NewSnapshot(reg, []ptc.Rule{
		{Prefix: "a", Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io"}},
		{Prefix: "b", Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io"}},
	}, map[string]ptc.Validation{"a": {Status: ptc.ValidationValid}}, time.Now())
	for _, src := range []string{
		`rule.prefix == "a"`,
		`rule.prefx == "a"`,
		`registry.rules.exists(r, r.prefix == "b")`,
		`registry.rules.all(r, r.validation.valid)`,
		`registry.rules.exists(r, r.validation.valid)`,
		`rule.sameUpstream == ["b"]`,
		`rule.upstream.registry in params.allowed`,
		`registry.account != params.banned`,
		`now - rule.updatedAt > days(90)`,
		`rule`,
		`has(rule.prefix)`,
		`dyn(rule).prefx == 1`,
		`rule == registry.rules[0]`,
		`rule{prefix: "x"}.prefix == "x"`,
		`type(rule) == type(registry)`,
		`"é" == 1`,
		`rule.prefix.matches("(")`,
		`"%s %d".format([rule.prefix, rule.prefix]) == ""`,
		`params.nix == 1`,
		`rule.prefix.split("/").all(s, s != "")`,
		`registry.rules.all(r, registry.rules.all(q, registry.rules.all(p, p.prefix + q.prefix != r.prefix)))`,
		`[].map(x, x)[0]`,
	} {
		p, problems := env.Compile(expr.RuleScope, expr.Bool, src)
		if p == nil {
			t.Log(src, problems)
			continue
		}
		got, err := p.Bool(t.Context(), s, 0, params)
		t.Log(src, got, err, errors.Is(err, expr.ErrUnknown))
	}
	_, problems := env.Compile(expr.RegistryScope, expr.Bool, `rule.prefix == ""`)
	t.Log(problems)
}
