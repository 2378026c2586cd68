package policy_test

import (
	"strings"
	"testing"

	"ptcaudit/internal/policy"
)

func TestParse(t *testing.T) {
	t.Chdir(t.TempDir()) // no file exists
	const check = "checks: [{id: own, title: Prefixes are short, severity: low, assert: rule.prefix.size() < 9"
	for _, tt := range []struct{ name, text, want string }{
		{"complete", head + check + ", message: Too long}]\n", ""},
		{"extends a shipped policy", head + "extends: strict\n", ""},
		{"fault at its place", head + "nonsense: 1\n", "memory.yaml:3:1: unknown key nonsense"},
		{"extends a missing file", head + "extends: base.yaml\n", "memory.yaml:3:10: base.yaml: the file does not exist: check the path, or use default or strict"},
		{"empty", "", "memory.yaml:1:1: the file is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := policy.Parse("memory.yaml", []byte(tt.text))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || (p == nil) == (err == nil) {
				t.Errorf("policy %v, error %q, want %q", p, got, tt.want)
			}
		})
	}
}

func TestRecommendations(t *testing.T) {
	const check = head + "checks:\n  - {id: own, title: Prefixes are short, severity: low, assert: rule.prefix.size() < 9"
	for _, tt := range []struct{ name, text, want string }{
		{"no message", check + "}\n", `p.yaml:4:10: check own has no message, so a failure is shown as "Not met: Prefixes are short": add a message`},
		{"message", check + ", message: Too long}\n", ""},
		{"message as an expression", check + ", messageExpression: rule.prefix}\n", ""},
		{"disabled", check + "}\ndisable: [own]\nrequiredRules: [{prefix: hub}]\n", ""},
		{"waiver that has expired", check + ", message: M}\nwaivers: [{check: own, prefixes: [hub], owner: me, reason: Migration., expires: 2020-01-31}]\n", `p.yaml:5:11: the waiver of own by me (Migration.) expired on 2020-01-31 and waives nothing: remove it, or agree on a new date`},
		{"shipped and built-in checks", head + "extends: strict\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := policy.Parse("p.yaml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, r := range p.Recommendations(input().Now) {
				lines = append(lines, r.Error())
			}
			if got := strings.Join(lines, "\n"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
