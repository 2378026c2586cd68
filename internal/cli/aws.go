package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"ptcaudit/internal/app"
	"ptcaudit/internal/ptc"
)

// connector makes the SDK's configuration of a profile and a Region, either of
// which may be empty.
type connector func(ctx context.Context, profile, region string) (aws.Config, error)

// fromProcess is the SDK's own way to credentials, Region and endpoints: the
// variables of the process, the shared files, sign-on, roles.
func fromProcess(ctx context.Context, profile, region string) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithSharedConfigProfile(profile), awsconfig.WithRegion(region))
	if _, misspelt := errors.AsType[awsconfig.SharedConfigProfileNotExistError](err); misspelt {
		return cfg, usage(fmt.Errorf("%w: aws configure list-profiles lists those that there are", err))
	}
	if err != nil {
		return cfg, incomplete(fmt.Errorf("read the AWS configuration: %w", err))
	}
	return cfg, nil
}

// identify finds the registry whose credentials cfg has.
func identify(ctx context.Context, cfg aws.Config) (ptc.Registry, error) {
	registry, err := app.Identity(ctx, cfg)
	if fault, ok := errors.AsType[*ptc.Fault](err); ok {
		advice := "is the endpoint right, and up?"
		if fault.Kind == ptc.FaultDenied {
			advice = "sign in with aws sso login, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
		}
		return registry, incomplete(fmt.Errorf("not audited: AWS does not say who you are: %s (%w)", advice, err))
	}
	return registry, err
}
