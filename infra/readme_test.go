package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/stand/toolbox"
)

const readme = "README.md"

var generated = regexp.MustCompile(`(?s)(<!-- generated: (\w+) -->\n).*?(<!-- end -->\n)`)

// The tables of the README match the code.
func TestREADMETables(t *testing.T) {
	allowed, watched := scratch()
	sections := map[string]string{"context": contextTable(), "permissions": permissionsTable(allowed), "alarms": alarmsTable(watched), "cost": costTable(len(watched) - 1)} // unsent needs a subscriber
	was := string(read(readme))
	is := generated.ReplaceAllStringFunc(was, func(section string) string {
		parts := generated.FindStringSubmatch(section)
		table, ok := sections[parts[2]]
		if !ok {
			t.Errorf("unknown table %q", parts[2])
		}
		delete(sections, parts[2])
		return parts[1] + table + parts[3]
	})
	if len(sections) > 0 {
		t.Errorf("the README has no place for %d tables", len(sections))
	}
	if *update {
		if err := os.WriteFile(readme, []byte(is), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("run go test ./infra -update (-README +code)\n%s", diff)
	}
}

func contextTable() string {
	var b strings.Builder
	b.WriteString("| key | default | example | meaning |\n|---|---|---|---|\n")
	for _, k := range keys {
		standard := "none"
		if k.standard != "" {
			standard = "`" + k.standard + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", k.name, standard, k.example, k.doc)
	}
	return b.String()
}

func permissionsTable(list []permission) string {
	var b strings.Builder
	b.WriteString("| actions | resource | purpose |\n|---|---|---|\n")
	for _, p := range list {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.Join(p.actions, "` `"), p.on, p.why)
	}
	return b.String()
}

func alarmsTable(list []watch) string {
	var b strings.Builder
	b.WriteString("| alarm | meaning | what to do | OK again means |\n|---|---|---|---|\n")
	for _, w := range list {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", w.name, w.means, w.do, w.over)
	}
	return b.String()
}

// scratch returns all permissions and alarms with every option switched on and the
// default schedule. Its stack is not synthesized.
func scratch() ([]permission, []watch) {
	s, err := settingsOf(map[string]any{"https": "https://example.com", "chat": true, "readSecrets": true})
	try(err)
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("scratch"), nil)
	q, role, logs := newQueues(stack, s), newRole(stack, s), newLogGroup(stack, s)
	t, b := newTopics(stack, s, role, q), newBuckets(stack, s)
	function := newFunction(stack, s, "testdata", role, t, b, logs)
	return permissions(stack, s, t, q, b, logs), watches(s, q, function)
}

// Every block of commands runs, unless it is marked as needing an account or
// Docker. The CDK's CLI runs offline.
func TestREADMECommands(t *testing.T) {
	toolbox.CDK(t)
	toolbox.Bootstrap(t, "audit")
	folder := t.TempDir()
	ran := 0
	for _, block := range regexp.MustCompile("(?s)(<!-- needs (?:an account|Docker) -->\n)?```sh\n(.*?)```\n").FindAllStringSubmatch(string(read(readme)), -1) {
		commands := block[2]
		if block[1] != "" || commands == "make test-infra\n" { // it runs this test
			continue
		}
		ran++
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
		cmd.Dir = toolbox.Root(t)
		cmd.Env = append(os.Environ(),
			// Do not build the function: other tests use the binary.
			"MAKEFLAGS= -- FUNCTIONS= ARCH="+runtime.GOARCH,
			"CDK_OUTPUT="+folder,
			"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "HTTPS_PROXY=http://127.0.0.1:1",
		)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s%v\n%s", commands, err, out)
		}
	}
	if ran == 0 {
		t.Fatal("no block was run")
	}
	// The options of the blocks, and what sam local needs to find the function.
	template := string(read(filepath.Join(folder, "ptcaudit.template.json")))
	for _, want := range []string{`"Endpoint": "ops@example.com"`, `"Value": "strict"`, `"aws:asset:path"`, `"aws:cdk:path": "ptcaudit/AuditFunction/Resource"`} {
		if !strings.Contains(template, want) {
			t.Errorf("the template lacks %s", want)
		}
	}
}
