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
// nil if there is none. The package itself does not count.
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

// under reports whether pkg is one of the trees or inside one.
func under(pkg string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return pkg == tree || strings.HasPrefix(pkg, tree+"/")
	})
}

const (
	module = "ptcaudit"
	sdk    = "github.com/aws/aws-sdk-go-v2"
)

// table lists each package of ptcaudit, group by group, and the packages of
// ptcaudit that it may import directly. Names are relative to internal, except
// those of the trees at the root: policies, functions and infra. A line for cmd,
// functions or infra is for its whole tree. Every allowed import must exist.
// Packages of the group stand are for tests only, and may import anything.
const table = `
# nouns
ptc
untrusted
suggest
metric
blob
input
policies
report:            ptc untrusted suggest
policy/source:     input untrusted suggest
policy/expr:       ptc report suggest
policy:            ptc report untrusted suggest policies policy/expr policy/source
policy/policytest: ptc report suggest policies policy policy/source
policy/starter:    ptc report untrusted
policy/annotate:   policy untrusted
ledger:            ptc report
history:           ptc report ledger
evidence:          ptc report blob
trigger:           ptc report
config:            ptc report suggest

# flow
audit:             ptc report policy
delivery:          ptc report ledger notify blob evidence
handler:           ptc report metric notify trigger delivery
app:               ptc report policy config audit handler delivery notify blob aws/fault aws/wire aws/ecrapi aws/snspub aws/queue aws/store
offline:           ptc report policy audit

# forms
notify:            ptc report untrusted
render/text:       ptc report untrusted policy history
render/sarif:      ptc report untrusted
render/junit:      report untrusted
render/csv:        report untrusted
render/markdown:   report untrusted
render/github:     report untrusted
render/asff:       ptc report untrusted
render/ocsf:       ptc report untrusted
render/html:       ptc report untrusted
archive:           ptc blob evidence history render/text
policy/explain:    ptc report policy policy/policytest policies render/text

# aws
aws/fault:         ptc
aws/wire:          aws/fault
aws/ecrapi:        ptc aws/fault aws/wire
aws/snspub:        ptc notify aws/fault aws/wire
aws/queue:         ptc aws/fault aws/wire
aws/store:         ptc blob aws/fault aws/wire

# command
emulator
fixture:           emulator policy/source
cli/awsjson
cli/demo:          report config handler render/text cli/awsjson
cli/eventbus:      cli/awsjson
cli:               ptc input report untrusted suggest policy policy/annotate policy/explain policy/policytest policy/starter policies history archive offline fixture notify trigger config handler app blob evidence aws/store render/text render/markdown render/html render/csv render/junit render/sarif render/github render/asff render/ocsf emulator cli/demo cli/eventbus

# deployed
cmd:               cli
functions:         app
infra:             ptc report suggest metric config notify trigger policy policy/source
`

// row is a line of the table.
type row struct {
	floor   string
	allowed []string
}

// full is the import path of a name in the table.
func full(name string) string {
	switch root, _, _ := strings.Cut(name, "/"); root {
	case "policies", "functions", "infra":
		return module + "/" + name
	}
	return module + "/internal/" + name
}

// parse reads the table by import path.
func parse(t *testing.T) map[string]row {
	t.Helper()
	rows := map[string]row{}
	floor := ""
	for line := range strings.Lines(table) {
		if name, ok := strings.CutPrefix(line, "# "); ok {
			floor = strings.TrimSpace(name)
			continue
		}
		name, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "" {
			continue
		}
		r := row{floor: floor}
		for imported := range strings.FieldsSeq(imports) {
			if slices.Contains(r.allowed, full(imported)) {
				t.Errorf("the table has %s twice for %s: delete one", imported, name)
			}
			r.allowed = append(r.allowed, full(imported))
		}
		if _, twice := rows[full(name)]; twice {
			t.Errorf("the table has two lines for %s: join them", name)
		}
		rows[full(name)] = r
	}
	return rows
}

// rowOf is the name of the line that holds for a package: its own, or that of
// its tree.
func rowOf(rows map[string]row, pkg string) (name string, found bool) {
	if _, own := rows[pkg]; own {
		return pkg, true
	}
	for _, tree := range []string{full("cmd"), full("functions"), full("infra")} {
		if under(pkg, tree) {
			return tree, true
		}
	}
	return "", false
}

// check compares the imports of packages with the table, and returns a line for
// each difference.
func check(g graph, rows map[string]row) []string {
	var problems []string
	used := map[string][]string{}
	for pkg, imports := range g {
		if !under(pkg, module) || under(pkg, full("stand")) {
			continue
		}
		name, found := rowOf(rows, pkg)
		if !found {
			problems = append(problems, pkg+" is missing in the table: add a line with what it may import")
			continue
		}
		used[name] = append(used[name], pkg)
		for _, imported := range imports {
			if under(imported, module) && !slices.Contains(rows[name].allowed, imported) {
				problems = append(problems, pkg+" imports "+imported+", which the table does not allow")
			}
		}
	}
	for name, r := range rows {
		if len(used[name]) == 0 {
			problems = append(problems, "the table has "+name+", which does not exist: delete its line")
			continue
		}
		for _, allowed := range r.allowed {
			if !slices.ContainsFunc(used[name], func(pkg string) bool { return slices.Contains(g[pkg], allowed) }) {
				problems = append(problems, "the table lets "+name+" import "+allowed+", which it does not: delete it there")
			}
		}
	}
	slices.Sort(problems)
	return problems
}

func TestImports(t *testing.T) {
	g, _ := load(t)
	for _, problem := range check(g, parse(t)) {
		t.Error(problem)
	}
}

func TestCheckFindsEveryDifference(t *testing.T) {
	a, b, c, infra := full("a"), full("b"), full("c"), full("infra")
	rows := map[string]row{a: {allowed: []string{b}}, b: {}, infra: {allowed: []string{a}}}
	right := func() graph { return graph{a: {b, "fmt"}, b: nil, infra: nil, infra + "/x": {a}} }
	if got := check(right(), rows); got != nil {
		t.Fatalf("found %q in a graph that agrees with the table", got)
	}
	tests := []struct {
		name   string
		change func(g graph)
		want   string
	}{
		{"import that is not allowed", func(g graph) { g[b] = []string{a} }, b + " imports " + a},
		{"import that is not allowed, in a tree", func(g graph) { g[infra] = []string{b} }, infra + " imports " + b},
		{"package without a line", func(g graph) { g[c] = nil }, c + " is missing"},
		{"line without a package", func(g graph) { delete(g, infra); delete(g, infra+"/x") }, infra + ", which does not exist"},
		{"allowed import that no longer exists", func(g graph) { g[a] = nil }, "lets " + a + " import " + b},
		{"allowed import that no longer exists, in a tree", func(g graph) { g[infra+"/x"] = nil }, "lets " + infra + " import " + a},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := right()
			tt.change(g)
			if got := check(g, rows); len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("found %q, want one that has %q", got, tt.want)
			}
		})
	}
}

func TestReach(t *testing.T) {
	g, standard := load(t)
	rows := parse(t)
	// on lists the packages of floors.
	on := func(floors ...string) []string {
		var out []string
		for pkg := range g {
			if name, found := rowOf(rows, pkg); found && slices.Contains(floors, rows[name].floor) {
				out = append(out, pkg)
			}
		}
		return out
	}
	except := func(pkgs []string, without ...string) []string {
		return slices.DeleteFunc(pkgs, func(pkg string) bool { return slices.Contains(without, pkg) })
	}
	all := []string{"nouns", "flow", "forms", "aws", "command", "deployed"}
	tests := []struct {
		name string
		from []string
		must string
		not  func(pkg string) bool
	}{
		{
			"leaves",
			[]string{full("ptc"), full("untrusted"), full("report"), full("blob"), full("metric"), full("emulator")},
			"reach only the standard library and each other",
			func(pkg string) bool { return !standard[pkg] && !under(pkg, module) },
		},
		{
			"emulator",
			[]string{full("emulator")},
			"import no other package of ptcaudit, so that it does not repeat a mistake of the adapter",
			func(pkg string) bool { return under(pkg, module) },
		},
		{
			"nouns, forms and flow", except(on("nouns", "forms", "flow"), full("app"), full("handler")),
			"not reach AWS",
			func(pkg string) bool {
				return under(pkg, sdk, "github.com/aws/smithy-go", "github.com/aws/aws-lambda-go", full("aws"))
			},
		},
		{
			"functions",
			[]string{full("functions/audit")},
			"not link what only the command or the deployment needs",
			func(pkg string) bool {
				return under(pkg, full("emulator"), full("cli"), full("render"), full("infra"), "github.com/aws/aws-cdk-go",
					"github.com/aws/jsii-runtime-go", "html/template", "github.com/alecthomas/kong", "github.com/jedib0t/go-pretty")
			},
		},
		{"infra", []string{full("infra")}, "not call AWS itself", func(pkg string) bool { return under(pkg, sdk, full("emulator")) }},
		{"what ships", on("deployed"), "not link what is for tests", func(pkg string) bool { return under(pkg, full("stand"), "testing") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.from) == 0 {
				t.Fatal("no package is tested")
			}
			for _, pkg := range tt.from {
				if _, exists := g[pkg]; !exists {
					t.Errorf("%s does not exist: correct this test", pkg)
				}
				if chain := g.path(pkg, tt.not); chain != nil {
					t.Errorf("must %s:\n  %s", tt.must, strings.Join(chain, "\n  imports "))
				}
			}
		})
	}
	for service, adapter := range map[string]string{"ecr": "aws/ecrapi", "sns": "aws/snspub", "sqs": "aws/queue", "s3": "aws/store"} {
		t.Run("client of "+service, func(t *testing.T) {
			client := sdk + "/service/" + service
			for _, pkg := range on(all...) {
				imports := slices.ContainsFunc(g[pkg], func(imported string) bool { return under(imported, client) })
				if imports != (pkg == full(adapter)) {
					t.Errorf("%s imports %s: %t, want only %s to do so", pkg, client, imports, full(adapter))
				}
			}
		})
	}
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
