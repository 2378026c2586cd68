// Package toolbox finds the programs that `make tools` installed, and decides
// which tests run under `make unit`, `make test` and `make prove`. Only tests
// import it.
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

// Formats is the path of a Python that can read the report's formats (JUnit, OCSF).
func Formats(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/formats/bin/python") }

// Pipeline is the path of pre-commit or check-jsonschema, which check the
// documented pipeline examples.
func Pipeline(tb testing.TB, program string) string {
	tb.Helper()
	return find(tb, ".cache/pipeline/bin/"+program)
}

// Actions is the folder of GitHub's toolkit for actions, for a Node program to
// import.
func Actions(tb testing.TB) string {
	tb.Helper()
	return find(tb, ".cache/actions/node_modules/@actions/core")
}

// SARIFSchema is the path of the JSON schema of SARIF 2.1.0.
func SARIFSchema(tb testing.TB) string {
	tb.Helper()
	return find(tb, ".cache/sarif/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json")
}

// Ministack is the path of ministack, the local cloud.
func Ministack(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/localcloud/bin/ministack") }

// CfnLint is the path of the linter of CloudFormation templates.
func CfnLint(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/cfnlint/bin/cfn-lint") }

// CDK is the path of the CDK's CLI.
func CDK(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/cdk/node_modules/.bin/cdk") }

// SAM is the path of the SAM CLI. `make tools` installs it only if a Docker
// engine answers.
func SAM(tb testing.TB) string { tb.Helper(); return find(tb, ".cache/sam/bin/sam") }

// RuntimeInterfaceEmulator is the path of AWS's emulator of the Lambda runtime
// interface, for this machine's architecture.
func RuntimeInterfaceEmulator(tb testing.TB) string {
	tb.Helper()
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	return find(tb, ".cache/rie/aws-lambda-rie-"+arch)
}

// Bootstrap is the path of a function's binary for this machine. `make test`
// builds it.
func Bootstrap(tb testing.TB, function string) string {
	tb.Helper()
	return find(tb, "dist/"+function+"/bootstrap")
}

// Command is the path of the command that `make bin` builds.
func Command(tb testing.TB) string { tb.Helper(); return find(tb, "bin/ptcaudit") }

// Chromium is the path of Chromium or Chrome. Make does not install a browser:
// without one the test is skipped, or fails if REQUIRE_BROWSER is set. It is
// also skipped under -short.
func Chromium(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("no browser is used under -short")
	}
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

// Prove skips a test that takes long, unless PROVE is set, as `make prove` does.
// `make test` leaves such tests out; CI runs both.
func Prove(tb testing.TB) {
	tb.Helper()
	if !proving() {
		tb.Skip("takes long: run `make prove`")
	}
}

// Rounds is how often a property is tried: few under `make test`, full under
// `make prove`.
func Rounds(few, full int) int {
	if proving() {
		return full
	}
	return few
}

// proving reports whether PROVE is set. An empty value does not count.
func proving() bool { return os.Getenv("PROVE") != "" }

// find returns the path of a program or package that make provides. Under
// -short, as `make unit` runs tests, it skips the test even if the program
// exists: those tests start Python, Node or a built binary.
func find(tb testing.TB, path string) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip(path + " is not used under -short")
	}
	full := filepath.Join(Root(tb), path)
	if _, err := os.Stat(full); err != nil {
		missing(tb, path+" is missing: run `make test`, or `make tools` once")
	}
	return full
}

// missing skips a test. If REQUIRE_TOOLS is set, as in `make test`, it fails the
// test instead.
func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("REQUIRE_TOOLS") != "" {
		tb.Fatal(what)
	}
	tb.Skip(what)
}
