package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ptcaudit/internal/aws/queue"
	"ptcaudit/internal/config"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Function makes the handler of a Lambda function, of its environment. What is
// broken does not stop it as long as there is a topic to say so to: then the
// handler answers every request with what is broken. Without one the error
// names every fault.
func Function(environ []string, logs, metrics io.Writer) (*handler.Handler, error) {
	c, configErr := config.LoadFunction(environ)
	cfg, awsErr := environment()
	if c.TopicARN == "" || awsErr != nil {
		return nil, errors.Join(configErr, awsErr)
	}
	o := Options{
		Account: invokedAccount,
		Log:     newLog(logs, c.LogLevel),
		Metrics: metrics,
	}

	var faults []ptc.Fault
	if configErr != nil {
		faults = append(faults, ptc.Fault{Operation: ptc.OpLoadConfig, Kind: ptc.FaultMalformed, Message: configErr.Error()})
	}
	p, err := policy.Load(c.Policy)
	if err != nil {
		faults = append(faults, ptc.Fault{Operation: ptc.OpLoadPolicy, Kind: ptc.FaultMalformed, Message: err.Error()})
	}
	var h *handler.Handler
	if len(faults) > 0 {
		h = newHandler(c, cfg, o)
		h.Faults, h.Policy = append(faults, h.Faults...), report.Policy{Name: c.Policy}
	} else {
		h = New(c, cfg, p, o).Handler
		h.Policy = p.Ref()
	}
	// The command has no queue: a batch in a file is nobody's to hand out
	// again.
	h.Queue = queue.New(cfg)
	return h, nil
}

// environment is the SDK's configuration of a Lambda function: the variables
// that the SDK documents, and nothing else. The SDK's own loader also looks for
// files, profiles, sign-ons and instance roles, none of which are there, and
// takes longer than all the rest of a cold start.
func environment() (aws.Config, error) {
	env, err := awsconfig.NewEnvConfig()
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS variables: %w", err)
	}
	cfg := aws.Config{
		Region:           env.Region,
		Credentials:      credentials.StaticCredentialsProvider{Value: env.Credentials},
		RetryMaxAttempts: env.RetryMaxAttempts,
		RetryMode:        env.RetryMode,
		ConfigSources:    []any{env}, // endpoints of single services, dual stack, FIPS
	}
	if env.BaseEndpoint != "" && !aws.ToBool(env.IgnoreConfiguredEndpoints) {
		cfg.BaseEndpoint = &env.BaseEndpoint
	}
	if env.CustomCABundle != "" {
		cfg.HTTPClient, err = trusting(env.CustomCABundle)
	}
	return cfg, err
}

// trusting is an HTTP client that trusts the authorities of a file.
func trusting(bundle string) (aws.HTTPClient, error) {
	pem, err := os.ReadFile(bundle) //nolint:gosec // the path is the deployer's own setting
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %s holds no certificate", bundle)
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}), nil
}
