// Package main is the CDK app, which writes the CloudFormation template of the
// auditor. The CDK CLI runs it, see cdk.json. README.md describes what it deploys.
// It makes no AWS calls; `make deploy` asks CloudFormation with the AWS CLI for what
// is deployed. It imports config, metric, trigger, policy, ptc and
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

// The CDK runs the app without arguments; `make deploy` runs it with "compare".
func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == "compare" {
		err = compare(os.Args[2:], os.Stdout)
	} else {
		err = run(awscdk.NewApp(nil), "dist/audit/bootstrap")
		jsii.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run synthesizes the app with the function's executable, bootstrap. Its error has
// all faults of the settings, the policy as `policy lint` prints them, and the
// build.
func run(app awscdk.App, bootstrap string) error {
	context, _ := app.Node().GetAllContext(nil).(map[string]any)
	s, settingsErr := loadSettings(context)
	var buildErr error
	if _, known := machines[s.architecture]; known {
		buildErr = checkBootstrap(bootstrap, s.architecture)
	}
	p, policyErr := policy.Load(s.policy)
	if faults, ok := errors.AsType[policy.Errors](policyErr); ok {
		policyErr = errors.New(strings.TrimSuffix(faults.Excerpt(), "\n"))
	}
	if err := errors.Join(settingsErr, policyErr, buildErr); err != nil {
		return err
	}
	folder, err := layPackage(bootstrap, p)
	if err != nil {
		return err
	}
	newStack(app, s, p, folder)
	app.Synth(nil)
	return os.RemoveAll(folder) // Synth has copied it
}
