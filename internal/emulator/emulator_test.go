package emulator_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"

	"ptcaudit/internal/emulator"
)

const (
	account = "111122223333"
	region  = "eu-west-1"
	hub     = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf"
)

// now is what the emulators of these tests take for the time.
var now = time.Date(2026, 11, 5, 12, 0, 0, 123_000_000, time.UTC)

// serve starts an emulator with a fixture.
func serve(t *testing.T, f emulator.Fixture, opts ...emulator.Option) (*emulator.Emulator, string) {
	t.Helper()
	e, err := emulator.New(f, append([]emulator.Option{emulator.WithClock(func() time.Time { return now })}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return e, server.URL
}

// config is an SDK configuration for an emulator, with one attempt a call.
func config(url, account, region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider(account, "secret", ""),
		Retryer:      func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 1) },
	}
}

func client(url string) *ecr.Client { return ecr.NewFromConfig(config(url, account, region)) }

// code is the API's error code in err; "" for no error.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("not an API error: %v", err)
	}
	return api.ErrorCode()
}

func TestTheLifeOfARule(t *testing.T) {
	_, url := serve(t, emulator.Fixture{})
	c := client(url)
	created, err := c.CreatePullThroughCacheRule(t.Context(), &ecr.CreatePullThroughCacheRuleInput{
		EcrRepositoryPrefix: aws.String("docker-hub"),
		UpstreamRegistryUrl: aws.String("registry-1.docker.io"),
		CredentialArn:       aws.String(hub),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := *created.CreatedAt; !got.Equal(now) {
		t.Errorf("createdAt = %v, want %v", got, now)
	}
	described, err := c.DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{})
	if err != nil || len(described.PullThroughCacheRules) != 1 {
		t.Fatalf("describe: %v, %v", described, err)
	}
	validated, err := c.ValidatePullThroughCacheRule(t.Context(), &ecr.ValidatePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("docker-hub/")})
	if err != nil || !validated.IsValid {
		t.Fatalf("validate: %v, %v", validated, err)
	}
	if _, err := c.DeletePullThroughCacheRule(t.Context(), &ecr.DeletePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("docker-hub")}); err != nil {
		t.Fatal(err)
	}
	_, err = c.ValidatePullThroughCacheRule(t.Context(), &ecr.ValidatePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("docker-hub")})
	if got := code(t, err); got != "PullThroughCacheRuleNotFoundException" {
		t.Errorf("validate of a deleted rule: %s", got)
	}
}
