package app

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"ptcaudit/internal/ptc"
)

// identityTimeout bounds that question, retries included. STS answers within
// milliseconds; what does not is not there.
const identityTimeout = 20 * time.Second

// Identity asks STS whose credentials a configuration has: the registry of
// that account in the configuration's Region. Its error is a *ptc.Fault.
func Identity(ctx context.Context, cfg aws.Config) (ptc.Registry, error) {
	ctx, cancel := context.WithTimeout(ctx, identityTimeout)
	defer cancel()
	// Asked first by itself: what is missing on this machine is told apart
	// from what STS refuses.
	if cfg.Credentials != nil {
		if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
			return ptc.Registry{}, identityFault(ptc.FaultDenied, err)
		}
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch response, answered := errors.AsType[*awshttp.ResponseError](err); {
	case err == nil && ptc.ValidAccount(aws.ToString(out.Account)):
		return ptc.Registry{Account: *out.Account, Region: cfg.Region}, nil
	case err == nil:
		return ptc.Registry{}, identityFault(ptc.FaultMalformed, errors.New("the answer names no account"))
	case answered && response.HTTPStatusCode() == http.StatusForbidden:
		return ptc.Registry{}, identityFault(ptc.FaultDenied, err)
	default:
		return ptc.Registry{}, identityFault(ptc.FaultUnavailable, err)
	}
}

func identityFault(kind ptc.FaultKind, err error) *ptc.Fault {
	f := &ptc.Fault{
		Operation: ptc.OpGetCallerIdentity,
		Kind:      kind,
		Message:   err.Error(),
		Retryable: kind == ptc.FaultUnavailable,
	}
	// In STS's own words where it gave any, without what the SDK adds.
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		f.Code, f.Message = api.ErrorCode(), api.ErrorMessage()
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		f.RequestID = response.ServiceRequestID()
	}
	return f
}

// onceIdentity asks STS when the account is first wanted, and again only if
// it could not say.
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

// invokedAccount is the account of the Lambda function that runs: that of the
// ARN it was invoked by. It needs no call.
func invokedAccount(ctx context.Context) (string, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	if lc == nil {
		return "", errors.New("not invoked by Lambda")
	}
	arn, _ := ptc.ParseARN(lc.InvokedFunctionArn)
	return arn.Account, nil
}
