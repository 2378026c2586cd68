package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ptcaudit/internal/cli"
	"ptcaudit/internal/ptc"
)

func FuzzFacts(f *testing.F) {
	for _, seed := range []string{
		`{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"quay/","upstreamRegistryUrl":"quay.io","registryId":"111122223333","createdAt":1795168800.25}]}`,
		`{"pullThroughCacheRules":[{"ecrRepositoryPrefix":"a","createdAt":"2026-11-20T11:00:00.250000+01:00"},{}]}`,
		`{"pullThroughCacheRules":[],"nextToken":"x"}`,
		`{"schemaVersion":"ptcaudit/report/v1","registry":{"account":"111122223333","region":"eu-west-1"},"rules":[{"prefix":"quay","validation":{}}],"faults":[{"prefix":"quay"}]}`,
		`{"schemaVersion":"ptcaudit/report/v1","findings":[{"outcome":"fail"}]}`,
		`null`, `[]`, `{`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		registry, rules, err := cli.ParseFacts(data, ptc.Registry{Region: "eu-west-1"})
		switch {
		case err != nil:
			if registry != (ptc.Registry{}) || rules != nil {
				t.Errorf("%q: facts of a registry besides the error %v", data, err)
			}
		case registry.Account == "" || registry.Region == "":
			t.Errorf("%q: taken for registry %q", data, registry)
		}
	})
}

func FuzzFixture(f *testing.F) {
	for _, seed := range []string{
		"registries:\n  - account: \"111122223333\"\n    region: eu-west-1\n    rules:\n      - {ecrRepositoryPrefix: quay, createdAt: 1.5}\n",
		"faults: [{times: 0x10, drop: true, delay: 1s, body: |\n a}]\n",
		"a: >-\n  b\n  c\nd: ~\ne: .inf\nf: &x [*x]\n? g\n: h\n<<: {}\n", "--- a\n--- b\n", "#", "{\"a\":[1,2", "!!binary x", "a:\n\t- b", "%YAML 1.2\n---\na: 1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := cli.FixtureJSON(data)
		if err == nil && !json.Valid(text) {
			t.Errorf("%q becomes %q, which is no JSON", data, text)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "fixture.yaml") {
			t.Errorf("%q: the error does not begin with the file: %v", data, err)
		}
	})
}
