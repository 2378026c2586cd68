// Package main is the CDK app, which writes the CloudFormation template of the
// auditor. The CDK CLI runs it, see cdk.json. README.md describes what it deploys.
// It makes no AWS calls. It imports config, metric, trigger, policy, ptc and
// report, and nothing that only the function or the command needs.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/policy"
)

func main() {
	err := run(awscdk.NewApp(nil), "dist/audit/bootstrap")
	jsii.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run synthesizes the app with the function's executable, bootstrap. Its error can
// have several lines: all faults of the context, the build, or the policy as
// `policy lint` prints them.
func run(app awscdk.App, bootstrap string) error {
	context, _ := app.Node().GetAllContext(nil).(map[string]any)
	s, err := parseSettings(context)
	if err != nil {
		return err
	}
	if err := checkBootstrap(bootstrap, s.architecture); err != nil {
		return err
	}
	p, err := policy.Load(s.policy)
	if faults, ok := errors.AsType[policy.Errors](err); ok {
		return errors.New(strings.TrimSuffix(faults.Excerpt(), "\n"))
	}
	folder, err := layPackage(bootstrap, p)
	if err != nil {
		return err
	}
	newStack(app, s, p, folder)
	app.Synth(nil)
	return os.RemoveAll(folder) // Synth has copied it
}
