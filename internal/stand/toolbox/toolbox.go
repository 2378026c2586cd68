// Package toolbox finds the programs that `make tools` fetched, for tests.
// Nothing but tests may import it.
package toolbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Root is the repository's root folder.
func Root(tb testing.TB) string {
	tb.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("no caller information")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// AWS is the path of the AWS CLI.
func AWS(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/clients/bin/aws") }

// Python is the path of a Python that has boto3.
func Python(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/clients/bin/python") }

// Formats is the path of a Python that has readers of the formats of a report.
func Formats(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/formats/bin/python") }

// Pipeline is the path of a program that the examples for pipelines are held
// against: pre-commit or check-jsonschema.
func Pipeline(tb testing.TB, program string) string {
	tb.Helper()
	return find(tb, ".cache/pipeline/bin/"+program)
}

// Actions is the folder of GitHub's toolkit for actions, as a program of Node
// imports it.
func Actions(tb testing.TB) string {
	tb.Helper()
	return find(tb, ".cache/actions/node_modules/@actions/core")
}

// Ministack is the path of the local cloud.
func Ministack(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/localcloud/bin/ministack") }

// CfnLint is the path of the linter of CloudFormation templates.
func CfnLint(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/cfnlint/bin/cfn-lint") }

// CDK is the path of the CDK's CLI.
func CDK(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/cdk/node_modules/.bin/cdk") }

// SAM is the path of the SAM CLI. `make tools` has it only where a Docker
// engine answers.
func SAM(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/sam/bin/sam") }

// RuntimeInterfaceEmulator is the path of AWS's emulator of the Lambda runtime
// interface, for this machine's architecture.
func RuntimeInterfaceEmulator(tb testing.TB) string {
	tb.Helper()
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	return find(tb, ".cache/rie/aws-lambda-rie-"+arch)
}

// Bootstrap is the path of a function's compiled binary for this machine, as
// `make test` builds it.
func Bootstrap(tb testing.TB, function string) string {
	tb.Helper()
	return find(tb, "dist/"+function+"/bootstrap")
}

// Command is the path of the command, as `make bin` builds it.
func Command(tb testing.TB) string { tb.Helper(); return find(tb, "bin/ptcaudit") }

// Chromium is the path of a Chromium, or of the Chrome that is built of it. Make
// cannot provide one: where the machine has none the test is skipped, unless
// REQUIRE_BROWSER is set.
func Chromium(tb testing.TB) string {
	tb.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const what = "no Chromium is installed: on Debian, apt-get install chromium"
	if os.Getenv("REQUIRE_BROWSER") != "" {
		tb.Fatal(what)
	}
	tb.Skip(what)
	return ""
}

// find gives the path of something that make provides.
func find(tb testing.TB, path string) string {
	tb.Helper()
	full := filepath.Join(Root(tb), path)
	if _, err := os.Stat(full); err != nil {
		missing(tb, path+" is missing: run `make test`, or `make tools` once")
	}
	return full
}

// missing skips a test, but fails it where REQUIRE_TOOLS is set, as `make test`
// does.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("REQUIRE_TOOLS") != "" {
		tb.Fatal(what)
	}
	tb.Skip(what)
}
