package offline_test

import (
	"testing"

	"ptcaudit/internal/offline"
	"ptcaudit/internal/ptc"
)

func FuzzParse(f *testing.F) {
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
		registry, err := offline.Parse(data, ptc.Registry{Region: "eu-west-1"})
		switch {
		case err != nil:
			if registry != nil {
				t.Errorf("%q: a registry besides the error %v", data, err)
			}
		case registry.ID().Account == "" || registry.ID().Region == "":
			t.Errorf("%q: read as registry %q", data, registry.ID())
		}
	})
}
