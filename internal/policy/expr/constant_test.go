package expr_test

import (
	"strings"
	"testing"

	"ptcaudit/internal/policy/expr"
)

// TestHollowConditions compiles conditions that are the same for every rule,
// and neighbours of them that are not.
func TestHollowConditions(t *testing.T) {
	env, _ := newEnv(t, map[string]any{"on": true, "list": []any{"a"}})
	const (
		alwaysTrue  = "the expression is always true"
		alwaysFalse = "the expression is always false"
	)
	for _, c := range []struct{ src, want string }{
		{`true`, alwaysTrue},
		{`false`, alwaysFalse},
		{`1 == 1`, alwaysTrue},
		{`!(2 < 1)`, alwaysTrue},
		{`"a" in ["a", "b"]`, alwaysTrue},
		{`days(2) > days(1)`, alwaysTrue},
		{`[1, 2].all(n, n > 0)`, alwaysTrue},
		{`true || rule.prefix == ""`, alwaysTrue},
		{`rule.prefix == "" || true`, alwaysTrue},
		{`false && rule.isRoot`, alwaysFalse},
		{`rule.isRoot && false`, alwaysFalse},
		{`rule.isRoot ? true : true`, alwaysTrue},
		{`params.on == params.on`, alwaysTrue},
		{`params.list.size() >= 0`, alwaysTrue},
		{`rule.prefix == rule.prefix`, alwaysTrue},
		{`rule.prefix != rule.prefix`, alwaysFalse},
		{`rule.prefix.size() >= rule.prefix.size()`, alwaysTrue},
		{`rule.isRoot || !rule.isRoot`, alwaysTrue},
		{`!rule.isRoot || rule.isRoot == true`, alwaysTrue},
		{`rule.isRoot && !rule.isRoot`, alwaysFalse},
		{`rule.prefix == "quay" || rule.prefix != "quay"`, alwaysTrue},
		{`rule.prefix != "quay" || rule.prefix != "hub"`, alwaysTrue},
		{`rule.prefix == "quay" && rule.prefix == "hub"`, alwaysFalse},
		{`"quay" == rule.prefix || rule.prefix != "quay"`, alwaysTrue},
		{`rule.prefix in []`, alwaysFalse},
		{`!(rule.prefix in ["quay"]) || rule.prefix in ["quay", "hub"]`, alwaysTrue},
		{`rule.createdAt < now || rule.createdAt >= now`, alwaysTrue},
		{`rule.prefix.startsWith("")`, alwaysTrue},
		{`rule.upstream.url.contains("")`, alwaysTrue},
		{`rule.prefix.matches(".*")`, alwaysTrue},
		{`rule.prefix.matches("^.*$")`, alwaysTrue},
		{`rule.prefix.matches("")`, alwaysTrue},
		{`rule.prefix.matches("x*")`, alwaysTrue},
		{`rule.prefix.size() > -1`, alwaysTrue},
		{`size(rule.prefix) < 0`, alwaysFalse},
		{`registry.rules.all(r, true)`, alwaysTrue},
		{`registry.rules.all(r, r.prefix == r.prefix)`, alwaysTrue},
		{`registry.rules.exists(r, false)`, alwaysFalse},
		{`registry.rules.exists(r, r.prefix == "a" && r.prefix == "b")`, alwaysFalse},
		{`1 / 0 == 1`, "the expression always fails: division by zero"},

		{`rule.isRoot`, ""},
		{`params.on`, ""},
		{`params.on || rule.isRoot`, ""},
		{`rule.isRoot && true`, ""},
		{`rule.prefix == "quay" || rule.prefix == "hub"`, ""},
		{`rule.prefix != "quay" && rule.prefix != "hub"`, ""},
		{`rule.prefix.size() > 0`, ""},
		{`rule.prefix.matches("^x*$")`, ""},
		{`rule.prefix.startsWith("a")`, ""},
		{`registry.rules.exists(r, true)`, ""},
		{`registry.rules.all(r, r.isRoot)`, ""},
		{`registry.rules.all(r, r.isRoot || r.prefix == rule.prefix)`, ""},
		{`rule.createdAt < now || rule.createdAt > now`, ""},
	} {
		program, problems := env.Compile(expr.RuleScope, expr.Bool, c.src)
		switch {
		case c.want == "" && problems != nil:
			t.Errorf("%s: %v", c.src, problems)
		case c.want != "" && (len(problems) != 1 || !strings.HasPrefix(problems[0].Message, c.want)):
			t.Errorf("%s: problems %v, want %s", c.src, problems, c.want)
		case c.want == "" && program.ReadsFacts() != strings.Contains(c.src, "r"+"ule"):
			t.Errorf("%s: looks at facts: %t", c.src, program.ReadsFacts())
		}
	}
}

// TestValuesThatAFieldCannotHave compares fields with texts that no rule and no
// registry can have there.
func TestValuesThatAFieldCannotHave(t *testing.T) {
	env, _ := newEnv(t, nil)
	for _, c := range []struct{ src, want string }{
		{`rule.upstream.registry == "dockerhub"`, `unknown upstream "dockerhub": want ecr, ecr-public, quay, k8s, docker-hub, github-container-registry, azure-container-registry, gitlab-container-registry or chainguard, did you mean docker-hub (registry-1.docker.io)?`},
		{`rule.upstream.registry != "quay/"`, `did you mean quay (quay.io)?`},
		{`"docker.io" == rule.upstream.registry`, `did you mean docker-hub (registry-1.docker.io)?`},
		{`rule.upstream.registry in ["quay", "ghcr.io"]`, `did you mean github-container-registry (ghcr.io)?`},
		{`registry.rules.exists(r, r.upstream.registry == "Quay")`, `did you mean quay (quay.io)?`},
		{`registry.rules[0].upstream.registry == "harbor"`, `unknown upstream "harbor"`},
		{`rule.upstream.url == "docker.io"`, `did you mean registry-1.docker.io?`},
		{`rule.upstream.url != "docker-hub"`, `did you mean registry-1.docker.io?`},
		{`rule.prefix != "quay/"`, `did you mean quay?`},
		{`rule.prefix in ["quay/", "hub"]`, `did you mean quay?`},
		{`rule.upstream.prefix == "ROOT"`, `did you mean ""?`},
		{`rule.upstream.prefix == "acme/"`, `did you mean "acme"?`},
		{`registry.region == "EU-WEST-1"`, `invalid Region "EU-WEST-1": did you mean eu-west-1?`},
		{`rule.upstream.region in ["eu-central1"]`, `did you mean eu-central-1?`},
		{`registry.account == "11112222333"`, `invalid account ID "11112222333": use twelve digits`},
		{`registry.partition == "aws-china"`, `unknown partition "aws-china"`},
		{`rule.prefix.matchesGlob("team-?")`, `invalid glob "team-?": use * only`},
		{`rule.prefix.matchesGlob("[ab]*")`, `invalid glob "[ab]*": use * only`},
		{`rule.prefix.matchesGlob("quay/")`, `did you mean quay?`},

		{`rule.upstream.registry == "docker-hub"`, ""},
		{`rule.upstream.registry == ""`, ""},
		{`rule.upstream.url == "registry-1.docker.io"`, ""},
		{`rule.upstream.url == "harbor.example.com"`, ""},
		{`rule.prefix in ["quay", "ROOT"]`, ""},
		{`rule.upstream.prefix == "acme"`, ""},
		{`registry.partition in ["aws", "aws-cn"]`, ""},
		{`rule.prefix.matchesGlob("team-*/quay")`, ""},
		{`rule.upstream.url.matchesGlob("*.azurecr.io")`, ""},
	} {
		_, problems := env.Compile(expr.RuleScope, expr.Bool, c.src)
		switch {
		case c.want == "" && problems != nil:
			t.Errorf("%s: %v", c.src, problems)
		case c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, c.want)):
			t.Errorf("%s: problems %v, want %s", c.src, problems, c.want)
		case c.want != "" && problems[0].Column == 1 && !strings.HasPrefix(c.src, `"`):
			t.Errorf("%s: the problem is at its start, not at the text", c.src)
		}
	}
}

// TestTextsAreBounded evaluates expressions that make a large text of a small
// one. Without bounds each takes gigabytes.
func TestTextsAreBounded(t *testing.T) {
	env, params := newEnv(t, nil)
	long := `"` + strings.Repeat("a", 200) + `"`
	for name, src := range map[string]string{
		"replace":        `rule.prefix` + strings.Repeat(`.replace("", `+long+`)`, 5),
		"replace grows":  `rule.prefix.replace("w", ` + long + `)` + strings.Repeat(`.replace("a", `+long+`)`, 5),
		"replace, limit": `rule.prefix` + strings.Repeat(`.replace("", `+long+`, 100000000)`, 5),
		"join":           `rule.prefix.replace("", ` + long + `).split("").join(` + long + `).split("").join(` + long + `)`,
		"precision":      `"%.900000000f".format([1.5]) + rule.prefix`,
		"one call":       `rule.upstream.url.replace("", "` + strings.Repeat("b", 100_000) + `")`,
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			got := allocated(func() {
				program, problems := env.Compile(expr.RuleScope, expr.String, src)
				if problems == nil {
					_, err = program.String(t.Context(), example(), web, params)
				}
				if problems == nil && err == nil {
					t.Error("neither refused nor failed")
				}
			})
			if got > 64<<20 {
				t.Errorf("it took %d bytes", got)
			}
		})
	}
}
