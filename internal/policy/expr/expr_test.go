package expr_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/policies"
)

var registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}

// example is a registry in which every name of the vocabulary has a value. ECR
// validated all rules except web/quay.
func example() *expr.Snapshot {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return expr.NewSnapshot(registry, []ptc.Rule{
		{
			Prefix:        "web",
			Upstream:      ptc.Upstream{Registry: "docker-hub", URL: "registry-1.docker.io"},
			CredentialARN: "arn:aws:secretsmanager:us-east-1:444455556666:secret:ecr-pullthroughcache/hub-AbCdEf",
			CreatedAt:     created,
			UpdatedAt:     created.AddDate(0, 1, 0),
		},
		{
			Prefix:    "web/quay",
			Upstream:  ptc.Upstream{Registry: "quay", URL: "quay.io", Prefix: "ROOT"},
			CreatedAt: created,
		},
		{
			Prefix:        "ROOT",
			Upstream:      ptc.Upstream{Registry: "ecr", URL: "777788889999.dkr.ecr.eu-central-1.amazonaws.com", Prefix: "base"},
			CredentialARN: "arn:aws:secretsmanager:us-east-1:444455556666:secret:ecr-pullthroughcache/hub-AbCdEf",
			RoleARN:       "arn:aws:iam::111122223333:role/path/puller",
		},
		{Prefix: "q2", Upstream: ptc.Upstream{Registry: "quay", URL: "quay.io"}},
		{Prefix: "wrong", Upstream: ptc.Upstream{Registry: "docker-hub", URL: "docker.io"}},
	}, map[string]ptc.Validation{
		"web":   {Status: ptc.ValidationInvalid, Failure: "no"},
		"ROOT":  {Status: ptc.ValidationValid},
		"q2":    {Status: ptc.ValidationNotApplicable},
		"wrong": {Status: ptc.ValidationValid},
	}, now)
}

// The rules of the example by their index.
const (
	web = iota
	webQuay
	root
	q2
	wrong
)

func newEnv(tb testing.TB, params map[string]any) (*expr.Env, *expr.Params) {
	tb.Helper()
	env, err := expr.New(params)
	if err != nil {
		tb.Fatal(err)
	}
	set, err := env.Params(params)
	if err != nil {
		tb.Fatal(err)
	}
	return env, set
}

// TestEveryNameReads compares each name of the vocabulary with what it should
// be for some rule. A name without a case fails the test.
func TestEveryNameReads(t *testing.T) {
	cases := map[string][]struct {
		rule int
		want string
	}{
		"rule.prefix":                 {{web, `"web"`}},
		"rule.isRoot":                 {{web, `false`}, {root, `true`}},
		"rule.createdAt":              {{web, `timestamp("2026-01-02T03:04:05Z")`}, {root, `timestamp("0001-01-01T00:00:00Z")`}},
		"rule.updatedAt":              {{web, `timestamp("2026-02-02T03:04:05Z")`}, {webQuay, `timestamp("2026-01-02T03:04:05Z")`}},
		"rule.upstream.registry":      {{web, `"docker-hub"`}},
		"rule.upstream.url":           {{web, `"registry-1.docker.io"`}},
		"rule.upstream.prefix":        {{web, `""`}, {root, `"base"`}},
		"rule.upstream.account":       {{web, `""`}, {root, `"777788889999"`}},
		"rule.upstream.region":        {{web, `""`}, {root, `"eu-central-1"`}},
		"rule.upstream.known":         {{web, `true`}},
		"rule.upstream.authenticated": {{web, `true`}, {webQuay, `false`}},
		"rule.upstream.prescribedUrl": {{wrong, `"registry-1.docker.io"`}, {root, `"<account>.dkr.ecr.<region>.amazonaws.com"`}},
		"rule.upstream.urlPrescribed": {{web, `true`}, {root, `true`}, {wrong, `false`}},
		"rule.credential.arn":         {{web, `"arn:aws:secretsmanager:us-east-1:444455556666:secret:ecr-pullthroughcache/hub-AbCdEf"`}, {q2, `""`}},
		"rule.credential.account":     {{web, `"444455556666"`}, {q2, `""`}},
		"rule.credential.region":      {{web, `"us-east-1"`}, {q2, `""`}},
		"rule.credential.name":        {{web, `"ecr-pullthroughcache/hub"`}, {q2, `""`}},
		"rule.role.arn":               {{root, `"arn:aws:iam::111122223333:role/path/puller"`}, {web, `""`}},
		"rule.role.account":           {{root, `"111122223333"`}, {web, `""`}},
		"rule.role.name":              {{root, `"puller"`}, {web, `""`}},
		"rule.validation.valid":       {{root, `true`}, {web, `false`}, {q2, `false`}},
		"rule.validation.failure":     {{root, `""`}, {web, `"no"`}},
		"rule.validation.applicable":  {{root, `true`}, {web, `true`}, {q2, `false`}},
		"rule.overlaps":               {{web, `["web/quay"]`}, {webQuay, `["web"]`}, {root, `[]`}},
		"rule.sharesCredentialWith":   {{web, `["ROOT"]`}, {root, `["web"]`}, {q2, `[]`}},
		"rule.sameUpstream":           {{webQuay, `["q2"]`}, {q2, `["web/quay"]`}, {web, `[]`}},
		"registry.account":            {{-1, `"111122223333"`}},
		"registry.region":             {{-1, `"eu-west-1"`}},
		"registry.partition":          {{-1, `"aws"`}},
		"registry.ruleLimit":          {{-1, `50`}},
		"now":                         {{-1, `timestamp("2026-11-21T22:50:00Z")`}},
	}
	env, params := newEnv(t, nil)
	s := example()
	for _, e := range expr.Reference() {
		if e.Doc == "" || e.Type == "" {
			t.Errorf("%s has no documentation or no type", e.Name)
		}
		if e.Type == "object" || e.Type == "list(rule)" || strings.ContainsAny(e.Name, "(N") {
			continue // objects and functions have their own tests
		}
		if len(cases[e.Name]) == 0 {
			t.Errorf("%s has no case", e.Name)
		}
		for _, c := range cases[e.Name] {
			scope := expr.RuleScope
			if c.rule < 0 {
				scope = expr.RegistryScope
			}
			src := e.Name + " == " + c.want
			if ok, err := compile(t, env, scope, expr.Bool, src).Bool(t.Context(), s, c.rule, params); err != nil || !ok {
				t.Errorf("%s: %v, %v", src, ok, err)
			}
		}
	}
}

// TestReportUsesTheVocabulary compares the names in a report's rules with
// those of expressions: a user of one knows the other.
func TestReportUsesTheVocabulary(t *testing.T) {
	known := map[string]bool{}
	for _, e := range expr.Reference() {
		known[e.Name] = true
	}
	data, err := json.Marshal(report.NewRule(ptc.Rule{}, ptc.Validation{Status: ptc.ValidationValid}))
	if err != nil {
		t.Fatal(err)
	}
	var rule map[string]any
	if err := json.Unmarshal(data, &rule); err != nil {
		t.Fatal(err)
	}
	var names []string
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		names = append(names, prefix)
		if object, ok := v.(map[string]any); ok {
			for k, v := range object {
				walk(prefix+"."+k, v)
			}
		}
	}
	walk("rule", rule)
	for _, name := range names {
		if !known[name] {
			t.Errorf("a report has %s, expressions do not", name)
		}
	}
}

func TestFunctions(t *testing.T) {
	env, params := newEnv(t, map[string]any{"globs": []any{"quay", "team-*/quay"}})
	s := example()
	for _, src := range []string{
		`days(2) == duration("48h")`,
		`days(-1) == duration("-24h")`,
		`rule.updatedAt < now - days(90)`,
		`"team-a/quay".matchesGlob("team-*/quay")`,
		`!"team-a/b/quay".matchesGlob("team-*/quay")`,
		`!"team-a/quay".matchesGlob("team-*")`,
		`params.globs.exists(g, "quay".matchesGlob(g))`,
		`"x %s --b %s".formatShell(["a", "b c"]) == "x a --b 'b c'"`,
		`"nothing".formatShell([]) == "nothing"`,
		`"%s".formatShell([""]) == "''"`,
		// Of CEL and its string extensions.
		`rule.prefix.matches("^w[eb]+$")`,
		`"%s has %d".format([rule.prefix, registry.rules.size()]) == "web has 5"`,
		`rule.upstream.url.split(".").size() == 3`,
		`rule.upstream.url.split("-")[0].upperAscii() == "REGISTRY"`,
		`["a", "b"].join(", ") == "a, b"`,
		`rule.prefix in ["web", "data"]`,
		`registry.rules.map(r, r.prefix) == ["web", "web/quay", "ROOT", "q2", "wrong"]`,
		`registry.rules[2].prefix == "ROOT"`,
		`registry.rules.filter(r, r.upstream.authenticated).map(r, r.prefix) == ["web", "wrong"]`,
		`registry.rules.exists_one(rule, rule.prefix == "q2")`,
	} {
		src = `rule.prefix == "web" && (` + src + `)` // some are constant by themselves
		if ok, err := compile(t, env, expr.RuleScope, expr.Bool, src).Bool(t.Context(), s, web, params); err != nil || !ok {
			t.Errorf("%s: %v, %v", src, ok, err)
		}
	}
}

// TestProblems lists expressions that loading a policy refuses, with the place
// of the problem.
func TestProblems(t *testing.T) {
	env, _ := newEnv(t, map[string]any{"banned": int64(5), "allowed": []any{"quay"}, "ratio": 0.5})
	for name, c := range map[string]struct {
		src  string
		want expr.Problem // its message is a part of the real one
	}{
		"misspelled field":        {`rule.prefx == "a"`, expr.Problem{1, 6, "undefined field 'prefx'"}},
		"misspelled deep field":   {`rule.upstream.url == "" || rule.upstream.rejistry == ""`, expr.Problem{1, 42, "undefined field 'rejistry'"}},
		"misspelled in a loop":    {`registry.rules.all(r, r.prefx == "")`, expr.Problem{1, 25, "undefined field 'prefx'"}},
		"unknown variable":        {`rules.size() > 0`, expr.Problem{1, 1, "undeclared reference to 'rules'"}},
		"unknown param":           {`rule.prefix in params.allowd`, expr.Problem{1, 23, "undeclared reference to 'params.allowd'"}},
		"param like no other":     {`rule.isRoot || params.nope == "a"`, expr.Problem{1, 23, "undeclared reference to 'params.nope': no policy sets it"}},
		"method of such a param":  {`params.nope.size() > 0`, expr.Problem{1, 8, "undeclared reference to 'params.nope': no policy sets it"}},
		"loop over such a param":  {"rule.isRoot ||\n  params.nope.exists(p, p == rule.prefix)", expr.Problem{2, 10, "undeclared reference to 'params.nope': no policy sets it"}},
		"params alone":            {`params == ""`, expr.Problem{1, 1, "undeclared reference to 'params'"}},
		"unknown function":        {`rule.prefix.mtches("a")`, expr.Problem{1, 13, "undeclared reference to 'mtches'"}},
		"second line":             {"rule.isRoot ||\n  rule.prefx == \"\"", expr.Problem{2, 8, "undefined field"}},
		"columns are runes":       {`"日本語é" == "" || rule.prefx == ""`, expr.Problem{1, 22, "undefined field"}},
		"string and number":       {`registry.account != params.banned`, expr.Problem{1, 18, "no matching overload for '_!=_' applied to '(string, int)'"}},
		"string and list":         {`registry.account == params.allowed`, expr.Problem{1, 18, "applied to '(string, list(string))'"}},
		"string in numbers":       {`registry.account in [1, 2]`, expr.Problem{1, 18, "no matching overload"}},
		"int and double":          {`registry.rules.size() < params.ratio`, expr.Problem{1, 23, "no matching overload"}},
		"object and string":       {`rule.credential == ""`, expr.Problem{1, 17, "(object rule.credential, string)"}},
		"not a bool":              {`rule.prefix`, expr.Problem{1, 1, "the expression is of type string, not bool"}},
		"an object":               {`rule`, expr.Problem{1, 1, "the expression is of type object, not bool"}},
		"dyn":                     {`[].map(x, x)[0]`, expr.Problem{1, 1, "the expression is of type dyn, not bool"}},
		"dyn()":                   {`dyn(rule).prefx == "a"`, expr.Problem{1, 1, "dyn() would hide"}},
		"has()":                   {`has(rule.credential.arn)`, expr.Problem{1, 1, "has() is always true"}},
		"null":                    {`rule.prefix == null`, expr.Problem{1, 13, "no matching overload"}},
		"objects compared":        {`rule == registry.rules[0]`, expr.Problem{1, 6, "objects are not compared"}},
		"an object in a list":     {`rule in registry.rules`, expr.Problem{1, 6, "objects are not compared"}},
		"lists of objects":        {`registry.rules != []`, expr.Problem{1, 16, "objects are not compared"}},
		"an object made":          {`rule{prefix: "x"}.prefix == "x"`, expr.Problem{1, 5, "undeclared reference"}},
		"regex":                   {`rule.prefix.matches("a(")`, expr.Problem{1, 21, "invalid matches argument"}},
		"duration":                {`now - rule.createdAt > duration("90d")`, expr.Problem{1, 33, "invalid duration argument"}},
		"timestamp":               {`now > timestamp("2027-13-01")`, expr.Problem{1, 17, "invalid timestamp argument"}},
		"days":                    {`now - rule.createdAt > days(-9999999)`, expr.Problem{1, 29, "out of range"}},
		"glob":                    {`rule.prefix.matchesGlob("a[")`, expr.Problem{1, 25, `invalid glob "a["`}},
		"mixed list":              {`rule.prefix in ["a", 1]`, expr.Problem{1, 22, "expected type 'string' but found 'int'"}},
		"too few arguments":       {`"%s %s".formatShell(["a"]) == ""`, expr.Problem{1, 21, "formatShell has 1 arguments for 2 %s"}},
		"format of another type":  {`"%d".format([rule.prefix]) == ""`, expr.Problem{1, 19, "error during formatting"}},
		"formatShell of a number": {`"%s".formatShell([1]) == ""`, expr.Problem{1, 6, "no matching overload"}},
		"all triples":             {`registry.rules.all(a, registry.rules.all(b, registry.rules.all(c, a.prefix + b.prefix != c.prefix)))`, expr.Problem{1, 1, "the expression can cost"}},
		"syntax":                  {`rule.prefix == `, expr.Problem{1, 16, "Syntax error"}},
		"syntax on line 3":        {"rule.isRoot ||\n\n  rule.isRoot rule.isRoot", expr.Problem{3, 15, "Syntax error"}},
		"single =":                {`rule.prefix = "a"`, expr.Problem{1, 13, "Syntax error"}},
		"empty":                   {``, expr.Problem{1, 1, "Syntax error"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := env.Compile(expr.RuleScope, expr.Bool, c.src)
			if p != nil || len(problems) == 0 {
				t.Fatalf("no problem with %s", c.src)
			}
			got := problems[0]
			if got.Line != c.want.Line || got.Column != c.want.Column || !strings.Contains(got.Message, c.want.Message) {
				t.Errorf("%s\n got %+v\nwant %+v", c.src, problems, c.want)
			}
		})
	}
}

func TestAllProblemsOfAnExpressionAreGiven(t *testing.T) {
	env, _ := newEnv(t, nil)
	_, problems := env.Compile(expr.RuleScope, expr.Bool, "rule.a == 1 ||\nrule.b == 2")
	if len(problems) != 2 || problems[0].Line != 1 || problems[1].Line != 2 {
		t.Errorf("got %v, want a problem on each line", problems)
	}
}

func TestKindsAndScopes(t *testing.T) {
	env, params := newEnv(t, nil)
	t.Run("there is no rule in registry scope", func(t *testing.T) {
		_, problems := env.Compile(expr.RegistryScope, expr.Bool, `rule.isRoot`)
		if len(problems) != 1 || !strings.Contains(problems[0].Message, "undeclared reference to 'rule'") {
			t.Errorf("got %v", problems)
		}
	})
	t.Run("a message is a string", func(t *testing.T) {
		_, problems := env.Compile(expr.RuleScope, expr.String, `rule.isRoot`)
		if len(problems) != 1 || !strings.Contains(problems[0].Message, "of type bool, not string") {
			t.Errorf("got %v", problems)
		}
		got, err := compile(t, env, expr.RuleScope, expr.String, `"a " + rule.prefix`).String(t.Context(), example(), web, params)
		if err != nil || got != "a web" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("no such scope", func(t *testing.T) {
		if _, problems := env.Compile("galaxy", expr.Bool, `true`); len(problems) != 1 {
			t.Errorf("got %v", problems)
		}
	})
	t.Run("no such rule", func(t *testing.T) {
		for _, rule := range []int{-1, 5} {
			if _, err := compile(t, env, expr.RuleScope, expr.Bool, `rule.isRoot`).Bool(t.Context(), example(), rule, params); err == nil {
				t.Errorf("no error for rule %d", rule)
			}
		}
	})
}

// TestUnknown: the validation result of web/quay is missing. Expressions that
// do not need it have a result; all others are unknown, never false or true.
func TestUnknown(t *testing.T) {
	env, params := newEnv(t, nil)
	s := example()
	for _, c := range []struct {
		src     string
		rule    int
		want    bool
		unknown bool
	}{
		{`rule.validation.valid`, root, true, false},
		{`rule.validation.valid`, webQuay, false, true},
		{`!rule.validation.valid`, webQuay, false, true},
		{`rule.validation.failure == ""`, webQuay, false, true},
		{`rule.validation.applicable`, webQuay, false, true},
		{`rule.prefix == "web/quay" || rule.validation.valid`, webQuay, true, false},
		{`rule.validation.valid || rule.prefix == "web/quay"`, webQuay, true, false},
		{`rule.validation.valid && rule.prefix == "web"`, webQuay, false, false},
		{`rule.validation.valid ? rule.prefix == "web/quay" : rule.prefix.startsWith("web/")`, webQuay, false, true},
		{`rule.prefix == "web" ? rule.validation.valid : true`, webQuay, true, false},
		{`registry.rules.exists(r, r.prefix == "q2")`, web, true, false},
		{`registry.rules.exists(r, r.prefix == "none")`, web, false, false},
		{`registry.rules.exists(r, r.validation.valid)`, web, true, false},
		{`registry.rules.all(r, r.validation.valid)`, web, false, false}, // web is invalid
		{`registry.rules.all(r, r.validation.valid || r.prefix in ["web", "q2"])`, web, false, true},
		{`registry.rules.all(r, r.validation.valid || r.prefix in ["web", "q2", "web/quay"])`, web, true, false},
		{`registry.rules.filter(r, !r.validation.valid).size() == 0`, web, false, true},
		{`registry.rules.exists_one(r, r.validation.failure == "no")`, web, false, true},
		{`rule.validation.valid == registry.rules[1].validation.valid`, root, false, true},
		{`[rule.validation.valid] == [true]`, webQuay, false, true},
		{`true in [rule.validation.valid]`, webQuay, false, true},
		{`registry.rules.map(r, r.validation.failure) == ["no", "", "", "", ""]`, web, false, true},
		{`{"a": rule.validation.valid}["a"]`, webQuay, false, true},
		{`"%s".format([rule.validation.failure]) == ""`, webQuay, false, true},
		{`"%s".formatShell([rule.validation.failure]) == ""`, webQuay, false, true},
	} {
		got, err := compile(t, env, expr.RuleScope, expr.Bool, c.src).Bool(t.Context(), s, c.rule, params)
		if got != c.want || errors.Is(err, expr.ErrUnknown) != c.unknown || (err != nil) != c.unknown {
			t.Errorf("%s of rule %d: %v, %v; want %v, unknown %v", c.src, c.rule, got, err, c.want, c.unknown)
		}
		if err != nil && !strings.HasSuffix(err.Error(), ": web/quay") {
			t.Errorf("%s: the error does not name the rule: %v", c.src, err)
		}
	}
}

func TestUnknownNamesEveryRuleOnce(t *testing.T) {
	env, params := newEnv(t, nil)
	s := expr.NewSnapshot(registry, []ptc.Rule{{Prefix: "b1"}, {Prefix: "a1"}}, nil, now)
	const src = `registry.rules.all(r, r.validation.valid) && registry.rules.all(r, r.validation.applicable)`
	_, err := compile(t, env, expr.RegistryScope, expr.Bool, src).Bool(t.Context(), s, -1, params)
	if !errors.Is(err, expr.ErrUnknown) || !strings.HasSuffix(err.Error(), ": a1, b1") {
		t.Errorf("got %v", err)
	}
}

func TestErrorsOfAnEvaluation(t *testing.T) {
	env, params := newEnv(t, map[string]any{"glob": "a[", "pattern": "a("})
	for _, src := range []string{
		`registry.rules[99].isRoot`,
		`rule.prefix.matchesGlob(params.glob)`,
		`rule.prefix.matches(params.pattern)`,
		`now - registry.rules[2].createdAt > days(1)`, // the year 1 is too long ago for a duration
		`rule.prefix.split("/")[7] == ""`,
		`"%s".formatShell(rule.prefix.split("e")) == ""`,
		`days(int(rule.upstream.url.size()) * 1000000) > days(1)`,
	} {
		_, err := compile(t, env, expr.RuleScope, expr.Bool, src).Bool(t.Context(), example(), web, params)
		if err == nil || errors.Is(err, expr.ErrUnknown) {
			t.Errorf("%s: error %v", src, err)
		}
	}
}

func TestParams(t *testing.T) {
	params := map[string]any{
		"flag": true, "count": int64(3), "ratio": 0.5, "name": "a",
		"names": []any{"a", "b"}, "counts": []any{int64(1)}, "none": []any{}, "strings": []string{"x"},
	}
	env, set := newEnv(t, params)
	for _, src := range []string{
		`params.flag && params.count == 3 && params.ratio == 0.5 && params.name == "a"`,
		`"b" in params.names && 1 in params.counts && !("a" in params.none) && "x" in params.strings`,
	} {
		if ok, err := compile(t, env, expr.RegistryScope, expr.Bool, src).Bool(t.Context(), example(), -1, set); err != nil || !ok {
			t.Errorf("%s: %v, %v", src, ok, err)
		}
	}

	t.Run("values change", func(t *testing.T) {
		p := compile(t, env, expr.RegistryScope, expr.Bool, `params.count == 4 && params.counts.size() == 0`)
		other := maps.Clone(params)
		other["count"], other["counts"] = int64(4), []any{}
		set, err := env.Params(other)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := p.Bool(t.Context(), example(), -1, set); err != nil || !ok {
			t.Errorf("got %v, %v", ok, err)
		}
	})
	t.Run("types do not", func(t *testing.T) {
		for name, v := range map[string]any{"count": 1.5, "ratio": int64(1), "name": true, "names": []any{int64(1)}, "flag": "true", "none": []any{int64(1)}, "unheardOf": true} {
			other := maps.Clone(params)
			other[name] = v
			if _, err := env.Params(other); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s = %v: error %v", name, v, err)
			}
		}
	})
	t.Run("none is missing", func(t *testing.T) {
		if _, err := env.Params(map[string]any{}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("of no type that CEL has", func(t *testing.T) {
		for name, v := range map[string]any{
			"mixed": []any{"a", int64(1)}, "nested": []any{[]any{"a"}}, "map": map[string]any{}, "null": nil,
			"dotted.name": "a", "with-dash": "a", "": "a", "1a": "a",
		} {
			if _, err := expr.New(map[string]any{name: v}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s = %v: error %v", name, v, err)
			}
		}
	})
}

// TestCachedExpressionOfOtherParams: the shipped expressions are checked when
// the program is built. If a param has another type, they must be compiled
// again.
func TestCachedExpressionOfOtherParams(t *testing.T) {
	const src = `rule.upstream.registry in params.allowedUpstreams`
	env, _ := newEnv(t, map[string]any{"allowedUpstreams": []any{int64(1)}})
	if _, problems := env.Compile(expr.RuleScope, expr.Bool, src); len(problems) == 0 {
		t.Error("compiled for a list of numbers")
	}
	env, _ = newEnv(t, nil)
	if _, problems := env.Compile(expr.RuleScope, expr.Bool, src); len(problems) == 0 {
		t.Error("compiled without the param")
	}
}

func TestLimits(t *testing.T) {
	env, params := newEnv(t, nil)
	pairs := compile(t, env, expr.RegistryScope, expr.Bool, `registry.rules.all(a, registry.rules.all(b, a.prefix != b.prefix + "x"))`)
	large := func(n int) *expr.Snapshot {
		rules := make([]ptc.Rule, n)
		for i := range rules {
			rules[i].Prefix = fmt.Sprintf("p%d", i)
		}
		return expr.NewSnapshot(registry, rules, nil, now)
	}
	t.Run("a registry larger than ECR allows", func(t *testing.T) {
		if ok, err := pairs.Bool(t.Context(), large(120), -1, params); err != nil || !ok {
			t.Errorf("got %v, %v", ok, err)
		}
	})
	t.Run("cost", func(t *testing.T) {
		if _, err := pairs.Bool(t.Context(), large(2000), -1, params); err == nil || !strings.Contains(err.Error(), "cost limit") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a context that ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, src := range []string{`registry.account != ""`, `registry.rules.all(r, r.prefix != "")`} {
			if _, err := compile(t, env, expr.RegistryScope, expr.Bool, src).Bool(ctx, large(2), -1, params); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: error %v", src, err)
			}
		}
	})
	t.Run("a context that ends meanwhile", func(t *testing.T) {
		// Done is asked for first by the evaluation itself, after Err.
		ctx := &ending{Context: t.Context(), done: make(chan struct{})}
		if _, err := pairs.Bool(ctx, large(120), -1, params); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

// ending is a context that ends when its Done is called.
type ending struct {
	context.Context
	once sync.Once
	done chan struct{}
}

func (e *ending) Done() <-chan struct{} {
	e.once.Do(func() { close(e.done) })
	return e.done
}

func (e *ending) Err() error {
	select {
	case <-e.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestProgramsAreShared(t *testing.T) {
	env, params := newEnv(t, nil)
	p := compile(t, env, expr.RuleScope, expr.Bool, `registry.rules.exists(r, r.prefix == rule.prefix) && rule.prefix.matches("^[a-zA-Z0-9/]+$")`)
	s := example()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				if ok, err := p.Bool(t.Context(), s, i%5, params); err != nil || !ok {
					t.Errorf("got %v, %v", ok, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestFormatShellStaysOneWord passes dangerous arguments to a real shell.
func TestFormatShellStaysOneWord(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	args := []any{
		"plain", "team/quay_1.2", "arn:aws:iam::1:role/a+b=c@d,e", "a b", "", "$(touch x)", "`id`", "a;b", "a&&b", "it's", `"`, `'\''`,
		"$HOME", "*", "~", "{a,b}", "!!", "#x", "-n", "é日", "a>b", "<account>.dkr", "%s", "a=b c",
	}
	env, params := newEnv(t, map[string]any{"args": args})
	src := `"for word in" + "` + strings.Repeat(" %s", len(args)) + `".formatShell(params.args) + "; do echo \"<$word>\"; done"`
	command, err := compile(t, env, expr.RegistryScope, expr.String, src).String(t.Context(), example(), -1, params)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), shell, "-c", command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	var want strings.Builder
	for _, a := range args {
		fmt.Fprintf(&want, "<%s>\n", a)
	}
	if diff := cmp.Diff(want.String(), string(out)); diff != "" {
		t.Errorf("the shell saw other words (-want +got):\n%s", diff)
	}
}

func TestFormatShellDropsLineBreaks(t *testing.T) {
	env, params := newEnv(t, map[string]any{"evil": "a\naws iam delete-role --role-name x\r\x1b[2J"})
	got, err := compile(t, env, expr.RegistryScope, expr.String, `"echo %s".formatShell([params.evil])`).String(t.Context(), example(), -1, params)
	if err != nil || got != "echo 'aaws iam delete-role --role-name x[2J'" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestSiblings compares the lists of siblings with a simple implementation, on
// many registries.
func TestSiblings(t *testing.T) {
	env, params := newEnv(t, nil)
	join := func(list string) *expr.Program {
		return compile(t, env, expr.RuleScope, expr.String, list+`.join(" ")`)
	}
	overlaps, shares, same := join("rule.overlaps"), join("rule.sharesCredentialWith"), join("rule.sameUpstream")
	rapid.Check(t, func(t *rapid.T) {
		prefixes := rapid.SliceOfDistinct(rapid.StringMatching(`[ab]{1,2}(/[ab]){0,2}|ROOT`), rapid.ID[string]).Draw(t, "prefixes")
		rules := make([]ptc.Rule, len(prefixes))
		for i, p := range prefixes {
			rules[i] = ptc.Rule{
				Prefix:        p,
				CredentialARN: rapid.SampledFrom([]string{"", "", "s1", "s2"}).Draw(t, "secret"),
				Upstream: ptc.Upstream{
					URL:    rapid.SampledFrom([]string{"quay.io", "ghcr.io"}).Draw(t, "url"),
					Prefix: rapid.SampledFrom([]string{"", "ROOT", "x", "x/"}).Draw(t, "upstream prefix"),
				},
			}
		}
		s := expr.NewSnapshot(registry, rules, nil, now)
		normal := func(p string) string { return strings.TrimSuffix(strings.Replace(p, "ROOT", "", 1), "/") }
		for i, r := range rules {
			var wantOverlaps, wantShares, wantSame []string
			for j, o := range rules {
				if i == j {
					continue
				}
				if strings.HasPrefix(r.Prefix, o.Prefix+"/") || strings.HasPrefix(o.Prefix, r.Prefix+"/") {
					wantOverlaps = append(wantOverlaps, o.Prefix)
				}
				if r.CredentialARN != "" && r.CredentialARN == o.CredentialARN {
					wantShares = append(wantShares, o.Prefix)
				}
				if r.Upstream.URL == o.Upstream.URL && normal(r.Upstream.Prefix) == normal(o.Upstream.Prefix) {
					wantSame = append(wantSame, o.Prefix)
				}
			}
			for _, c := range []struct {
				name string
				p    *expr.Program
				want []string
			}{{"overlaps", overlaps, wantOverlaps}, {"sharesCredentialWith", shares, wantShares}, {"sameUpstream", same, wantSame}} {
				slices.Sort(c.want)
				got, err := c.p.String(context.Background(), s, i, params)
				if err != nil || got != strings.Join(c.want, " ") {
					t.Fatalf("%s of %s: %q, %v; want %q", c.name, r.Prefix, got, err, c.want)
				}
			}
		}
	})
}

// FuzzCompile compiles and evaluates any text: it must not panic, problems must
// lie within the text, and there must be a result or an error.
func FuzzCompile(f *testing.F) {
	for _, name := range []string{"default", "strict"} {
		exprs, _ := expr.Shipped(f, name)
		for _, e := range exprs {
			f.Add(e.Text)
		}
	}
	f.Add(`registry.rules.all(r, r.validation.valid)`)
	f.Add("rule.prefx ==\n \"é\" + 1")
	f.Add(`"%s".formatShell([])`)
	_, params := expr.Shipped(f, "default")
	env, set := newEnv(f, params)
	s := example()
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4096 {
			return
		}
		for _, scope := range []expr.Scope{expr.RuleScope, expr.RegistryScope} {
			for _, kind := range []expr.Kind{expr.Bool, expr.String} {
				p, problems := env.Compile(scope, kind, src)
				if (p == nil) == (problems == nil) {
					t.Fatalf("program %v, problems %v", p, problems)
				}
				lines := strings.Split(src, "\n")
				for _, problem := range problems {
					if problem.Message == "" || problem.Line < 1 || problem.Line > len(lines) ||
						problem.Column < 1 || problem.Column > len([]rune(lines[problem.Line-1]))+1 {
						t.Fatalf("%q: %+v is outside", src, problem)
					}
				}
				if p == nil {
					continue
				}
				for rule := range s.Rules() {
					if kind == expr.Bool {
						_, _ = p.Bool(t.Context(), s, rule, set)
					} else {
						_, _ = p.String(t.Context(), s, rule, set)
					}
				}
			}
		}
	})
}

// TestTheLoaderReadsTheSameTexts: an expression that is checked when the
// program is built is found by its text, so the loader must read the same text.
func TestTheLoaderReadsTheSameTexts(t *testing.T) {
	shipped := map[string]bool{"": true}
	for _, name := range policies.Names() {
		exprs, _ := expr.Shipped(t, name)
		for _, e := range exprs {
			shipped[e.Text] = true
		}
		p, err := policy.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Checks {
			for _, text := range []string{c.Match, c.Assert, c.MessageExpression, c.RemediationExpression} {
				if !shipped[text] {
					t.Errorf("%s: %s: the loader reads %q", name, c.ID, text)
				}
			}
		}
	}
}
