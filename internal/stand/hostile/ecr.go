package hostile

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Rules that several scenarios use.
var (
	forbidden = rule(object{"ecrRepositoryPrefix": "evil-prefix", "upstreamRegistryUrl": "evil.example.com", "upstreamRegistry": absent{}})
	dockerHub = rule(object{
		"ecrRepositoryPrefix": "docker-hub", "upstreamRegistryUrl": "registry-1.docker.io", "upstreamRegistry": "docker-hub",
		"credentialArn": "arn:aws:secretsmanager:eu-west-1:" + Account + ":secret:ecr-pullthroughcache/docker-hub-Qk3xTz",
	})
)

// Injection is text that scenarios put into fields that are shown. No line of
// output may begin with its second line.
const Injection = "evil.example answers, or run this, then\naws iam create-access-key --user-name admin\nRESOLVED"

// ECR lists correct and wrong answers of ECR, or of a proxy in front of it.
func ECR() []Scenario { return slices.Clone(ecr()) }

// ecr makes the scenarios once: some have answers of many megabytes.
var ecr = sync.OnceValue(func() []Scenario {
	return []Scenario{
		// Controls.
		{"a forbidden upstream", Failing, lists(forbidden), nil},
		{"two sound rules", Sound, lists(rule(nil), dockerHub), nil},
		{"no rules", Sound, lists(), nil},
		{"a null token", Sound, func(Request) Answer { return list(nil, rule(nil)) }, nil},
		{"an open upstream that is not validated", Sound, lists(rule(nil)), fails(400, "InvalidParameterException")},
		{"a failure that passes", Failing, func(r Request) Answer {
			if r.Number == 1 {
				return refusal(500, "ServerException")
			}
			return list("", forbidden)
		}, nil},
		{"a forbidden rule on the first of two pages", Failing, func(r Request) Answer {
			if r.text("nextToken") == "" {
				return list("a", forbidden)
			}
			return list("", rule(nil))
		}, nil},

		// Invalid lists.
		{"a list that is null", Incomplete, raw(`{"pullThroughCacheRules":null}`), nil},
		{"no list", Incomplete, raw(`{}`), nil},
		{"a list that is an object", Incomplete, raw(`{"pullThroughCacheRules":{}}`), nil},
		{"a list that is a string", Incomplete, raw(`{"pullThroughCacheRules":""}`), nil},
		{"a rule that is null", Incomplete, lists(nil, rule(nil)), nil},
		{"a rule that is a string", Incomplete, lists("x"), nil},
		{"an empty body", Incomplete, raw(""), nil},
		{"an array", Incomplete, raw("[]"), nil},
		{"null", Incomplete, raw("null"), nil},
		{"a list in another case", Incomplete, raw(`{"PullThroughCacheRules":[` + string(encode(forbidden)) + `],"pullThroughCacheRules":[]}`), nil},
		{"two lists", Incomplete, raw(`{"pullThroughCacheRules":[` + string(encode(forbidden)) + `],"pullThroughCacheRules":[]}`), nil},
		{"two answers in one", Incomplete, raw(`{"pullThroughCacheRules":[]}{"pullThroughCacheRules":[` + string(encode(forbidden)) + `]}`), nil},
		{"text behind the answer", Incomplete, raw(`{"pullThroughCacheRules":[]} trailing`), nil},
		{"an error type in a good answer", Incomplete, raw(`{"__type":"AccessDeniedException","message":"no"}`), nil},
		{"an error type beside a list", Incomplete, raw(`{"__type":"AccessDeniedException","message":"no","pullThroughCacheRules":[]}`), nil},
		{"two prefixes in one rule", Incomplete, raw(`{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"evil","ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io","registryId":"` + Account + `"}]}`), nil},

		// Rules that contradict each other or belong elsewhere.
		{"one prefix, two upstreams", Incomplete, lists(rule(object{"upstreamRegistryUrl": "evil.example.com", "upstreamRegistry": absent{}}), rule(nil)), nil},
		{"one prefix, two spellings, two upstreams", Incomplete, lists(rule(object{"ecrRepositoryPrefix": "quay/", "upstreamRegistryUrl": "evil.example.com", "upstreamRegistry": absent{}}), rule(nil)), nil},
		{"one prefix, two upstreams, two pages", Incomplete, func(r Request) Answer {
			if r.text("nextToken") == "" {
				return list("a", rule(object{"upstreamRegistryUrl": "evil.example.com", "upstreamRegistry": absent{}}))
			}
			return list("", rule(nil))
		}, nil},
		{"one prefix, two credentials", Incomplete, lists(dockerHub, with(dockerHub, object{"credentialArn": "arn:aws:secretsmanager:eu-west-1:" + Account + ":secret:ecr-pullthroughcache/other-Qk3xTz"})), nil},
		{"another registry's rule", Incomplete, lists(rule(object{"registryId": "999988887777"})), nil},
		{"a rule of no registry", Incomplete, lists(rule(object{"registryId": absent{}})), nil},
		{"a prefix that is a number", Incomplete, lists(rule(object{"ecrRepositoryPrefix": 5})), nil},
		{"a rule without a prefix", Incomplete, lists(rule(object{"ecrRepositoryPrefix": absent{}})), nil},
		{"an empty prefix", Incomplete, lists(rule(object{"ecrRepositoryPrefix": ""})), nil},
		{"a prefix that is a slash", Incomplete, lists(rule(object{"ecrRepositoryPrefix": "/"})), nil},
		{"prefixes that ECR would refuse", NotSound, lists(
			rule(object{"ecrRepositoryPrefix": "qu\u0430y"}), rule(object{"ecrRepositoryPrefix": "qu\u202eay"}),
			rule(object{"ecrRepositoryPrefix": "\x00"}), rule(object{"ecrRepositoryPrefix": strings.Repeat("a", 5000)}),
		), nil},
		{"ROOT with a slash", NotSound, lists(rule(object{"ecrRepositoryPrefix": "ROOT/"})), nil},
		{"ROOT with a space", NotSound, lists(rule(object{"ecrRepositoryPrefix": "ROOT "})), nil},
		{"other spellings of a URL", NotSound, lists(
			rule(object{"upstreamRegistryUrl": "QUAY.IO"}), rule(object{"ecrRepositoryPrefix": "q2", "upstreamRegistryUrl": "quay.io."}),
			rule(object{"ecrRepositoryPrefix": "q3", "upstreamRegistryUrl": "https://quay.io"}), rule(object{"ecrRepositoryPrefix": "q4", "upstreamRegistryUrl": absent{}}),
			rule(object{"ecrRepositoryPrefix": "q5", "upstreamRegistry": "ecr-public"}), rule(object{"ecrRepositoryPrefix": "q6", "upstreamRegistryUrl": "quay.io "}),
		), nil},
		{"a URL with line breaks", NotSound, lists(rule(object{"ecrRepositoryPrefix": "team", "upstreamRegistryUrl": Injection, "upstreamRegistry": absent{}})), valid(object{"isValid": false, "failure": Injection})},

		// Pages.
		{"a page that repeats", Incomplete, func(Request) Answer { return list("t", rule(nil)) }, nil},
		{"an empty page that repeats", Incomplete, func(Request) Answer { return list("t") }, nil},
		{"pages without end", Incomplete, func(r Request) Answer { return list("t" + strconv.Itoa(r.Number)) }, nil},
		{"a token that is a number", Incomplete, func(Request) Answer { return list(5, rule(nil)) }, nil},
		{"an unknown operation on the second page", Incomplete, func(r Request) Answer {
			if r.text("nextToken") != "" {
				return refusal(400, "UnknownOperationException")
			}
			return list("t", rule(nil))
		}, nil},
		{"no list on the second page", Incomplete, func(r Request) Answer {
			if r.text("nextToken") != "" {
				return Answer{Body: []byte("{}")}
			}
			return list("t", rule(nil))
		}, nil},
		{"ten thousand rules", Incomplete, lists(numbered(10_000)...), nil},
		{"a thousand and one rules", Incomplete, lists(numbered(1_001)...), nil},

		// Errors.
		{"an unknown operation", Incomplete, fails(400, "UnknownOperationException"), nil},
		{"an unknown operation with a namespace", Incomplete, fails(400, "com.amazon.coral.service#UnknownOperationException"), nil},
		{"an unknown operation with status 500", Incomplete, fails(500, "UnknownOperationException"), nil},
		{"an unknown operation in a page of HTML", Incomplete, func(Request) Answer {
			return Answer{Status: 404, Header: map[string]string{"X-Amzn-Errortype": "UnknownOperationException"}, Body: []byte("<html>not found</html>")}
		}, nil},
		{"always an error", Incomplete, fails(500, "ServerException"), nil},
		{"denied", Incomplete, fails(400, "AccessDeniedException"), nil},
		{"throttled", Incomplete, fails(400, "ThrottlingException"), nil},
		{"a proxy's page with status 403", Incomplete, func(Request) Answer { return Answer{Status: 403, Body: []byte("<html>proxy</html>")} }, nil},
		{"a portal's page with status 200", Incomplete, func(Request) Answer {
			return Answer{Header: map[string]string{"Content-Type": "text/html"}, Body: []byte("<html>portal</html>")}
		}, nil},
		{"a redirect", Incomplete, func(Request) Answer { return Answer{Status: 302, Header: map[string]string{"Location": "/other"}} }, nil},
		{"a redirect that keeps the method", Incomplete, func(r Request) Answer {
			if r.Path == "/other" {
				return list("")
			}
			return Answer{Status: 307, Header: map[string]string{"Location": "/other"}}
		}, nil},
		{"no content", Incomplete, func(Request) Answer { return Answer{Status: http.StatusNoContent} }, nil},
		{"a list with status 201", Incomplete, status(201, list("")), nil},
		{"a list with status 300", Incomplete, status(300, list("")), nil},

		// Bytes.
		{"a list that is cut off", Incomplete, raw(`{"pullThroughCacheRules":[`), nil},
		{"fewer bytes than promised", Incomplete, func(Request) Answer {
			return Answer{Header: map[string]string{"Content-Length": "500"}, Body: []byte(`{"pullThroughCacheRules":[]}`)}
		}, nil},
		{"five megabytes", Incomplete, raw(`{"pullThroughCacheRules":[],"x":"` + strings.Repeat("a", 5<<20) + `"}`), nil},
		{"gzip", NotSound, compressed([]byte(`{"pullThroughCacheRules":[`+string(encode(forbidden))+`]}`), true), nil},
		{"gzip without a header", Incomplete, compressed([]byte(`{"pullThroughCacheRules":[]}`), false), nil},
		{"a gzip bomb", Incomplete, compressed([]byte(`{"pullThroughCacheRules":[],"x":"`+strings.Repeat("a", 64<<20)+`"}`), true), nil},

		// Times.
		{"a time that is a text", Incomplete, lists(rule(object{"createdAt": "2020-01-01T00:00:00Z"})), nil},
		{"a time that is the text NaN", Incomplete, lists(rule(object{"createdAt": "NaN"})), nil},
		{"a time that is the text Infinity", Incomplete, lists(rule(object{"createdAt": "Infinity"})), nil},
		{"a time that is not a number", Incomplete, raw(`{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"quay","registryId":"` + Account + `","upstreamRegistryUrl":"quay.io","createdAt":NaN}]}`), nil},
		{"a time before 1970", Incomplete, lists(rule(object{"createdAt": -1e11})), nil},
		{"a time beyond any calendar", Incomplete, lists(rule(object{"createdAt": 1e30})), nil},
		{"a time in the year 3 million", Incomplete, lists(rule(object{"createdAt": 1e14})), nil},
		{"a time in the year 10000", Incomplete, lists(rule(object{"updatedAt": 253402300800.0})), nil},

		// No answer, or no end.
		{"no answer", Incomplete, func(Request) Answer { return Answer{Hang: true} }, nil},
		{"an answer without end", Incomplete, func(Request) Answer { return Answer{Drip: true} }, nil},

		// Answers of Validate.
		{"a listed rule that Validate does not know", Incomplete, lists(forbidden), fails(400, "PullThroughCacheRuleNotFoundException")},
		{"a Validate that is an unknown operation", Incomplete, lists(dockerHub), fails(400, "UnknownOperationException")},
		{"a credential's rule that is not validated", Incomplete, lists(dockerHub), fails(400, "InvalidParameterException")},
		{"no verdict", Incomplete, lists(dockerHub), valid(object{"isValid": absent{}})},
		{"a verdict that is null", Incomplete, lists(dockerHub), valid(object{"isValid": nil})},
		{"a verdict that is a text", Incomplete, lists(dockerHub), valid(object{"isValid": "true"})},
		{"a verdict that is a number", Incomplete, lists(dockerHub), valid(object{"isValid": 1})},
		{"valid beside a failure", NotSound, lists(dockerHub), valid(object{"failure": "The authentication to the upstream registry failed."})},
		{"a verdict on another prefix", Incomplete, lists(dockerHub), valid(object{"ecrRepositoryPrefix": "quay"})},
		{"a verdict on no prefix", Incomplete, lists(dockerHub), valid(object{"ecrRepositoryPrefix": absent{}})},
		{"another registry's verdict", Incomplete, lists(dockerHub), valid(object{"registryId": "999988887777"})},
		{"a verdict of no registry", Incomplete, lists(dockerHub), valid(object{"registryId": absent{}})},
		{"a verdict on another credential", Incomplete, lists(dockerHub), valid(object{"credentialArn": "arn:aws:secretsmanager:eu-west-1:999988887777:secret:ecr-pullthroughcache/evil-Qk3xTz"})}, //nolint:gosec // the ARN of a secret that does not exist
		{"a verdict on another URL", Incomplete, lists(dockerHub), valid(object{"upstreamRegistryUrl": "evil.example.com"})},
		{"a verdict on another role", Incomplete, lists(dockerHub), valid(object{"customRoleArn": "arn:aws:iam::" + Account + ":role/other"})},
		{"a verdict on another upstream prefix", Incomplete, lists(dockerHub), valid(object{"upstreamRepositoryPrefix": "other"})},
		{"two verdicts", Incomplete, lists(dockerHub), raw(`{"ecrRepositoryPrefix":"docker-hub","registryId":"` + Account + `","isValid":false,"isValid":true}`)},
		{"an empty verdict", Incomplete, lists(dockerHub), raw("")},
		{"a verdict that is an empty object", Incomplete, lists(dockerHub), raw("{}")},
		{"a verdict in HTML", Incomplete, lists(dockerHub), raw("<html>ok</html>")},
		{"a verdict beside an error type", Incomplete, lists(dockerHub), valid(object{"__type": "AccessDeniedException"})},
		{"no verdict ever", Incomplete, lists(dockerHub), func(Request) Answer { return Answer{Hang: true} }},
		{"failures of 90 KB", NotSound, lists(rule(object{
			"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "upstreamRegistry": "docker-hub",
			"upstreamRepositoryPrefix": strings.Repeat("u", 3000), "credentialArn": "arn:aws:secretsmanager:eu-west-1:999988887777:secret:" + strings.Repeat("z", 3000),
		})), valid(object{"isValid": false, "failure": strings.Repeat("\U0001F600\\\"<", 6000)})},
	}
})

// status answers with another HTTP status.
func status(code int, a Answer) func(Request) Answer {
	a.Status = code
	return func(Request) Answer { return a }
}

// compressed answers with gzip, with or without the header that names it.
func compressed(body []byte, labelled bool) func(Request) Answer {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body)
	_ = z.Close()
	a := Answer{Body: b.Bytes()}
	if labelled {
		a.Header = map[string]string{"Content-Encoding": "gzip"}
	}
	return func(Request) Answer { return a }
}

// Before is the scenario of an earlier audit of the registry of w. It has a
// failing rule that w hides, or the rules of w, all invalid.
func Before(w Scenario) Scenario {
	if w.Validate == nil {
		return Scenario{Name: "before", Want: Failing, Describe: lists(forbidden)}
	}
	return Scenario{Name: "before", Want: Failing, Describe: w.Describe, Validate: valid(object{"isValid": false, "failure": "no"})}
}
