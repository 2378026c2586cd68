// Package main is the CDK app: it writes the CloudFormation template of the
// auditor. `cdk` runs it, see cdk.json; README.md says what it deploys. It
// asks AWS nothing. Of our own packages it imports config, trigger and policy,
// and their nouns; never what only the function or the command needs.
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

// run synthesizes the app for the function that bootstrap is. Its error says
// what to mend, in as many lines as that takes: the context, the build, or the
// policy as `policy lint` would.
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
	return os.RemoveAll(folder) // the CDK has copied it
}
