package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestHollowPolicies loads policies that would check less than they seem to.
func TestHollowPolicies(t *testing.T) {
	shipped := head + "extends: default\n"
	own := func(fields string) string {
		return shipped + "checks:\n  - id: own\n    title: T\n    severity: low\n    message: M\n" + fields
	}
	waiver := func(owner, reason string) string {
		return shipped + fmt.Sprintf("waivers: [{check: own-registry, prefixes: [x], owner: %s, reason: %s, expires: 2099-01-01}]\n", owner, reason)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"an empty assert", shipped + "checks: [{id: validation-passed, assert: ''}]\n", "a.yaml:4:42: assert is empty: give it a value or leave it out"},
		{"an empty block", shipped + "checks:\n  - id: validation-passed\n    assert: |\n    severity: high\n", "a.yaml:6:13: assert is empty: give it a value or leave it out"},
		{"a blank block", shipped + "checks:\n  - id: validation-passed\n    assert: |\n\n\n    severity: high\n", "a.yaml:6:13: assert is empty: give it a value or leave it out"},
		{"spaces", shipped + "checks: [{id: validation-passed, assert: '  '}]\n", "a.yaml:4:42: assert is empty: give it a value or leave it out"},
		{"zero width", shipped + "checks: [{id: validation-passed, assert: '\u200b'}]\n", "a.yaml:4:42: assert is empty: give it a value or leave it out"},
		{"an empty match", shipped + "checks: [{id: validation-passed, match: ''}]\n", "a.yaml:4:41: match is empty: give it a value or leave it out"},
		{"an empty message", shipped + "checks: [{id: validation-passed, messageExpression: ''}]\n", "a.yaml:4:53: messageExpression is empty: give it a value or leave it out"},
		{"a new check with an empty assert", own("    assert: ''\n"), "a.yaml:9:13: assert is empty: give it a value or leave it out"},
		{"a constant assert", own("    assert: 1 == 1\n"), "a.yaml:9:13: the expression is always true: compare a field of the rule or of the registry"},
		{"a constant match", own("    match: \"false\"\n    assert: rule.isRoot\n"), "a.yaml:9:13: the expression is always false: compare a field of the rule or of the registry"},
		{"a constant match of a shipped check", shipped + "checks: [{id: validation-passed, match: 'rule.isRoot && false'}]\n", "a.yaml:4:42: the expression is always false: compare a field of the rule or of the registry"},
		{"only a param", shipped + "params: {loose: true}\nchecks: [{id: validation-passed, assert: params.loose}]\n", "a.yaml:5:42: the expression looks at neither the rule nor the registry: compare a field of one of them"},
		{"only the time", own("    assert: now > timestamp(\"2020-01-01T00:00:00Z\")\n"), "a.yaml:9:13: the expression looks at neither the rule nor the registry: compare a field of one of them"},
		{"no check", head, "a.yaml:2:7: the policy checks nothing: extend default or strict, or add checks or requiredRules"},
		{"every check disabled", head + "checks: [{id: own, title: T, severity: low, assert: rule.isRoot}]\ndisable: [own]\n", "a.yaml:2:7: the policy checks nothing: extend default or strict, or add checks or requiredRules"},
		{"required rules, not checked", head + "requiredRules: [{prefix: hub}]\ndisable: [required-rule]\n", "a.yaml:2:7: the policy checks nothing: extend default or strict, or add checks or requiredRules"},
		{"an owner of no width", waiver(`"\u200b\u2060"`, "R"), "a.yaml:4:55: owner is empty"},
		{"an owner that is a hard space", waiver(`"\u00a0"`, "R"), "a.yaml:4:55: owner is empty"},
		{"an owner of blank letters", waiver(`"\u3164\u2800"`, "R"), "a.yaml:4:55: owner is empty"},
		{"a reason of no width", waiver("me", `"\ufeff \u00ad"`), "a.yaml:4:67: reason is empty"},
		{"a reason that is a combining mark", waiver("me", `"\u0301"`), "a.yaml:4:67: reason is empty"},
		{"a waiver with a class", strings.Replace(waiver("me", "R"), "[x]", `["[a-z]*"]`, 1), `a.yaml:4:44: invalid glob "[a-z]*": use * only`},
		{"a waiver with a question mark", strings.Replace(waiver("me", "R"), "[x]", `["?*"]`, 1), `a.yaml:4:44: invalid glob "?*": use * only`},
		{"a waiver with a backslash", strings.Replace(waiver("me", "R"), "[x]", `['\*']`, 1), `a.yaml:4:44: invalid glob "\\*": use * only`},
		{"required rules alone", head + "requiredRules: [{prefix: hub}]\n", ""},
		{"an owner of one character", waiver(`"我"`, "R"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.text)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("errors differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestParamTypes loads params whose values match nothing.
func TestParamTypes(t *testing.T) {
	const shipped = head + "extends: default\n"
	const own = head + "params: {age: 90, allowed: [quay]}\nparamTypes: {age: days, allowed: upstream}\n" +
		"checks: [{id: own, title: T, severity: low, message: M, assert: rule.upstream.registry in params.allowed && rule.createdAt > now - days(params.age)}]\n"
	const upstreams = "want ecr, ecr-public, quay, k8s, docker-hub, github-container-registry, azure-container-registry, gitlab-container-registry or chainguard"
	for _, tt := range []struct {
		name  string
		files []string
		want  string
	}{
		{
			"host names",
			[]string{shipped + "params:\n  allowedUpstreams: [docker.io, quay.io, quay]\n"},
			`a.yaml:5:22: unknown upstream "docker.io": ` + upstreams + `, did you mean docker-hub (registry-1.docker.io)?
a.yaml:5:33: unknown upstream "quay.io": ` + upstreams + `, did you mean quay (quay.io)?`,
		},
		{
			"values that match nothing",
			[]string{shipped + "params:\n  allowedPrefixes: [\"docker-hub/\", \"*\"]\n  allowedRegions: [EU-WEST-1]\n  allowedUpstreamAccounts: [\"11112222333\"]\n  allowedUpstreamRegions: [ireland]\n"},
			`a.yaml:5:21: glob "docker-hub/" matches no prefix: a prefix has no trailing slash, did you mean docker-hub?
a.yaml:6:20: invalid Region "EU-WEST-1": did you mean eu-west-1?
a.yaml:7:29: invalid account ID "11112222333": use twelve digits
a.yaml:8:28: invalid Region "ireland": did you mean eu-west-1?`,
		},
		{"in an override", []string{shipped + "overrides: [{regions: [eu-west-1], params: {allowedRegions: [euwest1]}}]\n"}, `a.yaml:4:62: invalid Region "euwest1": did you mean eu-west-1?`},
		{"through a file between them", []string{head + "extends: b.yaml\nparams: {allowedPrefixes: [Team-*]}\n", shipped}, `a.yaml:4:28: glob "Team-*" matches no prefix: a prefix is in lower case, did you mean team-*?`},
		{"a policy's own", []string{own}, ""},
		{"a policy's own, wrong", []string{head + "extends: b.yaml\nparams: {age: 0, allowed: [dockerhub]}\n", own}, `a.yaml:4:15: invalid number of days 0: use a whole number from 1 to 36500
a.yaml:4:28: unknown upstream "dockerhub": ` + upstreams + `, did you mean docker-hub (registry-1.docker.io)?`},
		{"for the parent's value", []string{head + "extends: b.yaml\nparamTypes: {allowed: account}\n", strings.Replace(own, ", allowed: upstream", "", 1)}, `a.yaml:4:23: param allowed has a value of another type: invalid account ID "quay": use twelve digits`},
		{"changed", []string{shipped + "paramTypes: {allowedRegions: prefixGlob}\n"}, "a.yaml:4:30: the values of param allowedRegions are of type region: that cannot change"},
		{"of an unknown param", []string{shipped + "paramTypes: {allowedRegion: region}\n"}, "a.yaml:4:14: unknown param allowedRegion, did you mean allowedRegions?"},
		{"unknown", []string{shipped + "paramTypes: {allowedRegions: Region}\n"}, `a.yaml:4:30: unknown type of param allowedRegions "Region": want upstream, account, region, prefixGlob or days, did you mean region?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.files...)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("errors differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFilesAreRefusedSoon loads files of nearly the largest size, in which
// everything is wrong. The slowest took 15 seconds.
func TestFilesAreRefusedSoon(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"anchors in one line", head + "params: {a: [" + strings.Repeat("&a a,", 38_000) + "]}\n"},
		{"anchors in lines", head + "params:\n" + strings.Repeat("  - &a a\n", 9_000)},
		{"aliases", head + "params: {a: [&a x" + strings.Repeat(",*a", 60_000) + "]}\n"},
		{"unknown keys", head + "{" + strings.Repeat("x: y, ", 30_000) + "}\n"},
		{"checks that are no mappings", head + "checks: [" + strings.Repeat("1,", 90_000) + "]\n"},
		{"values that match nothing", head + "extends: default\nparams: {allowedPrefixes: [" + strings.Repeat("a/,", 4_900) + "]}\n"},
		{"values", head + "extends: default\nparams: {allowedPrefixes: [" + strings.Repeat("a/,", 50_000) + "]}\n"},
		{"params", head + "params: {" + strings.Repeat("a: 1,", 40_000) + "}\n"},
		{"tags", head + "params: {a: [" + strings.Repeat("!!str a,", 23_000) + "]}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			_, err := load(t, tt.text)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if err == nil || strings.Count(err.Error(), "\n") > 200 {
				t.Errorf("error of %d lines", strings.Count(fmt.Sprint(err), "\n"))
			}
		})
	}
}
