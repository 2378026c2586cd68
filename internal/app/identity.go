package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"ptcaudit/internal/aws/fault"
	"ptcaudit/internal/aws/wire"
	"ptcaudit/internal/ptc"
)

// STS answers within milliseconds. A call that takes longer than these will not
// be answered.
const (
	identityCallTimeout = 8 * time.Second  // one attempt
	identityTimeout     = 20 * time.Second // all attempts, credentials included
)

// Identity asks STS whose credentials a configuration has. It gives the registry
// of that account in the configuration's Region. Its error is a *ptc.Fault.
// STS needs no IAM permission for it:
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func Identity(ctx context.Context, cfg aws.Config) (ptc.Registry, error) {
	ctx, cancel := context.WithTimeout(ctx, identityTimeout)
	defer cancel()
	cfg = wire.Config(cfg, identityCallTimeout)
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return ptc.Registry{}, fault.Classifier{CallTimeout: identityCallTimeout}.Fault(ctx, ptc.OpGetCallerIdentity, err)
	}
	account := aws.ToString(out.Account)
	if !ptc.ValidAccount(account) {
		return ptc.Registry{}, &ptc.Fault{
			Operation: ptc.OpGetCallerIdentity, Kind: ptc.FaultMalformed, Message: "the answer has no account ID",
		}
	}
	return ptc.Registry{Account: account, Region: cfg.Region}, nil
}

// onceIdentity asks STS when the account is first needed, and again only after
// an error.
func onceIdentity(cfg aws.Config) func(context.Context) (string, error) {
	var (
		mu      sync.Mutex
		account string
	)
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if account != "" {
			return account, nil
		}
		reg, err := Identity(ctx, cfg)
		account = reg.Account
		return account, err
	}
}

// invokedAccount is the account of the running Lambda function, from the ARN that
// it was invoked by. It makes no call.
func invokedAccount(ctx context.Context) (string, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	if lc == nil {
		return "", errors.New("not invoked by Lambda")
	}
	arn, _ := ptc.ParseARN(lc.InvokedFunctionArn)
	return arn.Account, nil
}
