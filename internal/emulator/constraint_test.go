package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ptcaudit/internal/emulator"
)

func list(n int, format string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(items, ",")
}

// constraintCase is a request that meets or violates a constraint.
type constraintCase struct {
	name, operation, body string
	code                  string // "": answered
	text                  string // part of the message
}

// constraintCases has requests that meet, and that violate, every constraint of the
// API's model.
func constraintCases() []constraintCase {
	const (
		serial = "SerializationException"
		create = "CreatePullThroughCacheRule"
		read   = "DescribePullThroughCacheRules"
		change = "UpdatePullThroughCacheRule"
		remove = "DeletePullThroughCacheRule"
		verify = "ValidatePullThroughCacheRule"
	)
	secret := func(length int) string {
		const head = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/"
		return head + strings.Repeat("x", length-len(head))
	}
	return []constraintCase{
		{"no body", create, ``, invalid, "'ecrRepositoryPrefix' failed to satisfy constraint: 'must not be null'"},
		{"empty object", create, `{}`, invalid, "'ecrRepositoryPrefix'"},
		{"null is absent", create, `{"ecrRepositoryPrefix":null}`, invalid, "'must not be null'"},
		{"no URL", create, `{"ecrRepositoryPrefix":"quay"}`, invalid, "'upstreamRegistryUrl' failed to satisfy constraint: 'must not be null'"},
		{"update without prefix", change, `{"credentialArn":"` + hub + `"}`, invalid, "'ecrRepositoryPrefix'"},
		{"delete without prefix", remove, `{}`, invalid, "'ecrRepositoryPrefix'"},
		{"validate without prefix", verify, `{}`, invalid, "'ecrRepositoryPrefix'"},

		{"invalid JSON", create, `{`, serial, ""},
		{"text after the JSON", create, `{} {}`, serial, ""},
		{"a list", create, `[]`, serial, ""},
		{"a number for a string", create, `{"ecrRepositoryPrefix":7}`, serial, "NUMBER_VALUE can not be converted to a String"},
		{"an object for a string", create, `{"ecrRepositoryPrefix":{}}`, serial, "START_OBJECT can not be converted to a String"},
		{"a string for a list", read, `{"ecrRepositoryPrefixes":"a"}`, serial, "STRING_VALUE can not be converted to a Collection"},
		{"a number in a list", read, `{"ecrRepositoryPrefixes":[1]}`, serial, ""},
		{"a list for a number", read, `{"maxResults":[]}`, serial, "START_ARRAY can not be converted to an Integer"},
		{"a boolean for a number", read, `{"maxResults":true}`, serial, "TRUE_VALUE"},
		{"a fraction", read, `{"maxResults":1.5}`, serial, ""},
		{"unknown members", read, `{"whatever":[1]}`, "", ""},

		{"prefix of 1", create, `{"ecrRepositoryPrefix":"a","upstreamRegistryUrl":"quay.io"}`, invalid, "'must have length greater than or equal to 2'"},
		{"prefix of 2", create, `{"ecrRepositoryPrefix":"ab","upstreamRegistryUrl":"quay.io"}`, "", ""},
		{"prefix of 30", create, `{"ecrRepositoryPrefix":"` + strings.Repeat("a", 30) + `","upstreamRegistryUrl":"quay.io"}`, "", ""},
		{"prefix of 31", create, `{"ecrRepositoryPrefix":"` + strings.Repeat("a", 31) + `","upstreamRegistryUrl":"quay.io"}`, invalid, "'must have length less than or equal to 30'"},
		{"prefix in capitals", create, `{"ecrRepositoryPrefix":"Quay","upstreamRegistryUrl":"quay.io"}`, invalid, "must satisfy regular expression"},
		{"prefix with three underscores", create, `{"ecrRepositoryPrefix":"a___b","upstreamRegistryUrl":"quay.io"}`, invalid, "must satisfy regular expression"},
		{"prefix with a dash first", create, `{"ecrRepositoryPrefix":"-x","upstreamRegistryUrl":"quay.io"}`, invalid, "must satisfy regular expression"},
		{"prefix ROOT/", create, `{"ecrRepositoryPrefix":"ROOT/","upstreamRegistryUrl":"quay.io"}`, invalid, "must satisfy regular expression"},
		{"prefix with a line break", create, `{"ecrRepositoryPrefix":"quay\n","upstreamRegistryUrl":"quay.io"}`, invalid, "must satisfy regular expression"},
		{"prefix with dashes", create, `{"ecrRepositoryPrefix":"docker--hub","upstreamRegistryUrl":"quay.io"}`, "", ""},
		{"prefix with a slash and a dot", create, `{"ecrRepositoryPrefix":"thirdparty/registry.k8s.io","upstreamRegistryUrl":"registry.k8s.io"}`, "", ""},
		{"prefix with a slash last", create, `{"ecrRepositoryPrefix":"ecr-public/","upstreamRegistryUrl":"public.ecr.aws"}`, "", ""},
		{"prefix root", create, `{"ecrRepositoryPrefix":"root","upstreamRegistryUrl":"quay.io"}`, "", ""},
		{"prefix ROOT", create, `{"ecrRepositoryPrefix":"ROOT","upstreamRegistryUrl":"quay.io"}`, "", ""},
		{"update of a bad prefix", change, `{"ecrRepositoryPrefix":"-x","credentialArn":"` + hub + `"}`, invalid, "must satisfy regular expression"},
		{"delete of a bad prefix", remove, `{"ecrRepositoryPrefix":"-x"}`, invalid, "must satisfy regular expression"},
		{"validate of a bad prefix", verify, `{"ecrRepositoryPrefix":"-x"}`, invalid, "must satisfy regular expression"},

		{"bad upstream prefix", create, `{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io","upstreamRepositoryPrefix":"A"}`, invalid, "'upstreamRepositoryPrefix'"},
		{"unknown upstream registry", create, `{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io","upstreamRegistry":"harbor"}`, invalid, "must satisfy enum value set"},

		{"registry id of 11 digits", create, `{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io","registryId":"11112222333"}`, invalid, "'registryId'"},
		{"registry id of 13 digits", read, `{"registryId":"1111222233334"}`, invalid, "'registryId'"},
		{"update with a bad registry id", change, `{"ecrRepositoryPrefix":"quay","registryId":"x"}`, invalid, "'registryId'"},
		{"delete with a bad registry id", remove, `{"ecrRepositoryPrefix":"quay","registryId":"x"}`, invalid, "'registryId'"},
		{"validate with a bad registry id", verify, `{"ecrRepositoryPrefix":"quay","registryId":"x"}`, invalid, "'registryId'"},
		{"own registry id", read, `{"registryId":"111122223333"}`, "", ""},
		{"another account's registry", read, `{"registryId":"444455556666"}`, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/emulator is not authorized to perform: ecr:DescribePullThroughCacheRules"},

		{"credential of 49", create, `{"ecrRepositoryPrefix":"hub","upstreamRegistryUrl":"registry-1.docker.io","credentialArn":"` + strings.Repeat("x", 49) + `"}`, invalid, "'must have length greater than or equal to 50'"},
		{"credential of 612", create, `{"ecrRepositoryPrefix":"hub","upstreamRegistryUrl":"registry-1.docker.io","credentialArn":"` + secret(612) + `"}`, "", ""},
		{"credential of 613", create, `{"ecrRepositoryPrefix":"hub","upstreamRegistryUrl":"registry-1.docker.io","credentialArn":"` + secret(613) + `"}`, invalid, "'must have length less than or equal to 612'"},
		{"credential of another name", create, `{"ecrRepositoryPrefix":"hub","upstreamRegistryUrl":"registry-1.docker.io","credentialArn":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub-AbCdEf"}`, invalid, "must satisfy regular expression"},
		{"update with a bad credential", change, `{"ecrRepositoryPrefix":"hub","credentialArn":"` + strings.Repeat("x", 60) + `"}`, invalid, "'credentialArn'"},
		{"role of 2049", create, `{"ecrRepositoryPrefix":"up","upstreamRegistryUrl":"444455556666.dkr.ecr.eu-west-1.amazonaws.com","customRoleArn":"` + strings.Repeat("r", 2049) + `"}`, invalid, "'must have length less than or equal to 2048'"},
		{"update with a long role", change, `{"ecrRepositoryPrefix":"up","customRoleArn":"` + strings.Repeat("r", 2049) + `"}`, invalid, "'customRoleArn'"},

		{"no prefixes", read, `{"ecrRepositoryPrefixes":[]}`, invalid, "'must have length greater than or equal to 1'"},
		{"100 prefixes", read, `{"ecrRepositoryPrefixes":[` + list(100, `"p%d"`) + `]}`, "PullThroughCacheRuleNotFoundException", ""},
		{"101 prefixes", read, `{"ecrRepositoryPrefixes":[` + list(101, `"p%d"`) + `]}`, invalid, "'must have length less than or equal to 100'"},
		{"a bad prefix among them", read, `{"ecrRepositoryPrefixes":["good","-bad"]}`, invalid, "must satisfy regular expression"},
		{"no results", read, `{"maxResults":0}`, invalid, "'must have value greater than or equal to 1'"},
		{"1 result", read, `{"maxResults":1}`, "", ""},
		{"1000 results", read, `{"maxResults":1000}`, "", ""},
		{"1001 results", read, `{"maxResults":1001}`, invalid, "'must have value less than or equal to 1000'"},
		{"an unknown token", read, `{"nextToken":"x"}`, invalid, "'nextToken'"},
	}
}

func TestConstraints(t *testing.T) {
	for _, tt := range constraintCases() {
		t.Run(tt.name, func(t *testing.T) {
			_, url := serve(t, emulator.Fixture{})
			a := ask(t, url, tt.operation, tt.body)
			got, _ := a.members(t)["__type"].(string)
			text, _ := a.members(t)["message"].(string)
			if got != tt.code || !strings.Contains(text, tt.text) {
				t.Errorf("%s: %q, want %s: … %s …", got, text, tt.code, tt.text)
			}
			want := http.StatusOK
			if tt.code != "" {
				want = http.StatusBadRequest
			}
			if a.status != want {
				t.Errorf("status %d, want %d", a.status, want)
			}
			if a.header.Get("Content-Type") != "application/x-amz-json-1.1" || a.header.Get("X-Amzn-RequestId") == "" {
				t.Errorf("head: %v", a.header)
			}
		})
	}
}

func TestRequestsThatAreNoCalls(t *testing.T) {
	_, url := serve(t, emulator.Fixture{})
	const describe = "AmazonEC2ContainerRegistry_V20150921.DescribePullThroughCacheRules"
	tests := []struct {
		name    string
		headers []string
		body    string
		code    string
	}{
		{"an operation that is not emulated", []string{"X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"}, "{}", "UnknownOperationException"},
		{"an API that is not emulated", []string{"X-Amz-Target", "DynamoDB_20120810.ListTables"}, "{}", "UnknownOperationException"},
		{"no target", nil, "{}", "UnknownOperationException"},
		{"no operation", []string{"X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."}, "{}", "UnknownOperationException"},
		{"an action that is not emulated", []string{"Content-Type", "application/x-www-form-urlencoded"}, "Action=GetSessionToken", "UnknownOperationException"},
		{"no signature", []string{"X-Amz-Target", describe, "Authorization", ""}, "{}", "MissingAuthenticationTokenException"},
		{"half a signature", []string{"X-Amz-Target", describe, "Authorization", "AWS4-HMAC-SHA256 Credential=x/y"}, "{}", "IncompleteSignatureException"},
		{"too much", []string{"X-Amz-Target", describe}, strings.Repeat(" ", 1<<20+1), "RequestEntityTooLargeException"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := send(t, signed(t, url, tt.body, tt.headers...))
			if a.status < 400 || !strings.Contains(a.body, tt.code) {
				t.Errorf("%d %s, want %s", a.status, a.body, tt.code)
			}
		})
	}
}
