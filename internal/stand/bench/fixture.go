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

// full returns a registry with as many valid rules as ECR supports: for several
// upstreams without a credential, for Docker Hub with one, and for ECR with a role.
func full() emulator.Registry {
	r := emulator.Registry{Account: registry.Account, Region: registry.Region}
	upstreams := []emulator.Rule{
		{UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"}, //nolint:gosec // the name of a secret, not its value
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

// serve runs the emulator with a full registry. Each Validate takes the given time.
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

// awsConfig returns the configuration of a client of the emulator.
func awsConfig(url string) aws.Config {
	return aws.Config{
		Region: registry.Region, BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider(registry.Account, "bench", ""),
	}
}

// facts is a registry that answers at no cost, so only the engine's own work is
// measured.
type facts struct {
	rules []ptc.Rule
}

func (f facts) Rules(context.Context, ptc.Registry) ([]ptc.Rule, error) { return f.rules, nil }

func (f facts) Validate(context.Context, ptc.Registry, ptc.Rule) (ptc.Validation, error) {
	return ptc.Validation{Status: ptc.ValidationValid}, nil
}
