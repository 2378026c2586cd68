// Package main is the CDK app: it writes the CloudFormation template of the
// auditor. `cdk` runs it, see cdk.json; README.md says what it deploys. It
// asks AWS nothing. Of our own packages it imports config, trigger and policy,
// and their nouns; never what only the function or the command needs.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/policy"
)

func main() {
	code := run(awscdk.NewApp(nil), "dist/audit/bootstrap", os.Stderr)
	jsii.Close()
	os.Exit(code)
}

// run synthesizes the app for the function that bootstrap is. It gives the
// exit code: 2 where the context, the policy or the build is at fault, which
// is then said on stderr.
func run(app awscdk.App, bootstrap string, stderr io.Writer) int {
	context, _ := app.Node().GetAllContext(nil).(map[string]any)
	s, err := parseSettings(context)
	if err == nil {
		err = checkBootstrap(bootstrap, s.architecture)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	p, err := policy.Load(s.policy)
	if faults, ok := errors.AsType[policy.Errors](err); ok {
		fmt.Fprint(stderr, faults.Excerpt())
		return 2
	}
	folder, err := os.MkdirTemp("", "ptcaudit-")
	if err == nil {
		defer os.RemoveAll(folder) // the CDK has copied it by then
		err = layPackage(folder, bootstrap, p)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	newStack(app, s, p, folder)
	app.Synth(nil)
	return 0
}
