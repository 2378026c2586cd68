// Package archtest holds tests only: who may import whom. A violation prints
// the path of imports that leads to it.
package archtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// graph maps a package to what it imports, test files left out.
type graph map[string][]string

// load reads the imports of the module's packages and all that they reach.
func load(t *testing.T) (g graph, standard map[string]bool) {
	t.Helper()
	// As the functions are built: without C, and without the RPC of Lambda's
	// older runtimes.
	cmd := exec.CommandContext(t.Context(), "go", "list", "-tags", "lambda.norpc", "-deps", "-json=ImportPath,Imports,Standard", "./...")
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	g, standard = graph{}, map[string]bool{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
			Standard   bool
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return g, standard
		} else if err != nil {
			t.Fatal(err)
		}
		g[p.ImportPath] = p.Imports
		standard[p.ImportPath] = p.Standard
	}
}

// path is the shortest chain of imports from a package to one that matches;
// nil where there is none. The package itself does not count.
func (g graph) path(from string, match func(pkg string) bool) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g[queue[0]] {
			if _, seen := before[next]; seen {
				continue
			}
			before[next] = queue[0]
			if !match(next) {
				queue = append(queue, next)
				continue
			}
			var chain []string
			for p := next; p != ""; p = before[p] {
				chain = append(chain, p)
			}
			slices.Reverse(chain)
			return chain
		}
	}
	return nil
}

// under says that pkg is one of the trees, or lies in one.
func under(pkg string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return pkg == tree || strings.HasPrefix(pkg, tree+"/")
	})
}

const (
	ptc       = "ptcaudit/internal/ptc"
	report    = "ptcaudit/internal/report"
	untrusted = "ptcaudit/internal/untrusted"
	policy    = "ptcaudit/internal/policy"
	policies  = "ptcaudit/policies"
	ledger    = "ptcaudit/internal/ledger"
	history   = "ptcaudit/internal/history"
	notify    = "ptcaudit/internal/notify"
	trigger   = "ptcaudit/internal/trigger"
	config    = "ptcaudit/internal/config"
	audit     = "ptcaudit/internal/audit"
	handler   = "ptcaudit/internal/handler"
	app       = "ptcaudit/internal/app"
	cli       = "ptcaudit/internal/cli"
	render    = "ptcaudit/internal/render"
	emulator  = "ptcaudit/internal/emulator"
	ecrapi    = "ptcaudit/internal/aws/ecrapi"
	snspub    = "ptcaudit/internal/aws/snspub"
	queue     = "ptcaudit/internal/aws/queue"
	store     = "ptcaudit/internal/aws/store"
	blob      = "ptcaudit/internal/blob"
	evidence  = "ptcaudit/internal/evidence"
	delivery  = "ptcaudit/internal/delivery"
	wire      = "ptcaudit/internal/aws/wire"
	fault     = "ptcaudit/internal/aws/fault"
	metric    = "ptcaudit/internal/metric"
	sdk       = "github.com/aws/aws-sdk-go-v2"
	smithy    = "github.com/aws/smithy-go"
	lambda    = "github.com/aws/aws-lambda-go"
	cdk       = "github.com/aws/aws-cdk-go"
	jsii      = "github.com/aws/jsii-runtime-go"
)

// ours lists, for each package of ours, the packages of ours that it may
// import directly. A package that is not in it fails the test: say here what
// it may know.
var ours = map[string][]string{
	ptc:                     {},
	untrusted:               {},
	report:                  {ptc, untrusted},
	policy + "/expr":        {ptc, report},
	policy + "/source":      {untrusted},
	policy:                  {ptc, report, policies, policy + "/expr", policy + "/source"},
	policy + "/policytest":  {ptc, report, policy, policy + "/source", policies},
	policy + "/starter":     {ptc, report, untrusted},
	policies:                {},
	ledger:                  {ptc, report},
	notify:                  {ptc, report, untrusted},
	trigger:                 {ptc, report},
	history:                 {ptc, report, ledger},
	render + "/text":        {ptc, report, untrusted, policy, history},
	render + "/sarif":       {ptc, report, untrusted},
	render + "/junit":       {ptc, report, untrusted},
	render + "/csv":         {ptc, report, untrusted},
	render + "/markdown":    {ptc, report, untrusted},
	render + "/github":      {ptc, report, untrusted},
	render + "/asff":        {ptc, report, untrusted},
	render + "/ocsf":        {ptc, report, untrusted},
	render + "/html":        {ptc, report, untrusted},
	audit:                   {ptc, report, policy},
	delivery:                {ptc, report, ledger, notify, blob, evidence},
	handler:                 {ptc, report, metric, notify, trigger, delivery},
	config:                  {ptc, report},
	ecrapi:                  {ptc, wire, fault},
	snspub:                  {ptc, notify, wire, fault},
	queue:                   {ptc, wire, fault},
	store:                   {ptc, blob, wire, fault},
	blob:                    {},
	evidence:                {ptc, report, blob},
	wire:                    {fault},
	fault:                   {ptc},
	metric:                  {},
	emulator:                {},
	app:                     {ptc, report, policy, notify, trigger, config, audit, handler, delivery, store, blob, fault, wire, ecrapi, snspub, queue},
	cli:                     {ptc, report, untrusted, policy, policy + "/policytest", policy + "/starter", policy + "/source", policies, history, store, blob, evidence, ledger, notify, trigger, config, audit, handler, app, render + "/text", render + "/markdown", render + "/html", render + "/csv", render + "/junit", render + "/sarif", render + "/github", render + "/asff", render + "/ocsf", emulator, policies, cli + "/demo", cli + "/awsjson"},
	cli + "/demo":           {ptc, report, policy, notify, config, audit, handler, app, render + "/text", emulator, cli + "/awsjson"},
	cli + "/awsjson":        {},
	"ptcaudit/internal/cmd": {cli},
	"ptcaudit/functions":    {app, config},
	"ptcaudit/infra":        {ptc, report, metric, config, trigger, policy},
}

// testOnly are packages that help tests; nothing that ships may import them.
var testOnly = []string{"ptcaudit/internal/stand/e2e", "ptcaudit/internal/stand/toolbox", "ptcaudit/internal/stand/localcloud", "ptcaudit/internal/stand/snsstub", "ptcaudit/internal/stand/bench", "ptcaudit/internal/stand/samples"}

func TestPackagesOfOursImportOnlyWhatTheyMay(t *testing.T) {
	g, _ := load(t)
	for pkg, imports := range g {
		if !under(pkg, "ptcaudit") || under(pkg, testOnly...) || under(pkg, "ptcaudit/internal/stand/archtest") {
			continue
		}
		allowed, known := ours[pkg]
		for _, tree := range []string{"ptcaudit/functions", "ptcaudit/internal/cmd", "ptcaudit/infra"} {
			if !known && under(pkg, tree) {
				allowed, known = ours[tree], true
			}
		}
		if !known {
			t.Errorf("%s is not in the table of packages: say there what it may import", pkg)
		}
		for _, imported := range imports {
			if under(imported, "ptcaudit") && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s", pkg, imported)
			}
		}
	}
}

func TestNobodyReachesWhatTheyMustNot(t *testing.T) {
	g, standard := load(t)
	outside := func(pkg string) bool { return !standard[pkg] && !under(pkg, "ptcaudit") }
	tests := []struct {
		name string
		from []string
		must string
		not  func(pkg string) bool
	}{
		{"nouns and emulator", []string{ptc, report, blob, emulator}, "reach only the standard library and the nouns", outside},
		{"emulator", []string{emulator}, "know nothing of ours", func(pkg string) bool { return under(pkg, "ptcaudit") }},
		{
			"the middle",
			[]string{policy, audit, notify, render, trigger, ledger, history, evidence, delivery},
			"never reach AWS",
			func(pkg string) bool { return under(pkg, sdk, smithy, lambda, cdk) },
		},
		{
			"functions",
			[]string{"ptcaudit/functions"},
			"link nothing that only the command or the deployment needs",
			func(pkg string) bool {
				return under(pkg, emulator, cli, render, "ptcaudit/infra", cdk, jsii, "html/template", "github.com/alecthomas/kong", "github.com/jedib0t/go-pretty")
			},
		},
		{"infra", []string{"ptcaudit/infra"}, "not reach AWS by itself", func(pkg string) bool { return under(pkg, sdk, emulator) }},
		{"everything", []string{"ptcaudit/functions", "ptcaudit/internal/cmd", "ptcaudit/infra"}, "not link test helpers", func(pkg string) bool { return under(pkg, testOnly...) || pkg == "testing" }},
		{"ECR client", except(g, ecrapi), "be imported by ecrapi only", importsDirectly(sdk + "/service/ecr")},
		{"SNS client", except(g, snspub), "be imported by snspub only", importsDirectly(sdk + "/service/sns")},
		{"SQS client", except(g, queue), "be imported by queue only", importsDirectly(sdk + "/service/sqs")},
		{"S3 client", except(g, store), "be imported by store only", importsDirectly(sdk + "/service/s3")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for pkg := range g {
				if !under(pkg, tt.from...) {
					continue
				}
				search := g
				if strings.HasSuffix(tt.name, "client") {
					search = graph{pkg: g[pkg]}
				}
				if chain := search.path(pkg, tt.not); chain != nil {
					t.Errorf("must %s:\n  %s", tt.must, strings.Join(chain, "\n  imports "))
				}
			}
		})
	}
}

// except lists all packages of ours but some and the helpers of tests.
func except(g graph, packages ...string) []string {
	var out []string
	for pkg := range g {
		if under(pkg, "ptcaudit") && !under(pkg, packages...) && !under(pkg, testOnly...) {
			out = append(out, pkg)
		}
	}
	return out
}

func importsDirectly(pkg string) func(string) bool {
	return func(imported string) bool { return under(imported, pkg) }
}

func TestPathNamesEveryStep(t *testing.T) {
	g := graph{"a": {"b", "c"}, "b": {"d"}, "c": {"x"}, "d": {"x"}}
	if got := strings.Join(g.path("a", func(p string) bool { return p == "x" }), " "); got != "a c x" {
		t.Errorf("path = %q, want the shortest, a c x", got)
	}
	if got := g.path("b", func(p string) bool { return p == "c" }); got != nil {
		t.Errorf("path = %v where there is none", got)
	}
}
