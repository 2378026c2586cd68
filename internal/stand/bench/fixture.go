package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ptcaudit/internal/emulator"
	"ptcaudit/internal/ptc"
)

var registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}

// full is a registry with as many sound rules as ECR allows: of all upstreams
// that need no more than a URL, and of Docker Hub with a credential.
func full() emulator.Registry {
	r := emulator.Registry{Account: registry.Account, Region: registry.Region}
	upstreams := []emulator.Rule{
		{UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"}, //nolint:gosec // names a secret, holds none
		{UpstreamRegistryURL: "public.ecr.aws"},
		{UpstreamRegistryURL: "quay.io"},
		{UpstreamRegistryURL: "registry.k8s.io"},
		{UpstreamRegistryURL: "444455556666.dkr.ecr.eu-west-1.amazonaws.com", CustomRoleArn: "arn:aws:iam::111122223333:role/ptc"},
	}
	for i := range ptc.RuleLimit {
		rule := upstreams[i%len(upstreams)]
		rule.EcrRepositoryPrefix = fmt.Sprintf("team-%02d", i)
		r.Rules = append(r.Rules, rule)
	}
	return r
}

// serve runs the emulator with a full registry, each Validate taking that long.
func serve(validate time.Duration) (*httptest.Server, error) {
	fixture := emulator.Fixture{Registries: []emulator.Registry{full()}}
	if validate > 0 {
		fixture.Faults = []emulator.Fault{{Operation: "ValidatePullThroughCacheRule", Delay: emulator.Duration(validate)}}
	}
	e, err := emulator.New(fixture)
	if err != nil {
		return nil, err
	}
	return httptest.NewServer(e), nil
}

// awsConfig is that of a client of the emulator.
func awsConfig(url string) aws.Config {
	return aws.Config{
		Region: registry.Region, BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider(registry.Account, "bench", ""),
	}
}

// facts answers like a registry whose answers cost nothing, so that what is
// left is the engine's own work.
type facts struct {
	rules []ptc.Rule
}

func (f facts) Rules(context.Context, ptc.Registry) ([]ptc.Rule, error) { return f.rules, nil }

func (f facts) Validate(context.Context, ptc.Registry, ptc.Rule) (ptc.Validation, error) {
	return ptc.Validation{Status: ptc.ValidationValid}, nil
}
