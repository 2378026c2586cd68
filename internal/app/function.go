package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"ptcaudit/internal/aws/queue"
	"ptcaudit/internal/config"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Function makes the handler of a Lambda function from its environment. If the
// configuration or the policy is broken but names a topic, the handler starts and
// answers every request with what is broken, so that someone is notified.
// Without a topic, the error names every fault.
func Function(environ []string, logs, metrics io.Writer) (*handler.Handler, error) {
	c, configErr := config.LoadFunction(environ)
	cfg, awsErr := environment(context.Background())
	if c.TopicARN == "" || awsErr != nil {
		return nil, errors.Join(configErr, awsErr)
	}
	o := Options{
		Account:  invokedAccount,
		Log:      newLog(logs, c.LogLevel),
		Metrics:  metrics,
		Function: lambdacontext.FunctionName,
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
	// Only the function has a queue: the command reads batches from files.
	h.Queue = queue.New(cfg)
	return h, nil
}

// environment is the SDK's configuration of a Lambda function: its variables,
// and the credentials that they name. The function has no shared files, and no
// instance metadata service; looking for them would take time at the start.
func environment(ctx context.Context) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx,
		awsconfig.WithSharedConfigFiles([]string{}),
		awsconfig.WithSharedCredentialsFiles([]string{}),
		awsconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled),
	)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w: correct the AWS_* variable that it names", err)
	}
	return cfg, nil
}
