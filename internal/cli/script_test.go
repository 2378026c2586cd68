package cli_test

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rogpeppe/go-internal/testscript"

	"ptcaudit/internal/aws/store"
	"ptcaudit/internal/cli"
	"ptcaudit/internal/evidence"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/snsstub"
	"ptcaudit/internal/stand/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestMain lets the test binary run the command, so that scripts start it as a
// process with its own environment, and can send signals to it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ptcaudit": func() {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		os.Exit(cli.Run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
	}})
}

// TestScripts: each script is one story of a user. -update rewrites the expected
// output.
func TestScripts(t *testing.T) {
	testscript.Run(t, params(t, "testdata/script", ""))
}

// TestScriptsWithAWS has the scripts that use the AWS CLI.
func TestScriptsWithAWS(t *testing.T) {
	testscript.Run(t, params(t, "testdata/aws", filepath.Dir(toolbox.AWS(t))))
}

// A new user clones the repository and builds the command, with what the
// machine has already built. It takes a minute, so only `make prove` runs it.
func TestNewUser(t *testing.T) {
	toolbox.Prove(t)
	if _, err := os.Stat(filepath.Join(toolbox.Root(t), ".git")); err != nil {
		t.Skip("this is no clone")
	}
	p := params(t, "testdata/newuser", filepath.Dir(toolbox.AWS(t)))
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	caches := strings.Fields(string(out))
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("GOCACHE", caches[0])
		e.Setenv("GOMODCACHE", caches[1])
		// The tests may run as another user than the one who checked out.
		config := filepath.Join(e.WorkDir, "gitconfig")
		e.Setenv("GIT_CONFIG_GLOBAL", config)
		if err := os.WriteFile(config, []byte("[safe]\n\tdirectory = *\n"), 0o600); err != nil {
			return err
		}
		return setup(e)
	}
	testscript.Run(t, p)
}

const topic = "arn:aws:sns:eu-west-1:111122223333:audit"

func params(t *testing.T, dir, bin string) testscript.Params {
	root := toolbox.Root(t)
	return testscript.Params{
		Dir:                 dir,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// Nothing of the machine's own AWS settings reaches a script, and
			// nothing of a script reaches AWS.
			for key, value := range map[string]string{
				"AWS_ACCESS_KEY_ID":           "111122223333",
				"AWS_SECRET_ACCESS_KEY":       "secret",
				"AWS_REGION":                  "eu-west-1",
				"AWS_EC2_METADATA_DISABLED":   "true",
				"AWS_CONFIG_FILE":             os.DevNull,
				"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
				"AWS_ENDPOINT_URL":            "http://127.0.0.1:1",
				"AWS_MAX_ATTEMPTS":            "1",
				"AWS_PAGER":                   "",
				"ROOT":                        root,
				"EVENTS":                      filepath.Join(root, "functions/audit/events"),
			} {
				e.Setenv(key, value)
			}
			e.Values["state"] = &state{}
			if bin != "" {
				e.Setenv("AWS_DEFAULT_REGION", "eu-west-1") // which version 1 of it reads
				e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     exits,
			"unread":    unread,
			"emulate":   emulate,
			"terminate": terminate,
			"topic":     serveTopic,
			"published": published,
			"keep":      keep,
			"unzip":     unzip,
		},
	}
}

// exits CODE PROGRAM ARG… runs a program that has to end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// unread CODE ARG… runs ptcaudit with a standard output whose reader has left.
func unread(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: unread CODE ARG…")
	}
	path, err := exec.LookPath("ptcaudit")
	ts.Check(err)
	reader, writer, err := os.Pipe()
	ts.Check(err)
	ts.Check(reader.Close())
	defer func() { _ = writer.Close() }()
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), writer, ts.Stderr()
	for _, key := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} {
		cmd.Env = append(cmd.Env, key+"="+ts.Getenv(key))
	}
	_ = cmd.Run() // the state has its exit code
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// state is what runs behind one script.
type state struct {
	emulator *exec.Cmd
	sns      *snsstub.Stub
}

func stateOf(ts *testscript.TestScript) *state { return ts.Value("state").(*state) }

// emulate ARG… starts `ptcaudit emulate` as a separate process on a free port, and
// sets AWS_ENDPOINT_URL.
func emulate(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: emulate ARG…")
	}
	path, err := exec.LookPath("ptcaudit")
	ts.Check(err)
	cmd := exec.Command(path, append([]string{"emulate", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), os.Stderr
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	url, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening on ")
	if !ok || !strings.HasPrefix(url, "http://127.0.0.1:") {
		ts.Fatalf("the first line of emulate is %q", line)
	}
	health, err := http.Get(url + "/health")
	ts.Check(err)
	ts.Check(health.Body.Close())
	if health.StatusCode != http.StatusOK {
		ts.Fatalf("GET /health: %s", health.Status)
	}
	ts.Setenv("AWS_ENDPOINT_URL", url)
	stateOf(ts).emulator = cmd
}

// terminate sends SIGTERM to the emulator, which has to end with exit code 0.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: terminate")
	}
	cmd := stateOf(ts).emulator
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	ts.Check(cmd.Wait())
}

// serveTopic makes a topic, to which messages go from then on. With CODE and
// STATUS it refuses them.
func serveTopic(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args)%2 != 0 {
		ts.Fatalf("usage: topic [CODE STATUS]")
	}
	stub := snsstub.New(topic)
	if len(args) == 2 {
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		stub.Fail(args[0], status, 0)
	}
	server := httptest.NewServer(stub)
	ts.Defer(server.Close)
	ts.Setenv("PTCAUDIT_TOPIC_ARN", topic)
	ts.Setenv("AWS_ENDPOINT_URL_SNS", server.URL)
	stateOf(ts).sns = stub
}

// keep FOLDER REPORT… keeps reports as evidence.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: keep FOLDER REPORT…")
	}
	s, err := store.Open("file://"+ts.MkAbs(args[0]), aws.Config{})
	ts.Check(err)
	for _, name := range args[1:] {
		r, err := report.Decode([]byte(ts.ReadFile(name)))
		ts.Check(err)
		_, err = evidence.PutReport(context.Background(), s, r)
		ts.Check(err)
	}
}

// unzip FILE FOLDER takes an archive apart.
func unzip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: unzip FILE FOLDER")
	}
	archive, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { _ = archive.Close() }()
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), archive))
	for _, file := range archive.File {
		_, err := fmt.Fprintln(ts.Stdout(), file.Name)
		ts.Check(err)
	}
}

// published prints what the topic took.
func published(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: published")
	}
	for _, p := range stateOf(ts).sns.Published() {
		_, err := fmt.Fprintf(ts.Stdout(), "%s: %s\n", p.TopicARN, p.Subject)
		ts.Check(err)
	}
}
