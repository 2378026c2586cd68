package policy_test

import (
	"fmt"
	"runtime"
	"testing"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// TestLargeRegistries evaluates the default policy on as many rules as an audit
// reads, which all share a secret. Their checks compare them with each other.
func TestLargeRegistries(t *testing.T) {
	p := mustLoad(t, head+"extends: default\n")
	for name, upstreams := range map[string][]ptc.Upstream{
		"one upstream":  {{Registry: ptc.DockerHub, URL: "registry-1.docker.io"}},
		"two upstreams": {{Registry: ptc.DockerHub, URL: "registry-1.docker.io"}, {Registry: ptc.GitHub, URL: "ghcr.io"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := input()
			in.Rules, in.Validations = nil, nil
			for i := range 1000 {
				in.Rules = append(in.Rules, ptc.Rule{
					Prefix:        fmt.Sprintf("a/%04d", i),
					Upstream:      upstreams[i%len(upstreams)],
					CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf",
				})
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			findings := p.Evaluate(t.Context(), in)
			runtime.ReadMemStats(&after)
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > raceFactor*200<<20 {
				t.Errorf("1,000 rules take %d bytes", bytes)
			}
			fails := map[string]int{}
			for _, f := range findings {
				if f.Outcome == report.Fail {
					fails[f.Check]++
				}
			}
			if fails["duplicate-upstream"] != 1000 || (fails["shared-credential"] == 1000) != (len(upstreams) == 2) {
				t.Errorf("failed: %v", fails)
			}
		})
	}
}
