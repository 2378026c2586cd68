package policy_test

import (
	"fmt"
	"testing"
	"time"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// The facts of a failure are what its check has looked at: they change with it,
// and with nothing else.
func TestFactsAreWhatTheCheckHasLookedAt(t *testing.T) {
	rule := func(prefix, upstream string) ptc.Rule {
		u, _ := ptc.LookupUpstream(upstream)
		return ptc.Rule{Prefix: prefix, Upstream: ptc.Upstream{Registry: upstream, URL: u.URL}, CreatedAt: time.Unix(1, 0), UpdatedAt: time.Unix(1, 0)}
	}
	hub := func(prefix string) ptc.Rule { return rule(prefix, "docker-hub") }
	later := hub("one")
	later.UpdatedAt = time.Unix(99, 0)
	type rules = []ptc.Rule
	for _, tt := range []struct {
		name, scope, assert string
		a, b                rules
		same                bool
	}{
		{"more rules of the kind", "registry", `!registry.rules.exists(r, r.upstream.registry == "docker-hub")`, rules{hub("one")}, rules{hub("one"), hub("two"), hub("three")}, false},
		{"another rule of the kind", "registry", `!registry.rules.exists(r, r.upstream.registry == "docker-hub")`, rules{hub("one")}, rules{hub("two")}, false},
		{"an unrelated rule", "registry", `!registry.rules.exists(r, r.upstream.registry == "docker-hub")`, rules{hub("one")}, rules{rule("q", "quay"), hub("one")}, true},
		{"a time that it does not read", "registry", `!registry.rules.exists(r, r.upstream.registry == "docker-hub")`, rules{hub("one")}, rules{later}, true},
		{"another order", "registry", `!registry.rules.exists(r, r.upstream.registry == "docker-hub")`, rules{hub("one"), hub("two")}, rules{hub("two"), hub("one")}, true},
		{"all: an unrelated rule", "registry", `registry.rules.all(r, r.upstream.registry == "quay")`, rules{hub("one")}, rules{hub("one"), rule("q", "quay")}, true},
		{"all: one more", "registry", `registry.rules.all(r, r.upstream.registry == "quay")`, rules{hub("one")}, rules{hub("one"), hub("two")}, false},
		{"filter: an unrelated rule", "registry", `registry.rules.filter(r, r.upstream.registry == "docker-hub").size() == 0`, rules{hub("one")}, rules{hub("one"), rule("q", "quay")}, true},
		{"filter: one more", "registry", `registry.rules.filter(r, r.upstream.registry == "docker-hub").size() == 0`, rules{hub("one")}, rules{hub("one"), hub("two")}, false},
		{"filter and all: an unrelated rule", "registry", `registry.rules.filter(r, r.upstream.registry == "docker-hub").all(r, r.prefix == "x")`, rules{hub("one")}, rules{hub("one"), hub("x"), rule("q", "quay")}, true},
		{"the number of rules", "registry", `registry.rules.size() == 0`, rules{hub("one")}, rules{hub("one"), hub("two")}, false},
		{"a rule: another rule of the registry", "rule", `rule.prefix == "x"`, rules{hub("one")}, rules{hub("one"), rule("q", "quay")}, true},
		{"a rule: another upstream", "rule", `rule.prefix == "x"`, rules{hub("one")}, rules{rule("one", "quay")}, false},
		{"a rule: what it has in common with others", "rule", `rule.sameUpstream.size() == 0`, rules{hub("one"), hub("two")}, rules{hub("one"), hub("two"), hub("three")}, false},
		{"a rule: a time that it reads", "rule", `rule.updatedAt > now`, rules{hub("one")}, rules{later}, false},
		{"a rule: a time that it does not read", "rule", `rule.prefix == "x"`, rules{hub("one")}, rules{later}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := fmt.Sprintf("apiVersion: ptcaudit/v1\nname: test\nchecks:\n  - {id: c, title: t, message: m, severity: high, scope: %s, assert: '%s'}\n", tt.scope, tt.assert)
			p := mustLoad(t, text)
			facts := func(list rules) string {
				in := policy.Input{Registry: ptc.Registry{Account: "111122223333", Region: "eu-west-1"}, Rules: list, Now: time.Unix(100, 0)}
				for _, f := range p.Evaluate(t.Context(), in) {
					if f.Check == "c" && (tt.scope == "registry" || f.Prefix == list[0].Prefix || f.Prefix == "one") {
						if f.Outcome != report.Fail || f.Facts == "" {
							t.Fatalf("%+v", f)
						}
						return f.Facts
					}
				}
				t.Fatal("no finding")
				return ""
			}
			if a, b := facts(tt.a), facts(tt.b); (a == b) != tt.same {
				t.Errorf("equal: %v, want %v", a == b, tt.same)
			}
		})
	}
}
