package cli_test

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/stand/toolbox"
)

// What differs from run to run in a document's output.
var passing = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d( UTC)?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d\d:\d\d:\d\d\s+UTC`)

// In a document, a block of console is what a user types and sees, one session
// from the first block to the last; a yaml block that begins with a file's
// name is that file. -update rewrites the output.
func TestReadmeIsWhatAUserSees(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("the README's commands use jq")
	}
	path := filepath.Join(toolbox.Root(t), "README.md")
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := newSession(t).play(string(document))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	still := func(s string) string { return passing.ReplaceAllString(s, "TIME") }
	if diff := cmp.Diff(still(string(document)), still(got)); diff != "" {
		t.Errorf("README.md (-written +seen); run `go test ./internal/cli -run Readme -update`:\n%s", diff)
	}
}

// session is a shell in a folder that looks like the repository after `make
// bin`, on a machine with the AWS CLI and nothing of AWS's configuration.
type session struct {
	t        *testing.T
	dir      string
	port     string
	variable string // exports so far
}

func newSession(t *testing.T) *session {
	t.Helper()
	root, dir := toolbox.Root(t), t.TempDir()
	for _, name := range []string{"functions", "internal", "policies"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	program, err := exec.LookPath(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if program, err = filepath.Abs(program); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(dir, "bin", "ptcaudit")); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &session{t: t, dir: dir, port: port}
}

// play runs a document and gives it as it would stand with what was seen.
func (s *session) play(document string) string {
	var out strings.Builder
	lines := strings.SplitAfter(document, "\n")
	for i := 0; i < len(lines); i++ {
		out.WriteString(lines[i])
		switch strings.TrimSpace(lines[i]) {
		case "```yaml":
			name, isFile := strings.CutPrefix(strings.TrimSpace(lines[i+1]), "# ")
			var content strings.Builder
			for i++; strings.TrimSpace(lines[i]) != "```"; i++ {
				out.WriteString(lines[i])
				content.WriteString(lines[i])
			}
			out.WriteString(lines[i])
			if isFile {
				if err := writeIn(s.dir, name, content.String()); err != nil {
					s.t.Fatal(err)
				}
			}
		case "```console":
			for i++; strings.TrimSpace(lines[i]) != "```"; i++ {
				if command, ok := strings.CutPrefix(lines[i], "$ "); ok {
					out.WriteString(lines[i])
					out.WriteString(s.run(strings.TrimSpace(command)))
				}
			}
			out.WriteString(lines[i])
		}
	}
	return out.String()
}

// run types one command and gives what it prints, errors included.
func (s *session) run(command string) string {
	s.t.Helper()
	command = strings.ReplaceAll(command, ":5000", ":"+s.port)
	if strings.HasPrefix(command, "export ") {
		s.variable += command + "\n"
		return ""
	}
	foreground, background := strings.CutSuffix(command, "&")
	if background {
		command = "exec " + foreground // so that it is what is killed
	}
	cmd := exec.CommandContext(s.t.Context(), "bash", "-c", s.variable+command)
	cmd.Dir = s.dir
	cmd.Env = []string{
		"PATH=" + filepath.Dir(toolbox.AWS(s.t)) + ":" + os.Getenv("PATH"), "HOME=" + s.dir,
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_PAGER=",
	}
	if background {
		return s.start(cmd)
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		s.t.Fatalf("%s: %v", command, err)
	}
	return strings.ReplaceAll(output.String(), ":"+s.port, ":5000")
}

// start runs a command behind the session, and gives the line it begins with.
func (s *session) start(cmd *exec.Cmd) string {
	s.t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.ReplaceAll(line, ":"+s.port, ":5000")
}

// writeIn writes a file, and the folders that it lies in.
func writeIn(dir, name, content string) error {
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), 0o600)
}
