package expr_test

import (
	"strings"
	"testing"

	"ptcaudit/internal/policy/expr"
)

// Text from outside reaches a command only quoted. Anything else is an error
// when the policy is loaded.
func TestFixIsQuoted(t *testing.T) {
	env, err := expr.New(map[string]any{"names": []any{"a"}, "command": "aws x"})
	if err != nil {
		t.Fatal(err)
	}
	const outside, target, marks = "text reaches a command only quoted", "formatShell needs a text", "remove the quotation marks"
	for _, tt := range []struct{ name, src, want string }{
		{"a text", `"Ask your team."`, ""},
		{"quoted", `"aws x %s".formatShell([rule.prefix])`, ""},
		{"a computed argument", `"aws x %s".formatShell(["a/" + rule.prefix])`, ""},
		{"a sum", `"Delete it:\n" + "aws x %s".formatShell([rule.prefix]) + " --y"`, ""},
		{"a choice", `rule.isRoot ? "Ask." : "aws x %s".formatShell([rule.prefix])`, ""},
		{"a lookup", `"aws x --arn \"$(aws y --id %s)\"".formatShell([rule.prefix])`, ""},
		{"a closed quotation", `"aws x --query 'a b' --id %s".formatShell([rule.prefix])`, ""},
		{"a sentence with an apostrophe", `"Write the upstream's token of %s.".formatShell([rule.prefix])`, ""},
		{"format", `"aws x %s".format([rule.prefix])`, outside},
		{"format of a sentence", `"Ask the owner of %s.".format([rule.prefix])`, outside},
		{"a field", `rule.upstream.url`, outside},
		{"a param", `params.command`, outside},
		{"a sum with a field", `"aws x " + rule.prefix`, outside},
		{"a choice of a field", `rule.isRoot ? "Ask." : rule.prefix`, outside},
		{"a part", `rule.prefix.split("/")[0]`, outside},
		{"replace", `"aws x P".replace("P", rule.prefix)`, outside},
		{"join", `params.names.join(" ")`, outside},
		{"after quoting", `"aws x %s".formatShell([rule.prefix]).replace("'", "")`, outside},
		{"a computed command", `("aws x " + rule.prefix + " %s").formatShell([rule.prefix])`, target},
		{"a command that is a field", `rule.upstream.url.formatShell([])`, target},
		{"within single quotation marks", `"aws x '%s'".formatShell([rule.prefix])`, marks},
		{"within double quotation marks", `"aws x \"%s\"".formatShell([rule.prefix])`, marks},
		{"within a quotation of a lookup", `"aws x \"$(aws y '%s')\"".formatShell([rule.prefix])`, marks},
		{"on a later line", `"Do this:\naws x \"a %s\"".formatShell([rule.prefix])`, marks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			program, problems := env.Compile(expr.RuleScope, expr.Fix, tt.src)
			switch {
			case tt.want == "" && (program == nil || len(problems) > 0):
				t.Errorf("problems %v", problems)
			case tt.want != "" && (program != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, tt.want)):
				t.Errorf("problems %v, want one that contains %q", problems, tt.want)
			}
		})
	}
}
