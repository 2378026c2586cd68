package cli_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"ptcaudit/internal/emulator"
	"ptcaudit/internal/stand/toolbox"
)

// The examples for pipelines are those of README.md: each file is held against
// the schema of who reads it, and its commands are run as a runner would.

const pipelinePolicy = `apiVersion: ptcaudit/v1
name: acme
extends: default
params: {allowedUpstreams: [k8s]}
`

const pipelinePolicyTest = `policy: acme.yaml
tests:
  - name: quay is not allowed
    now: 2026-11-21
    registry:
      account: "111122223333"
      region: eu-west-1
      rules: [{ecrRepositoryPrefix: quay, upstreamRegistryUrl: quay.io}]
    expect: [{check: upstream-allowed, prefix: quay, outcome: fail}]
`

// example writes the README's file of that name into a folder, beside a policy
// and its test, and returns its text.
func example(t *testing.T, dir, name string) []byte {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(toolbox.Root(t), "internal", "cli", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(# " + regexp.QuoteMeta(name) + "\n.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatalf("README.md shows no %s", name)
	}
	for file, text := range map[string][]byte{name: block[1], "acme.yaml": []byte(pipelinePolicy), "acme_test.yaml": []byte(pipelinePolicyTest)} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return block[1]
}

// agrees validates a file with a schema of check-jsonschema.
func agrees(t *testing.T, schema, file string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), toolbox.Pipeline(t, "check-jsonschema"), "--builtin-schema", schema, file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", filepath.Base(file), err, out)
	}
}

// runner runs command lines in a folder, against an emulator of a registry.
type runner struct {
	dir string
	env []string
}

func newRunner(t *testing.T, rules ...emulator.Rule) *runner {
	t.Helper()
	api, err := emulator.New(emulator.Fixture{Registries: []emulator.Registry{{Account: "111122223333", Region: "eu-west-1", Rules: rules}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return &runner{dir: t.TempDir(), env: append(os.Environ(),
		"AWS_ENDPOINT_URL="+server.URL, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=111122223333", "AWS_SECRET_ACCESS_KEY=any",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
	)}
}

// run runs a command line, and returns its exit code.
func (r *runner) run(t *testing.T, line string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	t.Logf("$ %s\n%s", line, out)
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

// checkout copies the files of this repository that building the command needs.
func checkout(t *testing.T, into string) {
	t.Helper()
	if err := os.MkdirAll(into, 0o750); err != nil {
		t.Fatal(err)
	}
	args := []string{"-R"}
	for _, name := range []string{"go.mod", "go.sum", "Makefile", "internal", "policies"} {
		args = append(args, filepath.Join(toolbox.Root(t), name))
	}
	if out, err := exec.CommandContext(t.Context(), "cp", append(args, into)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

var (
	sound = emulator.Rule{EcrRepositoryPrefix: "kubernetes", UpstreamRegistryURL: "registry.k8s.io"}
	odd   = emulator.Rule{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io"}
)

func TestGitHubExample(t *testing.T) {
	const name = ".github/workflows/pull-through-cache.yml"
	for _, tt := range []struct {
		name  string
		rules []emulator.Rule
		want  []int // exit codes of the steps that run something
	}{
		{"sound", []emulator.Rule{sound}, []int{0, 0, 0, 0}},
		{"failing", []emulator.Rule{sound, odd}, []int{0, 0, 1, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRunner(t, tt.rules...)
			text := example(t, r.dir, name)
			agrees(t, "vendor.github-workflows", filepath.Join(r.dir, name))
			checkout(t, filepath.Join(r.dir, ".ptcaudit"))
			var workflow struct {
				Jobs map[string]struct {
					Steps []struct {
						Run string `yaml:"run"`
						If  string `yaml:"if"`
					} `yaml:"steps"`
				} `yaml:"jobs"`
			}
			if err := yaml.Unmarshal(text, &workflow); err != nil {
				t.Fatal(err)
			}
			path, summary := filepath.Join(r.dir, "github_path"), filepath.Join(r.dir, "summary.md")
			r.env = append(r.env, "GITHUB_PATH="+path, "GITHUB_STEP_SUMMARY="+summary)
			var got []int
			failed := false
			for _, step := range workflow.Jobs["audit"].Steps {
				if step.Run == "" || failed && step.If != "always()" {
					continue
				}
				if added, err := os.ReadFile(path); err == nil { //nolint:gosec // a file of this test
					r.env = append(r.env, "PATH="+strings.TrimSpace(string(added))+":"+os.Getenv("PATH"))
				}
				exit := r.run(t, step.Run)
				failed = failed || exit != 0
				got = append(got, exit)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("exit codes %v, want %v", got, tt.want)
			}
			for _, file := range []string{"audit.sarif", "audit.json", "summary.md"} {
				if info, err := os.Stat(filepath.Join(r.dir, file)); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", file, err)
				}
			}
		})
	}
}

func TestGitLabExample(t *testing.T) {
	const name = ".gitlab-ci.yml"
	r := newRunner(t, sound, odd)
	text := example(t, r.dir, name)
	agrees(t, "vendor.gitlab-ci", filepath.Join(r.dir, name))
	var jobs map[string]struct {
		Script    []string `yaml:"script"`
		Artifacts struct {
			Paths   []string          `yaml:"paths"`
			Reports map[string]string `yaml:"reports"`
		} `yaml:"artifacts"`
	}
	if err := yaml.Unmarshal(text, &jobs); err != nil {
		t.Fatal(err)
	}
	job := jobs["pull-through-cache"]
	clone := regexp.MustCompile(`^git clone .* \.ptcaudit$`)
	var got []int
	for _, line := range job.Script {
		if clone.MatchString(line) { // of what is checked out here
			checkout(t, filepath.Join(r.dir, ".ptcaudit"))
			continue
		}
		got = append(got, r.run(t, line))
	}
	if want := []int{0, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("exit codes %v, want %v", got, want)
	}
	for _, file := range append(job.Artifacts.Paths, job.Artifacts.Reports["junit"]) {
		if info, err := os.Stat(filepath.Join(r.dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestPreCommitExample(t *testing.T) {
	r := newRunner(t)
	example(t, r.dir, ".pre-commit-config.yaml")
	r.env = append(r.env,
		"PATH="+filepath.Dir(toolbox.Command(t))+":"+filepath.Dir(toolbox.Pipeline(t, "pre-commit"))+":"+os.Getenv("PATH"),
		"PRE_COMMIT_HOME="+t.TempDir(), "HOME="+t.TempDir())
	if exit := r.run(t, "git init -q && git add . && pre-commit run --all-files"); exit != 0 {
		t.Errorf("a sound policy: exit code %d", exit)
	}
	if exit := r.run(t, "echo 'nonsense: 1' >> acme.yaml && git add . && pre-commit run --all-files"); exit != 1 {
		t.Errorf("a broken policy: exit code %d", exit)
	}
}
