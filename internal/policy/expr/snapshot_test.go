package expr_test

import (
	"fmt"
	"runtime"
	"testing"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
)

// TestTwoSpellingsAreOne compares what expressions read of rules that ECR spells
// in different ways.
func TestTwoSpellingsAreOne(t *testing.T) {
	const secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/acme-github"
	s := expr.NewSnapshot(registry, []ptc.Rule{
		{Prefix: "docker-hub", Upstream: ptc.Upstream{Registry: "docker-hub", URL: "registry-1.docker.io"}, CredentialARN: secret},
		{Prefix: "ghcr", Upstream: ptc.Upstream{Registry: "github-container-registry", URL: "ghcr.io"}, CredentialARN: secret + "-AbCdEf"},
		{Prefix: "old", Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io", Prefix: "ROOT"}, CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"},
		{Prefix: "new", Upstream: ptc.Upstream{Registry: "quay", URL: "Quay.io"}, CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-XyZxYz"},
	}, nil, now)
	env, err := expr.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	params, err := env.Params(nil)
	if err != nil {
		t.Fatal(err)
	}
	for rule, assert := range []string{
		`rule.sharesCredentialWith == ["ghcr"] && rule.credential.name == "ecr-pullthroughcache/acme-github"`,
		`rule.sharesCredentialWith == ["docker-hub"] && rule.credential.name == "ecr-pullthroughcache/acme-github"`,
		`rule.sharesCredentialWith.size() == 0 && rule.sameUpstream == ["new"] && rule.upstream.prefix == ""`,
		`rule.sharesCredentialWith.size() == 0 && rule.sameUpstream == ["old"]`,
	} {
		holds, err := compile(t, env, expr.RuleScope, expr.Bool, assert).Bool(t.Context(), s, rule, params)
		if err != nil || !holds {
			t.Errorf("rule %d: %t, %v: %s", rule, holds, err, assert)
		}
	}
}

// TestSnapshotIsLinear makes snapshots of rules that are all siblings: twice as
// many may take about twice the memory.
func TestSnapshotIsLinear(t *testing.T) {
	bytesOf := func(n int) uint64 {
		rules := make([]ptc.Rule, n)
		for i := range rules {
			rules[i] = ptc.Rule{
				Prefix:        fmt.Sprintf("a/%05d", i),
				Upstream:      ptc.Upstream{Registry: "docker-hub", URL: "registry-1.docker.io"},
				CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
			}
		}
		rules[0].Prefix = "a" // above all others
		return allocated(func() { expr.NewSnapshot(registry, rules, nil, now) })
	}
	one, four := bytesOf(1000), bytesOf(4000)
	if four > 6*one {
		t.Errorf("1,000 rules take %d bytes, and 4,000 take %d", one, four)
	}
}

// allocated is how many bytes a function takes, freed ones included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
